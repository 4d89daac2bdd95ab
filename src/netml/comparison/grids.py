"""What is tried of a detector when it is tuned: the study's grids, as far as they are known, and small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DISTANCE_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95)  # of the distances between training rows: kernel widths
RATE_QUANTILES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)  # of the training flows' durations: SAMP windows
_COMPONENTS = (2, 5, 10, 20, 30)
_SAMPLED_ROWS = 500


def make_grid(detector: str, X: np.ndarray, seed: int) -> Sequence[Mapping[str, Any]]:
    """List the sets of parameters to try for a detector.

    Parameters
    ----------
    detector : str
        Its name.
    X : ndarray (n_flows, n_features)
        The training rows, scaled.
    seed : int
        For the choice of rows whose distances are taken.

    Returns
    -------
    list of dict
        The defaults first; nothing else for a detector without a grid.
    """
    n_rows, n_features = X.shape
    if detector in ("ocsvm", "kde"):
        widths = _distances(X, seed)
        if detector == "ocsvm":
            return [{}, *({"gamma": 1 / width**2} for width in widths)]
        return [{}, *({"bandwidth": width} for width in widths)]
    if detector == "gmm":
        fewer = [n for n in _COMPONENTS if n < n_rows // 2]
        kinds = ("full", "diag")
        return [{}, *({"n_components": n, "covariance_type": kind} for kind in kinds for n in (1, *fewer))]
    if detector == "pca":
        return [{}, *({"n_components": n} for n in _COMPONENTS if n < min(n_rows, n_features))]
    if detector == "if":
        return [{}, *({"n_estimators": n} for n in (30, 300))]
    return [{}]


def _distances(X: np.ndarray, seed: int) -> list[float]:
    from scipy.spatial.distance import pdist

    if len(X) > _SAMPLED_ROWS:
        X = X[np.random.default_rng(seed).choice(len(X), _SAMPLED_ROWS, replace=False)]
    distances = pdist(X)
    if len(distances) == 0:
        return []
    widths = np.unique(np.quantile(distances, DISTANCE_QUANTILES))
    # 1e-9: two rows that are the same, or differ by a rounding, give no width.
    return [float(width) for width in widths if np.isfinite(width) and width > 1e-9]
