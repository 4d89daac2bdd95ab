"""Rows of features as files, written as they come: CSV, JSON lines, Parquet, Arrow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import IO

from netml.errors import UnknownNameError
from netml.features.matrix import FeatureMatrix
from netml.features.table_layout import feature_names
from netml.formats import batch_output
from netml.formats import csv as csv_format
from netml.formats._row_groups import open_row_groups
from netml.formats._table import to_table

Write = Callable[[FeatureMatrix], None]


def find_suffix(path: str | os.PathLike[str], suffix: str | None = None) -> str:
    """Find the format of a path: its suffix, or the one given where the path does not tell.

    Raises
    ------
    UnknownNameError
        If it cannot be written in batches; it names those that can.
    """
    return batch_output.find_suffix(path, WRITERS, "format that can be written in batches", suffix)


def check_row_output(path: str | os.PathLike[str], suffix: str | None = None) -> str:
    """Raise now what `open_row_file` would raise after all the work; gives the format."""
    found = find_suffix(path, suffix)
    if path == "-" and found not in STREAMED:
        raise UnknownNameError("format for standard output", found, STREAMED)
    batch_output.check_appended(path, found)
    return found


@contextlib.contextmanager
def open_row_file(path: str | os.PathLike[str], no_rows: FeatureMatrix, suffix: str | None = None) -> Iterator[Write]:
    """Open a file for rows.

    Parameters
    ----------
    path : str or os.PathLike
        Appears when the block ends well. "-": standard output, flushed after each batch.
    no_rows : FeatureMatrix
        The columns; its metadata is the file's.
    suffix : str, optional
        One of `WRITERS`, where the path does not tell.

    Yields
    ------
    callable
        Call it with each `FeatureMatrix`.

    Raises
    ------
    UnknownNameError
        If the format cannot be written in batches.
    MissingExtraError
        If pyarrow is needed and not installed.
    OutputError
        If the file cannot be written.
    """
    found = check_row_output(path, suffix)
    open_writer = _write_arrow_stream if path == "-" and found == ".arrow" else WRITERS[found]
    with batch_output.open_output(path) as stream, open_writer(stream, no_rows) as write:
        if path != "-":
            yield write
            return
        stream.flush()

        def write_now(matrix: FeatureMatrix) -> None:
            write(matrix)
            stream.flush()

        yield write_now


@contextlib.contextmanager
def _write_csv(stream: IO[bytes], no_rows: FeatureMatrix) -> Iterator[Write]:
    csv_format.write_header(stream, no_rows)
    yield lambda matrix: csv_format.write_rows(stream, matrix)


@contextlib.contextmanager
def _write_jsonl(stream: IO[bytes], no_rows: FeatureMatrix) -> Iterator[Write]:
    names = [*no_rows.flows.to_columns(), *no_rows.texts, *feature_names(no_rows.columns, no_rows.texts)]

    def write(matrix: FeatureMatrix) -> None:
        known = (*matrix.flows.to_columns().values(), *matrix.texts.values())
        flows = zip(*(column.tolist() for column in known), strict=True)
        rows = ((*flow, *row) for flow, row in zip(flows, matrix.X.tolist(), strict=True))
        batch_output.write_json_lines(stream, names, rows)

    yield write


@contextlib.contextmanager
def _write_arrow(stream: IO[bytes], no_rows: FeatureMatrix, kind: str = "new_file") -> Iterator[Write]:
    schema = to_table(no_rows, "writing .arrow").schema
    from pyarrow import ipc

    writer = getattr(ipc, kind)(stream, schema)
    yield lambda matrix: writer.write_table(to_table(matrix, "writing .arrow"))
    writer.close()  # only now: who reads along must not take what a fault has cut off for the whole


def _write_arrow_stream(stream: IO[bytes], no_rows: FeatureMatrix) -> contextlib.AbstractContextManager[Write]:
    return _write_arrow(stream, no_rows, "new_stream")


STREAMED = (".csv", ".jsonl", ".arrow")
WRITERS: dict[str, Callable[[IO[bytes], FeatureMatrix], contextlib.AbstractContextManager[Write]]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": open_row_groups,
    ".arrow": _write_arrow,
}
