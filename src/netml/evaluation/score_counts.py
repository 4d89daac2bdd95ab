"""Counts of flows by class and score, on which ROC and precision-recall curves depend.

`normal` and `abnormal` are counts of the flows with each distinct score, the scores rising: (n_distinct,) of int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_INTERVAL = (0.025, 0.975)
_MOST_GROUPS = 1024  # of neighbouring scores, in the resampling
_CELLS_AT_A_TIME = 1 << 21


def count_by_score(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the normal (0) and the abnormal (1) flows of each distinct score; no score is NaN.

    Examples
    --------
    >>> count_by_score(np.array([0, 1, 1]), np.array([0.5, 2.0, 0.5]))
    (array([1, 0]), array([1, 1]))
    """
    distinct, where = np.unique(scores, return_inverse=True)
    normal = np.bincount(where[y == 0], minlength=len(distinct))
    return normal, np.bincount(where[y == 1], minlength=len(distinct))


def shares_above(counts: np.ndarray) -> np.ndarray:
    """Return the share (n_distinct + 1,) of a class above the threshold, from 0 to 1 as the threshold sinks."""
    shares: np.ndarray = np.append(0, counts[::-1].cumsum()) / counts.sum()
    return shares


def recall_and_precision(normal: np.ndarray, abnormal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision (n_distinct,) with each distinct score as the threshold, from the highest down."""
    n_hits = abnormal[::-1].cumsum()
    return n_hits / n_hits[-1], n_hits / (n_hits + normal[::-1].cumsum())


def areas_of(normal: np.ndarray, abnormal: np.ndarray) -> Any:
    """Return the area under the ROC curve: the share of pairs in which the abnormal flow scores higher, ties half.

    Counts (..., n_distinct) give areas (...).

    Examples
    --------
    >>> float(areas_of(np.array([1, 1, 0]), np.array([0, 1, 1])))
    0.875
    """
    below = normal.cumsum(axis=-1) - normal / 2
    return (abnormal * below).sum(axis=-1) / normal.sum(axis=-1) / abnormal.sum(axis=-1)


def bootstrap_auc(normal: np.ndarray, abnormal: np.ndarray, n_resamples: int, seed: int) -> tuple[float, float]:
    """Return the 2.5 and the 97.5 percentile of the AUC: each class is resampled by itself, with replacement.

    Neighbouring scores beyond 1,024 are taken together, so that the time does not grow with the flows; the difference
    that this makes to the AUC is added again. The same seed gives the same interval.
    """
    auc = areas_of(normal, abnormal)
    if len(normal) > _MOST_GROUPS:
        ranks = (normal + abnormal).cumsum()
        starts = np.searchsorted(ranks, ranks[-1] * np.arange(_MOST_GROUPS) / _MOST_GROUPS, side="right")
        starts = np.unique(starts)
        normal, abnormal = np.add.reduceat(normal, starts), np.add.reduceat(abnormal, starts)
    shift = auc - areas_of(normal, abnormal)
    random = np.random.default_rng(seed)
    n_normal, n_abnormal = int(normal.sum()), int(abnormal.sum())
    found = np.empty(n_resamples)
    step = max(1, _CELLS_AT_A_TIME // len(normal))
    for first in range(0, n_resamples, step):
        part = found[first : first + step]
        # Counts of a resample by score: the AUC depends on nothing else.
        part[:] = areas_of(
            random.multinomial(n_normal, normal / n_normal, len(part)),
            random.multinomial(n_abnormal, abnormal / n_abnormal, len(part)),
        )
    low, high = np.clip(np.quantile(found, _INTERVAL) + shift, 0.0, 1.0).tolist()
    return low, high
