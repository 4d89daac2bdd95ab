"""The packet table: every TCP and UDP packet of captures, in order of arrival, as columns."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from netml import _flowcore
from netml._version import __version__
from netml.capture.reader import Progress, read_packets
from netml.files.output import atomic_output, check_output
from netml.flow.options import FlowOptions, choose_flow
from netml.formats import batch_output
from netml.schema.flow_index import address_texts

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
        from netml.formats._table import import_pyarrow

        arrow = import_pyarrow("an Arrow table of packets")
        flow = self.columns["flow"]
        columns = []
        for name in COLUMNS:
            if name in ("src_ip", "dst_ip"):
                texts, places = np.unique(address_texts(self.keys[name], self.keys["ip_version"]), return_inverse=True)
                indices = arrow.array(places.astype(np.int32)[flow])
                columns.append(arrow.DictionaryArray.from_arrays(indices, arrow.array(texts.tolist(), arrow.string())))
            elif name in self.columns:
                columns.append(arrow.array(self.columns[name]))
            else:
                columns.append(arrow.array(np.ascontiguousarray(self.keys[name])[flow]))
        return arrow.Table.from_arrays(
            columns, names=list(COLUMNS), metadata={b"netml": json.dumps(self.metadata).encode()}
        )

    def to_pandas(self) -> pd.DataFrame:
        """Convert to a data frame of `COLUMNS`.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.formats._table import import_pandas

        pandas = import_pandas()
        frame: pd.DataFrame = pandas.DataFrame(dict(zip(COLUMNS, self._plain_columns(), strict=True)))
        return frame

    def _plain_columns(self) -> list[np.ndarray]:
        flow = self.columns["flow"]
        versions = self.keys["ip_version"]
        plain = []
        for name in COLUMNS:
            if name in ("src_ip", "dst_ip"):
                plain.append(address_texts(self.keys[name], versions)[flow])
            else:
                plain.append(self.columns[name] if name in self.columns else self.keys[name][flow])
        return plain

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table; the suffix of `path` names the format, and the file appears whole or not at all.

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
            if suffix == ".npz":
                from netml.formats.npz import write_arrays

                write_arrays(
                    partial, {**self.columns, "keys": self.keys, "metadata": np.array(json.dumps(self.metadata))}
                )
            elif suffix == ".csv":
                self._write_csv(partial)
            else:
                self._write_arrow(partial, suffix)

    def _write_arrow(self, path: str, suffix: str) -> None:
        table = self.to_arrow()
        # Opened here: given a path, pyarrow deletes what stands there when it fails, were it a device or a FIFO.
        with open(path, "wb") as stream:
            if suffix == ".parquet":
                from pyarrow import parquet

                parquet.write_table(table, stream)
            else:
                from pyarrow import feather

                feather.write_feather(table, stream, compression="uncompressed")

    def _write_csv(self, path: str) -> None:
        try:
            from pyarrow import csv as arrow_csv
        except ImportError:
            import csv

            with open(path, "w", newline="", encoding="ascii") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(COLUMNS)
                writer.writerows(zip(*(column.tolist() for column in self._plain_columns()), strict=True))
            return
        table = self.to_arrow()
        for place, name in enumerate(COLUMNS):
            if name in ("src_ip", "dst_ip"):
                table = table.set_column(place, name, table.column(name).cast("string"))
        with open(path, "wb") as stream:
            # Older releases of pyarrow put the header in quotes, and have no option against it.
            stream.write(",".join(COLUMNS).encode() + b"\n")
            arrow_csv.write_csv(table, stream, arrow_csv.WriteOptions(include_header=False, quoting_style="none"))


def read_packet_table(
    source: Any,
    *,
    flow: FlowOptions | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> PacketTable:
    """Read every TCP and UDP packet of captures.

    Parameters
    ----------
    source, strict, link_type, progress
        As in `netml.read_flows`.
    flow : FlowOptions, optional
        Its `tunnels`, `tunnel_ports` and `fragments` count.

    Returns
    -------
    PacketTable
        In order of arrival.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    """
    assembler = _flowcore.FlowAssembler(("caplen", "wirelen", "flags", "ttl"), **choose_flow(flow).decoding)
    captures, damage = read_packets(assembler, source, strict=strict, link_type=link_type, progress=progress)
    metadata = {
        "netml_version": __version__,
        "captures": captures,
        "damage": [str(error) for error in damage],
        **assembler.counters,
    }
    return PacketTable(assembler.keys(), assembler.take_packets(), metadata)


def check_packets_output(path: str | os.PathLike[str]) -> None:
    """Raise now what `PacketTable.save` would raise after all the work."""
    suffix = _suffix(path)
    if suffix in (".parquet", ".arrow"):
        from netml.formats._table import import_pyarrow

        import_pyarrow(f"writing {suffix}")
    check_output(path)


def _suffix(path: str | os.PathLike[str]) -> str:
    return batch_output.find_suffix(path, SUFFIXES, "packet table format")
