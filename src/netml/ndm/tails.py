"""`ECOD` and `COPOD`: how far out in the tails of each column's distribution a row lies; n log n in the rows.

The scores are PyOD's for a batch of one row. PyOD ranks the rows to be scored together with all training rows, so that
a score depends on the other rows of its batch and costs a sort of the training rows. Here each row is ranked by itself
among the training rows, which takes a binary search in each column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netml.ndm._base import Array, Detector
from netml.ndm._state import ArrayState, Field, Fields


@dataclass(eq=False, repr=False)
class Tails(ArrayState, Detector):
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
    ends_ : ndarray of int64, shape (n_features,)
        Where a column ends in both.
    skewness_ : ndarray of float64, shape (n_features,)
        Sign of each column's skewness: 1 for a long right tail, -1 for a long left one.
    """

    contamination: float = 0.1

    def _fields(self) -> Fields:
        return {
            "values_": Field(("n_values",)),
            "counts_": Field(("n_values",), "<i8"),
            "ends_": Field(("n_features",), "<i8"),
            "skewness_": Field(("n_features",)),
        }

    def _check_values(self) -> None:
        starts = np.concatenate([[0], self.ends_[:-1]])
        # A column begins with the count of its smallest value, at least 1, and ends with the number of rows.
        is_cut = bool((self.ends_ > starts).all()) and self.ends_[-1] == len(self.values_)
        if not is_cut or (self.counts_ < 1).any() or len(np.unique(self.counts_[self.ends_ - 1])) != 1:
            raise ValueError("the columns of the tails do not fit together")

    def _fit(self, rows: Array) -> None:
        values, counts, skewness = [], [], []
        for column in rows.T:
            different, n_equal = np.unique(column, return_counts=True)
            values.append(different)
            counts.append(np.cumsum(n_equal))
            # Scaled down first: the third power of large numbers exceeds float64.
            scaled = (column - column.mean()) / max(float(np.abs(different).max()), 1e-300)
            skewness.append(np.sign((scaled**3).mean()) if len(different) > 1 else 0.0)
        self.values_ = np.concatenate(values)
        self.counts_ = np.concatenate(counts)
        self.ends_ = np.cumsum([len(different) for different in values])
        self.skewness_ = np.nan_to_num(np.array(skewness))

    def _training_scores(self, rows: Array) -> Array:
        return self._sum_tails(rows, 0)

    def _score(self, rows: Array) -> Array:
        return self._sum_tails(rows, 1)

    def _sum_tails(self, rows: Array, n_own: int) -> Array:
        """Sum the tails of all columns; `n_own` is 0 if the rows are among the training rows, 1 if not."""
        scores = np.zeros(len(rows))
        start = 0
        for number, column in enumerate(rows.T):
            end = self.ends_[number]
            values, counts = self.values_[start:end], np.concatenate([[0], self.counts_[start:end]])
            start = end
            n_rows = counts[-1] + n_own
            left = -np.log((counts[np.searchsorted(values, column, "right")] + n_own) / n_rows)
            right = -np.log((n_rows - counts[np.searchsorted(values, column, "left")]) / n_rows)
            skewness = self.skewness_[number]
            skewed = left * (skewness <= 0) + right * (skewness >= 0)
            scores += self._combine(left, right, skewed)
        return scores

    def _combine(self, left: Array, right: Array, skewed: Array) -> Array:
        raise NotImplementedError


class ECOD(Tails):
    """Empirical cumulative distributions (Li et al., arXiv 2201.00382): the largest tail of each column."""

    def _combine(self, left: Array, right: Array, skewed: Array) -> Array:
        return np.maximum(skewed, np.maximum(left, right))


class COPOD(Tails):
    """Empirical copula (Li et al., arXiv 2009.09463): the long tail of each column, or the mean of both."""

    def _combine(self, left: Array, right: Array, skewed: Array) -> Array:
        return np.maximum(skewed, (left + right) / 2)
