"""The original netml's `MODEL`, which trains and tests a detector."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from netml.errors import OptionError, TrainingError
from netml.timing import timed


class MODEL:
    """Train a detector, and test it.

    Parameters
    ----------
    model : Detector
        Has `fit` and `decision_function` (higher = more abnormal).
    score_metric : {"auc"}
        Score of the test: the area under the ROC curve.
    verbose : int, default 1
        Accepted; nothing is printed.
    random_state : int, default 42
        Accepted; the detector has its own.

    Attributes
    ----------
    model_name : str
        The model's `name`, or the name of its class.
    score : float
        After `test`.
    history : dict
        After `test`: the score under "score".
    """

    def __init__(
        self, model: Any, *, score_metric: Literal["auc"] = "auc", verbose: int = 1, random_state: int | None = 42
    ) -> None:
        if score_metric != "auc":
            raise OptionError("score_metric", score_metric, "'auc'")
        self.model = model
        self.model_name: str = getattr(model, "name", type(model).__name__)
        self.score_metric = score_metric
        self.verbose = verbose
        self.random_state = random_state
        self.history: dict[str, Any] = {}

    @timed
    def train(self, X_train: Any, y_train: Any = None) -> None:
        """Fit the detector; `train.tot_time` is its duration in minutes.

        Parameters
        ----------
        X_train : array_like (n_flows, n_features)
            Features.
        y_train : object, optional
            Not used: detectors learn without labels.

        Raises
        ------
        TrainingError
            If there is nothing to learn from: too few rows, or values that are no numbers.
        """
        self.model.fit(X_train)

    @timed
    def test(self, X_test: Any, y_test: Any) -> None:
        """Score the detector: `score`, and `history["score"]`. `test.tot_time` is its duration in minutes.

        Parameters
        ----------
        X_test : array_like (n_flows, n_features)
            Features.
        y_test : array_like (n_flows,) of int
            1 abnormal, 0 normal.

        Raises
        ------
        TrainingError
            If a class is missing: there is no AUC then.
        """
        from sklearn.metrics import roc_auc_score

        y_test = np.asarray(y_test)
        require_both_classes(y_test)
        self.score = float(roc_auc_score(y_test == 1, self.model.decision_function(X_test)))
        self.history["score"] = self.score


def require_both_classes(y: np.ndarray) -> None:
    """Raise `TrainingError` unless there are rows of both classes."""
    n_abnormal = int((y == 1).sum())
    if not 0 < n_abnormal < len(y):
        missing = "abnormal" if n_abnormal == 0 else "normal"
        raise TrainingError(f"the AUC needs rows of both classes: none of the {len(y):,} of the test is {missing}")
