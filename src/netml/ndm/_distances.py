"""Distances between rows and training rows: Euclidean by one matrix product where that is exact, and Minkowski."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netml.ndm._base import Array

# scikit-learn's names of metrics -> p of |x|^p summed over the columns; None is given by the parameter p.
METRICS = {
    **dict.fromkeys(("manhattan", "cityblock", "l1"), 1.0),
    **dict.fromkeys(("euclidean", "l2"), 2.0),
    **dict.fromkeys(("chebyshev", "infinity"), np.inf),
    **dict.fromkeys(("minkowski", "p"), None),
}
VALUES_AT_ONCE = 1 << 20
TOLERANCE = 1e-11  # error of squared distances, in squared bandwidths


def power_distances(rows: Array, known: Array, p: float) -> Array:
    """Compute Minkowski distances of rows (n_flows, n_features) and known rows (n_known, n_features).

    `p` is at least 1; infinity is the largest difference. The result is (n_flows, n_known).
    """
    total = np.zeros((len(rows), len(known)))
    for column, known_column in zip(rows.T, known.T, strict=True):
        differences = np.abs(column[:, None] - known_column)
        if p == np.inf:
            np.maximum(total, differences, out=total)
        else:
            total += differences if p == 1 else differences**p
    return total if p in (1, np.inf) else total ** (1 / p)


def squared_distances(rows: Array, known: Array, bandwidth: float, *, is_compact: bool, is_cusped: bool) -> Array:
    """Compute squared Euclidean distances (n_flows, n_known) for a kernel of a bandwidth.

    A matrix product loses what is small beside the norms: where the kernel would notice the rounding, the squares come
    from the differences themselves. `is_compact`: the kernel is 0 from the bandwidth on. `is_cusped`: the kernel has a
    kink at 0, so that small distances matter more than their squares.
    """
    centre = known.mean(axis=0)
    left, right = rows - centre, known - centre
    left_norms, right_norms = (left * left).sum(axis=1)[:, None], (right * right).sum(axis=1)
    squares: Array = left @ right.T
    squares *= -2
    squares += left_norms
    squares += right_norms
    rounding = (8 + rows.shape[1]) * np.finfo(np.float64).eps
    limit = TOLERANCE * bandwidth * bandwidth
    is_exact = rounding * (left_norms.max() + right_norms.max()) <= limit
    if not is_exact or is_compact or is_cusped:
        errors = rounding * (left_norms + right_norms)
        _replace(squares, _find_inexact(squares, errors, bandwidth, is_compact, is_cusped), rows, known)
    np.maximum(squares, 0, out=squares)
    return squares


def _find_inexact(
    squares: Array, errors: Array, bandwidth: float, is_compact: bool, is_cusped: bool
) -> NDArray[np.bool_]:
    limit = TOLERANCE * bandwidth * bandwidth
    is_inexact: NDArray[np.bool_] = ~(errors <= limit)
    if is_cusped:
        # The square root's error is that of the square by twice the distance.
        is_inexact |= ~(errors * errors <= squares * (TOLERANCE * bandwidth) ** 2)
    if is_compact:
        is_inexact |= np.abs(squares - bandwidth * bandwidth) <= errors
        reach = np.full((len(squares), 1), bandwidth * bandwidth)
    else:
        # A kernel value of exp(-40) of the largest changes no sum.
        nearest = np.maximum((squares + errors).min(axis=1, keepdims=True), 0)
        reach = (np.sqrt(nearest) + 40 * bandwidth) ** 2 if is_cusped else nearest + 80 * bandwidth * bandwidth
    is_inexact &= ~(squares - errors > reach)
    return is_inexact


def _replace(squares: Array, is_inexact: NDArray[np.bool_], rows: Array, known: Array) -> None:
    places = np.flatnonzero(is_inexact)
    step = max(VALUES_AT_ONCE // rows.shape[1], 1)
    flat = squares.reshape(-1)
    for first in range(0, len(places), step):
        some = places[first : first + step]
        differences = rows[some // len(known)]
        differences -= known[some % len(known)]
        flat[some] = np.einsum("ij,ij->i", differences, differences)
