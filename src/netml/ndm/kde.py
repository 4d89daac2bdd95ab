"""`KDE`: a kernel density estimate, which compares each row with every training row."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from netml.errors import OptionError
from netml.ndm._base import Array, Detector, score_in_blocks
from netml.ndm._distances import METRICS, power_distances, squared_distances
from netml.ndm._mixture import log_of_sum
from netml.ndm._state import ArrayState, Field, Fields

KernelName = Literal["gaussian", "exponential", "tophat", "epanechnikov", "linear", "cosine"]
Kernel = Callable[[Array], Array]
# Kernels of squared distances in bandwidths: those that reach everywhere by their logarithms, the others by values.
_LOG_KERNELS: dict[str, Kernel] = {
    "gaussian": lambda squares: -0.5 * squares,
    "exponential": lambda squares: -np.sqrt(squares),
}
_KERNELS: dict[str, Kernel] = {
    "tophat": lambda squares: np.where(squares < 1, 1.0, 0.0),
    "epanechnikov": lambda squares: np.maximum(1 - squares, 0),
    "linear": lambda squares: np.maximum(1 - np.sqrt(squares), 0),
    "cosine": lambda squares: np.where(squares < 1, np.cos(0.5 * np.pi * np.sqrt(squares)), 0.0),
}


@dataclass(eq=False, repr=False)
class KDE(ArrayState, Detector):
    """Kernel density estimate: minus the log density at a row.

    Each row is compared with all training rows, so that `algorithm`, `atol`, `rtol`, `breadth_first` and `leaf_size`,
    which make scikit-learn's trees faster, change nothing.

    Parameters
    ----------
    bandwidth, algorithm, kernel, atol, rtol
        As in `sklearn.neighbors.KernelDensity`.
    metric : str
        "euclidean", "manhattan", "chebyshev", or "minkowski" with `metric_params={"p": p}`, and scikit-learn's other
        names of these.
    contamination : float
        Share of the training rows that is to count as abnormal.
    breadth_first, leaf_size, metric_params
        As in `sklearn.neighbors.KernelDensity`.
    random_state : int, optional
        Accepted, as in the original; nothing is random here.

    Attributes
    ----------
    rows_ : ndarray of float64, shape (n_known, n_features)
        The training rows, equal ones once.
    counts_ : ndarray of int64, shape (n_known,)
        How many of them are equal.
    bandwidth_ : float
        Width of the kernel.
    """

    bandwidth: float | str = 1.0
    algorithm: str = "auto"
    kernel: KernelName = "gaussian"
    metric: str = "euclidean"
    atol: float = 0
    rtol: float = 0
    contamination: float = 0.1
    breadth_first: bool = True
    leaf_size: int = 40
    metric_params: dict[str, Any] | None = None
    random_state: int | None = 42

    def _make_model(self) -> Any:
        from sklearn.neighbors import KernelDensity

        params = self.get_params()
        del params["contamination"], params["random_state"]
        return KernelDensity(**params)

    def _check_parameters(self) -> None:
        self._make_model()._validate_params()
        if self.metric not in METRICS:
            raise OptionError("metric", self.metric, f"one of {', '.join(METRICS)}")
        given = self.metric_params or {}
        if set(given) - ({"p"} if METRICS[self.metric] is None else set()):
            raise OptionError("metric_params", self.metric_params, '{"p": p} for minkowski, None for the others')

    def _fields(self) -> Fields:
        return {
            "rows_": Field(("n_known", "n_features")),
            "counts_": Field(("n_known",), "<i8"),
            "bandwidth_": Field(()),
        }

    def _check_values(self) -> None:
        is_empty = len(self.rows_) == 0 or (self.counts_ < 1).any() or self.bandwidth_ <= 0
        if is_empty or self.kernel not in (*_LOG_KERNELS, *_KERNELS):
            raise ValueError("a density without rows, width or kernel")

    def _fit(self, rows: Array) -> None:
        self._take_model(self._make_model().fit(rows))

    def _take_model(self, model: Any) -> None:
        self.rows_, self.counts_ = np.unique(np.asarray(model.tree_.data), axis=0, return_counts=True)
        self.bandwidth_ = float(model.bandwidth_)
        self.n_features_in_ = self.rows_.shape[1]

    def _score(self, rows: Array) -> Array:
        return -score_in_blocks(self._log_density, rows, len(self.rows_))

    def _log_density(self, rows: Array) -> Array:
        n_features = self.rows_.shape[1]
        if self.kernel in _LOG_KERNELS:
            logs = log_of_sum(_LOG_KERNELS[self.kernel](self._find_squares(rows)) + np.log(self.counts_), axis=1)
        else:
            logs = np.log(_KERNELS[self.kernel](self._find_squares(rows)) @ self.counts_)
        log_norm = _log_volume(self.kernel, n_features) + n_features * math.log(self.bandwidth_)
        densities: Array = logs - math.log(self.counts_.sum()) - log_norm
        return densities

    def _find_squares(self, rows: Array) -> Array:
        """Compute the squared distances to the training rows, in bandwidths."""
        p = METRICS[self.metric]
        p = (self.metric_params or {}).get("p", 2.0) if p is None else p
        if p != 2:
            return (power_distances(rows, self.rows_, p) / self.bandwidth_) ** 2
        is_compact, is_cusped = self.kernel in _KERNELS, self.kernel in ("exponential", "linear")
        squares = squared_distances(rows, self.rows_, self.bandwidth_, is_compact=is_compact, is_cusped=is_cusped)
        squares /= self.bandwidth_ * self.bandwidth_
        return squares


def _log_volume(kernel: str, n: int) -> float:
    """Compute the logarithm of a kernel's integral over a space of n dimensions, for a bandwidth of 1."""
    if kernel == "gaussian":
        return 0.5 * n * math.log(2 * math.pi)
    log_ball = 0.5 * n * math.log(math.pi) - math.lgamma(0.5 * n + 1)
    log_sphere = log_ball + math.log(n)  # the ball's surface
    if kernel == "exponential":
        return log_sphere + math.lgamma(n)
    if kernel == "cosine":
        return log_sphere + math.log(_cosine_moment(n))
    return log_ball + {"tophat": 0.0, "epanechnikov": math.log(2 / (n + 2)), "linear": -math.log(n + 1)}[kernel]


def _cosine_moment(n: int) -> float:
    """Integrate r^(n-1) cos(pi r / 2) from 0 to 1."""
    terms = ((-1) ** k * (0.5 * math.pi) ** (2 * k) / math.factorial(2 * k) / (n + 2 * k) for k in range(16))
    return math.fsum(terms)
