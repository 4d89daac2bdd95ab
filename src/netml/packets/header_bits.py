"""Packets as the bits of their headers, in nPrint's columns: a row for each packet of captures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from netml.files.output import atomic_output, check_output
from netml.formats import batch_output
from netml.schema.flow_index import address_texts

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".npz", ".parquet")
PACKET_COLUMNS = ("time_ns", "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "caplen", "wirelen")


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
        from netml.formats._table import import_pandas

        pandas = import_pandas()
        who = pandas.DataFrame({name: self._packet_column(name) for name in PACKET_COLUMNS})
        frame: pd.DataFrame = pandas.concat([who, pandas.DataFrame(self.X, columns=list(self.columns))], axis=1)
        return frame

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
        from netml.formats._open_files import output_path

        with output_path(path, format, SUFFIXES) as (target, suffix):
            self._write(target, suffix or find_suffix(target))

    def _write(self, path: str | os.PathLike[str], suffix: str) -> None:
        with atomic_output(path) as partial:
            if suffix == ".parquet":
                with open(partial, "wb") as stream:
                    write_parquet(stream, self, iter(()))
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


def write_parquet(stream: Any, first: HeaderBits, others: Iterator[HeaderBits]) -> dict[str, Any]:
    """Write a row group for each batch, and the counts as the file's metadata."""
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
    """Check the output path before the work, so that a bad path fails early; raise as `HeaderBits.save`."""
    if find_suffix(path) == ".parquet":
        from netml.formats._table import import_pyarrow

        import_pyarrow("writing .parquet")
    check_output(path)


def find_suffix(path: str | os.PathLike[str]) -> str:
    """Find the format of a path, or raise an `UnknownNameError`."""
    return batch_output.find_suffix(path, SUFFIXES, "format of header bits")
