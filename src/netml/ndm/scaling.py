"""`make_scaler`: what may stand in front of a detector."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from netml.errors import OptionError, TrainingError, UnknownNameError
from netml.ndm._base import Array, as_rows, not_finite


class LogScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Logarithms, then standardised: sign(x) log(1 + |x|), with mean 0 and standard deviation 1 in each column.

    Attributes
    ----------
    mean_, scale_ : ndarray of float64, shape (n_features,)
        Mean and standard deviation of the logarithms; 1 instead of a standard deviation of 0.
    n_features_in_ : int
        Columns of the training rows.
    """

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the columns' means and standard deviations.

        Parameters
        ----------
        X : array_like of shape (n_flows, n_features)
            Training rows.
        y : object, optional
            Ignored.

        Returns
        -------
        LogScaler
            Itself.
        """
        standard = StandardScaler().fit(_logarithms(_checked(X)))
        self.mean_, self.scale_ = standard.mean_, standard.scale_
        self.n_features_in_ = standard.n_features_in_
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scale rows.

        Parameters
        ----------
        X : array_like of shape (n_flows, n_features)
            Rows as wide as in training.

        Returns
        -------
        ndarray of float64, shape (n_flows, n_features)
            Scaled rows.

        Raises
        ------
        OptionError
            If `X` has another width than in training.
        TrainingError
            If it is no matrix of finite numbers.
        """
        check_is_fitted(self)
        rows = _checked(X)
        if rows.shape[1] != self.n_features_in_:
            raise OptionError("X", rows.shape, f"{self.n_features_in_} columns, as in training")
        scaled = _logarithms(rows)
        scaled -= self.mean_
        scaled /= self.scale_
        return scaled


def _checked(X: ArrayLike) -> Array:
    rows = as_rows(X)
    text = not_finite(rows)
    if text:
        raise TrainingError(f"features must be finite: {text}")
    return rows


def _logarithms(values: Array) -> Array:
    logarithms: Array = np.log1p(np.abs(values))
    np.copysign(logarithms, values, out=logarithms)
    return logarithms


SCALERS = {"none": None, "standard": StandardScaler, "robust": RobustScaler, "log": LogScaler}


def make_scaler(name: str) -> Any:
    """Make a scaler.

    Parameters
    ----------
    name : {"none", "standard", "robust", "log"}
        "standard": mean 0, standard deviation 1. "robust": median 0, interquartile range 1. "log": `LogScaler`, for
        values over several orders of magnitude.

    Returns
    -------
    transformer or None
        A scikit-learn transformer, not fitted; None for "none".

    Raises
    ------
    UnknownNameError
        If there is no scaler of this name.
    """
    if name not in SCALERS:
        raise UnknownNameError("scale", name, SCALERS)
    scaler = SCALERS[name]
    return scaler() if scaler is not None else None
