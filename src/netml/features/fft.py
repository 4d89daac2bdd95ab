"""The real part of rows' Fourier transforms, in numpy, some rows at a time."""

from __future__ import annotations

import numpy as np

ROWS_AT_A_TIME = 8192


def transform_rows(block: np.ndarray) -> None:
    """Replace each row of float64 by the real part of its discrete Fourier transform, in place.

    The block may be a view of some columns. The transform of a real row has a symmetric real part, so half of it is
    computed and mirrored. The definition is the original's: ``numpy.fft.fft(row, n=width).real``.

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0, 4.0]])
    >>> transform_rows(rows)
    >>> rows
    array([[ 7., -2., -2.]])
    """
    width = block.shape[1]
    if width == 0:
        return
    n_mirrored = (width - 1) // 2
    for first in range(0, len(block), ROWS_AT_A_TIME):
        rows = block[first : first + ROWS_AT_A_TIME]
        half = np.fft.rfft(rows, axis=1).real
        rows[:, : half.shape[1]] = half
        if n_mirrored:
            rows[:, -n_mirrored:] = half[:, n_mirrored:0:-1]
