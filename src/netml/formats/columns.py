"""The table that the file formats write and read: named columns, a block of features, and metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from netml.schema.flow_index import Addresses

TEXT, NUMBER, FEATURE, LIST = "text", "number", "feature", "list"  # what a reader makes of a column
# From a table's columns, and from which of them are no numbers (None: cannot be told), to those to read.
Choose = Callable[[Sequence[str], Callable[[str], bool | None]], Mapping[str, str]]
_REPEAT_MARK = ".1"  # as pandas names the second column of a name


class Indexed:
    """Addresses that repeat: `places[row]` is the place of the row's address in `values`."""

    __slots__ = ("places", "values")

    def __init__(self, values: Addresses, places: np.ndarray) -> None:
        self.values = values
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: slice) -> Indexed:
        return Indexed(self.values, self.places[rows])


class Lists:
    """A list of numbers in each row: `values[offsets[row]:offsets[row + 1]]`."""

    __slots__ = ("offsets", "values")

    def __init__(self, offsets: np.ndarray, values: np.ndarray) -> None:
        self.offsets = offsets
        self.values = values

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice) -> Lists:
        first, last, _ = rows.indices(len(self))
        return Lists(self.offsets[first : max(first, last) + 1], self.values)


Column = np.ndarray | Addresses | Indexed | Lists


class Columns:
    """A table: the columns `named`, the columns of `X`, the columns `last`; all of one length.

    `X` is (n_rows, n_features) of float64 or int8 in C order; a name in `features` may repeat, and `names` tells
    the second one apart. `metadata` has JSON values by the key under which Parquet and Arrow keep each.
    """

    __slots__ = ("X", "features", "last", "metadata", "named")

    def __init__(
        self,
        named: Mapping[str, Column],
        X: np.ndarray | None = None,
        features: tuple[str, ...] = (),
        last: Mapping[str, Column] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.named = named
        self.X = X
        self.features = features
        self.last = last or {}
        self.metadata = metadata or {}

    def __len__(self) -> int:
        return len(next(iter(self.named.values())))

    def __getitem__(self, rows: slice) -> Columns:
        """Choose rows by a slice, without copies."""
        chosen = self.map(lambda column: column[rows])
        chosen.X = None if self.X is None else self.X[rows]
        return chosen

    def map(self, change: Callable[[Column], Column]) -> Columns:
        """Return the table with each column but the features changed."""
        named, last = ({name: change(column) for name, column in part.items()} for part in (self.named, self.last))
        return Columns(named, self.X, self.features, last, self.metadata)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns' names, in order; no two are equal."""
        return (*self.named, *distinct_names(self.features), *self.last)

    def plain(self) -> dict[str, np.ndarray]:
        """Return every column as an array of one dimension; addresses as text."""
        named, last = ({name: _plain(column) for name, column in part.items()} for part in (self.named, self.last))
        features = () if self.X is None else self.X.T
        return {**named, **dict(zip(distinct_names(self.features), features, strict=True)), **last}


def _plain(column: Column) -> np.ndarray:
    if isinstance(column, Indexed):
        texts: np.ndarray = column.values.texts()[column.places]
        return texts
    if isinstance(column, Addresses):
        return column.texts()
    assert isinstance(column, np.ndarray)  # lists are written to Arrow tables only
    return column


def distinct_names(names: Iterable[str]) -> tuple[str, ...]:
    """Mark names that have stood there before, as pandas does.

    Examples
    --------
    >>> distinct_names(["a", "b", "a"])
    ('a', 'b', 'a.1')
    """
    found: dict[str, None] = {}
    for name in names:
        distinct = name
        while distinct in found:
            distinct += _REPEAT_MARK
        found[distinct] = None
    return tuple(found)
