"""`.csv`: flows, features and labels as text.

pyarrow writes it if it is installed, in as many threads as there are processors; else Python does, about ten times
slower. The text is the same: the shortest that reads back as the same float64, whole numbers without a point.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import IO, Any

import numpy as np

from netml.errors import MissingExtraError
from netml.formats import _table
from netml.formats.columns import FEATURE, NUMBER, TEXT, Choose, Column, Columns, Indexed, distinct_names
from netml.schema.flow_index import Addresses

_N_ROWS_ARROW = 16384  # some megabytes of text for each thread
_N_ROWS_PYTHON = 2048  # few enough to sort quickly, enough to find values that repeat
_FEW_VALUES = 1 << 14  # at most this many are written without loading pyarrow
_SPECIAL = frozenset(',"\r\n')
_PLAIN_EXPONENTS = range(-6, 10)  # decimal exponents that pyarrow writes without an "e"


@contextlib.contextmanager
def open_writer(stream: IO[bytes], empty: Columns) -> Iterator[Callable[[Columns], None]]:
    """Write columns as CSV (RFC 4180, with line feeds), with a header line.

    If any text among the columns has a comma, a quote or a line end, all texts and addresses are quoted. Floats that
    are no features are written as Python does (1500.0).
    """
    names = (*empty.named, *empty.features, *empty.last)
    stream.write((",".join(_quoted(name) if _is_special(name) else name for name in names) + "\n").encode())

    def write(columns: Columns) -> None:
        spelled = columns.map(_spelled)
        said = (each for each in (*spelled.named.values(), *spelled.last.values()) if isinstance(each, np.ndarray))
        is_quoted = any(_is_special(text) for each in said if each.dtype.kind == "U" for text in np.unique(each))
        for chunk in _chunks(spelled, is_quoted):
            stream.write(chunk)

    yield write


def _chunks(columns: Columns, is_quoted: bool) -> Iterator[Any]:
    if len(columns) * len(columns.names) > _FEW_VALUES:
        with contextlib.suppress(MissingExtraError):
            return _arrow_chunks(columns, is_quoted, _table.import_pyarrow("writing CSV quickly"))
    return _python_chunks(columns, is_quoted)


def _spelled(column: Column) -> Column:
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        return np.array(list(map(repr, column.tolist())), np.str_)
    return column


def _gathered(column: Column) -> Column:
    return column.values[column.places] if isinstance(column, Indexed) else column


def _is_special(text: str) -> bool:
    return not _SPECIAL.isdisjoint(text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _arrow_chunks(columns: Columns, is_quoted: bool, arrow: Any) -> Iterator[Any]:
    from pyarrow import csv as arrow_csv

    options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed" if is_quoted else "none")

    def render(start: int) -> Any:
        buffer = arrow.BufferOutputStream()
        table = _table.to_table(columns[start : start + _N_ROWS_ARROW].map(_gathered), "writing CSV")
        arrow_csv.write_csv(table, buffer, options)
        return buffer.getvalue()

    def render_all() -> Iterator[Any]:
        n_threads = min(8, len(os.sched_getaffinity(0)))
        starts = range(0, len(columns), _N_ROWS_ARROW)
        with ThreadPoolExecutor(n_threads) as pool:
            # A bounded number at a time: a slow disk must not fill the memory with text.
            for first in range(0, len(starts), 2 * n_threads):
                yield from pool.map(render, starts[first : first + 2 * n_threads])

    return render_all()


def _python_chunks(columns: Columns, is_quoted: bool) -> Iterator[bytes]:
    for start in range(0, len(columns), _N_ROWS_PYTHON):
        chunk = columns[start : start + _N_ROWS_PYTHON].map(_gathered)
        fields = [_texts_of(column, is_quoted) for column in chunk.named.values()]
        if chunk.X is not None and chunk.features:
            fields.append([",".join(row) for row in _texts(chunk.X)])
        fields += [_texts_of(column, is_quoted) for column in chunk.last.values()]
        yield "".join(",".join(row) + "\n" for row in zip(*fields, strict=True)).encode()


def _texts_of(column: Any, is_quoted: bool) -> list[str]:
    if isinstance(column, Addresses):
        column = column.texts()
    texts: list[str] = column.tolist()
    if column.dtype.kind != "U":
        return [str(value) for value in texts]
    return [_quoted(text) for text in texts] if is_quoted else texts


def _texts(features: np.ndarray) -> list[list[str]]:
    # Features repeat (0, sizes, counts), and making a text is the slow part. By their bits, so that -0 stays -0.
    bits, where = np.unique(np.asarray(features, np.float64).reshape(-1).view(np.int64), return_inverse=True)
    texts = np.array([_text(value) for value in bits.view(np.float64).tolist()], dtype=object)
    rows: list[list[str]] = texts[where.reshape(-1)].reshape(features.shape).tolist()
    return rows


def _text(value: float) -> str:
    """Write a float as pyarrow does.

    Examples
    --------
    >>> [_text(value) for value in (0.1, 1500.0, 2e-05, 1e-07, 1.5e10, -0.0, float("nan"))]
    ['0.1', '1500', '0.00002', '1e-7', '1.5e+10', '-0', 'nan']
    """
    text = repr(value)
    if "e" not in text and abs(value) < 1e10:
        return text[:-2] if text.endswith(".0") else text
    if not np.isfinite(value):
        return text
    sign, digits, last = Decimal(text).as_tuple()
    exponent = len(digits) + int(last) - 1
    if exponent in _PLAIN_EXPONENTS:
        return f"{Decimal(text):f}"
    mantissa = "".join(map(str, digits)).rstrip("0")
    fraction = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' * sign}{mantissa[0]}{fraction}e{exponent:+d}"


def read(stream: IO[bytes], choose: Choose) -> Columns:
    """Read CSV, which has no metadata, from a seekable file. A column is text if the first row has no number there."""
    with _reading(stream) as reader:
        header: list[str] = next(reader, [])
        first = dict(zip(header, next(reader, []), strict=False))
    stream.seek(0)
    names = distinct_names(header)
    chosen = choose(names, lambda column: _is_text(first.get(column, "0")) if first else None)
    try:
        arrow = _table.import_pyarrow("reading CSV quickly")
    except MissingExtraError:
        return _read_python(stream, names, chosen)
    return _read_arrow(stream, names, chosen, arrow)


@contextlib.contextmanager
def _reading(stream: IO[bytes]) -> Iterator[Any]:
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    yield csv.reader(text)
    text.detach()  # or it would close the stream


def _is_text(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return True
    return False


def _read_arrow(stream: IO[bytes], names: tuple[str, ...], chosen: Mapping[str, str], arrow: Any) -> Columns:
    from pyarrow import csv as arrow_csv

    kinds = {TEXT: arrow.string(), NUMBER: arrow.int64(), FEATURE: arrow.float64()}
    types = {name: kinds[kind] for name, kind in chosen.items()}
    # By default "nan" and the like are no numbers but gaps.
    convert = arrow_csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False)
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    table = arrow_csv.read_csv(stream, convert_options=convert, parse_options=parse)
    return _table.columns_of(table.rename_columns(list(names)), lambda _names, _is_text: chosen)


def _read_python(stream: IO[bytes], names: tuple[str, ...], chosen: Mapping[str, str]) -> Columns:
    with _reading(stream) as reader:
        header: list[str] = next(reader)
        rows: list[list[str]] = list(reader)
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"a row has not the {len(header)} fields of the header")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    features = [name for name, kind in chosen.items() if kind == FEATURE]
    X = np.empty((len(rows), len(features)))
    for position, name in enumerate(features):
        X[:, position] = np.array(columns[name], np.float64)
    kinds = {TEXT: object, NUMBER: np.int64}
    named = {name: np.array(columns[name], kinds[kind]) for name, kind in chosen.items() if kind in kinds}
    return Columns(named, X, tuple(features))
