"""The linear quantile of whole numbers, as `numpy.quantile` gives it, without what that imports besides."""

from __future__ import annotations

import math

import numpy as np


def linear_quantile(values: np.ndarray, q: float) -> float:
    """Give the linear quantile of whole numbers; 0.0 of none.

    Parameters
    ----------
    values : ndarray (n,) of an integer type
        In any order.
    q : float
        0 to 1.

    Returns
    -------
    float
        Bit for bit ``numpy.quantile(values, q)``, which loads `numpy.ma` when it is first called (10 ms).

    Examples
    --------
    >>> linear_quantile(np.array([10, 40, 20, 30]), 0.5)
    25.0
    """
    if len(values) == 0:
        return 0.0
    place = (len(values) - 1) * q
    below = math.floor(place)
    fraction = place - below
    ordered = np.partition(values, below)
    low = int(ordered[below])
    if fraction == 0:
        return float(low)
    gap = int(ordered[below + 1 :].min()) - low
    # Rounding is symmetric this way, and numpy's.
    return low + gap * fraction if fraction < 0.5 else (low + gap) - gap * (1 - fraction)
