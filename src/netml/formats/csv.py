"""`.csv`: flows, features and labels as text.

pyarrow writes it if it is installed, in as many threads as there are processors; else Python does, about ten
times slower. The text is the same: the shortest that reads back as the same float64, whole numbers without a
point.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import IO, Any

import numpy as np

from netml.errors import MissingExtraError
from netml.families import FAMILIES
from netml.features.matrix import FeatureMatrix
from netml.features.table_layout import LABEL_COLUMN, column_names, distinct_names, prefixed_names, split_names
from netml.formats import _table
from netml.formats._damage import damage_as_error
from netml.schema.flow_index import ADDRESS_COLUMNS, FLOW_COLUMNS, OPTIONAL_COLUMNS, flow_names, index_from_columns

_N_ROWS_ARROW = 16384  # some megabytes of text for each thread
_N_ROWS_PYTHON = 2048  # few enough to sort quickly, enough to find values that repeat
_SPECIAL = frozenset(',"\r\n')
_PLAIN_EXPONENTS = range(-6, 10)  # decimal exponents that pyarrow writes without an "e"


def write(path: str | os.PathLike[str], matrix: FeatureMatrix) -> None:
    """Write a feature matrix as CSV (RFC 4180, with line feeds), with a header line.

    If any label or text has a comma, a quote or a line end, all addresses, labels and texts are quoted.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    matrix : FeatureMatrix
        What to write.
    """
    with open(path, "wb") as stream:
        write_header(stream, matrix)
        write_rows(stream, matrix)


def write_header(stream: IO[bytes], matrix: FeatureMatrix) -> None:
    """Write the line with the columns' names."""
    label = [] if matrix.labels is None else [LABEL_COLUMN]
    names = (*flow_names(matrix.flows), *matrix.texts, *prefixed_names(matrix.columns, matrix.texts), *label)
    stream.write((",".join(_quoted(name) if _is_special(name) else name for name in names) + "\n").encode())


def write_rows(stream: IO[bytes], matrix: FeatureMatrix) -> None:
    """Write a line for each flow."""
    said = [*matrix.texts.values(), *([] if matrix.labels is None else [matrix.labels])]
    is_quoted = any(_is_special(text) for texts in said for text in np.unique(texts).tolist())
    try:
        chunks = _arrow_chunks(matrix, is_quoted, _table.import_pyarrow("writing CSV quickly"))
    except MissingExtraError:
        chunks = _python_chunks(matrix, is_quoted)
    for chunk in chunks:
        stream.write(chunk)


def _is_special(text: str) -> bool:
    return not _SPECIAL.isdisjoint(text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _arrow_chunks(matrix: FeatureMatrix, is_quoted: bool, arrow: Any) -> Iterator[Any]:
    from pyarrow import csv as arrow_csv

    options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed" if is_quoted else "none")

    def render(start: int) -> Any:
        buffer = arrow.BufferOutputStream()
        table = _table.to_table(matrix[start : start + _N_ROWS_ARROW], "writing CSV")
        arrow_csv.write_csv(table, buffer, options)
        return buffer.getvalue()

    def render_all() -> Iterator[Any]:
        n_threads = min(8, len(os.sched_getaffinity(0)))
        starts = range(0, len(matrix), _N_ROWS_ARROW)
        with ThreadPoolExecutor(n_threads) as pool:
            # A bounded number at a time: a slow disk must not fill the memory with text.
            for first in range(0, len(starts), 2 * n_threads):
                yield from pool.map(render, starts[first : first + 2 * n_threads])

    return render_all()


def _python_chunks(matrix: FeatureMatrix, is_quoted: bool) -> Iterator[bytes]:
    for start in range(0, len(matrix), _N_ROWS_PYTHON):
        chunk = matrix[start : start + _N_ROWS_PYTHON]
        flows = chunk.flows.to_columns()
        columns = [
            _texts_of(flows[name], is_quoted)
            if name in ADDRESS_COLUMNS
            else [str(value) for value in flows[name].tolist()]
            for name in flow_names(chunk.flows)
        ]
        columns += [_texts_of(text, is_quoted) for text in chunk.texts.values()]
        lines = [",".join(fields) for fields in zip(*columns, strict=True)]
        if chunk.columns:
            lines = [f"{line},{','.join(row)}" for line, row in zip(lines, _texts(chunk.X), strict=True)]
        if chunk.labels is not None:
            labels = _texts_of(chunk.labels, is_quoted)
            lines = [f"{line},{label}" for line, label in zip(lines, labels, strict=True)]
        yield "".join(line + "\n" for line in lines).encode()


def _texts_of(column: np.ndarray, is_quoted: bool) -> list[str]:
    texts: list[str] = column.tolist()
    return [_quoted(text) for text in texts] if is_quoted else texts


def _texts(features: np.ndarray) -> list[list[str]]:
    # Features repeat (0, sizes, counts), and making a text is the slow part. By their bits, so that -0 stays
    # -0.
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


def read(path: str | os.PathLike[str]) -> FeatureMatrix:
    """Read a feature matrix from CSV; it has no metadata.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `write` made.

    Returns
    -------
    FeatureMatrix
        As it was written, less the metadata.

    Raises
    ------
    DamagedFileError
        If it is not CSV, cut, or not a feature table.
    """
    name = os.fspath(path)
    with damage_as_error(name):
        with open(name, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            first = dict(zip(header, next(reader, []), strict=False))
        names = distinct_names(header)
        texts, features, has_labels = split_names(names, lambda column: _is_text(column, first))
        try:
            return _read_arrow(name, names, texts, features, _table.import_pyarrow("reading CSV quickly"))
        except MissingExtraError:
            return _read_python(name, names, texts, features, has_labels)


def _is_text(column: str, first: dict[str, str]) -> bool:
    """Whether the first row has no number there; without rows, whether a family has such a text."""
    if not first:
        return any(column in family.text_columns for family in FAMILIES.values())
    try:
        float(first.get(column, "0"))
    except ValueError:
        return True
    return False


def _read_arrow(name: str, names: tuple[str, ...], texts: list[str], features: list[str], arrow: Any) -> FeatureMatrix:
    from pyarrow import csv as arrow_csv

    types = dict.fromkeys((*FLOW_COLUMNS, *OPTIONAL_COLUMNS), arrow.int64()) | dict.fromkeys(
        ADDRESS_COLUMNS, arrow.string()
    )
    types |= dict.fromkeys(features, arrow.float64()) | dict.fromkeys([*texts, "label"], arrow.string())
    # By default "nan" and the like are no numbers but gaps.
    convert = arrow_csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False)
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    table = arrow_csv.read_csv(name, convert_options=convert, parse_options=parse)
    return _table.from_table(table.rename_columns(list(names)))


def _read_python(
    name: str, names: tuple[str, ...], texts: list[str], features: list[str], has_labels: bool
) -> FeatureMatrix:
    with open(name, newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream)
        header = next(reader)
        rows = list(reader)
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"a row has not the {len(header)} fields of the header")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    flows = {
        name: columns[name] if name in ADDRESS_COLUMNS else np.array(columns[name], np.int64)
        for name in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS)
        if name in columns
    }
    matrix = np.empty((len(rows), len(features)))
    for position, feature in enumerate(features):
        matrix[:, position] = np.array(columns[feature], np.float64)
    labels = columns["label"] if has_labels else None
    said = {text: columns[text] for text in texts}
    return FeatureMatrix(matrix, column_names(features, texts), index_from_columns(flows), {}, labels, said)
