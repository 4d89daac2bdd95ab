"""The feature matrix: a row for each flow, with the meaning of its rows and columns."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import EllipsisType
from typing import IO, TYPE_CHECKING, Any, overload

import numpy as np

from netml.errors import OptionError, UnknownNameError
from netml.families import REPEATED_COLUMN

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from netml.schema.flow_index import FlowIndex, Rows


class FeatureMatrix:
    """Features of flows: the numbers, the columns' names, the flows, and how they were made.

    Parameters
    ----------
    X : array_like of float, shape (n_flows, n_features)
        The features; kept as float64 in C order, or as int8 if they are (bits), without a copy where it is so already.
    columns : iterable of str
        One name for each feature; only CIC-2017's ` Fwd Header Length` may stand there twice.
    flows : FlowIndex
        The flows that the rows stand for.
    metadata : dict
        How the matrix was made; anything that JSON can hold.
    labels : array_like of str, shape (n_flows,), optional
        A label for each flow, "" where none is known.
    text_columns : dict of str to array_like of str, shape (n_flows,), optional
        Words of families about each flow, such as TCP's `conn_state` and `history`: tables have them behind the
        flow's own columns. They are no features.

    Raises
    ------
    OptionError
        If the parts do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from netml.schema.flow_index import FLOW_KEY, FlowIndex
    >>> counts = np.array([2, 3])
    >>> flows = FlowIndex(np.zeros(2, FLOW_KEY), counts, counts, counts, counts)
    >>> matrix = FeatureMatrix([[0.5, 60.0], [0.1, 1500.0]], ["iat_0", "size_0"], flows, {})
    >>> matrix
    <FeatureMatrix: 2 flows x 2 features>
    >>> matrix.column("size_0")
    array([  60., 1500.])
    >>> matrix[1:].shape
    (1, 2)
    >>> matrix["iat_0"]
    array([0.5, 0.1])
    """

    __slots__ = ("X", "columns", "flows", "labels", "metadata", "text_columns")

    X: np.ndarray
    columns: tuple[str, ...]
    flows: FlowIndex
    metadata: dict[str, Any]
    labels: np.ndarray | None
    text_columns: dict[str, np.ndarray]

    def __init__(
        self,
        X: Any,
        columns: Iterable[str],
        flows: FlowIndex,
        metadata: dict[str, Any],
        labels: Any = None,
        text_columns: Mapping[str, Any] | None = None,
    ) -> None:
        is_int8 = getattr(X, "dtype", None) == np.int8
        self.X = np.ascontiguousarray(X, dtype=np.int8 if is_int8 else np.float64)
        self.columns = tuple(columns)
        self.flows = flows
        self.metadata = metadata
        self.labels = None if labels is None else np.asarray(labels, dtype=np.str_)
        self.text_columns = {name: np.asarray(text, dtype=np.str_) for name, text in (text_columns or {}).items()}
        self._validate()

    def _validate(self) -> None:
        if self.X.ndim != 2:
            raise OptionError("X", self.X.shape, "of two dimensions: flows and features")
        n_flows, n_features = self.X.shape
        if len(self.columns) != n_features:
            raise OptionError("columns", len(self.columns), f"{n_features} names, one for each feature")
        if not all(isinstance(name, str) for name in self.columns):
            raise OptionError("columns", self.columns, "texts")
        if not isinstance(self.metadata, Mapping):
            raise OptionError("metadata", type(self.metadata).__name__, "a dict")
        repeated = Counter(self.columns) - Counter(set(self.columns))
        if any(not name.endswith(REPEATED_COLUMN) for name in repeated):
            raise OptionError("columns", self.columns, "names that differ from each other")
        if len(self.flows) != n_flows:
            raise OptionError("flows", len(self.flows), f"{n_flows} flows, one for each row")
        if self.labels is not None and self.labels.shape != (n_flows,):
            raise OptionError("labels", self.labels.shape, f"({n_flows},): one label for each row")
        for name, text in self.text_columns.items():
            if text.shape != (n_flows,):
                raise OptionError(name, text.shape, f"({n_flows},): one text for each row")

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of flows and of features."""
        n_flows, n_features = self.X.shape
        return n_flows, n_features

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        labelled = "" if self.labels is None else ", labelled"
        return f"<FeatureMatrix: {len(self)} flows x {len(self.columns)} features{labelled}>"

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.X)

    @overload
    def __getitem__(self, key: int | str) -> np.ndarray: ...
    @overload
    def __getitem__(self, key: Rows | list[str] | EllipsisType) -> FeatureMatrix: ...
    @overload
    def __getitem__(self, key: tuple[Any, ...]) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        """Choose flows as numpy chooses rows of a two-dimensional array, or features by name.

        A slice, a list or array of positions, or a mask of booleans gives a `FeatureMatrix` of these flows, and so does
        ``matrix[rows, ...]``, which is how scikit-learn takes rows; the metadata stays the same object. One position
        gives the features of one flow, and ``matrix[rows, columns]`` gives numbers: both are an index of `X`.

        A name gives the values of a feature or, where no feature has this name, a text of all flows. A list of names
        gives a `FeatureMatrix` of these features, as of a data frame; its metadata has no "representation", since
        no options of `netml.extract` make such rows. ``matrix[rows, names]`` gives the numbers.
        """
        if isinstance(key, str):
            if key in self.columns:
                return self.column(key)
            if key in self.text_columns:
                return self.text_columns[key]
            raise UnknownNameError("column", key, (*self.columns, *self.text_columns))
        if isinstance(key, tuple):
            return self._choose(key)
        names = _list_names(key)
        if names:
            X = self.X[:, [self._find(name) for name in names]]
            metadata = {name: value for name, value in self.metadata.items() if name != "representation"}
            return FeatureMatrix(X, names, self.flows, metadata, self.labels, self.text_columns)
        rows = slice(None) if key is Ellipsis else key
        if not isinstance(rows, slice):
            rows = np.asarray(key)
            # An empty list has no type of its own; numpy takes it for floats.
            rows = rows.astype(np.int64) if rows.size == 0 else rows
            if rows.ndim == 0 and rows.dtype.kind in "iu":
                return self.X[int(rows)]
            if rows.ndim != 1 or rows.dtype.kind not in "biu":
                kind = f"{rows.dtype} of {rows.ndim} dimensions" if rows.ndim else type(key).__name__
                raise IndexError(
                    f"rows are chosen by a slice, by whole numbers or by a mask of booleans, not by {kind}"
                )
        labels = None if self.labels is None else self.labels[rows]
        text_columns = {name: text[rows] for name, text in self.text_columns.items()}
        return FeatureMatrix(self.X[rows], self.columns, self.flows[rows], self.metadata, labels, text_columns)

    def _choose(self, key: tuple[Any, ...]) -> Any:
        if len(key) == 1 or (len(key) == 2 and key[1] is Ellipsis):
            return self[key[0]]
        if len(key) == 2 and (isinstance(key[1], str) or _list_names(key[1])):
            return np.asarray(self[key[1]])[key[0]]
        return self.X[key]

    def _find(self, name: str) -> int:
        if name not in self.columns:
            raise UnknownNameError("column", name, self.columns)
        return self.columns.index(name)

    def __contains__(self, name: object) -> bool:
        """True if a feature or a text has this name."""
        return name in self.columns or name in self.text_columns

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return `X`: a feature matrix goes wherever scikit-learn takes an array."""
        return np.array(self.X, dtype=dtype, copy=copy)

    def column(self, name: str) -> np.ndarray:
        """Return one feature of all flows.

        Parameters
        ----------
        name : str
            One of `columns`; of two of that name the first, which holds the same.

        Returns
        -------
        numpy.ndarray
            (n_flows,), a view into `X`.

        Raises
        ------
        UnknownNameError
            If there is no such column.
        """
        return self.X[:, self._find(name)]

    def to_pandas(self) -> pd.DataFrame:
        """Return the flows, the features and the labels as one data frame.

        Returns
        -------
        pandas.DataFrame
            src_ip, src_port, dst_ip, dst_port, protocol, start_ns, end_ns, packets, bytes, the text columns, then the
            features, then `label` if there are labels. A feature named like another column has `feature_` in front,
            and one named like another feature `.1` behind.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.features.table_layout import to_columns
        from netml.formats._table import to_frame

        return to_frame(to_columns(self))

    def to_arrow(self) -> pa.Table:
        """Return the flows, the features and the labels as an Arrow table.

        Returns
        -------
        pyarrow.Table
            Columns as in `to_pandas`; the metadata is the JSON text under `netml` in the schema's metadata.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        from netml.features.table_layout import to_columns
        from netml.formats._table import to_table

        return to_table(to_columns(self), "an Arrow table")

    def save(self, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> None:
        """Write the matrix; the suffix of `path` names the format, unless it is given.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            Ends in .npz, .npy, .csv, .parquet, .arrow or .dat. An open file is written at the end of the work, and
            stays open.
        format : {"npz", "npy", "csv", "parquet", "arrow", "dat"}, optional
            The format, whatever the suffix; needed for an open file whose name has none of the suffixes.

        Raises
        ------
        OptionError
            If nothing tells the format of an open file, or it was not opened in binary mode.
        UnknownNameError
            If no format has this suffix, or `X` is int8, and the format (.csv, .dat) does not keep that.
        MissingExtraError
            If the format's package is not installed.
        OutputError
            If the file cannot be written; an older file of this name is left as it was.
        """
        from netml.features.table_layout import write_matrix

        write_matrix(path, self, format=format)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> FeatureMatrix:
        """Read a matrix that `save` or `netml extract` wrote.

        Parameters
        ----------
        path, format
            As in `save`. An open file is read from its place to its end, and stays open.

        Returns
        -------
        FeatureMatrix
            As it was saved. `.npy` and `.dat` keep no flows: there the keys, times and counts are all 0 and
            the columns are called x_0, x_1 ...

        Raises
        ------
        OptionError, UnknownNameError
            As `save` does.
        DamagedFileError
            If the file is cut, damaged, or not a feature matrix.
        UntrustedFileError
            If a `.dat` file would run code.
        """
        from netml.features.table_layout import read_matrix

        return read_matrix(path, format=format)


def _list_names(key: Any) -> list[str]:
    """List the names that a key is made of; none, if it chooses rows."""
    if isinstance(key, slice | str) or key is Ellipsis:
        return []
    found = np.asarray(key)
    is_names = found.ndim == 1 and len(found) > 0 and all(isinstance(name, str) for name in found)
    return [str(name) for name in found] if is_names else []
