"""`.npz`: all that a feature matrix holds, as numpy arrays that `numpy.load` reads without pickle."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import numpy as np

from netml.errors import DamagedFileError
from netml.features.matrix import FeatureMatrix
from netml.formats._damage import damage_as_error
from netml.formats._zip_store import Member, write_archive

_TEXT = "text_"  # before the name of a text that families say


def write(path: str | os.PathLike[str], matrix: FeatureMatrix) -> None:
    """Write a feature matrix as `.npz`.

    The arrays are `X` float64 or int8 (n_flows, n_features), `columns` U (n_features,), `keys` FLOW_KEY (n_flows,),
    `start_ns`, `end_ns`, `packets`, `bytes` int64 (n_flows,), `metadata` (a JSON text, 0-dimensional) and, if
    the matrix has them, `labels` U (n_flows,), `end_reason` uint8 (n_flows,), the `attributes` of `FlowIndex`, and each
    text as `text_NAME` U (n_flows,). Uncompressed.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    matrix : FeatureMatrix
        What to write.
    """
    flows = matrix.flows
    arrays: dict[str, Any] = {
        "X": matrix.X,
        "columns": np.array(matrix.columns, dtype=np.str_),
        "keys": flows.keys,
        "start_ns": flows.start_ns,
        "end_ns": flows.end_ns,
        "packets": flows.packets,
        "bytes": flows.bytes,
        "metadata": np.array(json.dumps(matrix.metadata)),
    }
    if flows.end_reason is not None:
        arrays["end_reason"] = flows.end_reason
    arrays |= flows.attributes
    if matrix.labels is not None:
        arrays["labels"] = matrix.labels
    arrays |= {_TEXT + name: text for name, text in matrix.texts.items()}
    write_arrays(path, arrays)


def write_arrays(path: str | os.PathLike[str], arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays as an uncompressed `.npz`, as `numpy.savez` does, only faster.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    arrays : dict of str to ndarray
        Any that need no pickle.
    """
    write_archive(path, (_member(f"{name}.npy", array) for name, array in arrays.items()))


def _member(name: str, array: np.ndarray) -> Member:
    array = np.require(array, requirements="C")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    # memoryview() knows no structured types and cast() no empty arrays; bytes are bytes.
    content = memoryview(array.reshape(-1).view(np.uint8)) if array.size else b""
    return Member(name, (header.getvalue(), content))


def read(path: str | os.PathLike[str]) -> FeatureMatrix:
    """Read a feature matrix from `.npz`.

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
    DamagedFileError
        If the file is cut or damaged, or lacks one of the arrays.
    """
    name = os.fspath(path)
    # Given a name, numpy leaves a damaged file open.
    with damage_as_error(name, "not an .npz file, or a damaged one"), open(name, "rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DamagedFileError(name, "not an .npz file")
        arrays = {key: archive[key] for key in archive.files}
        return _matrix_of(arrays, name)


def _matrix_of(arrays: dict[str, np.ndarray], name: str) -> FeatureMatrix:
    from netml.schema.flow_index import ATTRIBUTE_KINDS, FlowIndex

    try:
        named = {key: arrays[key] for key in ("keys", "start_ns", "end_ns", "packets", "bytes")}
        attributes = {key: arrays[key] for key in ATTRIBUTE_KINDS if key in arrays}
        flows = FlowIndex(**named, end_reason=arrays.get("end_reason"), attributes=attributes)
        metadata = json.loads(str(arrays["metadata"]))
        columns = arrays["columns"].tolist()
        texts = {key.removeprefix(_TEXT): array for key, array in arrays.items() if key.startswith(_TEXT)}
        return FeatureMatrix(arrays["X"], columns, flows, metadata, arrays.get("labels"), texts)
    except KeyError as error:
        raise DamagedFileError(name, f"not a feature file of netml: no array {error}") from error
