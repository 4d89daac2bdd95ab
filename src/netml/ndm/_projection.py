"""Kernel values with a few landmarks, projected to few dimensions, then a mixture of Gaussians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netml.errors import OptionError
from netml.ndm._base import Array, is_number, score_in_blocks
from netml.ndm._mixture import CovarianceType, MixtureDetector
from netml.ndm._state import Field, Fields
from netml.validation import require_whole

MAX_MIXTURE_ROWS = 20_000  # a mixture of few Gaussians in few dimensions learns nothing more from more rows
ROWS_PER_COMPONENT = 10  # from fewer rows no Gaussian is learned


@dataclass(eq=False, repr=False)
class ProjectedMixture(MixtureDetector):
    """Base class of `OCNystroem`, which describes the parameters, and `OCKJL`; a subclass makes the projection."""

    n_landmarks: int = 100
    n_dims: int = 10
    bandwidth: float | None = None
    q_bandwidth: float = 0.9
    n_components: int = 10
    covariance_type: CovarianceType = "full"
    reg_covar: float = 1e-6
    random_state: int | None = 42
    contamination: float = 0.1

    def _make_projection(self, kernel: Array, random: np.random.Generator) -> Array:
        """Make the matrix that takes kernel values to points, from the landmarks' kernel matrix."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        require_whole("n_landmarks", self.n_landmarks, 2)
        require_whole("n_dims", self.n_dims, 1)
        if self.bandwidth is not None and not (is_number(self.bandwidth) and 0 < self.bandwidth < np.inf):
            raise OptionError("bandwidth", self.bandwidth, "a number above 0, or None")
        if not is_number(self.q_bandwidth) or not 0 < self.q_bandwidth <= 1:
            raise OptionError("q_bandwidth", self.q_bandwidth, "a number above 0, up to 1")
        self._make_model(self.n_components, 1.0)._validate_params()

    def _make_model(self, n_components: int, scale: float) -> Any:
        return self._make_mixture(
            n_components=n_components,
            covariance_type=self.covariance_type,
            reg_covar=self.reg_covar * scale,
            random_state=self.random_state,
        )

    def _fit(self, rows: Array) -> None:
        random = np.random.default_rng(self.random_state)
        count = min(self.n_landmarks, len(rows))
        landmarks = rows[np.sort(random.choice(len(rows), count, replace=False))]
        self.landmarks_ = landmarks.astype(np.float32)
        self.bandwidth_ = self._choose_bandwidth(landmarks)
        kernel = kernel_values(landmarks, self.landmarks_, self.bandwidth_)
        self.projection_ = self._make_projection((kernel + kernel.T) / 2, random).astype(np.float32)
        if len(rows) > MAX_MIXTURE_ROWS:
            rows = rows[np.sort(random.choice(len(rows), MAX_MIXTURE_ROWS, replace=False))]
        points = self._project(rows)
        spread = float(points.var(axis=0).max())
        n_components = min(self.n_components, max(len(rows) // ROWS_PER_COMPONENT, 1))
        self._take_model(self._make_model(n_components, spread if spread > 0 else 1.0).fit(points))

    def _choose_bandwidth(self, landmarks: Array) -> float:
        if self.bandwidth is not None:
            return float(self.bandwidth)
        squares = _squared_distances(landmarks, landmarks)[np.triu_indices(len(landmarks), 1)]
        squares = squares[squares > 0]  # equal rows tell no width
        return float(np.sqrt(np.quantile(squares, self.q_bandwidth))) if len(squares) else 1.0

    def _project(self, rows: Array) -> Array:
        def project(block: Array) -> Any:
            return kernel_values(block, self.landmarks_, self.bandwidth_) @ self.projection_

        return score_in_blocks(project, rows, len(self.landmarks_))

    def _fields(self) -> Fields:
        return {
            "landmarks_": Field(("n_landmarks", "n_features"), "<f4"),
            "bandwidth_": Field(()),
            "projection_": Field(("n_landmarks", "n_dims"), "<f4"),
            **self._mixture_fields("n_dims"),
        }

    def _score(self, rows: Array) -> Array:
        return -self._log_likelihood(self._project(rows))


def _squared_distances(rows: Array, landmarks: NDArray[np.floating]) -> Array:
    squares: Array = (rows * rows).sum(axis=1)[:, None] - 2 * rows @ landmarks.T + (landmarks * landmarks).sum(axis=1)
    np.maximum(squares, 0, out=squares)
    return squares


def kernel_values(rows: Array, landmarks: NDArray[np.floating], bandwidth: float) -> Array:
    """Compute exp(-d^2 / (2 h^2)), from 0 to 1, of rows and landmarks (n_landmarks, n_features) for the bandwidth h."""
    exponents = _squared_distances(rows, landmarks)
    exponents /= -2 * bandwidth * bandwidth
    np.exp(exponents, out=exponents)
    return exponents
