"""Columns to Arrow tables and pandas data frames, and Arrow tables to columns."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import MissingExtraError
from netml.formats.columns import FEATURE, LIST, TEXT, Choose, Column, Columns, Indexed, Lists
from netml.schema.flow_index import Addresses

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_LARGEST_OFFSET = np.iinfo(np.int32).max
_TEXT_KINDS = ("string", "large_string")
_ROWS_AT_A_TIME = 512  # few enough for the cache


def import_pyarrow(what: str) -> Any:
    """Return the pyarrow package, or raise a `MissingExtraError` that names `what` needs it."""
    return _import("pyarrow", what, "parquet")


def import_pandas() -> Any:
    """Return the pandas package, or raise a `MissingExtraError`."""
    return _import("pandas", "a pandas data frame", "pandas")


def _import(package: str, what: str, extra: str) -> Any:
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise  # it is there, and broken
        raise MissingExtraError(what, extra) from error


def to_frame(columns: Columns) -> pd.DataFrame:
    """Return columns as a pandas data frame; the features share one block."""
    pandas = import_pandas()
    plain = columns.plain()
    features = columns.names[len(columns.named) : len(plain) - len(columns.last)]
    frame: pd.DataFrame = pandas.DataFrame({name: plain[name] for name in columns.named})
    if columns.X is not None:
        frame = pandas.concat([frame, pandas.DataFrame(columns.X, columns=list(features))], axis=1)
    for name in columns.last:
        frame[name] = plain[name]
    return frame


def to_table(columns: Columns, what: str) -> pa.Table:
    """Return columns as an Arrow table; `what` needs it, for the error if pyarrow is missing.

    Numbers and lists are not copied, addresses that repeat are a dictionary, the metadata is JSON in the schema.
    """
    arrow = import_pyarrow(what)
    arrays = [_array(arrow, column) for column in columns.named.values()]
    if columns.X is not None:
        # Row-major to columns, each value touched once while its line is in the cache.
        arrays += [_array(arrow, column) for column in _transposed(columns.X)]
    arrays += [_array(arrow, column) for column in columns.last.values()]
    fields = [arrow.field(name, array.type) for name, array in zip(columns.names, arrays, strict=True)]
    metadata = {key.encode(): json.dumps(value).encode() for key, value in columns.metadata.items()}
    return arrow.Table.from_arrays(arrays, schema=arrow.schema(fields, metadata=metadata or None))


def _array(arrow: Any, column: Column) -> Any:
    if isinstance(column, Indexed):
        texts, places = np.unique(column.values.texts(), return_inverse=True)
        indices = _array(arrow, places.astype(np.int32)[column.places])
        return arrow.DictionaryArray.from_arrays(indices, _array(arrow, texts))
    if isinstance(column, Lists):
        # Lists with 64-bit offsets share the table's own offsets.
        return arrow.LargeListArray.from_arrays(_array(arrow, column.offsets), _array(arrow, column.values))
    if isinstance(column, Addresses):
        return _address_array(arrow, column)
    if column.dtype.kind == "U":
        return _text_array(arrow, column)
    # An array on the memory of the numbers. `arrow.array` would load pandas, which takes longer than a small file.
    buffers = [None, arrow.py_buffer(np.ascontiguousarray(column))]
    return arrow.Array.from_buffers(arrow.from_numpy_dtype(column.dtype), len(column), buffers)


def _text_array(arrow: Any, texts: np.ndarray) -> Any:
    octets = [text.encode() for text in texts.tolist()]
    offsets = np.zeros(len(octets) + 1, np.int64)
    np.cumsum([len(text) for text in octets], out=offsets[1:])
    if offsets[-1] > _LARGEST_OFFSET:
        return arrow.array(texts.tolist(), arrow.string())  # in chunks
    buffers = arrow.py_buffer(offsets.astype(np.int32)), arrow.py_buffer(b"".join(octets))
    return arrow.StringArray.from_buffers(len(octets), *buffers)


def _address_array(arrow: Any, column: Addresses) -> Any:
    from netml import _flowcore

    octets, versions = np.ascontiguousarray(column.octets), np.ascontiguousarray(column.versions)
    offsets, text = _flowcore.format_addresses(octets, versions)
    buffers = arrow.py_buffer(offsets), arrow.py_buffer(text)
    return arrow.StringArray.from_buffers(len(versions), *buffers)


def _transposed(features: np.ndarray) -> np.ndarray:
    columns = np.empty(features.shape[::-1], features.dtype)
    for start in range(0, len(features), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        columns[:, rows] = features[rows].T
    return columns


def columns_of(table: pa.Table, choose: Choose) -> Columns:
    """Return the columns of an Arrow table that `choose` names; a `LIST` becomes the values of all its lists.

    Texts are objects, "" where there is none. Features are the block `X`: int8 if all are, else float64. A `ValueError`
    or a `KeyError` says that the table is another one or damaged.
    """
    # pyarrow takes a file's offsets for its own, and a damaged one leads it anywhere in memory.
    table.validate(full=True)
    kinds = {name: str(table.schema.field(name).type) for name in table.column_names}
    chosen = choose(table.column_names, lambda name: kinds[name] in _TEXT_KINDS)
    features = [name for name, kind in chosen.items() if kind == FEATURE]
    is_int8 = bool(features) and all(kinds[name] == "int8" for name in features)
    X = np.empty((len(table), len(features)), np.int8 if is_int8 else np.float64)
    for position, name in enumerate(features):
        X[:, position] = table.column(name).to_numpy()
    named = {name: _values(table.column(name), kind) for name, kind in chosen.items() if kind != FEATURE}
    about = {key.decode(): value for key, value in (table.schema.metadata or {}).items()}
    metadata = {key: json.loads(value) for key, value in about.items() if key.startswith("netml")}
    return Columns(named, X, tuple(features), {}, metadata)


def _values(column: Any, kind: str) -> np.ndarray:
    if kind == TEXT:
        column = column.cast("string").fill_null("")
    elif kind == LIST:
        column = column.combine_chunks().flatten()
    values: np.ndarray = column.to_numpy()
    return values
