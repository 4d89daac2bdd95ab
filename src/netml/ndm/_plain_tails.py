"""`PlainECOD` and `PlainCOPOD`: how far out in the tails of each column's distribution a row lies; n log n in the rows.

The scores are PyOD's. Its classes, though, rank the rows to be scored together with all training rows, again for each
batch: a flow's score depends on its company, and costs a sort of the training set. Here each row is ranked among the
training rows and by itself, which is what PyOD gives for a batch of one; it takes a binary search in each column.

They need nothing of scikit-learn, so that a command can train them without loading it.
"""

from __future__ import annotations

import numpy as np

from netml.ndm._base import Array, PlainDetector


class PlainTails(PlainDetector):
    """Common part: ranks of a row's values, and the tail probabilities that follow.

    Parameters
    ----------
    contamination : float
        Share of the training rows that is to count as abnormal.

    Attributes
    ----------
    values_ : ndarray of float64, shape (n_values,)
        The different values of each column, in order, one column behind the other.
    counts_ : ndarray of int64, shape (n_values,)
        How many training rows have at most this value.
    starts_ : ndarray of int64, shape (n_features + 1,)
        Where a column begins in both.
    skewness_ : ndarray of float64, shape (n_features,)
        Sign of each column's skewness: 1 for a long right tail, -1 for a long left one.
    """

    def __init__(self, contamination: float = 0.1) -> None:
        self.contamination = contamination

    def _fit(self, rows: Array) -> None:
        values, counts, skewness = [], [], []
        for column in rows.T:
            different, n_equal = np.unique(column, return_counts=True)
            values.append(different)
            counts.append(np.cumsum(n_equal))
            # Of the smaller numbers: the third power of the larger ones has no float64.
            scaled = (column - column.mean()) / max(float(np.abs(different).max()), 1e-300)
            skewness.append(np.sign((scaled**3).mean()) if len(different) > 1 else 0.0)
        self.values_ = np.concatenate(values)
        self.counts_ = np.concatenate(counts)
        self.starts_ = np.cumsum([0, *(len(different) for different in values)])
        self.skewness_ = np.nan_to_num(np.array(skewness))

    def _training_scores(self, rows: Array) -> Array:
        return self._sum_tails(rows, 0)

    def _score(self, rows: Array) -> Array:
        return self._sum_tails(rows, 1)

    def _sum_tails(self, rows: Array, n_own: int) -> Array:
        """Sum over the columns; `n_own` is 0 if the rows are among the training rows already."""
        scores = np.zeros(len(rows))
        for number, column in enumerate(rows.T):
            place = slice(self.starts_[number], self.starts_[number + 1])
            values, counts = self.values_[place], np.concatenate([[0], self.counts_[place]])
            n_rows = counts[-1] + n_own
            left = -np.log((counts[np.searchsorted(values, column, "right")] + n_own) / n_rows)
            right = -np.log((n_rows - counts[np.searchsorted(values, column, "left")]) / n_rows)
            skewness = self.skewness_[number]
            skewed = left * (skewness <= 0) + right * (skewness >= 0)
            scores += self._combine(left, right, skewed)
        return scores

    def _combine(self, left: Array, right: Array, skewed: Array) -> Array:
        raise NotImplementedError


class PlainECOD(PlainTails):
    """Empirical cumulative distributions (Li et al., arXiv 2201.00382): the largest tail of each column."""

    def _combine(self, left: Array, right: Array, skewed: Array) -> Array:
        return np.maximum(skewed, np.maximum(left, right))


class PlainCOPOD(PlainTails):
    """Empirical copula (Li et al., arXiv 2009.09463): the long tail of each column, or the mean of both."""

    def _combine(self, left: Array, right: Array, skewed: Array) -> Array:
        return np.maximum(skewed, (left + right) / 2)
