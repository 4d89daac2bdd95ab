"""Base class of the detectors, with checks of their rows; a detector adds `_fit` and `_score`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netml.errors import NetmlError, OptionError, TrainingError
from netml.ndm._apart import quiet, seeded
from netml.ndm._estimator import Estimator

Array = NDArray[np.float64]
LARGEST = float(np.finfo(np.float64).max)
MIN_ROWS = 2
PAIRS_AT_ONCE = 2_000_000  # pairs of rows that are compared in some 0.2 s
BLOCK_ROWS = 4096  # with 100 values for each row they are 3 MB, and stay in the cache


class Detector(Estimator):
    """Base class of the detectors.

    A detector keeps its parameters untouched, as scikit-learn's estimators do, and has `contamination` among them:
    the share of the training rows that is to count as abnormal, at least 0 and at most 0.5.

    Attributes
    ----------
    n_features_in_ : int
        Columns of the training rows.
    threshold_ : float
        Scores above it are abnormal: the quantile 1 - contamination of the scores of the training rows (linear
        between neighbours, as `numpy.quantile`).
    """

    contamination: float
    _estimator_type = "outlier_detector"

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn what is normal.

        Parameters
        ----------
        X : array_like of shape (n_flows, n_features)
            Training rows: at least 2, all values finite.
        y : object, optional
            Ignored.

        Returns
        -------
        Detector
            Itself.

        Raises
        ------
        TrainingError
            If no detector, or not this one, can learn from these rows.
        OptionError
            If a parameter is outside its range.
        """
        rows = training_rows(X)
        self.check_parameters()
        with self._library_errors(rows.shape), quiet(), seeded(getattr(self, "random_state", None)):
            self._fit(rows)
            scores = finite(self._training_scores(rows))
        self.n_features_in_ = rows.shape[1]
        # The scores may be the largest floats of both signs, between which an interpolation would overflow.
        self.threshold_ = float(np.quantile(scores / 4, 1 - self.contamination) * 4)
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Score rows.

        Parameters
        ----------
        X : array_like of shape (n_flows, n_features)
            Rows as wide as in training.

        Returns
        -------
        ndarray of float64, shape (n_flows,)
            Scores, finite; higher is more abnormal.

        Raises
        ------
        OptionError
            If `X` has another width than in training, or values that are not finite.
        """
        self._require_fitted()
        rows = self._scoring_rows(X)
        if len(rows) == 0:
            return np.empty(0)
        with self._library_errors(rows.shape), quiet(), seeded(getattr(self, "random_state", None)):
            return finite(self._score(rows))

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Predict which rows are abnormal.

        Parameters
        ----------
        X : array_like of shape (n_flows, n_features)
            Rows as wide as in training.

        Returns
        -------
        ndarray of int64, shape (n_flows,)
            -1 for abnormal rows, whose score is above `threshold_`; +1 for the others.

        Raises
        ------
        OptionError
            As `decision_function`.
        TrainingError
            If the detector comes from a file of the original netml, which keeps no threshold.
        """
        self._require_fitted()
        if not hasattr(self, "threshold_"):
            raise TrainingError(
                f"this {type(self).__name__} has no threshold: the original netml kept none; "
                "its decision_function works, to predict train it again"
            )
        return np.where(self.decision_function(X) > self.threshold_, -1, 1).astype(np.int64)

    def fit_predict(self, X: ArrayLike, y: object = None) -> NDArray[np.int64]:
        """Learn what is normal, and predict the same rows: see `fit` and `predict`."""
        return self.fit(X).predict(X)

    def check_parameters(self) -> None:
        """Check the parameters, before there are any data.

        Raises
        ------
        OptionError
            If a parameter is outside its range.
        MissingExtraError
            If a package that the parameters ask for is missing.
        """
        share = self.contamination
        if not is_number(share) or not 0 <= share <= 0.5:
            raise OptionError("contamination", share, "a number from 0 to 0.5")
        with self._library_errors(None), quiet(), seeded(getattr(self, "random_state", None)):
            self._check_parameters()

    def _check_parameters(self) -> None:
        """Check the parameters of the subclass; an error of a library becomes an `OptionError`."""

    def _fit(self, rows: Array) -> None:
        """Learn from checked rows."""
        raise NotImplementedError

    def _score(self, rows: Array) -> Any:
        """Score checked rows, at least one; higher is more abnormal."""
        raise NotImplementedError

    def _training_scores(self, rows: Array) -> Any:
        """Score the training rows, right after `_fit`."""
        return self._score(rows)

    def _take_model(self, model: Any) -> None:
        """Take what is needed from a library's fitted estimator, which files of the original netml hold."""
        self.model_ = model

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "model_" in state:
            del self.model_
            self._take_model(state["model_"])

    def _scoring_rows(self, X: ArrayLike) -> Array:
        try:
            rows = as_rows(X)
        except TrainingError as error:
            raise OptionError("X", type(X).__name__, f"a matrix of numbers ({error})") from None
        # Models of the original keep the width in the estimator inside, if anywhere.
        width = getattr(self, "n_features_in_", getattr(getattr(self, "model_", None), "n_features_in_", None))
        if width is not None and rows.shape[1] != width:
            raise OptionError("X", rows.shape, f"{width} columns, as in training")
        text = not_finite(rows)
        if text:
            raise OptionError("X", rows.shape, f"finite numbers: {text}")
        return rows

    @contextmanager
    def _library_errors(self, shape: tuple[int, ...] | None) -> Iterator[None]:
        """Turn an exception of a library into one of netml, with one line of message."""
        try:
            yield
        except (NetmlError, MemoryError, NotImplementedError):
            raise
        except Exception as error:  # any detector of any library: whatever it raises is about these rows or parameters
            if type(error).__name__ == "NotFittedError":  # scikit-learn's, which may not be loaded
                raise
            found = re.match(r"The '(\w+)' parameter of \w+ must be (.*?)\. Got ", str(error), re.DOTALL)
            if found and found[1] in self.get_params():
                raise OptionError(found[1], self.get_params()[found[1]], found[2]) from error
            text = " ".join(str(error).split()) or type(error).__name__
            if shape is None:
                raise OptionError("param", self._given(), f"a set of parameters that it accepts: {text}") from error
            rows, columns = shape
            name = self._display_name()
            raise TrainingError(f"{name} cannot work with these {rows} rows of {columns} columns: {text}") from error

    def _given(self) -> dict[str, Any]:
        """Return the parameters that are not at their defaults."""
        defaults = self._defaults()
        return {name: value for name, value in self.get_params().items() if value is not defaults[name]}

    def _display_name(self) -> str:
        return type(self).__name__


def finite(scores: ArrayLike) -> Array:
    """Replace scores that are no finite numbers.

    Far from all known rows a density is 0 and its logarithm infinite: infinity and NaN become the largest float64,
    minus infinity the lowest.
    """
    return np.nan_to_num(np.asarray(scores, dtype=np.float64), nan=LARGEST, posinf=LARGEST, neginf=-LARGEST)


def is_number(value: object) -> bool:
    """True if a value is a real number other than True and False."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def training_rows(X: ArrayLike) -> Array:
    """Return training rows as float64, without a copy where they have this type.

    Raises
    ------
    TrainingError
        If they are no matrix of finite numbers with at least 2 rows and 1 column.
    """
    rows = as_rows(X)
    n_rows, n_columns = rows.shape
    if n_columns < 1:
        raise TrainingError(
            f"nothing to learn from: 0 feature(s) (shape=({n_rows}, {n_columns})) while a minimum of 1 is required."
        )
    if n_rows < MIN_ROWS:
        text = f"{n_rows} row{'' if n_rows == 1 else 's'} (n_samples = {n_rows}) of {n_columns} columns"
        raise TrainingError(f"nothing to learn from: {text}, at least {MIN_ROWS} are needed")
    text = not_finite(rows)
    if text:
        raise TrainingError(f"nothing to learn from: {text}")
    return rows


def as_rows(X: ArrayLike) -> Array:
    """Return a matrix of numbers as float64, or raise a `TrainingError`."""
    if hasattr(X, "toarray"):
        raise TrainingError("features are a sparse matrix: give them as an array, X.toarray()")
    values = np.asarray(X)
    if np.iscomplexobj(values):
        raise TrainingError("features must be real numbers. Complex data not supported")
    if values.ndim != 2:
        raise TrainingError(
            f"features must be a matrix of flows x features, not of shape {values.shape}. "
            "Reshape your data: array.reshape(1, -1) is one row, array.reshape(-1, 1) one column"
        )
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"features must be numbers: {error}") from None


def not_finite(rows: Array) -> str:
    """Describe the first value that is NaN or infinite, and count the others; return "" if there is none."""
    # A sum is finite if all its terms are, and takes no memory; if it is not, they may still be, and are looked at.
    if np.isfinite(_sum(rows)):
        return ""
    wrong = ~np.isfinite(rows)
    count = int(wrong.sum())
    if count == 0:
        return ""
    row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
    value = "NaN" if np.isnan(rows[row, column]) else "infinity (inf)"
    more = f", and {count - 1} more such value{'s' if count > 2 else ''}" if count > 1 else ""
    return f"{value} in row {row}, column {column} (counted from 0){more}"


def _sum(rows: Array) -> float:
    with np.errstate(all="ignore"):
        return float(rows.sum())


def score_in_blocks(score: Callable[[Array], Any], rows: Array, n_known: int) -> Array:
    """Apply a function that scores each row by itself to rows, a block at a time, and return all scores.

    `n_known`, the number of others that each row is compared with, bounds the rows of a block: a Ctrl-C is noticed
    between two blocks, and the comparison of a block stays small.
    """
    n_block = min(max(PAIRS_AT_ONCE // max(n_known, 1), 1), BLOCK_ROWS)
    return np.concatenate([score(rows[first : first + n_block]) for first in range(0, len(rows), n_block)])
