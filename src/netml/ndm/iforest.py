"""`IF`: the isolation forest; linear in the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyod.models.iforest import IForest

from netml.ndm._base import Array, Detector


@dataclass(eq=False, repr=False)
class IF(Detector):
    """Isolation forest: how few random cuts it takes to set a row apart.

    The original's scores were upside down; these are not.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_samples : int, float or "auto"
        Rows, or share of them, that a tree is grown on; "auto" is at most 256.
    contamination : float
        Share of the training rows that is to count as abnormal.
    random_state : int, optional
        Seed of the cuts.
    verbose : int
        2 and more lets the library report on the growing of the trees. The original's default, 1, is silent here.

    Attributes
    ----------
    model_ : pyod.models.iforest.IForest
        The forest.
    """

    n_estimators: int = 100
    max_samples: int | float | str = "auto"
    contamination: float = 0.1
    random_state: int | None = 42
    verbose: int = 1

    def _make_model(self) -> IForest:
        # PyOD's own contamination only sets its own threshold, which is not used.
        return IForest(
            n_estimators=self.n_estimators,
            max_samples=self.max_samples,
            random_state=self.random_state,
            verbose=max(int(self.verbose) - 1, 0),
        )

    def _check_parameters(self) -> None:
        from sklearn.ensemble import IsolationForest

        IsolationForest(
            n_estimators=self.n_estimators, max_samples=self.max_samples, random_state=self.random_state
        )._validate_params()

    def _fit(self, rows: Array) -> None:
        self.model_ = self._make_model().fit(rows)

    def _score(self, rows: Array) -> Any:
        return self.model_.decision_function(rows)
