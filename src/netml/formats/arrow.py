"""`.arrow`: the Arrow IPC file format, which readers map into memory; the metadata lies in the schema."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import IO

from netml.formats._table import columns_of, to_table
from netml.formats.columns import Choose, Columns


@contextlib.contextmanager
def open_writer(stream: IO[bytes], empty: Columns, *, kind: str = "new_file") -> Iterator[Callable[[Columns], None]]:
    """Write columns as an Arrow file; `kind` "new_stream" is the format that is read while it is written."""
    schema = to_table(empty, "writing .arrow").schema
    from pyarrow import ipc

    writer = getattr(ipc, kind)(stream, schema)
    yield lambda columns: writer.write_table(to_table(columns, "writing .arrow"))
    writer.close()  # only now: who reads along must not take what a fault has cut off for the whole


def read(stream: IO[bytes], choose: Choose) -> Columns:
    """Read an Arrow file."""
    from pyarrow import ipc

    with ipc.open_file(stream) as reader:
        return columns_of(reader.read_all(), choose)
