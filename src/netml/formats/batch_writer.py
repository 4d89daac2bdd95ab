"""Batch output: files that are written a batch of columns at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from netml.formats import Format, check_output
from netml.formats.columns import Columns
from netml.formats.streams import Target, open_target


@contextlib.contextmanager
def open_batches(target: Target, found: Format, empty: Columns, **options: Any) -> Iterator[Callable[[Columns], None]]:
    """Open a file of a format that takes columns; call what is yielded with each batch.

    The columns of `empty` and its metadata are the file's. A format that can be read while it is written is flushed
    after each batch; "-" is standard output. The options are those of the format's `open_writer`.
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
