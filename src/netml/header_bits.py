"""Packets as the bits of their headers, in nPrint's columns: a row for each packet of captures."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

import netml
from netml import _flowcore
from netml.errors import UnknownNameError
from netml.families.nprint import LARGEST_PAYLOAD, name_bits, parse_headers
from netml.flow_index import address_texts
from netml.options import FlowOptions, require_whole
from netml.persist import atomic_output, check_output
from netml.reading import Progress, walk_packets

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".npz", ".parquet")
ALL_HEADERS = "4,6,t,u,i"
PACKET_COLUMNS = ("time_ns", "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "caplen", "wirelen")
BATCH_BYTES = 1 << 26  # of bits
MOST_BATCH_ROWS = 1 << 16


class HeaderBits:
    """Packets in order of arrival, each with the bits of its headers.

    Parameters
    ----------
    X : ndarray (n_packets, n_columns) of int8
        1, 0, or -1 where there is none.
    columns : tuple of str
        nPrint's names.
    time_ns : ndarray (n_packets,) of int64
        Capture times since 1970, ns.
    keys : ndarray (n_packets,) of FLOW_KEY
        Addresses, ports and protocol.
    caplen, wirelen : ndarray (n_packets,) of uint32
        Length of the frame as captured and on the wire, bytes.
    metadata : dict
        Headers, captures, and counts by reason.
    """

    __slots__ = ("X", "caplen", "columns", "keys", "metadata", "time_ns", "wirelen")

    def __init__(
        self,
        X: np.ndarray,
        columns: tuple[str, ...],
        time_ns: np.ndarray,
        keys: np.ndarray,
        caplen: np.ndarray,
        wirelen: np.ndarray,
        metadata: dict[str, Any],
    ) -> None:
        self.X = X
        self.columns = columns
        self.time_ns = time_ns
        self.keys = keys
        self.caplen = caplen
        self.wirelen = wirelen
        self.metadata = metadata

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        return f"<HeaderBits: {len(self)} packets x {len(self.columns)} bits>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Give `X`."""
        return np.array(self.X, dtype=dtype, copy=copy)

    def to_pandas(self) -> pd.DataFrame:
        """Give the table `PACKET_COLUMNS` and the bits as a data frame.

        Returns
        -------
        pandas.DataFrame
            A row for each packet; bits are int8.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.formats._table import import_pandas

        pandas = import_pandas()
        who = pandas.DataFrame({name: self._packet_column(name) for name in PACKET_COLUMNS})
        frame: pd.DataFrame = pandas.concat([who, pandas.DataFrame(self.X, columns=list(self.columns))], axis=1)
        return frame

    def to_arrow(self) -> pa.Table:
        """Give the table `PACKET_COLUMNS` and the bits as an Arrow table.

        Returns
        -------
        pyarrow.Table
            A row for each packet; bits are int8.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        from netml.formats._table import address_column, import_pyarrow, transposed

        arrow = import_pyarrow("an Arrow table of header bits")
        columns = [
            address_column(arrow, self.keys[name], self.keys["ip_version"])
            if name in ("src_ip", "dst_ip")
            else arrow.array(self._packet_column(name))
            for name in PACKET_COLUMNS
        ]
        columns += [arrow.array(column) for column in transposed(self.X)]
        return arrow.Table.from_arrays(columns, names=[*PACKET_COLUMNS, *self.columns])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table; the suffix of `path` names the format, and the file appears whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            Ends in `.npz` (`X` int8, `columns`, `time_ns`, `keys`, `caplen`, `wirelen`, `metadata`) or `.parquet`.

        Raises
        ------
        UnknownNameError
            If the suffix is none of `SUFFIXES`.
        MissingExtraError
            If pyarrow is needed and not installed.
        OutputError
            If the file cannot be written.
        """
        suffix = _suffix(path)
        with atomic_output(path) as partial:
            if suffix == ".parquet":
                with open(partial, "wb") as stream:
                    _write_parquet(stream, self, iter(()))
                return
            from netml.formats.npz import write_arrays

            arrays = {name: getattr(self, name) for name in ("X", "time_ns", "keys", "caplen", "wirelen")}
            texts = {"columns": np.array(self.columns, np.str_), "metadata": np.array(json.dumps(self.metadata))}
            write_arrays(partial, {**arrays, **texts})

    def _packet_column(self, name: str) -> np.ndarray:
        if name in ("src_ip", "dst_ip"):
            return address_texts(np.ascontiguousarray(self.keys[name]), np.ascontiguousarray(self.keys["ip_version"]))
        found: np.ndarray = getattr(self, name) if name in self.__slots__ else self.keys[name]
        return np.ascontiguousarray(found)


def iter_header_bits(
    source: Any,
    headers: str | Iterable[str] = ALL_HEADERS,
    *,
    payload_bytes: int = 0,
    flow: FlowOptions | None = None,
    batch_packets: int | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> Iterator[HeaderBits]:
    """Read the packets of captures as the bits of their headers, some at a time, in bounded memory.

    Parameters
    ----------
    source, strict, link_type, progress
        As in `netml.read_flows`.
    headers : str or iterable of str, default all
        Of ipv4, ipv6, tcp, udp and icmp, or nPrint's letters 4, 6, t, u and i.
    payload_bytes : int, default 0
        Bytes of the payload behind them, 8 columns each.
    flow : FlowOptions, optional
        Its `tunnels`, `tunnel_ports` and `fragments` count.
    batch_packets : int, optional
        Packets at a time; by default what takes 64 MiB, at most 65,536.

    Yields
    ------
    HeaderBits
        At least one, so that the columns and the counts are there; the counts of the last one are those of everything.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError, UnknownNameError
        If an option is out of range, or a header unknown.
    """
    chosen = parse_headers(headers)
    require_whole("payload_bytes", payload_bytes, 0, LARGEST_PAYLOAD)
    columns = tuple(name_bits(chosen, payload_bytes))
    if batch_packets is None:
        batch_packets = min(MOST_BATCH_ROWS, max(1, BATCH_BYTES // len(columns)))
    require_whole("batch_packets", batch_packets, 1, 2**63 - 1)
    reader = _flowcore.HeaderReader(chosen, payload_bytes, **(flow or FlowOptions()).decoding)
    names: list[str] = []
    damage: list[Any] = []

    def take() -> HeaderBits:
        packets, bits = reader.take_rows(batch_packets)
        metadata = {
            "netml_version": netml.__version__,
            "headers": list(chosen),
            "payload_bytes": payload_bytes,
            "captures": list(names),
            "damage": [str(error) for error in damage],
            **reader.counters,
        }
        time_ns, key, caplen, wirelen = (packets[name].copy() for name in ("time_ns", "key", "caplen", "wirelen"))
        return HeaderBits(bits, columns, time_ns, key, caplen, wirelen, metadata)

    reading: dict[str, Any] = {"strict": strict, "link_type": link_type, "progress": progress, "stacklevel": 3}
    with contextlib.closing(walk_packets(reader, source, names, damage, **reading)) as walk:
        for _ in walk:
            while reader.n_waiting > batch_packets:
                yield take()
    yield take()


def read_header_bits(
    source: Any,
    headers: str | Iterable[str] = ALL_HEADERS,
    *,
    payload_bytes: int = 0,
    flow: FlowOptions | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> HeaderBits:
    """Read the packets of captures as the bits of their headers, all at once.

    Parameters
    ----------
    source, headers, payload_bytes, flow, strict, link_type, progress
        As in `iter_header_bits`.

    Returns
    -------
    HeaderBits
        A row for each packet, in order of arrival.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError, UnknownNameError
        If an option is out of range, or a header unknown.
    """
    reading: dict[str, Any] = {"strict": strict, "link_type": link_type, "progress": progress}
    # What waits takes some tens of bytes a packet: the bits are written once, into one matrix.
    (whole,) = iter_header_bits(
        source, headers, payload_bytes=payload_bytes, flow=flow, batch_packets=2**63 - 1, **reading
    )
    return whole


def write_header_bits(source: Any, path: str | os.PathLike[str], headers: str | Iterable[str], **options: Any) -> Any:
    """Read packets and write them as `HeaderBits.save` does; Parquet batch by batch, in bounded memory.

    Parameters
    ----------
    source, headers
        As in `iter_header_bits`.
    path : str or os.PathLike
        As of `HeaderBits.save`.
    **options
        Of `iter_header_bits`.

    Returns
    -------
    dict
        The metadata of all packets.
    """
    if _suffix(path) == ".npz":
        whole = read_header_bits(source, headers, **options)
        whole.save(path)
        return whole.metadata
    batches = iter_header_bits(source, headers, **options)
    first = next(batches)
    with atomic_output(path) as partial, open(partial, "wb") as stream:
        return _write_parquet(stream, first, batches)


def _write_parquet(stream: Any, first: HeaderBits, others: Iterator[HeaderBits]) -> dict[str, Any]:
    """Write a row group for each batch; what was counted stands in the file's metadata."""
    table = first.to_arrow()
    from pyarrow import parquet

    last = first.metadata
    # Bits repeat: a dictionary makes two of them of what Parquet would keep as 32.
    with parquet.ParquetWriter(stream, table.schema) as writer:
        writer.write_table(table)
        for batch in others:
            last = batch.metadata
            if len(batch):
                writer.write_table(batch.to_arrow())
        if hasattr(writer, "add_key_value_metadata"):  # of younger pyarrows
            writer.add_key_value_metadata({"netml": json.dumps(last)})
    return last


def check_header_output(path: str | os.PathLike[str]) -> None:
    """Raise now what `HeaderBits.save` would raise after all the work."""
    if _suffix(path) == ".parquet":
        from netml.formats._table import import_pyarrow

        import_pyarrow("writing .parquet")
    check_output(path)


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in SUFFIXES:
        raise UnknownNameError("format of header bits", suffix or os.path.basename(path), SUFFIXES)
    return suffix
