"""Parquet by row groups: one is encoded and written by a thread while the next one is made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import IO

from netml.features.matrix import FeatureMatrix
from netml.formats._table import import_pyarrow, to_table

GROUP_ROWS = 1 << 14  # smaller row groups cost more than they hold; larger ones only memory
GROUP_NUMBERS = 1 << 24  # in them at most, of wide rows
_WHAT = "writing Parquet"


@contextlib.contextmanager
def open_row_groups(stream: IO[bytes], no_rows: FeatureMatrix) -> Iterator[Callable[[FeatureMatrix], None]]:
    """Write matrices as the row groups of a Parquet file.

    Parameters
    ----------
    stream : binary file
        Where to.
    no_rows : FeatureMatrix
        The columns; its metadata is the file's. Its rows, if there are any, are not written.

    Yields
    ------
    callable
        Call it with each `FeatureMatrix`; small ones are joined, large ones cut.
    """
    arrow = import_pyarrow(_WHAT)
    from concurrent.futures import Future, ThreadPoolExecutor

    from pyarrow import parquet

    schema = to_table(no_rows[:0], _WHAT).schema
    # A dictionary pays for texts, which repeat; measurements hardly do, and building one takes time.
    # Bits repeat, too: two of them instead of Parquet's 32.
    texts = [field.name for field in schema if str(field.type) in ("string", "int8")]
    group_rows = max(1, min(GROUP_ROWS, GROUP_NUMBERS // max(1, no_rows.shape[1])))
    waiting: list[FeatureMatrix] = []
    written: list[Future[None]] = []  # one at most: what waits to be written is memory

    def put() -> None:
        tables = [to_table(matrix, _WHAT).replace_schema_metadata(schema.metadata) for matrix in waiting]
        waiting.clear()
        if written:
            written.pop().result()
        if tables:
            written.append(thread.submit(writer.write_table, arrow.concat_tables(tables), group_rows))

    def write(matrix: FeatureMatrix) -> None:
        for start in range(0, len(matrix), group_rows):
            waiting.append(matrix if len(matrix) <= group_rows else matrix[start : start + group_rows])
            if sum(map(len, waiting)) >= group_rows:
                put()

    with parquet.ParquetWriter(stream, schema, use_dictionary=texts) as writer, ThreadPoolExecutor(1) as thread:
        yield write
        put()
        put()  # the last one is written, or says why not
