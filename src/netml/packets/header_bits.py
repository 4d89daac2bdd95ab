"""The bits of packets' headers, in nPrint's columns: a row for each packet of captures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from netml.formats import Format, check_output, find_format, write
from netml.formats.columns import Column, Columns
from netml.formats.streams import Target
from netml.schema.flow_index import ADDRESS_COLUMNS, Addresses

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".npz", ".parquet")
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
        """Return `X`."""
        return np.array(self.X, dtype=dtype, copy=copy)

    def to_pandas(self) -> pd.DataFrame:
        """Convert `PACKET_COLUMNS` and the bits to a data frame.

        Returns
        -------
        pandas.DataFrame
            A row for each packet; bits are int8.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.formats._table import to_frame

        return to_frame(self._to_columns())

    def to_arrow(self) -> pa.Table:
        """Convert `PACKET_COLUMNS` and the bits to an Arrow table.

        Returns
        -------
        pyarrow.Table
            A row for each packet; bits are int8.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        from netml.formats._table import to_table

        return to_table(self._to_columns(), "an Arrow table of header bits")

    def _to_columns(self) -> Columns:
        keys, named = self.keys, dict[str, Column]()
        for name in PACKET_COLUMNS:
            if name in ADDRESS_COLUMNS:
                named[name] = Addresses(keys[name], keys["ip_version"])
            else:
                named[name] = getattr(self, name) if name in self.__slots__ else keys[name]
        return Columns(named, self.X, self.columns)

    def save(self, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> None:
        """Write the table; the suffix of `path` names the format, and the file appears whole or not at all.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            Ends in `.npz` (`X` int8, `columns`, `time_ns`, `keys`, `caplen`, `wirelen`, `metadata`) or `.parquet`. An
            open file is written at the end of the work, and stays open.
        format : {"npz", "parquet"}, optional
            The format, whatever the suffix; needed for an open file whose name has neither suffix.

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
        found = find_bits_format(path, format)
        if found.content == "columns":
            write_batches(path, found, (self,))
            return
        arrays = {name: getattr(self, name) for name in ("X", "time_ns", "keys", "caplen", "wirelen")}
        write(path, found, {**arrays, "columns": np.array(self.columns, np.str_), "metadata": self.metadata})


def write_batches(path: Target, found: Format, batches: Iterable[HeaderBits]) -> dict[str, Any]:
    """Write a row group for each batch; the metadata of the last one is the file's, and is returned."""
    from netml.formats.batch_writer import open_batches

    batches = iter(batches)
    last = first = next(batches)
    options = {"group_rows": batch_rows(len(first.columns)), "last_metadata": lambda: {"netml": last.metadata}}
    with open_batches(path, found, first._to_columns()[:0], **options) as put:
        put(first._to_columns())
        del first
        for last in batches:
            put(last._to_columns())
    return last.metadata


def batch_rows(n_columns: int) -> int:
    """Return the number of packets with `n_columns` bits each that are read or written at a time."""
    return min(MOST_BATCH_ROWS, max(1, BATCH_BYTES // n_columns))


def check_header_output(path: Target) -> None:
    """Check that `HeaderBits.save` can write there, before the work is done."""
    check_output(path, find_bits_format(path))


def find_bits_format(path: Target, format: str | None = None) -> Format:
    """Find the format of a path or of an open file."""
    return find_format(path, format, among=SUFFIXES, what="format of header bits")
