"""Fitted state that is only arrays and numbers, declared as a table and checked by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from netml.ndm._estimator import Estimator


class Field(NamedTuple):
    """One attribute of a fitted object."""

    shape: tuple[str, ...]  # names of lengths: the same name is the same length; () is a Python float
    dtype: str = "<f8"

    @property
    def is_number(self) -> bool:
        """True if the attribute is a Python float rather than an array."""
        return not self.shape


Fields = Mapping[str, Field | list[Field]]  # a list of fields is an attribute that is a list of arrays


class ArrayState(Estimator):
    """Base class of estimators whose fitted state is arrays and numbers.

    Attributes
    ----------
    n_features_in_ : int
        Columns of the training rows: the length "n_features" of the fields.
    """

    n_features_in_: int

    def _fields(self) -> Fields:
        """Return the table of what `fit` sets; it may depend on the parameters."""
        raise NotImplementedError

    def _check_values(self) -> None:
        """Raise a ValueError unless the arrays fit together in more than their shapes."""

    def array_fields(self) -> dict[str, Field]:
        """Return the arrays among the fields by name; those of a list are called "name.0", "name.1" ..."""
        found: dict[str, Field] = {}
        for name, field in self._fields().items():
            if isinstance(field, list):
                found |= {f"{name}.{position}": each for position, each in enumerate(field)}
            elif not field.is_number:
                found[name] = field
        return found

    def number_names(self) -> list[str]:
        """Return the names of the numbers among the fields."""
        return [name for name, field in self._fields().items() if isinstance(field, Field) and field.is_number]

    def get_arrays(self) -> dict[str, np.ndarray]:
        """Return the fitted arrays by the names of `array_fields`; raise a ValueError if one has another shape."""
        sizes = {"n_features": self.n_features_in_}
        arrays = {}
        for name, field in self.array_fields().items():
            attribute, _, position = name.partition(".")
            value = getattr(self, attribute)
            array = np.ascontiguousarray(value[int(position)] if position else value, field.dtype)
            match_shape(name, array.shape, field, sizes)
            arrays[name] = array
        return arrays

    def set_state(self, n_features: int, numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Set the fitted state of a model file.

        Parameters
        ----------
        n_features : int
            Columns of the training rows.
        numbers : mapping of str to float
            The numbers among the fields.
        arrays : mapping of str to ndarray
            As `get_arrays` returns them, of the shapes that the fields say.

        Raises
        ------
        ValueError
            If a number is missing, a value is not finite, or the arrays do not fit together.
        """
        self.n_features_in_ = n_features
        for name in self.number_names():
            setattr(self, name, finite_number(name, numbers.get(name)))
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(f"{name} has values that are no finite numbers")
        for name, field in self._fields().items():
            if isinstance(field, list):
                setattr(self, name, [arrays[f"{name}.{position}"] for position in range(len(field))])
            elif not field.is_number:
                setattr(self, name, arrays[name])
        self._check_values()


def finite_number(name: str, value: Any) -> float:
    """Return a finite number as a float, or raise a ValueError."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{name} is no finite number")
    return float(value)


def match_shape(name: str, shape: tuple[int, ...], field: Field, sizes: dict[str, int]) -> None:
    """Raise a ValueError unless a shape is that of its field.

    `sizes` has the lengths that are known by name; the names that the field adds are put into it.
    """
    is_right = len(shape) == len(field.shape)
    if not is_right or any(sizes.setdefault(each, n) != n for each, n in zip(field.shape, shape, strict=True)):
        raise ValueError(f"{name} has the shape {shape}")
