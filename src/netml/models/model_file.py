"""`.netml` files: a ZIP archive with a readable manifest, the fitted detector and its scaler.

Scalers and detectors that need only numpy are arrays (`array_members`), and reading them loads no other library.
Estimators of scikit-learn and PyOD are in a skops dump. skops trusts all of scikit-learn by default and calls trusted
types with arguments from the file. So the dump's plan is checked first: only `TRUSTED_TYPES` are made, only empty, and
no function is called.
"""

from __future__ import annotations

import errno
import io
import json
import math
import warnings
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from netml.errors import DamagedFileError, FamilyError, NetmlError, OutputError, UnknownNameError
from netml.files.sound_models import check_arrays
from netml.files.trusted_types import (
    OLD_DEVELOPMENT,
    TRUSTED_TYPES,
    foreign_types,
    missing_package,
    untrusted_types,
)
from netml.formats.streams import Target, name_of, open_source, open_target
from netml.models.array_members import array_kind, check_sizes, read_arrays, read_member, write_arrays
from netml.models.versions import LIBRARIES, installed_version, library_versions, version_notes
from netml.ndm._state import finite_number

if TYPE_CHECKING:
    from netml.features.representation import FlowRepresentation
    from netml.models.flow_model import FlowModel

FORMAT = "netml-model"
FORMAT_VERSION = 1

_MANIFEST, _DUMP = "manifest.json", "detector.skops"

_KINDS: dict[str, Any] = {
    "detector_name": str,
    "scale": str,
    "params": dict,
    "summary": dict,
    "versions": dict,
    "representation": dict | None,
    "columns": list | None,
    "threshold": float | int | None,
    "detector": dict | None,
    "scaler": dict | None,
}
_AS_PICKLE = "a .dat file can, but loads only with trust=True"


def write_model(path: Target, model: FlowModel) -> None:
    """Write a model as a `.netml` file, whole or not at all.

    `OutputError` if the detector holds what such a file cannot hold (networks of torch, compiled functions), or if the
    file cannot be written.
    """
    name = model.detector_name or type(model.detector).__name__
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            foreign = _write(archive, model)
    except Exception as error:  # whatever the insides of any detector raise when they are asked for their state
        raise OutputError(name_of(path), f"cannot hold the detector {name}: {_line(error)}; {_AS_PICKLE}") from error
    if foreign:
        kinds = ", ".join(sorted(foreign))
        raise OutputError(name_of(path), f"cannot hold the detector {name}, for it holds {kinds}; {_AS_PICKLE}")
    with open_target(path) as stream:
        stream.write(packed.getbuffer())


def read_model(path: Target, *, trust: bool = False) -> FlowModel:
    """Read a `.netml` file; raises the errors of `netml.load_model`.

    `summary["notes"]` has the `version_notes` on the libraries that trained the model. `trust` loads types that netml
    does not know, which can run any code.
    """
    with open_source(path) as stream:
        return parse_model(cast(BinaryIO, stream), name_of(path), trust)


def parse_model(stream: BinaryIO, name: str, trust: bool) -> FlowModel:
    """Read a `.netml` file that is open and seekable; see `read_model`."""
    try:
        return _read(stream, name, trust)
    except NetmlError:
        raise
    except Exception as error:  # a damaged archive fails in many ways, with messages that tell a user nothing
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise DamagedFileError(name, missing_package(error) or "a damaged model file") from error


def _write(archive: zipfile.ZipFile, model: FlowModel) -> set[str]:
    """Write all parts, and return the types that `read_model` would refuse."""
    manifest, dumped, foreign = _manifest_of(model), {}, set()
    for part, found in (("detector", model.detector), ("scaler", model.scaler)):
        kind = array_kind(found)
        manifest[part] = None if kind is None else write_arrays(archive, part, found, kind)
        dumped[part] = found if kind is None else None
    if any(each is not None for each in dumped.values()):
        from skops import io as skops_io

        dump = skops_io.dumps(dumped)
        foreign = foreign_types(dump)
        archive.writestr(_DUMP, dump)
    archive.writestr(_MANIFEST, json.dumps(_plain(manifest), indent=2, allow_nan=False) + "\n")
    return foreign


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else f"{text[:160]} ..."


def _manifest_of(model: FlowModel) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "detector_name": model.detector_name,
        "params": model.params,
        "scale": model.scale,
        "threshold": model.threshold,
        "representation": None if model.representation is None else model.representation.to_dict(),
        "columns": model.columns,
        "summary": {key: value for key, value in model.summary.items() if key != "notes"},
        "versions": {**library_versions(), **model.versions},
    }


def _plain(value: Any) -> Any:
    """Convert numpy's types, tuples and sets to types that JSON has, any other object to its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    is_number = isinstance(value, float) and math.isfinite(value)
    return value if value is None or is_number or isinstance(value, str | int) else str(value)


def _read(stream: BinaryIO, name: str, trust: bool) -> FlowModel:
    from netml.models.flow_model import FlowModel

    manifest, content = _unpack(stream, name, trust)
    versions = manifest["versions"]
    scaler = content.get("scaler")
    if not hasattr(content.get("detector"), "decision_function"):
        raise DamagedFileError(name, "holds no detector")
    if scaler is not None and (isinstance(scaler, type) or not hasattr(scaler, "transform")):
        raise DamagedFileError(name, "holds no scaler where one should be")
    if not (manifest["detector_name"].isprintable() and manifest["scale"].isprintable()):
        raise DamagedFileError(name, "names that cannot be printed")
    # Arrays mean the same in all versions of the libraries, so that only a dump needs notes.
    notes = version_notes(versions) if manifest["detector"] is None else []
    return FlowModel(
        content["detector"],
        representation=_representation(manifest["representation"], name),
        scaler=scaler,
        detector_name=manifest["detector_name"],
        params=manifest["params"],
        scale=manifest["scale"],
        columns=manifest["columns"],
        summary={**manifest["summary"], **({"notes": notes} if notes else {})},
        versions=versions,
    )


def _representation(parts: dict[str, Any] | None, name: str) -> FlowRepresentation | None:
    from netml.features.representation import FlowRepresentation

    try:
        return None if parts is None else FlowRepresentation.from_dict(parts)
    except (UnknownNameError, FamilyError) as error:  # a model has the names of families, never their code
        what = f"{error.name}, which is not registered here" if isinstance(error, UnknownNameError) else _line(error)
        hint = "import what registers it (--import), or install its package"
        raise DamagedFileError(name, f"its rows are of a family that is missing: {what}; {hint}") from error
    except Exception as error:  # options out of their ranges, missing parts ...
        raise DamagedFileError(name, f"the representation in its manifest is damaged: {_line(error)}") from error


def _unpack(stream: BinaryIO, name: str, trust: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the checked manifest, and the detector and the scaler by these names."""
    try:
        archive = zipfile.ZipFile(stream)
    except zipfile.BadZipFile as error:
        stream.seek(0)
        is_zip = stream.read(4) == b"PK\x03\x04"
        raise DamagedFileError(name, "a cut or damaged model file" if is_zip else "not a netml model") from error
    with archive:
        if _MANIFEST not in archive.namelist():
            raise DamagedFileError(name, "not a netml model")
        check_sizes(archive, stream, name, _MANIFEST)
        manifest = json.loads(read_member(archive, _MANIFEST))
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise DamagedFileError(name, "not a netml model")
        version = manifest.get("format_version")
        if version != FORMAT_VERSION:
            is_newer = isinstance(version, int) and version > FORMAT_VERSION
            raise DamagedFileError(name, f"written by a newer netml (format {version})" if is_newer else "damaged")
        for key, kind in _KINDS.items():
            if not isinstance(manifest.get(key), kind):
                raise DamagedFileError(name, f"the {key} in its manifest is damaged")
        parts = {part: manifest[part] for part in ("detector", "scaler") if manifest[part] is not None}
        content = {part: read_arrays(archive, part, about) for part, about in parts.items()}
        if "detector" in parts and manifest["threshold"] is not None:
            content["detector"].threshold_ = finite_number("threshold", manifest["threshold"])
        if "detector" not in parts or _DUMP in archive.namelist():
            content = _load(read_member(archive, _DUMP), name, manifest["versions"], trust) | content
        return manifest, content


def _load(dump: bytes, name: str, versions: Mapping[str, str], trust: bool) -> dict[str, Any]:
    from skops import io as skops_io

    try:
        foreign = set() if trust else foreign_types(dump)
        if foreign:
            raise untrusted_types(name, foreign)
        known = skops_io.get_untrusted_types(data=dump) if trust else list(TRUSTED_TYPES)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Trying to unpickle estimator")  # `version_notes` has it
            content: dict[str, Any] = skops_io.loads(dump, trusted=known)
        if not trust:
            check_arrays(content)
        if any(array_kind(found) is not None for found in content.values()):  # they are never dumped now
            raise DamagedFileError(name, OLD_DEVELOPMENT)
    except NetmlError:
        raise
    except Exception as error:
        pairs = [(each, versions.get(each), installed_version(each)) for each in LIBRARIES[1:]]
        other = [f"{each} {there} (here {here})" for each, there, here in pairs if there and there != here]
        if not other or isinstance(error, ImportError):
            raise
        raise DamagedFileError(name, f"written with {', '.join(other)}: cannot be read: {_line(error)}") from error
    return content
