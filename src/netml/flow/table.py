"""Flows with all their packets, as one ragged table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from netml import _flowcore
from netml.errors import MissingColumnError, OptionError
from netml.schema.flow_index import ATTRIBUTE_KINDS, FlowIndex, Rows
from netml.schema.packet_columns import PACKET_COLUMNS
from netml.schema.sizes import SIZE_COLUMNS
from netml.validation import require_whole

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from netml.flow.headers import FlowHeaders


class Flow(NamedTuple):
    """One flow of a `FlowTable`: views of its packets' columns; `flags` and `ttl` are None where the table has none."""

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
        `flags`, `ttl` uint8 (TCP flags FIN 1 .. CWR 128, 0 for UDP; TTL or hop limit); `is_forward` uint8 (1: from the
        flow's initiator); `ip_bytes`, `payload_bytes` uint32 and `header_bytes` uint8 (lengths of the IP packet, of
        the transport's payload and of its header, as the headers say); TCP's `window` uint16, `sequence`,
        `acknowledgement` uint32, and `tcp_options` uint32 (of a SYN: see `docs/flows.md`). At least `time_ns` and the
        length that `size` names. The attribute of a column that is not there raises `MissingColumnError`, which is an
        `AttributeError`; `columns` has those that are there.
    size : {"captured", "wire", "ip", "payload"}
        Which length `.size` is.
    metadata : dict
        Where the flows come from: captures, counts by reason, what was dropped, options.

    Examples
    --------
    Bytes of each flow's first second, in five lines of numpy:

    >>> def bytes_of_first_second(table):
    ...     elapsed_ns = table.time_ns - np.repeat(table.flows.start_ns, table.lengths)
    ...     early = np.where(elapsed_ns < 10**9, table.size, 0)
    ...     return np.add.reduceat(early, table.offsets[:-1]) if len(table) else early
    """

    __slots__ = ("_index", "headers", "keys", "metadata", "offsets", "size_kind", *PACKET_COLUMNS)

    time_ns: np.ndarray
    caplen: np.ndarray
    wirelen: np.ndarray
    flags: np.ndarray
    ttl: np.ndarray
    is_forward: np.ndarray
    ip_bytes: np.ndarray
    payload_bytes: np.ndarray
    header_bytes: np.ndarray
    window: np.ndarray
    sequence: np.ndarray
    acknowledgement: np.ndarray
    tcp_options: np.ndarray

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
        self.time_ns = columns["time_ns"]
        for name in _flowcore.COLUMN_KINDS:
            if columns.get(name) is not None:
                setattr(self, name, columns[name])
        self.headers: FlowHeaders | None = None  # of the first packets, where a family asks for them
        self._index: FlowIndex | None = None
        if len(offsets) != len(keys) + 1 or offsets[-1] != len(self.time_ns):
            raise OptionError("offsets", len(offsets), f"{len(keys) + 1} places in the packet columns")

    def __getattr__(self, name: str) -> Any:
        """Raise the error of an attribute that is not set: a packet column that was not read, or no attribute."""
        if name in PACKET_COLUMNS:
            raise MissingColumnError(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @property
    def size(self) -> np.ndarray:
        """Packet sizes in the measure `size_kind`, bytes: ndarray (n_packets,) of uint32."""
        size: np.ndarray = getattr(self, SIZE_COLUMNS[self.size_kind])
        return size

    @property
    def lengths(self) -> np.ndarray:
        """Packets of each flow: ndarray (n_flows,) of int64."""
        return self.flows.packets

    @property
    def flows(self) -> FlowIndex:
        """Keys, times, packets and bytes of the flows."""
        if self._index is None:
            self.set_times(self.time_ns[self.offsets[:-1]], self.time_ns[self.offsets[1:] - 1])
        assert self._index is not None
        return self._index

    def set_times(
        self,
        start_ns: np.ndarray,
        end_ns: np.ndarray,
        end_reason: np.ndarray | None = None,
        attributes: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Make the index, for whoever has the flows' first and last times already.

        Parameters
        ----------
        start_ns, end_ns : ndarray (n_flows,) of int64
            Since 1970, ns.
        end_reason : ndarray (n_flows,) of uint8, optional
            Why the flows have ended; see `FlowIndex`.
        attributes : dict of str to ndarray (n_flows,), optional
            What else is known of the flows; see `FlowIndex`.
        """
        n_bytes = _flowcore.sum_by_flow(self.size, self.offsets)
        self._index = FlowIndex(self.keys, start_ns, end_ns, np.diff(self.offsets), n_bytes, end_reason, attributes)

    @property
    def attributes(self) -> dict[str, np.ndarray]:
        """Attributes of each flow as a whole, by name, for the families."""
        protocol = np.ascontiguousarray(self.keys["protocol"])
        return {"protocol": protocol, **self.flows.attributes}

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Packet columns that the table has, by name."""
        columns = {name: getattr(self, name, None) for name in PACKET_COLUMNS}
        return {name: column for name, column in columns.items() if column is not None}

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def shape(self) -> tuple[int]:
        """Tuple (n_flows,): with it scikit-learn takes rows by their positions, as of an array."""
        return (len(self),)

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
        """Return one flow by its number, or a table of the flows of a slice, of positions or of a mask."""
        if isinstance(rows, int | np.integer):
            i = range(len(self))[rows]
            packets = slice(self.offsets[i], self.offsets[i + 1])
            columns = self.columns
            flags, ttl = columns.get("flags"), columns.get("ttl")
            return Flow(
                self.keys[i],
                self.time_ns[packets],
                self.size[packets],
                None if flags is None else flags[packets],
                None if ttl is None else ttl[packets],
            )
        chosen = np.arange(len(self))[rows if isinstance(rows, slice) or len(rows) else slice(0)]
        table = self._take(chosen, self.lengths[chosen])
        table.headers = self.headers and self.headers.take(chosen)
        table._index = self.flows[chosen]
        return table

    def first(self, n: int) -> FlowTable:
        """Cut flows to their first packets, as an observer sees them before their end.

        Parameters
        ----------
        n : int
            Packets of a flow at most, at least 1.

        Returns
        -------
        FlowTable
            The same flows; their times, packets and bytes are those of what is left. This table itself if no flow has
            more packets.
        """
        require_whole("first", n, 1)
        index = self.flows
        if not len(self) or index.packets.max() <= n:
            return self
        table = self._take(np.arange(len(self)), np.minimum(index.packets, n))
        table.headers = self.headers and self.headers.take(np.arange(len(self)), n)
        end_ns = table.time_ns[table.offsets[1:] - 1]
        table.set_times(index.start_ns, end_ns, index.end_reason, index.attributes)
        return table

    def _take(self, chosen: np.ndarray, lengths: np.ndarray) -> FlowTable:
        """Return the first `lengths` packets of the chosen flows, without an index."""
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        # Each packet's old place: its flow's old start, plus how far it is from the flow's new start.
        places = np.repeat(self.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        columns = {name: column[places] for name, column in self.columns.items()}
        return FlowTable(self.keys[chosen], offsets, columns, self.size_kind, self.metadata)

    @classmethod
    def concat(cls, tables: Sequence[FlowTable]) -> FlowTable:
        """Put tables of flows below each other.

        Parameters
        ----------
        tables : sequence of FlowTable
            One or more, with the same packet columns.

        Returns
        -------
        FlowTable (sum of n_flows)
            All flows with all their packets; without the headers of first packets. The metadata is the first one's.
        """
        if len(tables) == 1:
            return tables[0]
        starts = np.cumsum([0, *(len(table.time_ns) for table in tables)])
        parts = [table.offsets[:-1] + start for table, start in zip(tables, starts, strict=False)]
        columns = {name: np.concatenate([table.columns[name] for table in tables]) for name in tables[0].columns}
        offsets = np.concatenate([*parts, starts[-1:]]).astype(np.int64)
        index = FlowIndex.concat([table.flows for table in tables])
        whole = cls(index.keys, offsets, columns, tables[0].size_kind, tables[0].metadata)
        whole._index = index
        return whole

    def to_pandas(self) -> pd.DataFrame:
        """Convert to a data frame with a row for each packet.

        Returns
        -------
        pandas.DataFrame (n_packets rows)
            `flow` (its number in this table), then the packet columns.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.flow import table_io

        return table_io.to_pandas(self)

    def to_arrow(self) -> pa.Table:
        """Convert to an Arrow table with a row for each flow.

        Returns
        -------
        pyarrow.Table (n_flows rows)
            The columns of `FlowIndex.to_columns`, then the packet columns as lists that share memory with this table.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        from netml.flow import table_io

        return table_io.to_arrow(self)

    def save(self, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> None:
        """Write the table; the file appears whole or not at all.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            Ends in `.npz` or `.parquet`. An open file is written at the end of the work, and stays open.
        format : {"npz", "parquet"}, optional
            The format, whatever the suffix; needed for an open file whose name has neither suffix.

        Raises
        ------
        OptionError
            If nothing tells the format of an open file, or it was not opened in binary mode.
        UnknownNameError
            If the suffix is neither.
        MissingExtraError
            If pyarrow is needed and not installed.
        OutputError
            If the file cannot be written.
        """
        from netml.flow import table_io

        table_io.save(path, self, format)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> FlowTable:
        """Read a table that `save` wrote.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            Ends in `.npz` or `.parquet`. An open file is read from its place to its end, and stays open.
        format : {"npz", "parquet"}, optional
            The format, whatever the suffix; needed for an open file whose name has neither suffix.

        Returns
        -------
        FlowTable
            As it was saved.

        Raises
        ------
        OptionError
            If nothing tells the format of an open file, or it was not opened in binary mode.
        UnknownNameError
            If the suffix is neither `.npz` nor `.parquet`.
        DamagedFileError
            If the file is cut, damaged, or no flow table.
        """
        from netml.flow import table_io

        return table_io.load(path, format)


def make_table(taken: dict[str, np.ndarray], size: str, metadata: dict[str, Any]) -> FlowTable:
    """Make the table of what an assembler's `take_flows`, `take_biflows` or `take_expired` hands out, which is used up.

    It has the times and, where the assembler knows them, end reasons and attributes of its flows.
    """
    attributes = {name: taken.pop(name) for name in ATTRIBUTE_KINDS if name in taken}
    start_ns, end_ns, end_reason = taken.pop("start_ns"), taken.pop("end_ns"), taken.pop("end_reason", None)
    table = FlowTable(taken.pop("keys"), taken.pop("offsets"), taken, size, metadata)
    table.set_times(start_ns, end_ns, end_reason, attributes)
    return table
