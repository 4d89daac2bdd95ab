"""Feature matrices as tables and in files: names and order of the columns, and what each format keeps."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from netml import formats
from netml.errors import DamagedFileError
from netml.families import FAMILIES, REPEATED_COLUMN
from netml.features.matrix import FeatureMatrix
from netml.formats import FORMATS, Format
from netml.formats.columns import FEATURE, NUMBER, TEXT, Column, Columns
from netml.formats.streams import Target, name_of
from netml.schema.flow_index import (
    ADDRESS_COLUMNS,
    ATTRIBUTE_KINDS,
    FLOW_COLUMNS,
    OPTIONAL_COLUMNS,
    FlowIndex,
    empty_index,
    index_from_columns,
)

SUFFIXES = (".npz", ".npy", ".csv", ".parquet", ".arrow", ".dat")
BATCH_SUFFIXES = (".csv", ".jsonl", ".parquet", ".arrow")
LABEL_COLUMN = "label"
_CLASH_PREFIX = "feature_"
_REPEAT_MARK = ".1"
_TEXT_PREFIX = "text_"  # before the name of a text column in .npz


def feature_names(columns: Iterable[str], text_columns: Iterable[str] = ()) -> tuple[str, ...]:
    """Name the features in a table: those named like a column of flows, or like a text column, get a prefix.

    STATS has `packets` and `bytes` too, and a table with two columns of one name is refused by most readers. The second
    `Fwd Header Length` of CIC-2017 stays as it is: `Columns.names` calls it `.1`, and CSV has it twice.

    Examples
    --------
    >>> feature_names(["size_mean", "packets"])
    ('size_mean', 'feature_packets')
    """
    taken = {*FLOW_COLUMNS, *OPTIONAL_COLUMNS, LABEL_COLUMN, *text_columns}
    return tuple(_CLASH_PREFIX + name if name in taken else name for name in columns)


def column_names(names: Iterable[str], text_columns: Iterable[str] = ()) -> tuple[str, ...]:
    """Undo `feature_names`, and the suffixes of `Columns.names`.

    Examples
    --------
    >>> column_names(["size_mean", "feature_packets"])
    ('size_mean', 'packets')
    >>> column_names([" Fwd Header Length", " Fwd Header Length.1"])
    (' Fwd Header Length', ' Fwd Header Length')
    """
    names = tuple(names)
    taken = {_CLASH_PREFIX + name: name for name in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS, LABEL_COLUMN, *text_columns)}
    taken |= {name + _REPEAT_MARK: name for name in names if name.endswith(REPEATED_COLUMN)}
    return tuple(taken.get(name, name) for name in names)


def _choose(names: Sequence[str], is_text: Callable[[str], bool | None]) -> dict[str, str]:
    """Choose the columns of a table's file, as `netml.formats` reads them, or raise a `ValueError` for another table.

    `is_text` returns True for a column of texts, None where that cannot be told. Text columns stand together, before
    the features; labels stand last.
    """
    missing = [name for name in FLOW_COLUMNS if name not in names]
    if missing:
        raise ValueError(f"not a feature table of netml: no column {', '.join(missing)}")
    features = [name for name in names if name not in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS)]
    has_labels = bool(features) and features[-1] == LABEL_COLUMN
    features = features[: len(features) - has_labels]
    text_columns = list(itertools.takewhile(lambda name: _is_text(name, is_text(name)), features))
    flows = [name for name in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS) if name in names]
    kinds = {name: TEXT if name in ADDRESS_COLUMNS else NUMBER for name in flows}
    kinds |= dict.fromkeys(text_columns, TEXT) | dict.fromkeys(features[len(text_columns) :], FEATURE)
    return {**kinds, LABEL_COLUMN: TEXT} if has_labels else kinds


def _is_text(name: str, is_text: bool | None) -> bool:
    return any(name in family.text_columns for family in FAMILIES.values()) if is_text is None else is_text


def to_columns(matrix: FeatureMatrix) -> Columns:
    """Return the table of a matrix: flows, text columns, features, labels; the metadata is under `netml`."""
    named: dict[str, Column] = {**matrix.flows.table_columns(), **matrix.text_columns}
    labels = {} if matrix.labels is None else {LABEL_COLUMN: matrix.labels}
    features = feature_names(matrix.columns, matrix.text_columns)
    return Columns(named, matrix.X, features, labels, {"netml": matrix.metadata})


def from_columns(columns: Columns) -> FeatureMatrix:
    """Undo `to_columns`."""
    named = dict(columns.named)
    flows = {name: named.pop(name) for name in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS) if name in named}
    labels = named.pop(LABEL_COLUMN, None)
    names, metadata = column_names(columns.features, named), columns.metadata.get("netml", {})
    return FeatureMatrix(columns.X, names, index_from_columns(flows), metadata, labels, named)


def _to_arrays(matrix: FeatureMatrix) -> dict[str, Any]:
    flows = matrix.flows
    arrays: dict[str, Any] = {"X": matrix.X, "columns": np.array(matrix.columns, dtype=np.str_)}
    arrays |= {name: getattr(flows, name) for name in ("keys", "start_ns", "end_ns", "packets", "bytes")}
    arrays |= {"metadata": matrix.metadata, "end_reason": flows.end_reason, **flows.attributes, "labels": matrix.labels}
    arrays |= {_TEXT_PREFIX + name: text for name, text in matrix.text_columns.items()}
    return {name: array for name, array in arrays.items() if array is not None}


def _from_arrays(arrays: dict[str, np.ndarray], name: str) -> FeatureMatrix:
    try:
        named = {key: arrays[key] for key in ("keys", "start_ns", "end_ns", "packets", "bytes")}
        attributes = {key: arrays[key] for key in ATTRIBUTE_KINDS if key in arrays}
        flows = FlowIndex(**named, end_reason=arrays.get("end_reason"), attributes=attributes)
        text_columns = {
            key.removeprefix(_TEXT_PREFIX): each for key, each in arrays.items() if key.startswith(_TEXT_PREFIX)
        }
        metadata = json.loads(str(arrays["metadata"]))
        return FeatureMatrix(
            arrays["X"], arrays["columns"].tolist(), flows, metadata, arrays.get("labels"), text_columns
        )
    except KeyError as error:
        raise DamagedFileError(name, f"not a feature file of netml: no array {error}") from error


def features_and_labels(matrix: FeatureMatrix) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a feature matrix as the pair that the original netml keeps.

    X is float64 (n_flows, n_features), without flows that have no label if others have one, as the original does. The
    labels are int64 (n_flows,), 1 abnormal and 0 normal; None if the matrix has none.
    """
    from netml.labels.matching import binary_labels

    X = np.asarray(matrix.X, np.float64)
    if matrix.labels is None:
        return X, None
    kept = matrix.labels != ""
    return X[kept], binary_labels(matrix.labels[kept])


def _from_block(X: Any, labels: Any = None) -> FeatureMatrix:
    columns = [f"x_{position}" for position in range(X.shape[1])]
    return FeatureMatrix(X, columns, empty_index(len(X)), {}, labels)


def _from_pair(features: Any, labels: Any) -> FeatureMatrix:
    return _from_block(np.asarray(features, np.float64), None if labels is None else np.asarray(labels, np.int64))


_CONTENTS: dict[str, Callable[[FeatureMatrix], Any]] = {
    "columns": to_columns,
    "arrays": _to_arrays,
    "array": lambda matrix: matrix.X,
    "pair": features_and_labels,
}


def write_matrix(path: Target, matrix: FeatureMatrix, *, format: str | None = None) -> None:
    """Write a feature matrix; see `FeatureMatrix.save`.

    `.npz` keeps all of it, in the arrays `X` float64 or int8 (n_flows, n_features), `columns` U (n_features,), `keys`
    FLOW_KEY (n_flows,), `start_ns`, `end_ns`, `packets`, `bytes` int64 (n_flows,), `metadata` (JSON) and, if the matrix
    has them, `labels` U (n_flows,), `end_reason` uint8 (n_flows,), the `attributes` of `FlowIndex`, and each text
    column as `text_NAME` U (n_flows,). `.npy` keeps `X`, `.dat` the original's pair, the others `to_columns`.
    """
    found = _find_output(path, format, matrix.X.dtype == np.int8)
    formats.write(path, found, _CONTENTS[found.content](matrix))


def read_matrix(path: Target, *, format: str | None = None, trust: bool = False) -> FeatureMatrix:
    """Read a feature matrix; see `FeatureMatrix.load`.

    With `trust` anything in a `.dat` file is unpickled, which can run any code.
    """
    found = formats.find_format(path, format, among=SUFFIXES)
    name = name_of(path)
    with formats.open_input(path, found) as stream:
        if found.content == "columns":
            return from_columns(found.code.read(stream, _choose))
        if found.content == "arrays":
            return _from_arrays(found.code.read(stream), name)
        if found.content == "array":
            return _from_block(found.code.read(stream))
        return _from_pair(*found.code.read(stream, name, trust))


def _find_output(path: Target, format: str | None, is_bits: bool) -> Format:
    """Find a format that bits can be written in, if they are: as text each of them takes two bytes or three."""
    found = formats.find_format(path, format, among=SUFFIXES)
    if is_bits:
        keeping = [name for name in SUFFIXES if FORMATS[name].keeps_int8]
        formats.find_format(found.suffix, among=keeping, what="format of header bits (int8)")
    return found


def check_matrix_output(path: str | os.PathLike[str], *, is_bits: bool = False) -> None:
    """Raise what `write_matrix` would raise after the work; `is_bits` says that the matrix will be int8."""
    formats.check_output(path, _find_output(path, None, is_bits))


def count_written(path: str | os.PathLike[str], matrix: FeatureMatrix) -> int:
    """Count the rows that a file of this name holds: `.dat` leaves flows without a label out if others have one."""
    known = FORMATS.get(os.path.splitext(os.fspath(path))[1].lower())
    if known is None or known.keeps_unlabelled or matrix.labels is None:
        return len(matrix)
    return int((matrix.labels != "").sum())


def find_batch_format(path: Target, format: str | None = None) -> Format:
    """Find the format of a file that is written in batches, and on standard output ("-") one that can be followed."""
    found = formats.find_format(path, format, among=BATCH_SUFFIXES, what="format that can be written in batches")
    if path == "-":
        streamed = [name for name in BATCH_SUFFIXES if FORMATS[name].is_streamed]
        formats.find_format(found.suffix, among=streamed, what="format for standard output")
    return found


@contextlib.contextmanager
def open_row_file(
    path: Target, no_rows: FeatureMatrix, format: str | None = None
) -> Iterator[Callable[[FeatureMatrix], None]]:
    """Open a file for batches of rows; call what is yielded with each `FeatureMatrix`.

    `no_rows` has the columns and the metadata of the file; see `netml.formats.batch_writer.open_batches`.
    """
    found = find_batch_format(path, format)
    from netml.formats.batch_writer import open_batches

    with open_batches(path, found, to_columns(no_rows[:0])) as write:
        yield lambda matrix: write(to_columns(matrix))
