"""A fitted representation as plain numbers and names, and back: what a model file and a matrix's metadata hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

from netml.errors import NetmlError, OptionError
from netml.families import FamilyOptions, depends_on_dim
from netml.features.options import RepresentationOptions
from netml.flow.options import FlowOptions, choose_flow
from netml.ndm._estimator import Estimator
from netml.validation import require_number


class Described(Estimator):
    """The part of `FlowRepresentation` that is written down and read back."""

    flow: FlowOptions | None
    interval: float | None = None  # also of what older versions have pickled
    header: bool
    size: str
    max_packets: int | None = None  # also of what older versions have pickled
    family_options: FamilyOptions | None = None
    dim_: int
    interval_: float
    rate_: float

    def __init__(self, families: Any = "IAT", **parameters: Any) -> None:
        raise NotImplementedError

    def _options(self) -> RepresentationOptions:
        raise NotImplementedError

    def _set_learned(self, *, dim: int, interval_s: float, rate_s: float) -> None:
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Give all that makes up a fitted representation, as JSON can hold it.

        Returns
        -------
        dict
            families, fft, header, size, first, family_options, flow, dim, interval_s, rate_s.
        """
        self._require_fitted()
        options = self._options()
        request = options.request
        return {
            "families": list(request.names),
            "fft": request.is_fft,
            "header": self.header,
            "size": self.size,
            "max_packets": self.max_packets,
            "family_options": asdict(options.family_options),
            "flow": asdict(choose_flow(self.flow, self.interval).resolve(options.definition)),
            "dim": self.dim_,
            "interval_s": self.interval_,
            "rate_s": self.rate_,
        }

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> Self:
        """Make a fitted representation of what `to_dict` gave.

        Parameters
        ----------
        parts : mapping
            families, dim and interval_s; the rest has defaults.

        Returns
        -------
        FlowRepresentation
            Fitted: it transforms as the one that `to_dict` was called on.

        Raises
        ------
        OptionError, UnknownNameError
            If something is missing or out of range.
        """
        try:
            return cls._from_parts(parts)
        except NetmlError:
            raise
        # Any JSON may stand in a file.
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            given = " ".join(repr(parts)[:80].split())
            raise OptionError("representation", given, f"what `to_dict` gives ({error})") from error

    @classmethod
    def _from_parts(cls, parts: Mapping[str, Any]) -> Self:
        for name in ("families", "dim", "interval_s"):
            if parts.get(name) is None:
                raise OptionError(name, None, "there: a representation cannot do without")
        require_number("interval_s", parts["interval_s"], lowest=0.0)
        rate_s = float(parts.get("rate_s") or 0.0)
        made = cls(
            tuple(parts["families"]),
            fft=bool(parts.get("fft", False)),
            header=bool(parts.get("header", False)),
            flow=FlowOptions(**parts.get("flow", {})),
            dim=parts["dim"] or None,  # 0: of no flows, or of a stream of rows that are as wide whatever it is
            rate=rate_s,
            size=parts.get("size", "captured"),
            max_packets=parts.get("max_packets"),
            family_options=FamilyOptions(**(parts.get("family_options") or {})),
        )
        options = made._options()
        if not parts["dim"] and depends_on_dim(options.request, header=made.header, options=options.family_options):
            raise OptionError("dim", parts["dim"], "at least 1: it was learned where there were no flows")
        made._set_learned(dim=parts["dim"], interval_s=float(parts["interval_s"]), rate_s=rate_s)
        return made

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Self | None:
        """Make the representation that a feature matrix was made with.

        Parameters
        ----------
        metadata : mapping
            Of a `FeatureMatrix`.

        Returns
        -------
        FlowRepresentation or None
            Fitted; None if the metadata does not tell, as of a `.dat` or `.npy` file.

        Raises
        ------
        OptionError, UnknownNameError
            If something is missing or out of range.
        """
        if "representation" not in metadata or "interval_s" not in metadata:
            return None
        if not isinstance(metadata["representation"], Mapping):
            raise OptionError("representation", type(metadata["representation"]).__name__, "what `to_dict` gives")
        about = {"flow": metadata.get("flow", {}), "interval_s": metadata["interval_s"]}
        return cls.from_dict({**metadata["representation"], **about})
