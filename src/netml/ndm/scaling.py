"""Scalers of columns, which stand in front of a detector."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from netml.errors import OptionError, TrainingError, UnknownNameError
from netml.ndm._base import Array, as_rows, not_finite
from netml.ndm._state import ArrayState, Field, Fields


class Scaler(ArrayState):
    """Base class of the scalers: each column less its centre, divided by its scale.

    Attributes
    ----------
    center_, scale_ : ndarray of float64, shape (n_features,)
        Centre and scale of the columns; 1 instead of a scale of 0.
    n_features_in_ : int
        Columns of the training rows.
    """

    def _learn(self, rows: Array) -> tuple[Array, Array]:
        """Return centres and scales."""
        raise NotImplementedError

    def _prepare(self, rows: Array) -> Array:
        """Return a copy of rows, as they are to be scaled."""
        return rows.copy()

    def _fields(self) -> Fields:
        return {"center_": Field(("n_features",)), "scale_": Field(("n_features",))}

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the centres and scales of the columns of `X`, (n_flows, n_features); `y` is ignored."""
        rows = self._prepare(_checked(X))
        for n_found, what in zip(rows.shape, ("sample", "feature"), strict=True):
            if n_found == 0:
                raise TrainingError(f"0 {what}(s) (shape={rows.shape}) while a minimum of 1 is required.")
        self.center_, scale = self._learn(rows)
        self.scale_ = np.where(scale > 0, scale, 1.0)
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Scale rows as wide as in training, and return them as float64.

        Raises
        ------
        OptionError
            If `X` has another width than in training.
        TrainingError
            If it is no matrix of finite numbers.
        """
        self._require_fitted()
        rows = _checked(X)
        if rows.shape[1] != self.n_features_in_:
            raise OptionError("X", rows.shape, f"{self.n_features_in_} columns, as in training")
        scaled = self._prepare(rows)
        scaled -= self.center_
        scaled /= self.scale_
        return scaled

    def fit_transform(self, X: ArrayLike, y: object = None) -> Array:
        """Learn from rows, and scale them: see `fit` and `transform`."""
        return self.fit(X).transform(X)


class StandardScaler(Scaler):
    """Mean 0 and standard deviation 1 in each column."""

    def _learn(self, rows: Array) -> tuple[Array, Array]:
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        # A column whose deviation is no more than the rounding of its mean is constant.
        is_constant = deviation <= np.sqrt(len(rows)) * np.finfo(np.float64).eps * np.abs(mean)
        return mean, np.where(is_constant, 0, deviation)


class RobustScaler(Scaler):
    """Median 0 and interquartile range 1 in each column."""

    def _learn(self, rows: Array) -> tuple[Array, Array]:
        low, median, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
        return median, high - low


class LogScaler(StandardScaler):
    """Logarithms, then standardised: sign(x) log(1 + |x|), with mean 0 and standard deviation 1 in each column."""

    def _prepare(self, rows: Array) -> Array:
        logarithms: Array = np.log1p(np.abs(rows))
        np.copysign(logarithms, rows, out=logarithms)
        return logarithms


def _checked(X: ArrayLike) -> Array:
    rows = as_rows(X)
    text = not_finite(rows)
    if text:
        raise TrainingError(f"features must be finite: {text}")
    return rows


SCALERS: dict[str, type[Scaler] | None] = {
    "none": None,
    "standard": StandardScaler,
    "robust": RobustScaler,
    "log": LogScaler,
}


def make_scaler(name: str) -> Scaler | None:
    """Make a scaler that is not fitted; None for "none".

    Parameters
    ----------
    name : {"none", "standard", "robust", "log"}
        "standard": mean 0, standard deviation 1. "robust": median 0, interquartile range 1. "log": `LogScaler`, for
        values over several orders of magnitude. Any other raises `UnknownNameError`.
    """
    if name not in SCALERS:
        raise UnknownNameError("scale", name, SCALERS)
    scaler = SCALERS[name]
    return scaler() if scaler is not None else None
