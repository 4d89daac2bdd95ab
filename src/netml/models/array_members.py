"""ZIP members of fitted detectors and scalers that need only numpy: parameters as JSON, arrays as .npy members."""

from __future__ import annotations

import math
import os
import zipfile
from typing import Any, BinaryIO, cast

import numpy as np

from netml.errors import DamagedFileError
from netml.ndm import array_detector_class, array_detector_name
from netml.ndm._state import ArrayState, Field, match_shape

MAX_FEATURES = 1 << 24
_HEADER_BYTES = 4096  # numpy's own headers have 128
_MAX_MANIFEST_BYTES = 16 << 20
# Members may unpack to the larger of both: a large archive that is packed to next to nothing would fill the memory.
_MAX_SMALL_BYTES, _MAX_RATIO = 256 << 20, 100
_CHUNK_BYTES = 1 << 20
_DEFLATE_RATIO, _DEFLATE_BYTES = 1032, 1024  # deflate packs no tighter


def array_kind(found: object) -> str | None:
    """Return the name under which a detector or scaler is written as arrays; None if it is not."""
    name = array_detector_name(found)
    if name is not None or not isinstance(found, ArrayState):
        return name
    from netml.ndm.scaling import SCALERS

    return next((name for name, kind in SCALERS.items() if kind is type(found)), None)


def write_arrays(archive: zipfile.ZipFile, part: str, found: ArrayState, kind: str) -> dict[str, Any]:
    """Write the arrays of a fitted object of this `array_kind` to members "part.name.npy"; return the rest for JSON.

    `TypeError` or `ValueError` if a parameter has no form in JSON, or an array does not fit its field.
    """
    about = {
        "kind": kind,
        "params": {name: _as_json(name, value) for name, value in found.get_params().items()},
        "n_features": found.n_features_in_,
        "numbers": {name: float(getattr(found, name)) for name in found.number_names()},
    }
    for name, array in found.get_arrays().items():
        with archive.open(f"{part}.{name}.npy", "w") as stream:
            np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    return about


def _as_json(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _as_json(name, value.tolist())
    if isinstance(value, list | tuple):
        return [_as_json(name, each) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _as_json(name, each) for key, each in value.items()}
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise TypeError(f"the parameter {name} is {value!r:.40}")


def read_arrays(archive: zipfile.ZipFile, part: str, about: dict[str, Any]) -> Any:
    """Read the fitted object whose `write_arrays` returned `about`, or is said by the file to have returned it.

    No array larger than its member is allocated, and no code in the file runs. Any `ValueError`, `TypeError`,
    `LookupError` or `BadZipFile` means that something is missing, of another type or shape, or does not fit together.
    """
    found = _find_class(part, about["kind"])(**about["params"])
    n_features = about["n_features"]
    if not isinstance(n_features, int) or not 0 < n_features <= MAX_FEATURES:
        raise ValueError("n_features is no number of columns")
    sizes = {"n_features": n_features}
    arrays = {
        name: _read_array(archive, f"{part}.{name}.npy", field, sizes) for name, field in found.array_fields().items()
    }
    found.set_state(n_features, about["numbers"], arrays)
    return found


def _find_class(part: str, kind: str) -> type[ArrayState]:
    if part == "detector":
        return array_detector_class(kind)
    from netml.ndm.scaling import SCALERS

    scaler = SCALERS[kind]
    if scaler is None:
        raise ValueError("no scaler")
    return scaler


def _read_array(archive: zipfile.ZipFile, member: str, field: Field, sizes: dict[str, int]) -> np.ndarray:
    entry = archive.getinfo(member)
    with archive.open(entry) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{member} has a strange version")
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=_HEADER_BYTES)
        if is_fortran or dtype != np.dtype(field.dtype):
            raise ValueError(f"{member} has the type {dtype}")
        match_shape(member, shape, field, sizes)
        # In chunks, as in `read_member`: one read would unpack the whole member before it is cut to the entry's size.
        if math.prod(shape) * dtype.itemsize != entry.file_size - stream.tell():
            raise ValueError(f"{member} is no array of the shape {shape}")
        array = np.empty(shape, dtype)
        rest = memoryview(array.reshape(-1).view(np.uint8))
        while len(rest):
            n_read = cast(BinaryIO, stream).readinto(rest[:_CHUNK_BYTES])  # type: ignore[attr-defined]
            if n_read == 0:
                raise EOFError(f"{member} is cut")
            rest = rest[n_read:]
        stream.read(1)  # zipfile compares the checksum at the end of a member
    return array


def check_sizes(archive: zipfile.ZipFile, stream: BinaryIO, name: str, manifest: str) -> None:
    """Refuse an archive before anything is unpacked, if its members would unpack to far more than it has bytes."""
    entries = archive.infolist()
    n_file = stream.seek(0, os.SEEK_END)
    if any(e.file_size > _DEFLATE_RATIO * min(e.compress_size, n_file) + _DEFLATE_BYTES for e in entries):
        raise DamagedFileError(name, "a member's size is not what it unpacks to")
    n_packed = min(sum(entry.compress_size for entry in entries), n_file)
    for what, n_bytes, limit in (
        (manifest, archive.getinfo(manifest).file_size, _MAX_MANIFEST_BYTES),
        ("members", sum(entry.file_size for entry in entries), max(_MAX_SMALL_BYTES, _MAX_RATIO * n_packed)),
    ):
        if n_bytes > limit:
            raise DamagedFileError(name, f"its {what} would unpack to {n_bytes:,} bytes")


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """Unpack a member, in chunks and no further than the size in its entry."""
    with archive.open(member) as packed:
        return b"".join(iter(lambda: packed.read(_CHUNK_BYTES), b""))
