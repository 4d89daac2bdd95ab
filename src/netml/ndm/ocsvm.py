"""`OCSVM`: the one-class support vector machine, exact; quadratic in the rows and worse."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.svm import OneClassSVM

from netml.ndm._base import Array, Detector, score_in_blocks


class OCSVM(Detector, OneClassSVM):  # type: ignore[misc]
    """One-class SVM: how far outside the smallest region that holds the training rows.

    The score is the offset-free kernel expansion of scikit-learn's `OneClassSVM`, `score_samples`, negated. Like the
    original's class it is a `OneClassSVM`, so that the original's files load.

    Parameters
    ----------
    kernel, degree, gamma, coef0, tol, nu, shrinking, cache_size, verbose, max_iter
        As in `sklearn.svm.OneClassSVM`. The region leaves out at most a share `nu` of the training rows, and at
        least that share of them become support vectors.
    random_state : int, optional
        Accepted, as in the original; nothing is random here.
    contamination : float
        Share of the training rows that is to count as abnormal.
    """

    def __init__(
        self,
        kernel: str = "rbf",
        degree: int = 3,
        gamma: str | float = "scale",
        coef0: float = 0.0,
        tol: float = 1e-3,
        nu: float = 0.5,
        shrinking: bool = True,
        cache_size: float = 200,
        verbose: bool = False,
        max_iter: int = -1,
        random_state: int | None = 100,
        contamination: float = 0.1,
    ) -> None:
        super().__init__(
            kernel=kernel,
            degree=degree,
            gamma=gamma,
            coef0=coef0,
            tol=tol,
            nu=nu,
            shrinking=shrinking,
            cache_size=cache_size,
            verbose=verbose,
            max_iter=max_iter,
        )
        self.random_state = random_state
        self.contamination = contamination

    def _check_parameters(self) -> None:
        self._validate_params()

    def _fit(self, rows: Array) -> None:
        OneClassSVM.fit(self, rows)

    def _score(self, rows: Array) -> Any:
        # scikit-learn's `score_samples` would call the overridden `decision_function`.
        scores = score_in_blocks(self._decision_function, rows, len(self.support_))
        return -(np.ravel(scores) + self.offset_)

    def score_samples(self, X: Any) -> Array:
        """Return minus `decision_function`, as scikit-learn does: lower is more abnormal."""
        return -self.decision_function(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def __setstate__(self, state: dict[str, Any]) -> None:
        # The original kept no threshold, but predicted by scikit-learn's: the offset of the region.
        offset = state.get("offset_")
        # Only these types: in lists within lists, as a made-up file can have them, numpy would search without end.
        if "threshold_" not in state and isinstance(offset, np.ndarray | float):
            state = {"contamination": 0.1, **state, "threshold_": -float(np.ravel(offset)[0])}
        super().__setstate__(state)
