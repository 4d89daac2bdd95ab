"""`.jsonl`: an object a row, for programs that read line by line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import IO

from netml.formats.columns import Columns


@contextlib.contextmanager
def open_writer(stream: IO[bytes], empty: Columns) -> Iterator[Callable[[Columns], None]]:
    """Write columns as JSON lines."""

    def write(columns: Columns) -> None:
        rows = zip(*(column.tolist() for column in columns.plain().values()), strict=True)
        stream.writelines(json.dumps(dict(zip(empty.names, row, strict=True))).encode() + b"\n" for row in rows)

    yield write
