"""Flows: their keys and times (`FlowIndex`), and all their packets as one ragged table (`FlowTable`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from netml import _flowcore
from netml.errors import OptionError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FLOW_KEY = _flowcore.FLOW_KEY
PACKET_COLUMNS = ("time_ns", "caplen", "wirelen", "flags", "ttl")
_ADDRESSES_AT_A_TIME = 1 << 20

Rows = slice | np.ndarray | list[int] | list[bool]


def address_texts(addresses: np.ndarray, versions: np.ndarray) -> np.ndarray:
    """Write addresses as text (RFC 5952).

    Parameters
    ----------
    addresses : ndarray (n, 16) of uint8
        Network order; IPv4 in the first 4 octets.
    versions : ndarray (n,) of uint8
        4 or 6.

    Returns
    -------
    ndarray (n,) of str
        The addresses.
    """
    texts: list[str] = []
    for first in range(0, len(versions), _ADDRESSES_AT_A_TIME):
        part = slice(first, first + _ADDRESSES_AT_A_TIME)
        offsets, octets = _flowcore.format_addresses(np.ascontiguousarray(addresses[part]), versions[part].copy())
        text = octets.tobytes().decode("ascii")
        bounds = offsets.tolist()
        texts += [text[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]
    return np.array(texts, dtype=np.str_)


class FlowIndex:
    """Who the flows are: one row a flow, in the matrix's order.

    Parameters
    ----------
    keys : ndarray (n_flows,) of FLOW_KEY
        Directional five-tuples: `src_ip`, `dst_ip` (16 octets in network order, IPv4 in the first 4), `src_port`,
        `dst_port`, `protocol` (6 or 17), `ip_version` (4 or 6).
    start_ns, end_ns : ndarray (n_flows,) of int64
        Times of the first and last packet since 1970, ns.
    packets, bytes : ndarray (n_flows,) of int64
        Packets, and the sum of their sizes.
    """

    __slots__ = ("bytes", "end_ns", "keys", "packets", "start_ns")

    def __init__(self, keys: Any, start_ns: Any, end_ns: Any, packets: Any, bytes: Any) -> None:
        self.keys = np.asarray(keys, FLOW_KEY)
        self.start_ns = np.asarray(start_ns, np.int64)
        self.end_ns = np.asarray(end_ns, np.int64)
        self.packets = np.asarray(packets, np.int64)
        self.bytes = np.asarray(bytes, np.int64)
        lengths = [len(getattr(self, name)) for name in ("keys", "start_ns", "end_ns", "packets", "bytes")]
        if len(set(lengths)) != 1:
            raise OptionError("flow index", lengths, "columns of one length")

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"<FlowIndex: {len(self)} flows>"

    def __getitem__(self, rows: Rows) -> FlowIndex:
        """Choose rows by a slice, by positions or by a mask."""
        columns = (self.keys, self.start_ns, self.end_ns, self.packets, self.bytes)
        return FlowIndex(*(column[rows] for column in columns))

    @property
    def src_ip(self) -> np.ndarray:
        """Source addresses as text: ndarray (n_flows,) of str."""
        return address_texts(self.keys["src_ip"], self.keys["ip_version"])

    @property
    def dst_ip(self) -> np.ndarray:
        """Destination addresses as text: ndarray (n_flows,) of str."""
        return address_texts(self.keys["dst_ip"], self.keys["ip_version"])

    def five_tuples(self) -> list[tuple[str, str, int, int, int]]:
        """Give (source, destination, source port, destination port, protocol) of each flow."""
        keys = self.keys
        columns = (
            self.src_ip.tolist(),
            self.dst_ip.tolist(),
            keys["src_port"].tolist(),
            keys["dst_port"].tolist(),
            keys["protocol"].tolist(),
        )
        return list(zip(*columns, strict=True))

    def to_columns(self) -> dict[str, np.ndarray]:
        """Give the columns that every table of flows starts with, in order."""
        return {
            "src_ip": self.src_ip,
            "src_port": self.keys["src_port"],
            "dst_ip": self.dst_ip,
            "dst_port": self.keys["dst_port"],
            "protocol": self.keys["protocol"],
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "packets": self.packets,
            "bytes": self.bytes,
        }


class Flow(NamedTuple):
    """One flow of a `FlowTable`: views of its packets' columns."""

    key: np.void  # one FLOW_KEY
    time_ns: np.ndarray
    size: np.ndarray
    flags: np.ndarray | None
    ttl: np.ndarray | None

    def __len__(self) -> int:
        return len(self.time_ns)


class FlowTable:
    """Flows and their packets: a ragged table, flow by flow, packets in order of time.

    Flow `i` has the packets ``offsets[i]:offsets[i + 1]`` of every packet column.

    Parameters
    ----------
    keys : ndarray (n_flows,) of FLOW_KEY
        Directional five-tuples.
    offsets : ndarray (n_flows + 1,) of int64
        Where each flow's packets begin.
    columns : dict of str to ndarray (n_packets,)
        `time_ns` int64 (since 1970, ns); `caplen`, `wirelen` uint32 (frame length captured and on the wire, bytes);
        `flags`, `ttl` uint8 (TCP flags FIN 1 .. CWR 128, 0 for UDP; TTL or hop limit). At least `time_ns` and the length
        that `size` names; an attribute whose column is missing is None.
    size : {"captured", "wire"}
        Which length `.size` is.
    metadata : dict
        Where the flows come from: captures, counts by reason, what was dropped, options.

    Examples
    --------
    Bytes of each flow's first second, in five lines of numpy:

    >>> def bytes_of_first_second(table):
    ...     elapsed_ns = table.time_ns - np.repeat(table.index.start_ns, table.lengths)
    ...     early = np.where(elapsed_ns < 10**9, table.size, 0)
    ...     return np.add.reduceat(early, table.offsets[:-1]) if len(table) else early
    """

    __slots__ = ("_index", "caplen", "flags", "keys", "metadata", "offsets", "size_kind", "time_ns", "ttl", "wirelen")

    def __init__(
        self,
        keys: np.ndarray,
        offsets: np.ndarray,
        columns: dict[str, np.ndarray],
        size: str = "captured",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.keys = keys
        self.offsets = offsets
        self.size_kind = size
        self.metadata = metadata if metadata is not None else {}
        self.time_ns: np.ndarray = columns["time_ns"]
        self.caplen = columns.get("caplen")
        self.wirelen = columns.get("wirelen")
        self.flags = columns.get("flags")
        self.ttl = columns.get("ttl")
        self._index: FlowIndex | None = None
        if len(offsets) != len(keys) + 1 or offsets[-1] != len(self.time_ns):
            raise OptionError("offsets", len(offsets), f"{len(keys) + 1} places in the packet columns")

    @property
    def size(self) -> np.ndarray:
        """Packet sizes, bytes: `caplen` or `wirelen` as chosen; ndarray (n_packets,) of uint32."""
        size = self.wirelen if self.size_kind == "wire" else self.caplen
        assert size is not None
        return size

    @property
    def lengths(self) -> np.ndarray:
        """Packets of each flow: ndarray (n_flows,) of int64."""
        return self.index.packets

    @property
    def index(self) -> FlowIndex:
        """Keys, times, packets and bytes of the flows."""
        if self._index is None:
            self.set_times(self.time_ns[self.offsets[:-1]], self.time_ns[self.offsets[1:] - 1])
        assert self._index is not None
        return self._index

    def set_times(self, start_ns: np.ndarray, end_ns: np.ndarray) -> None:
        """Make the index, for whoever has the flows' first and last times already."""
        n_bytes = _flowcore.sum_by_flow(self.size, self.offsets)
        self._index = FlowIndex(self.keys, start_ns, end_ns, np.diff(self.offsets), n_bytes)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The packet columns that are there, by name."""
        return {name: getattr(self, name) for name in PACKET_COLUMNS if getattr(self, name) is not None}

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"<FlowTable: {len(self)} flows, {len(self.time_ns)} packets>"

    def __iter__(self) -> Iterator[Flow]:
        for i in range(len(self)):
            yield self[i]

    @overload
    def __getitem__(self, rows: int) -> Flow: ...
    @overload
    def __getitem__(self, rows: Rows) -> FlowTable: ...
    def __getitem__(self, rows: int | Rows) -> Flow | FlowTable:
        """Give one flow by its number, or a table of the flows of a slice, of positions or of a mask."""
        if isinstance(rows, int | np.integer):
            i = range(len(self))[rows]
            packets = slice(self.offsets[i], self.offsets[i + 1])
            flags, ttl = self.flags, self.ttl
            return Flow(
                self.keys[i],
                self.time_ns[packets],
                self.size[packets],
                None if flags is None else flags[packets],
                None if ttl is None else ttl[packets],
            )
        chosen = np.arange(len(self))[rows if isinstance(rows, slice) or len(rows) else slice(0)]
        lengths = self.lengths[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        # Each packet's old place: its flow's old start, plus how far it is from the flow's new start.
        places = np.repeat(self.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        columns = {name: column[places] for name, column in self.columns.items()}
        return FlowTable(self.keys[chosen], offsets, columns, self.size_kind, self.metadata)

    def to_pandas(self) -> pd.DataFrame:
        """Give one row a packet: `flow` (its number in this table), then the packet columns.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.formats import flow_table

        return flow_table.to_pandas(self)

    def to_arrow(self) -> pa.Table:
        """Give one row a flow, its packets as list columns that share memory with this table.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        from netml.formats import flow_table

        return flow_table.to_arrow(self)

    def save(self, path: str | os.PathLike) -> None:
        """Write the table to `.npz` or `.parquet`; the file appears whole or not at all.

        Raises
        ------
        UnknownNameError
            If the suffix is neither.
        MissingExtraError
            If pyarrow is needed and not installed.
        OutputError
            If the file cannot be written.
        """
        from netml.formats import flow_table

        flow_table.save(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike) -> FlowTable:
        """Read a table that `save` wrote.

        Raises
        ------
        UnknownNameError
            If the suffix is neither `.npz` nor `.parquet`.
        DamagedFileError
            If the file is cut, damaged, or no flow table.
        """
        from netml.formats import flow_table

        return flow_table.load(path)
