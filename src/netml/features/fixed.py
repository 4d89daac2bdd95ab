"""Representations with nothing left to learn: given whole, or read from a file of features or of a model."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from netml.errors import DamagedFileError, FamilyError, NetmlError, OptionError, UnknownNameError
from netml.families import FamilyOptions, depends_on_dim, find_family
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions
from netml.flow.options import FlowOptions
from netml.formats._damage import damage_as_error
from netml.validation import require_number

LEAST_INTERVAL_S = 1e-9  # of an interval of 0 only a batch makes sense; a nanosecond is next to it
KEEPING = (".npz", ".parquet", ".arrow", ".netml")  # files that tell how they were made
_MAX_MANIFEST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class FixedRepresentation:
    """All that makes rows of flows, with nothing left to learn."""

    options: RepresentationOptions
    flow: FlowOptions
    interval_s: float


def fix_representation(
    options: RepresentationOptions, flow: FlowOptions, interval: float | None
) -> FixedRepresentation:
    """Check that nothing is left to learn.

    Raises
    ------
    OptionError
        If the interval, `dim` or a rate that is needed is missing, or the interval is not above 0; it names the option.
    """
    if interval is not None:
        require_number("interval", interval, lowest=0.0, excludes_lowest=True)
    flow = flow.resolve(options.definition)
    is_original = flow.definition == "original"
    needed: dict[str, float | None] = {"interval": interval} if is_original else {}
    if depends_on_dim(options.request, header=options.header, options=options.family_options):
        needed["dim"] = options.dim
    if any(find_family(name).needs_rate for name in options.request.names):
        needed["rate"] = options.rate
    for name, given in needed.items():
        if given is None:
            raise OptionError(name, None, "given: it cannot be learned from flows that are not there yet")
    if not is_original:
        return FixedRepresentation(options, replace(flow, interval=interval), 0.0)
    assert interval is not None
    return FixedRepresentation(options, flow, float(interval))


def read_representation(like: Any) -> FixedRepresentation:
    """Find out with what representation a file, a matrix or a model was made.

    Parameters
    ----------
    like : path, FeatureMatrix, FlowRepresentation or FlowModel
        See `extract_batches`.

    Returns
    -------
    FixedRepresentation
        With its interval, `dim` and rate.

    Raises
    ------
    OptionError
        If it has none.
    DamagedFileError
        If it is a file that has none, or one of a family that is not registered here.
    OSError
        If it is a file that cannot be opened.
    """
    if isinstance(like, str | os.PathLike):
        name = os.fspath(like)
        os.stat(name)  # whether it is there comes before what its name says
        if os.path.splitext(name)[1].lower() not in KEEPING:
            raise DamagedFileError(name, f"keeps no representation: files in {', '.join(KEEPING)} do")
        try:
            return _fix(_read_parts(name), name)
        except (OptionError, UnknownNameError, FamilyError) as error:
            why = "" if isinstance(error, OptionError) and error.option == "like" else f": {error}"
            raise DamagedFileError(name, f"holds no representation that can be used{why}") from error
    like = getattr(like, "representation", like) or like
    if hasattr(like, "to_dict") and hasattr(like, "interval_"):
        return _fix(like.to_dict(), type(like).__name__)
    if isinstance(like, FeatureMatrix):
        return _fix(_parts_of(like.metadata), "FeatureMatrix")
    raise OptionError("like", type(like).__name__, "a file, a FeatureMatrix, or a fitted representation or model")


def _parts_of(metadata: Mapping[str, Any]) -> Any:
    if not isinstance(metadata.get("representation"), Mapping):
        return None
    about = {"flow": metadata.get("flow"), "interval_s": metadata.get("interval_s")}
    return {**metadata["representation"], **about}


def _read_parts(name: str) -> Any:
    if os.path.splitext(name)[1].lower() != ".netml":
        return _parts_of(FeatureMatrix.load(name).metadata)
    # The manifest alone: it runs no code, and needs no models.
    with (
        damage_as_error(name, "not a netml model, or a damaged one"),
        zipfile.ZipFile(name) as archive,
        archive.open("manifest.json") as manifest,
    ):
        return json.loads(manifest.read(_MAX_MANIFEST_BYTES)).get("representation")


def _fix(parts: Any, name: str) -> FixedRepresentation:
    try:
        flow = FlowOptions(**(parts.get("flow") or {}))
        options = RepresentationOptions(
            tuple(parts["families"]),
            bool(parts.get("fft", False)),
            bool(parts.get("header", False)),
            parts["dim"] or None,  # 0 was learned where there were no flows
            float(parts.get("rate_s") or 0.0),
            parts.get("size", "captured"),
            FamilyOptions(**(parts.get("family_options") or {})),
            parts.get("max_packets"),
        )
        flow = replace(flow, interval=None).resolve(options.definition)
        # Of flows that all have no duration 0 was learned.
        interval_s = max(float(parts["interval_s"]), LEAST_INTERVAL_S) if flow.definition == "original" else None
        return fix_representation(options, flow, interval_s)
    except NetmlError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # any JSON may stand there
        raise OptionError("like", name, "something that tells its representation") from error
