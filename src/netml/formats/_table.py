"""Feature matrix to Arrow table and back: what Parquet, Arrow and CSV share."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import MissingExtraError
from netml.features.matrix import FeatureMatrix
from netml.features.table_layout import LABEL_COLUMN, column_names, split_names, table_names
from netml.schema.flow_index import ADDRESS_COLUMNS, FLOW_COLUMNS, OPTIONAL_COLUMNS, flow_names, index_from_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from netml.schema.flow_index import FlowIndex

_METADATA_KEY = b"netml"
_LARGEST_OFFSET = np.iinfo(np.int32).max
_TEXT_KINDS = ("string", "large_string")
_ROWS_AT_A_TIME = 512  # few enough for the cache


def import_pyarrow(what: str) -> Any:
    """Give the pyarrow package.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return _import("pyarrow", what, "parquet")


def import_pandas() -> Any:
    """Give the pandas package.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return _import("pandas", "a pandas data frame", "pandas")


def _import(package: str, what: str, extra: str) -> Any:
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise  # it is there, and broken
        raise MissingExtraError(what, extra) from error


def to_table(matrix: FeatureMatrix, what: str) -> pa.Table:
    """Give a feature matrix as an Arrow table.

    Parameters
    ----------
    matrix : FeatureMatrix
        The matrix.
    what : str
        What needs the table, for the error's text.

    Returns
    -------
    pyarrow.Table
        The flows' columns, the texts, the features as float64, `label`; the metadata as JSON in the schema.
    """
    arrow = import_pyarrow(what)
    columns = flow_columns(arrow, matrix.flows)
    columns += [_text_column(arrow, text) for text in matrix.texts.values()]
    # Row-major to columns, each value touched once while its line is in the cache.
    columns += [_number_column(arrow, column) for column in transposed(matrix.X)]
    if matrix.labels is not None:
        columns.append(_text_column(arrow, matrix.labels))
    fields = [arrow.field(name, column.type) for name, column in zip(table_names(matrix), columns, strict=True)]
    schema = arrow.schema(fields, metadata={_METADATA_KEY: json.dumps(matrix.metadata).encode()})
    return arrow.Table.from_arrays(columns, schema=schema)


def flow_columns(arrow: Any, flows: FlowIndex) -> list[Any]:
    """Give the columns `flow_names` as Arrow arrays."""
    return [_flow_column(arrow, flows, name) for name in flow_names(flows)]


def _flow_column(arrow: Any, flows: Any, name: str) -> Any:
    if name in ADDRESS_COLUMNS:
        return address_column(arrow, flows.keys[name], flows.keys["ip_version"])
    if name in flows.keys.dtype.names:
        return _number_column(arrow, np.ascontiguousarray(flows.keys[name]))
    column = flows.attributes[name] if name in flows.attributes else getattr(flows, name)
    return _number_column(arrow, np.ascontiguousarray(column, dtype=OPTIONAL_COLUMNS.get(name, np.int64)))


def _number_column(arrow: Any, values: np.ndarray) -> Any:
    """An array on the memory of these values. `arrow.array` would load pandas, which takes longer than a small file."""
    buffers = [None, arrow.py_buffer(values)]
    return arrow.Array.from_buffers(arrow.from_numpy_dtype(values.dtype), len(values), buffers)


def _text_column(arrow: Any, texts: np.ndarray) -> Any:
    octets = [text.encode() for text in texts.tolist()]
    offsets = np.zeros(len(octets) + 1, np.int64)
    np.cumsum([len(text) for text in octets], out=offsets[1:])
    if offsets[-1] > _LARGEST_OFFSET:
        return arrow.array(texts.tolist(), arrow.string())  # in chunks
    buffers = arrow.py_buffer(offsets.astype(np.int32)), arrow.py_buffer(b"".join(octets))
    return arrow.StringArray.from_buffers(len(octets), *buffers)


def address_column(arrow: Any, addresses: np.ndarray, versions: np.ndarray) -> Any:
    """Give addresses as an Arrow array of texts."""
    from netml import _flowcore

    addresses, versions = np.ascontiguousarray(addresses), np.ascontiguousarray(versions)
    offsets, text = _flowcore.format_addresses(addresses, versions)
    buffers = arrow.py_buffer(offsets), arrow.py_buffer(text)
    return arrow.StringArray.from_buffers(len(versions), *buffers)


def transposed(features: np.ndarray) -> np.ndarray:
    """Give a matrix's columns as rows."""
    columns = np.empty(features.shape[::-1], features.dtype)
    for start in range(0, len(features), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        columns[:, rows] = features[rows].T
    return columns


def from_table(table: pa.Table) -> FeatureMatrix:
    """Give a feature matrix from an Arrow table.

    Parameters
    ----------
    table : pyarrow.Table
        As `to_table` makes it.

    Returns
    -------
    FeatureMatrix
        The matrix; without metadata in the schema, its metadata is empty.

    Raises
    ------
    ValueError
        If the table is no feature table, or pyarrow cannot follow what its file says.
    """
    # pyarrow takes a file's offsets for its own, and a damaged one leads it anywhere in memory.
    table.validate(full=True)
    kinds = {name: str(table.schema.field(name).type) for name in table.column_names}
    texts, features, has_labels = split_names(table.column_names, lambda name: kinds[name] in _TEXT_KINDS)
    names = [name for name in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS) if name in table.column_names]
    flows: dict[str, Any] = {name: table.column(name).to_numpy() for name in names}
    is_int8 = bool(features) and all(str(table.schema.field(name).type) == "int8" for name in features)
    matrix = np.empty((len(table), len(features)), np.int8 if is_int8 else np.float64)
    for position, name in enumerate(features):
        matrix[:, position] = table.column(name).to_numpy()
    labels = table.column(LABEL_COLUMN).cast("string").fill_null("").to_pylist() if has_labels else None
    metadata = json.loads((table.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    said = {name: table.column(name).fill_null("").to_pylist() for name in texts}
    return FeatureMatrix(matrix, column_names(features, texts), index_from_columns(flows), metadata, labels, said)
