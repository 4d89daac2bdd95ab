"""Mixtures of Gaussians that scikit-learn learns and numpy scores."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from netml.ndm._base import Array, Detector, score_in_blocks
from netml.ndm._state import ArrayState, Field, Fields

CovarianceType = Literal["full", "tied", "diag", "spherical"]


class MixtureDetector(ArrayState, Detector):
    """Base class of the detectors that score by minus the log likelihood of a mixture.

    Attributes
    ----------
    weights_ : ndarray of float64, shape (n_gaussians,)
        Shares of the Gaussians.
    means_ : ndarray of float64, shape (n_gaussians, n_dims)
        Their means.
    precisions_cholesky_ : ndarray of float64
        Cholesky factors of their precisions, as `sklearn.mixture.GaussianMixture` has them.
    """

    covariance_type: CovarianceType

    def _make_mixture(self, **params: Any) -> Any:
        from sklearn.mixture import GaussianMixture

        return GaussianMixture(**params)

    def _take_model(self, mixture: Any) -> None:
        self.weights_ = mixture.weights_
        self.means_ = mixture.means_
        self.precisions_cholesky_ = mixture.precisions_cholesky_

    def _mixture_fields(self, n_dims: str) -> Fields:
        shapes: dict[str, tuple[str, ...]] = {
            "full": ("n_gaussians", n_dims, n_dims),
            "tied": (n_dims, n_dims),
            "diag": ("n_gaussians", n_dims),
            "spherical": ("n_gaussians",),
        }
        return {
            "weights_": Field(("n_gaussians",)),
            "means_": Field(("n_gaussians", n_dims)),
            "precisions_cholesky_": Field(shapes[self.covariance_type]),
        }

    def _log_likelihood(self, points: Array) -> Array:
        return score_in_blocks(self._log_likelihood_of_block, points, len(self.weights_))

    def _log_likelihood_of_block(self, points: Array) -> Array:
        n_dims = points.shape[1]
        logs = np.empty((len(self.weights_), len(points)))
        for number, (weight, mean) in enumerate(zip(self.weights_, self.means_, strict=True)):
            factor = self.precisions_cholesky_ if self.covariance_type == "tied" else self.precisions_cholesky_[number]
            centred = points - mean
            scaled = centred @ factor if factor.ndim == 2 else centred * factor
            scales = np.broadcast_to(factor.diagonal() if factor.ndim == 2 else factor, n_dims)
            logs[number] = -0.5 * np.einsum("ij,ij->i", scaled, scaled) + np.log(scales).sum() + np.log(weight)
        total: Array = log_of_sum(logs, axis=0) - 0.5 * n_dims * np.log(2 * np.pi)
        return total


def log_of_sum(logs: Array, axis: int) -> Array:
    """Compute the logarithm of a sum of numbers that are given by their logarithms; `logs` is overwritten."""
    largest = logs.max(axis=axis, keepdims=True)
    logs -= largest
    np.exp(logs, out=logs)
    total: Array = np.log(logs.sum(axis=axis)) + largest.squeeze(axis)
    return total
