"""`.npz`: named numpy arrays, uncompressed, that `numpy.load` reads without pickle."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from netml.formats._zip_store import Member, write_archive


def write(stream: IO[bytes], arrays: Mapping[str, Any]) -> None:
    """Write named arrays as `numpy.savez` does, only faster; any other value as a JSON text, 0-dimensional."""
    write_archive(stream, (_member(f"{name}.npy", array) for name, array in arrays.items()))


def _member(name: str, array: Any) -> Member:
    array = np.require(array if isinstance(array, np.ndarray) else np.array(json.dumps(array)), requirements="C")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    # memoryview() knows no structured types and cast() no empty arrays; bytes are bytes.
    content = memoryview(array.reshape(-1).view(np.uint8)) if array.size else b""
    return Member(name, (header.getvalue(), content))


def read(stream: IO[bytes]) -> dict[str, np.ndarray]:
    """Read named arrays; a `ValueError` says that the file holds a lone array."""
    archive = np.load(stream, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("a lone array")
    return {key: archive[key] for key in archive.files}
