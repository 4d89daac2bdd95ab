"""Scoring block by block: between two blocks a Ctrl-C is noticed, and what a row is compared with bounds the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netml.ndm._base import Array

PAIRS_AT_ONCE = 2_000_000  # of rows, compared in some 0.2 s
BLOCK_ROWS = 4096  # with 100 values for each of them they are 3 MB, and stay in the cache


def score_in_blocks(score: Callable[[Array], Any], rows: Array, n_known: int) -> Array:
    """Score rows, a block at a time.

    Parameters
    ----------
    score : callable
        Scores rows, each by itself.
    rows : ndarray of float64, shape (n_flows, n_features)
        What to score, at least one row.
    n_known : int
        What each of these is compared with: training rows, landmarks, Gaussians.

    Returns
    -------
    ndarray of float64, shape (n_flows, ...)
        What `score` gives for all of them.
    """
    n_block = min(max(PAIRS_AT_ONCE // max(n_known, 1), 1), BLOCK_ROWS)
    return np.concatenate([score(rows[first : first + n_block]) for first in range(0, len(rows), n_block)])
