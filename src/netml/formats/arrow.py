"""`.arrow`: the Arrow IPC file format, which readers map into memory; the metadata lies in the schema."""

from __future__ import annotations

import os

from netml.features.matrix import FeatureMatrix
from netml.formats._damage import damage_as_error
from netml.formats._table import from_table, import_pyarrow, to_table


def write(path: str | os.PathLike[str], matrix: FeatureMatrix) -> None:
    """Write a feature matrix as an Arrow IPC file.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    matrix : FeatureMatrix
        What to write.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    table = to_table(matrix, "writing Arrow")
    from pyarrow import ipc

    with open(path, "wb") as stream, ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


def read(path: str | os.PathLike[str]) -> FeatureMatrix:
    """Read a feature matrix from an Arrow IPC file.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `write` made.

    Returns
    -------
    FeatureMatrix
        As it was written.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    DamagedFileError
        If it is no Arrow file, cut, or not a feature table.
    """
    import_pyarrow("reading Arrow")
    from pyarrow import ipc

    with damage_as_error(path), open(path, "rb") as stream, ipc.open_file(stream) as reader:
        return from_table(reader.read_all())
