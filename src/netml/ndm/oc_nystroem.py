"""`OCNystroem`: the kernel matrix by its values at a few rows, then Gaussians; linear in the rows."""

from __future__ import annotations

import numpy as np

from netml.ndm._base import Array
from netml.ndm._projection import ProjectedMixture


class OCNystroem(ProjectedMixture):
    """Kernel projection by the Nystroem method, then a mixture of Gaussians.

    A row's kernel values with a few training rows, the landmarks, are projected on the leading eigenvectors of the
    landmarks' own kernel matrix; the score is minus the log likelihood of the mixture at the point this gives. After
    Yang, Kpotufe and Feamster, "An Efficient One-Class SVM for Novelty Detection in IoT" (arXiv 2104.11146).

    Parameters
    ----------
    n_landmarks : int
        Training rows, drawn at random, that rows are compared with.
    n_dims : int
        Dimensions of the projection.
    bandwidth : float, optional
        Width h of the kernel exp(-d^2 / (2 h^2)); None learns it.
    q_bandwidth : float
        The quantile of the distances between landmarks that is taken for the width.
    n_components : int
        Gaussians of the mixture, at most one for 10 training rows.
    covariance_type : str
        As in `sklearn.mixture.GaussianMixture`.
    reg_covar : float
        Added to the variances, as a share of the largest variance of the projected training rows.
    random_state : int, optional
        Seed of the draw of the landmarks and of the mixture.
    contamination : float
        Share of the training rows that is to count as abnormal.

    Attributes
    ----------
    landmarks_ : ndarray of float32, shape (n_landmarks, n_features)
        The rows compared with.
    bandwidth_ : float
        Width of the kernel.
    projection_ : ndarray of float32, shape (n_landmarks, n_dims)
        From kernel values to the point.
    weights_, means_, precisions_cholesky_
        The mixture, as `MixtureDetector` describes it.
    """

    def _make_projection(self, kernel: Array, random: np.random.Generator) -> Array:
        values, vectors = np.linalg.eigh(kernel)
        n_dims = min(self.n_dims, int((values > values[-1] * 1e-10).sum()))
        leading = slice(len(values) - n_dims, None)
        projection: Array = vectors[:, leading][:, ::-1] / np.sqrt(values[leading][::-1])
        return projection
