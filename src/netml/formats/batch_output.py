"""Files that are written a batch at a time: which format, where to, and JSON lines of whatever has columns."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from netml.errors import UnknownNameError
from netml.files.output import atomic_output, check_output
from netml.formats._table import import_pyarrow


def find_suffix(path: str | os.PathLike[str], known: Iterable[str], what: str, suffix: str | None = None) -> str:
    """Find the format of a path: its suffix, or the one given where the path does not tell.

    Raises
    ------
    UnknownNameError
        If it is none of those known; `what` says in it what is meant.
    """
    found = (suffix or os.path.splitext(os.fspath(path))[1]).lower()
    if found not in known:
        raise UnknownNameError(what, found or os.path.basename(path), tuple(known))
    return found


def check_appended(path: str | os.PathLike[str], suffix: str) -> None:
    """Raise now what would be raised after all the work: no pyarrow, or no place to write."""
    if suffix in (".parquet", ".arrow"):
        import_pyarrow(f"writing {suffix}")
    if path != "-":
        check_output(path)


@contextlib.contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that appears when the block ends well; "-" is standard output."""
    if path == "-":
        sys.stdout.buffer.write(b"")  # where it is closed, say so now and not after the work
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with atomic_output(path) as partial, open(partial, "wb") as stream:
        yield stream


def write_json_lines(stream: IO[bytes], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write an object for each row."""
    stream.writelines(json.dumps(dict(zip(names, row, strict=True))).encode() + b"\n" for row in rows)
