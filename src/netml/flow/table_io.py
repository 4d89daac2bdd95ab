"""`FlowTable` to pandas, Arrow, `.npz` and `.parquet`, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netml import formats
from netml.errors import DamagedFileError
from netml.flow.table import FlowTable
from netml.formats._table import import_pandas, to_table
from netml.formats.columns import LIST, NUMBER, TEXT, Column, Columns, Lists
from netml.formats.streams import Target, name_of
from netml.schema.flow_index import (
    ADDRESS_COLUMNS,
    ATTRIBUTE_KINDS,
    FLOW_COLUMNS,
    FLOW_KEY,
    OPTIONAL_COLUMNS,
    index_from_columns,
)
from netml.schema.packet_columns import PACKET_COLUMNS, PACKET_KINDS
from netml.schema.sizes import SIZE_COLUMNS, require_size

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".npz", ".parquet")
_METADATA_KEY = "netml_flow_table"


def to_pandas(table: FlowTable) -> pd.DataFrame:
    """Return a row for each packet; see `FlowTable.to_pandas`."""
    numbers = np.repeat(np.arange(len(table)), table.lengths)
    frame: pd.DataFrame = import_pandas().DataFrame({"flow": numbers, **table.columns})
    return frame


def to_arrow(table: FlowTable) -> pa.Table:
    """Return a row for each flow, its packets as list columns without a copy; see `FlowTable.to_arrow`."""
    return to_table(_to_columns(table), "an Arrow table")


def _to_columns(table: FlowTable) -> Columns:
    named: dict[str, Column] = dict(table.flows.table_columns())
    if "connection_start_ns" in table.flows.attributes:
        named["connection_start_ns"] = table.flows.attributes["connection_start_ns"]
    named |= {name: Lists(table.offsets, column) for name, column in table.columns.items()}
    return Columns(named, metadata={_METADATA_KEY: {"size": table.size_kind, "metadata": table.metadata}})


def _to_arrays(table: FlowTable) -> dict[str, Any]:
    arrays = {"keys": table.keys, "offsets": table.offsets, **table.columns, **table.flows.attributes}
    if table.flows.end_reason is not None:
        arrays["end_reason"] = table.flows.end_reason
    return {**arrays, "size": np.array(table.size_kind), "metadata": table.metadata}


def save(path: Target, table: FlowTable, format: str | None = None) -> None:
    """Write a table; see `FlowTable.save`."""
    found = formats.find_format(path, format, among=SUFFIXES, what="flow table format")
    formats.write(path, found, (_to_columns if found.content == "columns" else _to_arrays)(table))


def _set_known_attributes(table: FlowTable, found: Mapping[str, Any]) -> FlowTable:
    """Set the columns of the index that keys and packets do not tell."""
    if len(table):
        attributes = {name: found[name] for name in ATTRIBUTE_KINDS if name in found}
        index = table.flows
        table.set_times(index.start_ns, index.end_ns, found.get("end_reason"), attributes)
    return table


def load(path: Target, format: str | None = None) -> FlowTable:
    """Read a table; see `FlowTable.load`."""
    found = formats.find_format(path, format, among=SUFFIXES, what="flow table format")
    with formats.open_input(path, found, "not a flow table of netml, or a damaged one") as stream:
        try:
            if found.content == "columns":
                return _from_columns(found.code.read(stream, _choose))
            return _from_arrays(found.code.read(stream))
        except KeyError as error:
            what = f"not a flow table of netml: no column {error}"
            raise DamagedFileError(name_of(path), what) from error


def _from_arrays(arrays: dict[str, np.ndarray]) -> FlowTable:
    columns = {key: arrays[key] for key in PACKET_COLUMNS if key in arrays}
    metadata = json.loads(str(arrays["metadata"]))
    table = _checked(arrays["keys"], arrays["offsets"], columns, str(arrays["size"]), metadata)
    return _set_known_attributes(table, arrays)


def _choose(names: Sequence[str], _is_text: Callable[[str], bool | None]) -> dict[str, str]:
    """Choose the columns of a table's file, as `netml.formats` reads them."""
    kinds = {name: TEXT if name in ADDRESS_COLUMNS else NUMBER for name in FLOW_COLUMNS}
    kinds |= {name: NUMBER for name in (*OPTIONAL_COLUMNS, *ATTRIBUTE_KINDS) if name in names}
    return kinds | {name: LIST for name in PACKET_COLUMNS if name in names}


def _from_columns(read: Columns) -> FlowTable:
    named: dict[str, Any] = dict(read.named)
    described = read.metadata[_METADATA_KEY]
    index = index_from_columns(named)
    offsets = np.concatenate([[0], np.cumsum(index.packets)]).astype(np.int64)
    columns = {name: named[name] for name in PACKET_COLUMNS if name in named}
    loaded = _checked(index.keys, offsets, columns, described["size"], described["metadata"])
    return _set_known_attributes(loaded, {**named, "end_reason": index.end_reason})


def _checked(
    keys: np.ndarray, offsets: np.ndarray, columns: dict[str, np.ndarray], size: str, metadata: dict[str, Any]
) -> FlowTable:
    """Build a table of a file's arrays, which may be damaged: no offset may lead to packets that are not there."""
    require_size(size)
    n_packets, size_column = len(columns["time_ns"]), SIZE_COLUMNS[size]
    if size_column not in columns:
        raise KeyError(size_column)
    for name, column in columns.items():
        if column.dtype != PACKET_KINDS[name] or column.shape != (n_packets,):
            raise ValueError(f"{name} is {column.dtype} {column.shape}")
    if keys.dtype != FLOW_KEY or keys.ndim != 1 or offsets.dtype != np.int64 or offsets.shape != (len(keys) + 1,):
        raise ValueError("keys and offsets do not fit each other")
    if offsets[0] != 0 or offsets[-1] != n_packets or (np.diff(offsets) < 1).any():
        raise ValueError("offsets that do not rise from 0 to the number of packets")
    if not isinstance(metadata, dict):
        raise ValueError("metadata that is no mapping")
    return FlowTable(keys, offsets, columns, size, metadata)
