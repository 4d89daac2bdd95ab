"""Verdicts as files for programs: CSV, JSON lines, Parquet; written as they come, a batch at a time."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import IO, Any

from netml.formats import batch_output
from netml.formats._table import import_pyarrow
from netml.models.verdicts import Verdicts, no_verdicts

Write = Callable[[Verdicts], None]
SUFFIXES = (".csv", ".jsonl", ".parquet")


def find_suffix(path: str | os.PathLike[str], suffix: str | None = None) -> str:
    """Find the format of a path: its suffix, or the one given where the path does not tell.

    Raises
    ------
    UnknownNameError
        If it is none of `SUFFIXES`.
    """
    return batch_output.find_suffix(path, SUFFIXES, "verdict format", suffix)


def check_verdict_output(path: str | os.PathLike[str], suffix: str | None = None) -> None:
    """Raise now what `open_verdict_file` would raise after all the work."""
    batch_output.check_appended(path, find_suffix(path, suffix))


@contextlib.contextmanager
def open_verdict_file(path: str | os.PathLike[str], suffix: str | None = None) -> Iterator[Write]:
    """Open a file for verdicts.

    Parameters
    ----------
    path : str or os.PathLike
        Appears when the block ends well. "-": standard output, written at once.
    suffix : str, optional
        One of `SUFFIXES`, where the path does not tell.

    Yields
    ------
    callable
        Call it with `Verdicts`, as often as there are some.

    Raises
    ------
    UnknownNameError
        If no format has this suffix.
    MissingExtraError
        If pyarrow is needed and not installed.
    OutputError
        If the file cannot be written.
    """
    writer = _WRITERS[find_suffix(path, suffix)]
    with batch_output.open_output(path) as stream, writer(stream) as write:
        yield write


@contextlib.contextmanager
def _write_csv(stream: IO[bytes]) -> Iterator[Write]:
    # No TextIOWrapper: after a failure it would try once more when the interpreter takes it apart.
    text = SimpleNamespace(write=lambda row: stream.write(row.encode("ascii")))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(no_verdicts().to_columns())

    def write(verdicts: Verdicts) -> None:
        writer.writerows(zip(*(column.tolist() for column in verdicts.to_columns().values()), strict=True))
        stream.flush()

    yield write


@contextlib.contextmanager
def _write_jsonl(stream: IO[bytes]) -> Iterator[Write]:
    def write(verdicts: Verdicts) -> None:
        columns = verdicts.to_columns()
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        batch_output.write_json_lines(stream, tuple(columns), rows)
        stream.flush()

    yield write


@contextlib.contextmanager
def _write_parquet(stream: IO[bytes]) -> Iterator[Write]:
    arrow: Any = import_pyarrow("writing .parquet")
    from pyarrow import parquet

    schema = arrow.table(no_verdicts().to_columns()).schema
    with parquet.ParquetWriter(stream, schema) as writer:
        yield lambda verdicts: writer.write_table(arrow.table(verdicts.to_columns(), schema=schema))


_WRITERS: dict[str, Callable[[IO[bytes]], contextlib.AbstractContextManager[Write]]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
