"""The packet table: every TCP and UDP packet of captures, in order of arrival, as columns."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from netml import _flowcore
from netml._version import __version__
from netml.capture.reader import Progress, ReadOptions, read_packets
from netml.flow.options import FlowOptions, choose_flow
from netml.formats import Format, check_output, find_format, write
from netml.formats.columns import Column, Columns, Indexed
from netml.formats.streams import Target
from netml.schema.flow_index import ADDRESS_COLUMNS, Addresses

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".npz", ".csv", ".parquet", ".arrow")
COLUMNS = (
    "time_ns", "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "caplen", "wirelen", "flags", "ttl",
)  # fmt: skip


class PacketTable:
    """Packets in order of arrival.

    Parameters
    ----------
    keys : ndarray (n_keys,) of FLOW_KEY
        The directional five-tuples that occur, in order of their first packet.
    columns : dict of str to ndarray (n_packets,)
        `time_ns` int64 (since 1970), `flow` uint32 (its place in `keys`), `caplen`, `wirelen` uint32 (bytes), `flags`,
        `ttl` uint8.
    metadata : dict
        Captures and counts by reason.
    """

    def __init__(self, keys: np.ndarray, columns: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        self.keys = keys
        self.columns = columns
        self.metadata = metadata

    def __len__(self) -> int:
        return len(self.columns["time_ns"])

    def __repr__(self) -> str:
        return f"<PacketTable: {len(self)} packets of {len(self.keys)} flow keys>"

    def to_arrow(self) -> pa.Table:
        """Convert to an Arrow table of `COLUMNS`; addresses are dictionary-encoded.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        from netml.formats._table import to_table

        return to_table(self._to_columns(), "an Arrow table of packets")

    def to_pandas(self) -> pd.DataFrame:
        """Convert to a data frame of `COLUMNS`.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.formats._table import to_frame

        return to_frame(self._to_columns())

    def _to_columns(self) -> Columns:
        keys, flow = self.keys, self.columns["flow"]
        named: dict[str, Column] = {}
        for name in COLUMNS:
            if name in ADDRESS_COLUMNS:
                named[name] = Indexed(Addresses(keys[name], keys["ip_version"]), flow)
            else:
                named[name] = self.columns[name] if name in self.columns else np.ascontiguousarray(keys[name])[flow]
        return Columns(named, metadata={"netml": self.metadata})

    def save(self, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> None:
        """Write the table; the file appears whole or not at all.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            Ends in one of `SUFFIXES`. An open file is written at the end of the work, and stays open.
        format : {"npz", "csv", "parquet", "arrow"}, optional
            The format, whatever the suffix; needed for an open file whose name has none of the suffixes.

        Raises
        ------
        OptionError
            If nothing tells the format of an open file, or it was not opened in binary mode.
        UnknownNameError
            If the suffix is none of `SUFFIXES`.
        MissingExtraError
            If pyarrow is needed and not installed.
        OutputError
            If the file cannot be written.
        """
        found = _find_format(path, format)
        arrays = {**self.columns, "keys": self.keys, "metadata": self.metadata}
        write(path, found, self._to_columns() if found.content == "columns" else arrays)


def read_packet_table(
    source: Any,
    *,
    flow: FlowOptions | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> PacketTable:
    """Read every TCP and UDP packet of captures, in order of arrival.

    Of `flow`, `tunnels`, `tunnel_ports`, `fragments` and `protocols` count; the rest is as in `netml.read_flows`.
    """
    assembler = _flowcore.FlowAssembler(("caplen", "wirelen", "flags", "ttl"), **choose_flow(flow).decoding)
    captures, damage = read_packets(assembler, source, ReadOptions(strict, link_type, progress))
    metadata = {
        "netml_version": __version__,
        "captures": captures,
        "damage": [str(error) for error in damage],
        **assembler.counters,
    }
    return PacketTable(assembler.keys(), assembler.take_packets(), metadata)


def check_packets_output(path: str | os.PathLike[str]) -> None:
    """Check that `PacketTable.save` can write there, before the work is done."""
    check_output(path, _find_format(path))


def _find_format(path: Target, format: str | None = None) -> Format:
    return find_format(path, format, among=SUFFIXES, what="packet table format")
