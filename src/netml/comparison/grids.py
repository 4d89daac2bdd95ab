"""Grids of parameters for tuning: those of the study, as far as they are known, and small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DISTANCE_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95)  # of the distances between training rows: kernel widths
RATE_QUANTILES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)  # of the training flows' durations: SAMP windows
_COMPONENTS = (2, 5, 10, 20, 30)
_SAMPLED_ROWS = 500


def make_grid(detector: str, X: np.ndarray, seed: int) -> Sequence[Mapping[str, Any]]:
    """Return the sets of parameters to try for a detector: its defaults first, and no more for one without a grid.

    `X` has the training rows, scaled; `seed` chooses the rows whose distances give kernel widths.
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
    # Rows that are equal, or differ by a rounding (1e-9), give no width.
    return [float(width) for width in widths if np.isfinite(width) and width > 1e-9]
