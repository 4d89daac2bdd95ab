"""`PCA`: distances along the principal components; linear in the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netml.ndm._base import Array, Detector, score_in_blocks
from netml.ndm._state import ArrayState, Field, Fields


@dataclass(eq=False, repr=False)
class PCA(ArrayState, Detector):
    """Principal components: a row's distances to them, those of little variance weighing most.

    Parameters
    ----------
    n_components : int, float or None
        Components to keep; None keeps all.
    n_selected_components : int, optional
        How many of them, the last ones, make the score; None is all.
    contamination : float
        Share of the training rows that is to count as abnormal.
    copy, whiten, svd_solver, tol, iterated_power, random_state
        As in `sklearn.decomposition.PCA`.
    weighted : bool
        Divide a component's distances by its share of the variance. Those that have none, as columns are constant or
        made of others, are left out.
    standardization : bool
        Standardise the columns first.

    Attributes
    ----------
    mean_, scale_ : ndarray of float64, shape (n_features,)
        Subtracted from a row, which is then divided by the scale: 0 and 1 without `standardization`.
    components_ : ndarray of float64, shape (n_selected, n_features)
        The components that make the score.
    shares_ : ndarray of float64, shape (n_selected,)
        Shares of the variance, by which distances are divided.
    """

    n_components: int | float | None = None
    n_selected_components: int | None = None
    contamination: float = 0.1
    copy: bool = True
    whiten: bool = False
    svd_solver: str = "auto"
    tol: float = 0.0
    iterated_power: int | str = "auto"
    random_state: int | None = None
    weighted: bool = True
    standardization: bool = True

    def _check_parameters(self) -> None:
        from sklearn.decomposition import PCA as Decomposition

        names = ("n_components", "copy", "whiten", "svd_solver", "tol", "iterated_power", "random_state")
        Decomposition(**{name: getattr(self, name) for name in names})._validate_params()

    def _fields(self) -> Fields:
        return {
            "mean_": Field(("n_features",)),
            "scale_": Field(("n_features",)),
            "components_": Field(("n_selected", "n_features")),
            "shares_": Field(("n_selected",)),
        }

    def _fit(self, rows: Array) -> None:
        from pyod.models.pca import PCA as PyodPCA

        params = self.get_params()
        del params["contamination"]
        with np.errstate(divide="ignore", invalid="ignore"):
            self._take_model(PyodPCA(**params).fit(rows))

    def _take_model(self, model: Any) -> None:
        self.n_features_in_ = model.selected_components_.shape[1]
        self.mean_ = model.scaler_.mean_ if model.standardization else np.zeros(self.n_features_in_)
        self.scale_ = model.scaler_.scale_ if model.standardization else np.ones(self.n_features_in_)
        # A component without variance would outweigh all others, or make every score infinite: it is left out.
        least = np.finfo(np.float64).eps * len(model.w_components_) * model.w_components_.max()
        is_kept = model.selected_w_components_ > least
        self.components_ = model.selected_components_[is_kept]
        self.shares_ = model.selected_w_components_[is_kept]

    def _score(self, rows: Array) -> Array:
        return score_in_blocks(self._score_block, rows, len(self.components_))

    def _score_block(self, rows: Array) -> Array:
        scaled = (rows - self.mean_) / self.scale_
        squares = (scaled * scaled).sum(axis=1)[:, None] - 2 * scaled @ self.components_.T
        squares += (self.components_ * self.components_).sum(axis=1)
        scores: Array = np.sqrt(np.maximum(squares, 0)) @ (1 / self.shares_)
        return scores
