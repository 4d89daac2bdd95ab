"""`PCA`: distances along the principal components; linear in the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyod.models.pca import PCA as PyodPCA

from netml.ndm._base import Array
from netml.ndm._estimator import Detector


class PCA(Detector):
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
    model_ : pyod.models.pca.PCA
        The components.
    """

    def __init__(
        self,
        n_components: int | float | None = None,
        n_selected_components: int | None = None,
        contamination: float = 0.1,
        copy: bool = True,
        whiten: bool = False,
        svd_solver: str = "auto",
        tol: float = 0.0,
        iterated_power: int | str = "auto",
        random_state: int | None = None,
        weighted: bool = True,
        standardization: bool = True,
    ) -> None:
        self.n_components = n_components
        self.n_selected_components = n_selected_components
        self.contamination = contamination
        self.copy = copy
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.iterated_power = iterated_power
        self.random_state = random_state
        self.weighted = weighted
        self.standardization = standardization

    def _make_model(self) -> PyodPCA:
        return PyodPCA(**{name: value for name, value in self.get_params().items() if name != "contamination"})

    def _check_parameters(self) -> None:
        from sklearn.decomposition import PCA as Decomposition

        names = ("n_components", "copy", "whiten", "svd_solver", "tol", "iterated_power", "random_state")
        Decomposition(**{name: getattr(self, name) for name in names})._validate_params()

    def _fit(self, rows: Array) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            self.model_ = self._make_model().fit(rows)
        # A component without variance would outweigh all others, or make every score infinite: it is left out.
        weights = self.model_.selected_w_components_
        least = np.finfo(np.float64).eps * len(self.model_.w_components_) * self.model_.w_components_.max()
        self.model_.selected_w_components_ = np.where(weights > least, weights, np.inf)

    def _score(self, rows: Array) -> Any:
        return self.model_.decision_function(rows)
