"""Files that are written a batch of columns at a time, and where every output goes: a path, "-" or an open file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from netml.files.output import atomic_output
from netml.formats import Format, Target, check_output
from netml.formats.columns import Columns

Write = Callable[[Columns], None]


@contextlib.contextmanager
def open_target(target: Target) -> Iterator[IO[bytes]]:
    """Open a file that appears when the block ends well; "-" is standard output, an open file is itself."""
    if target == "-":
        sys.stdout.buffer.write(b"")  # where it is closed, say so now and not after the work
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif isinstance(target, str | os.PathLike):
        # Opened here: given a path, pyarrow deletes what stands there when it fails, were it a device or a FIFO.
        with atomic_output(target) as partial, open(partial, "wb") as stream:
            yield stream
    else:
        yield target


@contextlib.contextmanager
def open_batches(target: Target, found: Format, empty: Columns, **options: Any) -> Iterator[Write]:
    """Open a file for batches of columns.

    Parameters
    ----------
    target : str, os.PathLike or binary file
        A path appears when the block ends well. "-": standard output.
    found : Format
        One that takes columns.
    empty : Columns
        No rows of the table; its metadata is the file's.
    **options
        Of the format's `open_writer`.

    Yields
    ------
    callable
        Call it with each `Columns`. What can be read while it is written is flushed then.

    Raises
    ------
    MissingExtraError
        If pyarrow is needed and not installed.
    OutputError
        If the file cannot be written.
    """
    check_output(target, found)
    if target == "-" and found.module == "arrow":
        options["kind"] = "new_stream"
    with open_target(target) as stream, found.code.open_writer(stream, empty, **options) as write:
        if not found.is_streamed:
            yield write
            return
        stream.flush()

        def write_now(columns: Columns) -> None:
            write(columns)
            stream.flush()

        yield write_now
