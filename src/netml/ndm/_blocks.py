"""Scoring block by block, where compiled code compares each row with many: between two blocks a Ctrl-C is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netml.ndm._base import Array

PAIRS_AT_ONCE = 2_000_000  # of rows, compared in some 0.2 s


def score_in_blocks(score: Callable[[Array], Any], rows: Array, n_known: int) -> Array:
    """Score rows, a block at a time.

    Parameters
    ----------
    score : callable
        Scores rows, each by itself.
    rows : ndarray of float64, shape (n_flows, n_features)
        What to score, at least one row.
    n_known : int
        Rows that each of these is compared with.

    Returns
    -------
    ndarray of float64, shape (n_flows,)
        What `score` gives for all of them, to the last bit.
    """
    n_block = max(PAIRS_AT_ONCE // max(n_known, 1), 1)
    return np.concatenate([np.ravel(score(rows[first : first + n_block])) for first in range(0, len(rows), n_block)])
