"""The specification of a representation: all that makes rows of flows, with nothing left to learn."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from netml.errors import DamagedFileError, FamilyError, NetmlError, OptionError, UnknownNameError
from netml.families import Block, FamilyOptions, depends_on_dim, find_family, lay_out
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions
from netml.flow.options import FlowOptions
from netml.formats.streams import damage_as_error
from netml.validation import nanoseconds, require_number, require_whole

LEAST_INTERVAL_S = 1e-9  # a stream cannot cut at an interval of 0: a nanosecond is next to it
SUFFIXES = (".npz", ".parquet", ".arrow", ".netml")  # files that hold a specification
_MAX_MANIFEST_BYTES = 16 << 20


@dataclass(frozen=True)
class RepresentationSpec:
    """All that makes rows of flows.

    `netml.features.fitting.fit` learns one from tables of flows; `netml.features.compute.compute` applies it.

    Parameters
    ----------
    options : RepresentationOptions
        Families, header, size and the rest. Its `dim` and `rate` are as asked for, not as learned.
    flow : FlowOptions
        How packets become flows, resolved.
    dim : int
        Packets that a row has room for; 0 if it is unknown and no row depends on it.
    interval_s : float
        Length to which flows of the definition `original` are cut, s; 0 for the others.
    rate_ns : float
        Length of a SAMP window, ns; 0 if no family has windows.
    """

    options: RepresentationOptions
    flow: FlowOptions
    dim: int
    interval_s: float
    rate_ns: float = 0.0

    @property
    def rate_s(self) -> float:
        """Length of a SAMP window, s."""
        return self.rate_ns / 1e9

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.lay_out()[1]

    def lay_out(self) -> tuple[list[Block], tuple[str, ...]]:
        """Place the blocks of the matrix, and name its columns; see `netml.families.lay_out`."""
        options = self.options
        return lay_out(options.request, self.dim, header=options.header, options=options.family_options)

    def describe_rows(self) -> dict[str, Any]:
        """Return how a row is made, as JSON can hold it; `to_dict` has the flows, too."""
        options, request = self.options, self.options.request
        return {
            "families": list(request.names),
            "fft": request.is_fft,
            "header": options.header,
            "dim": self.dim,
            "rate_s": self.rate_s,
            "size": options.size,
            "max_packets": options.max_packets,
            "family_options": asdict(options.family_options),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        return {**self.describe_rows(), "flow": asdict(self.flow), "interval_s": self.interval_s}

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> RepresentationSpec:
        """Make a specification of what `to_dict` returned; all but families, dim and interval_s have defaults.

        What is missing, out of range or unknown raises an `OptionError` or an `UnknownNameError`.
        """
        try:
            return cls._from_parts(parts)
        except NetmlError:
            raise
        # Any JSON may stand in a file.
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            given = " ".join(repr(parts)[:80].split())
            raise OptionError("representation", given, f"what `to_dict` returns ({error})") from error

    @classmethod
    def _from_parts(cls, parts: Mapping[str, Any]) -> RepresentationSpec:
        for name in ("families", "dim", "interval_s"):
            if parts.get(name) is None:
                raise OptionError(name, None, "there: a representation cannot do without")
        require_number("interval_s", parts["interval_s"], lowest=0.0)
        require_whole("dim", parts["dim"], 0)
        rate_s = float(parts.get("rate_s") or 0.0)
        options = RepresentationOptions(
            tuple(parts["families"]),
            bool(parts.get("fft", False)),
            bool(parts.get("header", False)),
            parts["dim"] or None,
            rate_s,
            parts.get("size", "captured"),
            FamilyOptions(**(parts.get("family_options") or {})),
            parts.get("max_packets"),
        )
        if not parts["dim"] and _depends_on_dim(options):
            raise OptionError("dim", parts["dim"], "at least 1: it was learned where there were no flows")
        flow = FlowOptions(**(parts.get("flow") or {})).resolve(options.definition)
        return cls(options, flow, int(parts["dim"]), float(parts["interval_s"]), nanoseconds(rate_s))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> RepresentationSpec | None:
        """Make the specification that a feature matrix was computed with; None if its metadata has none.

        Errors are those of `from_dict`.
        """
        if "representation" not in metadata or "interval_s" not in metadata:
            return None
        rows = metadata["representation"]
        if not isinstance(rows, Mapping):
            raise OptionError("representation", type(rows).__name__, "what `to_dict` returns")
        return cls.from_dict({**rows, "flow": metadata.get("flow", {}), "interval_s": metadata["interval_s"]})


def _depends_on_dim(options: RepresentationOptions) -> bool:
    return depends_on_dim(options.request, header=options.header, options=options.family_options)


def complete_spec(options: RepresentationOptions, flow: FlowOptions, interval: float | None) -> RepresentationSpec:
    """Make a specification of options alone, for flows that are still to come.

    The definition `original` needs an interval above 0, s. An interval, `dim` or rate that rows depend on and that is
    missing raises an `OptionError`.
    """
    if interval is not None:
        require_number("interval", interval, lowest=0.0, excludes_lowest=True)
    flow = flow.resolve(options.definition)
    is_original = flow.definition == "original"
    needed: dict[str, float | None] = {"interval": interval} if is_original else {}
    if _depends_on_dim(options):
        needed["dim"] = options.dim
    if any(find_family(name).needs_rate for name in options.request.names):
        needed["rate"] = options.rate
    for name, given in needed.items():
        if given is None:
            raise OptionError(name, None, "given: it cannot be learned from flows that are not there yet")
    if not is_original:
        flow = replace(flow, interval=interval)  # which refuses one
    interval_s = float(interval or 0.0) if is_original else 0.0
    return RepresentationSpec(options, flow, options.default_dim or 0, interval_s, nanoseconds(options.rate or 0.0))


def read_spec(like: Any) -> RepresentationSpec:
    """Return the specification of a file, a matrix, a representation or a model, complete for streams.

    An object without one raises an `OptionError`; a file without one, or with an unregistered family, a
    `DamagedFileError`.
    """
    if isinstance(like, str | os.PathLike):
        name = os.fspath(like)
        os.stat(name)  # a missing file is told before an unknown suffix
        if os.path.splitext(name)[1].lower() not in SUFFIXES:
            raise DamagedFileError(name, f"keeps no representation: files in {', '.join(SUFFIXES)} do")
        try:
            return _complete(_read_parts(name), name)
        except (OptionError, UnknownNameError, FamilyError) as error:
            why = "" if isinstance(error, OptionError) and error.option == "like" else f": {error}"
            raise DamagedFileError(name, f"holds no representation that can be used{why}") from error
    like = getattr(like, "representation", like) or like
    if isinstance(getattr(like, "spec_", None), RepresentationSpec):
        return _complete(like.to_dict(), type(like).__name__)
    if isinstance(like, FeatureMatrix):
        return _complete(_parts_of(like.metadata), "FeatureMatrix")
    raise OptionError("like", type(like).__name__, "a file, a FeatureMatrix, or a fitted representation or model")


def _parts_of(metadata: Mapping[str, Any]) -> Any:
    rows = metadata.get("representation")
    if not isinstance(rows, Mapping):
        return None
    return {**rows, "flow": metadata.get("flow"), "interval_s": metadata.get("interval_s")}


def _read_parts(name: str) -> Any:
    if os.path.splitext(name)[1].lower() != ".netml":
        return _parts_of(FeatureMatrix.load(name).metadata)
    import json
    import zipfile  # loads bz2, lzma and more, a tenth of a short run

    # The manifest alone: it runs no code, and needs no models.
    with (
        damage_as_error(name, "not a netml model, or a damaged one"),
        zipfile.ZipFile(name) as archive,
        archive.open("manifest.json") as manifest,
    ):
        return json.loads(manifest.read(_MAX_MANIFEST_BYTES)).get("representation")


def _complete(parts: Any, name: str) -> RepresentationSpec:
    if not isinstance(parts, Mapping):
        raise OptionError("like", name, "something that holds a representation")
    spec = RepresentationSpec.from_dict(parts)
    interval_s = max(spec.interval_s, LEAST_INTERVAL_S) if spec.flow.definition == "original" else None
    return complete_spec(spec.options, replace(spec.flow, interval=None), interval_s)
