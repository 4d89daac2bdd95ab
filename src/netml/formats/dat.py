"""`.dat`: the original netml's feature file, a pickle of `(features, labels)`."""

from __future__ import annotations

import os
import pickle

import numpy as np

from netml.features.matrix import FeatureMatrix
from netml.files.safe_pickle import unpickle
from netml.formats import features_and_labels
from netml.formats._damage import damage_as_error
from netml.schema.flow_index import empty_index


def write(path: str | os.PathLike[str], matrix: FeatureMatrix) -> None:
    """Write `(features, labels)` as the original does.

    Features are float64 (n_flows, n_features), labels int64 (n_flows,), 1 abnormal and 0 normal. Flows
    without a label are left out if others have one; without any labels, None stands in their place.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    matrix : FeatureMatrix
        What to write.
    """
    with open(path, "wb") as stream:
        # Protocol 4 is what the original writes, and every Python 3 that could run it reads.
        pickle.dump(features_and_labels(matrix), stream, protocol=4)


def read(path: str | os.PathLike[str], *, trust: bool = False) -> FeatureMatrix:
    """Read the original's feature file, without running any code that it may hold.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `write`, `dump_data` or the original made.
    trust : bool, default False
        Unpickle anything. It can run any code.

    Returns
    -------
    FeatureMatrix
        With labels "0" and "1" if the file has any, the columns x_0, x_1 ... and flows whose fields are all 0.

    Raises
    ------
    DamagedFileError
        If it is no pickle, or not one of a pair of features and labels.
    UntrustedFileError
        If it would run code.
    """
    with open(path, "rb") as stream:
        pair = unpickle(stream, os.fspath(path), trust)
    with damage_as_error(path, "not a pair of features and labels"):
        features, labels = pair
        features = np.asarray(features, np.float64)
        columns = [f"x_{position}" for position in range(features.shape[1])]
        labels = None if labels is None else np.asarray(labels, np.int64)
        return FeatureMatrix(features, columns, empty_index(len(features)), {}, labels=labels)
