"""The output formats, a table by suffix: a new one is a module with `write` (and `read`), and a line here."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netml.errors import UnknownNameError
from netml.files.output import atomic_output, check_output

if TYPE_CHECKING:
    from netml.features.matrix import FeatureMatrix


class Format(NamedTuple):
    """What a suffix stands for."""

    module: str  # name of the module in this package
    holds: str  # what of a feature matrix it keeps, in words
    extra: str | None  # the extra of netml that it needs
    is_readable: bool  # whether a FeatureMatrix can be read back from it
    keeps_int8: bool  # whether bits stay bits: the others write numbers as text, or as float64
    keeps_unlabelled: bool  # whether flows without a label stay where others have one


FORMATS = {
    ".npz": Format("npz", "features, flows, labels and metadata as numpy arrays", None, True, True, True),
    ".npy": Format("npy", "the features alone", None, True, True, True),
    ".csv": Format("csv", "flows, features and labels as text", None, True, False, True),
    ".parquet": Format("parquet", "flows, features, labels and metadata", "parquet", True, True, True),
    ".arrow": Format("arrow", "flows, features, labels and metadata", "parquet", True, True, True),
    ".dat": Format("dat", "the original netml's pickle of (features, labels)", None, True, False, False),
}


def get_format(path: str | os.PathLike[str]) -> Format:
    """Find the format of a path by its suffix.

    Parameters
    ----------
    path : str or os.PathLike
        A path, or a suffix with its dot.

    Returns
    -------
    Format
        The line of the table.

    Raises
    ------
    UnknownNameError
        If no format has this suffix.

    Examples
    --------
    >>> get_format("out/Friday.PARQUET").module
    'parquet'
    """
    name = os.path.basename(os.fspath(path))
    suffix = name.lower() if name.lower() in FORMATS else os.path.splitext(name)[1].lower()
    if suffix not in FORMATS:
        raise UnknownNameError("output format", suffix or name, FORMATS)
    return FORMATS[suffix]


def write_matrix(path: str | os.PathLike[str], matrix: FeatureMatrix, *, suffix: str | None = None) -> None:
    """Write a feature matrix; the file appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        Where to. A device or a FIFO is written directly.
    matrix : FeatureMatrix
        What to write.
    suffix : str, optional
        Which format (".csv"), where the path does not tell (`/dev/stdout`).

    Raises
    ------
    UnknownNameError
        If no format has this suffix, or the matrix is int8, and the format does not keep that.
    MissingExtraError
        If the format's package is not installed.
    OutputError
        If the file cannot be written.
    """
    module = _module(_find_output(suffix or path, matrix.X.dtype == np.int8))
    with atomic_output(path) as partial:
        module.write(partial, matrix)


def read_matrix(path: str | os.PathLike[str], *, suffix: str | None = None, trust: bool = False) -> FeatureMatrix:
    """Read a feature matrix.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    suffix : str, optional
        Which format, where the path does not tell.
    trust : bool, default False
        Unpickle anything that a `.dat` file holds. It can run any code: only for files that you wrote.

    Returns
    -------
    FeatureMatrix
        What the format keeps of it; see `FORMATS`.

    Raises
    ------
    UnknownNameError
        If no format has this suffix, or this format cannot be read.
    DamagedFileError
        If the file is cut, damaged, or not a feature matrix.
    OSError
        If it cannot be opened.
    """
    found = get_format(suffix or path)
    if not found.is_readable:
        readable = [name for name, line in FORMATS.items() if line.is_readable]
        raise UnknownNameError("format to read", os.path.splitext(os.fspath(path))[1], readable)
    module = _module(found)
    matrix: FeatureMatrix = module.read(path, trust=True) if trust and found.module == "dat" else module.read(path)
    return matrix


def _module(found: Format) -> ModuleType:
    return import_module(f"{__name__}.{found.module}")


def features_and_labels(matrix: FeatureMatrix) -> tuple[np.ndarray, np.ndarray | None]:
    """Give a feature matrix as the pair that the original netml keeps.

    Parameters
    ----------
    matrix : FeatureMatrix
        With or without labels.

    Returns
    -------
    X : numpy.ndarray
        float64 (n_flows, n_features). Flows without a label are left out if others have one, as the original
        does.
    y : numpy.ndarray or None
        int64 (n_flows,): 1 abnormal, 0 normal; None if the matrix has no labels.
    """
    from netml.labels.matching import binary_labels

    X = np.asarray(matrix.X, np.float64)
    if matrix.labels is None:
        return X, None
    kept = matrix.labels != ""
    return X[kept], binary_labels(matrix.labels[kept])


def _find_output(path: str | os.PathLike[str], is_bits: bool) -> Format:
    """Find a format that bits can be written in, if they are: as text each of them takes two bytes or three."""
    found = get_format(path)
    if is_bits and not found.keeps_int8:
        suffix = next(name for name, line in FORMATS.items() if line is found)
        keeping = [name for name, line in FORMATS.items() if line.keeps_int8]
        raise UnknownNameError("format of header bits (int8)", suffix, keeping)
    return found


def count_written(path: str | os.PathLike[str], matrix: FeatureMatrix) -> int:
    """Count the rows that a file of this name holds: not every format keeps flows without a label.

    Parameters
    ----------
    path : str or os.PathLike
        Where the matrix is written to.
    matrix : FeatureMatrix
        What is written.

    Returns
    -------
    int
        At most the matrix's own rows.
    """
    known = FORMATS.get(os.path.splitext(os.fspath(path))[1].lower())
    if known is None or known.keeps_unlabelled or matrix.labels is None:
        return len(matrix)
    return int((matrix.labels != "").sum())


def check_matrix_output(path: str | os.PathLike[str], *, is_bits: bool = False) -> None:
    """Raise now what `write_matrix` would raise after all the work.

    Parameters
    ----------
    path : str or os.PathLike
        Where a matrix is to be written.
    is_bits : bool, default False
        Whether it is to be one of bits, int8.

    Raises
    ------
    UnknownNameError
        If no format has this suffix, or it does not keep bits.
    MissingExtraError
        If the format's package is not installed.
    OutputError
        If the folder is missing, the target is a folder, or writing is not permitted.
    """
    if _find_output(path, is_bits).extra == "parquet":
        from netml.formats._table import import_pyarrow

        import_pyarrow(f"writing {os.path.splitext(os.fspath(path))[1]}")
    check_output(path)
