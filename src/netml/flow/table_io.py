"""`FlowTable` to pandas, Arrow, `.npz` and `.parquet`, and back."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import DamagedFileError
from netml.files.output import atomic_output
from netml.flow.table import FlowTable
from netml.formats import batch_output
from netml.formats._damage import damage_as_error
from netml.formats._table import flow_columns, import_pandas, import_pyarrow
from netml.formats.npz import write_arrays
from netml.schema.flow_index import (
    ATTRIBUTE_KINDS,
    FLOW_COLUMNS,
    FLOW_KEY,
    OPTIONAL_COLUMNS,
    flow_names,
    index_from_columns,
)
from netml.schema.packet_columns import PACKET_COLUMNS, PACKET_KINDS
from netml.schema.sizes import SIZE_COLUMNS, require_size

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".npz", ".parquet")
_METADATA_KEY = b"netml_flow_table"


def to_pandas(table: FlowTable) -> pd.DataFrame:
    """Give one row a packet; see `FlowTable.to_pandas`."""
    numbers = np.repeat(np.arange(len(table)), table.lengths)
    frame: pd.DataFrame = import_pandas().DataFrame({"flow": numbers, **table.columns})
    return frame


def to_arrow(table: FlowTable) -> pa.Table:
    """Give one row a flow, its packets as list columns without a copy; see `FlowTable.to_arrow`."""
    arrow = import_pyarrow("an Arrow table")
    names, columns = list(flow_names(table.flows)), flow_columns(arrow, table.flows)
    if "connection_start_ns" in table.flows.attributes:
        names.append("connection_start_ns")
        columns.append(arrow.array(table.flows.attributes["connection_start_ns"]))
    # Lists with 64-bit offsets share the table's own offsets; nothing is copied.
    offsets = arrow.array(table.offsets)
    for name, column in table.columns.items():
        names.append(name)
        columns.append(arrow.LargeListArray.from_arrays(offsets, arrow.array(column)))
    described = {_METADATA_KEY: json.dumps({"size": table.size_kind, "metadata": table.metadata}).encode()}
    return arrow.Table.from_arrays(columns, names=names, metadata=described)


def save(path: str | os.PathLike[str], table: FlowTable, suffix: str | None = None) -> None:
    """Write a table; see `FlowTable.save`."""
    suffix = _suffix(path, suffix)
    if suffix == ".parquet":
        import_pyarrow("writing Parquet")
        from pyarrow import parquet

        # Opened here: given a path, pyarrow deletes what stands there when it fails, were it a device or a FIFO.
        with atomic_output(path) as partial, open(partial, "wb") as stream:
            parquet.write_table(to_arrow(table), stream)
        return
    arrays = {
        "keys": table.keys,
        "offsets": table.offsets,
        **table.columns,
        **_known_attributes(table),
        "size": np.array(table.size_kind),
        "metadata": np.array(json.dumps(table.metadata)),
    }
    with atomic_output(path) as partial:
        write_arrays(partial, arrays)


def _known_attributes(table: FlowTable) -> dict[str, np.ndarray]:
    """Give what the index holds besides what keys and packets tell."""
    reason = table.flows.end_reason
    return {**table.flows.attributes, **({} if reason is None else {"end_reason": reason})}


def _set_known_attributes(table: FlowTable, found: Mapping[str, Any]) -> FlowTable:
    """Undo `_known_attributes`."""
    if len(table):
        attributes = {name: found[name] for name in ATTRIBUTE_KINDS if name in found}
        index = table.flows
        table.set_times(index.start_ns, index.end_ns, found.get("end_reason"), attributes)
    return table


def load(path: str | os.PathLike[str], suffix: str | None = None) -> FlowTable:
    """Read a table; see `FlowTable.load`."""
    name = os.fspath(path)
    suffix = _suffix(path, suffix)
    with damage_as_error(name, "not a flow table of netml, or a damaged one"):
        try:
            return _load_parquet(name) if suffix == ".parquet" else _load_npz(name)
        except KeyError as error:
            raise DamagedFileError(name, f"not a flow table of netml: no column {error}") from error


def _suffix(path: str | os.PathLike[str], suffix: str | None) -> str:
    return batch_output.find_suffix(path, SUFFIXES, "flow table format", suffix)


def _load_npz(name: str) -> FlowTable:
    with open(name, "rb") as stream:
        archive = np.load(io.BytesIO(stream.read()) if not stream.seekable() else stream, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("a lone array")
        arrays: dict[str, Any] = {key: archive[key] for key in archive.files}
    columns = {key: arrays[key] for key in PACKET_COLUMNS if key in arrays}
    metadata = json.loads(str(arrays["metadata"]))
    table = _checked(arrays["keys"], arrays["offsets"], columns, str(arrays["size"]), metadata)
    return _set_known_attributes(table, arrays)


def _load_parquet(name: str) -> FlowTable:
    import_pyarrow("reading Parquet")
    from pyarrow import parquet

    # By the stream: to pyarrow a name may be a folder of files.
    with open(name, "rb") as stream:
        table = parquet.read_table(stream)
    table.validate(full=True)
    described = json.loads((table.schema.metadata or {})[_METADATA_KEY])
    names = [key for key in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS) if key in table.column_names or key in FLOW_COLUMNS]
    index = index_from_columns({key: table.column(key).to_numpy() for key in names})
    offsets = np.concatenate([[0], np.cumsum(index.packets)]).astype(np.int64)
    columns = {
        key: table.column(key).combine_chunks().flatten().to_numpy()
        for key in PACKET_COLUMNS
        if key in table.column_names
    }
    loaded = _checked(index.keys, offsets, columns, described["size"], described["metadata"])
    attributes = {name: table.column(name).to_numpy() for name in ATTRIBUTE_KINDS if name in table.column_names}
    return _set_known_attributes(loaded, {**attributes, "end_reason": index.end_reason})


def _checked(
    keys: np.ndarray, offsets: np.ndarray, columns: dict[str, np.ndarray], size: str, metadata: dict[str, Any]
) -> FlowTable:
    """Build a table from what a file says; a stranger's file must not lead to packets that are not there."""
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
