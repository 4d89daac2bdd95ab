"""`.npy`: the features alone, as one numpy array."""

from __future__ import annotations

import os

import numpy as np

from netml.features.matrix import FeatureMatrix
from netml.formats._damage import damage_as_error
from netml.schema.flow_index import empty_index


def write(path: str | os.PathLike[str], matrix: FeatureMatrix) -> None:
    """Write `X` as float64 (n_flows, n_features).

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    matrix : FeatureMatrix
        What to write.
    """
    # Given a name, numpy.save would add its suffix to it.
    with open(path, "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(matrix.X))
        # numpy writes through the C library where the stream is a file, and fails on a pipe; a view serves
        # both.
        stream.write(matrix.X.reshape(-1).view(np.uint8).data if matrix.X.size else b"")


def read(path: str | os.PathLike[str]) -> FeatureMatrix:
    """Read a matrix of features; the flows are unknown.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `write` or `numpy.save` made.

    Returns
    -------
    FeatureMatrix
        With the columns x_0, x_1 ... and flows whose fields are all 0.

    Raises
    ------
    DamagedFileError
        If it holds anything but numbers in two dimensions.
    """
    # Given a name, numpy leaves a damaged file open.
    with damage_as_error(path, "not a matrix of features"), open(path, "rb") as stream:
        features = np.load(stream, allow_pickle=False)
        columns = [f"x_{position}" for position in range(features.shape[1])]
        return FeatureMatrix(features, columns, empty_index(len(features)), {})
