"""`.parquet`: a table that pandas, polars, DuckDB and Spark read; the metadata lies in the schema.

A thread encodes and writes one row group while the next one is made.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from netml.formats._table import columns_of, import_pyarrow, to_table
from netml.formats.columns import Choose, Columns

GROUP_ROWS = 1 << 14  # smaller row groups cost more than they hold; larger ones only memory
GROUP_NUMBERS = 1 << 24  # in them at most, of wide rows
_MOST_ROWS = 1 << 20  # of tables without features, which are in memory as they are
_WHAT = "writing .parquet"


@contextlib.contextmanager
def open_writer(
    stream: IO[bytes],
    empty: Columns,
    *,
    group_rows: int | None = None,
    last_metadata: Callable[[], Mapping[str, Any]] | None = None,
) -> Iterator[Callable[[Columns], None]]:
    """Write columns as the row groups of a Parquet file: small batches are concatenated, large ones cut.

    `empty` has the table's columns and metadata; `last_metadata` is called at the end, for what is known only then.
    """
    arrow = import_pyarrow(_WHAT)
    from concurrent.futures import Future, ThreadPoolExecutor

    from pyarrow import parquet

    schema = to_table(empty, _WHAT).schema
    # A dictionary pays for what repeats: texts, and bits, of which it makes two instead of Parquet's 32. Measurements
    # hardly do, and building one takes time.
    repeated: Any = [field.name for field in schema if str(field.type) in ("string", "int8")]
    if empty.X is None or empty.X.dtype != float:
        repeated = True
    least_rows = group_rows or max(1, min(GROUP_ROWS, GROUP_NUMBERS // max(1, len(empty.features))))
    most_rows = _MOST_ROWS if empty.X is None else least_rows
    waiting: list[Columns] = []
    written: list[Future[None]] = []  # one at most: what waits to be written is memory

    def put() -> None:
        tables = [to_table(columns, _WHAT).replace_schema_metadata(schema.metadata) for columns in waiting]
        waiting.clear()
        if written:
            written.pop().result()
        if tables:
            written.append(thread.submit(writer.write_table, arrow.concat_tables(tables), most_rows))

    def write(columns: Columns) -> None:
        for start in range(0, len(columns), most_rows):
            waiting.append(columns if len(columns) <= most_rows else columns[start : start + most_rows])
            if sum(map(len, waiting)) >= least_rows:
                put()

    with parquet.ParquetWriter(stream, schema, use_dictionary=repeated) as writer, ThreadPoolExecutor(1) as thread:
        yield write
        put()
        put()  # the last one is written, or says why not
        if last_metadata is not None and hasattr(writer, "add_key_value_metadata"):  # of younger pyarrows
            writer.add_key_value_metadata({key: json.dumps(value) for key, value in last_metadata().items()})


def read(stream: IO[bytes], choose: Choose) -> Columns:
    """Read a Parquet file."""
    from pyarrow import parquet

    # By the stream: to pyarrow a name may be a folder of files.
    return columns_of(parquet.read_table(stream), choose)
