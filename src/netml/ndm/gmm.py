"""`GMM`: a mixture of Gaussians; linear in the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from netml.ndm._base import Array
from netml.ndm._mixture import CovarianceType, MixtureDetector
from netml.ndm._state import Fields


@dataclass(eq=False, repr=False)
class GMM(MixtureDetector):
    """Gaussian mixture: minus the log likelihood of a row.

    Parameters
    ----------
    n_components, covariance_type, tol, reg_covar, max_iter, n_init, init_params, weights_init, means_init, precisions_init
        As in `sklearn.mixture.GaussianMixture`.
    random_state : int, optional
        Seed of the first guess.
    warm_start, verbose, verbose_interval
        As in `sklearn.mixture.GaussianMixture`.
    contamination : float
        Share of the training rows that is to count as abnormal.

    Attributes
    ----------
    weights_, means_, precisions_cholesky_
        The mixture, as `MixtureDetector` describes it.
    """  # noqa: E501

    n_components: int = 1
    covariance_type: CovarianceType = "full"
    tol: float = 0.001
    reg_covar: float = 1e-06
    max_iter: int = 100
    n_init: int = 1
    init_params: str = "kmeans"
    weights_init: ArrayLike | None = None
    means_init: ArrayLike | None = None
    precisions_init: ArrayLike | None = None
    random_state: int | None = 42
    warm_start: bool = False
    verbose: int = 0
    verbose_interval: int = 10
    contamination: float = 0.1

    def _make_model(self) -> Any:
        params = self.get_params()
        del params["contamination"]
        return self._make_mixture(**params)

    def _check_parameters(self) -> None:
        self._make_model()._validate_params()

    def _fields(self) -> Fields:
        return self._mixture_fields("n_features")

    def _fit(self, rows: Array) -> None:
        self._take_model(self._make_model().fit(rows))

    def _take_model(self, mixture: Any) -> None:
        super()._take_model(mixture)
        self.n_features_in_ = self.means_.shape[1]

    def _score(self, rows: Array) -> Array:
        return -self._log_likelihood(rows)
