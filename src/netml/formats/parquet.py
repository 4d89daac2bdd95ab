"""`.parquet`: a table that pandas, polars, DuckDB and Spark read; the metadata lies in the schema."""

from __future__ import annotations

import os

from netml.features.matrix import FeatureMatrix
from netml.formats._damage import damage_as_error
from netml.formats._row_groups import open_row_groups
from netml.formats._table import from_table, import_pyarrow


def write(path: str | os.PathLike[str], matrix: FeatureMatrix) -> None:
    """Write a feature matrix as Parquet.

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
    with open(path, "wb") as stream, open_row_groups(stream, matrix) as write_rows:
        write_rows(matrix)


def read(path: str | os.PathLike[str]) -> FeatureMatrix:
    """Read a feature matrix from Parquet.

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
        If it is not Parquet, cut, or not a feature table.
    """
    import_pyarrow("reading Parquet")
    from pyarrow import parquet

    with damage_as_error(path), open(path, "rb") as stream:
        return from_table(parquet.read_table(stream))
