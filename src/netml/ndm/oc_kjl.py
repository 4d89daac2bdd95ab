"""`OCKJL`: a random sketch of the kernel matrix, then Gaussians; linear in the rows."""

from __future__ import annotations

import numpy as np

from netml.ndm._base import Array
from netml.ndm._projection import ProjectedMixture


class OCKJL(ProjectedMixture):
    """Kernel sketch by random directions (Kernel Johnson-Lindenstrauss), then a mixture of Gaussians.

    A row's kernel values with a few training rows, the landmarks, are multiplied by a matrix of Gaussian random
    numbers; the score is minus the log likelihood of the mixture at the point this gives. After Yang, Kpotufe and
    Feamster, "An Efficient One-Class SVM for Novelty Detection in IoT" (arXiv 2104.11146).

    Parameters
    ----------
    n_landmarks, n_dims, bandwidth, q_bandwidth, n_components, covariance_type, reg_covar, random_state, contamination
        As in `OCNystroem`.

    Attributes
    ----------
    landmarks_, bandwidth_, projection_, weights_, means_, precisions_cholesky_
        As in `OCNystroem`.
    """

    def _make_projection(self, kernel: Array, random: np.random.Generator) -> Array:
        n_dims = min(self.n_dims, len(kernel))
        projection: Array = random.standard_normal((len(kernel), n_dims)) / np.sqrt(len(kernel))
        return projection
