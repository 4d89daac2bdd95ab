"""Options of rows: frozen, validated once, with the public names and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netml.errors import OptionError
from netml.families import DEFAULT_FAMILY_OPTIONS, FamilyOptions, Request, find_family, parse_families, require_together
from netml.flow.options import FlowOptions, TablePlan, choose_flow
from netml.schema.sizes import SIZE_COLUMNS, require_size
from netml.validation import require_number, require_whole

if TYPE_CHECKING:
    from netml.schema.choices import Definition, Families, Size

LARGEST_DIM = 1 << 20  # packets, a row of 8 MB; with header bits this many columns


@dataclass(frozen=True, slots=True)
class RepresentationOptions:
    """Families and options of which rows are made (see `docs/features.md`).

    Parameters
    ----------
    families, fft, header, dim, rate, size, family_options, max_packets
        As in `netml.extract`.

    Raises
    ------
    OptionError
        If a value is out of range or NaN.
    UnknownNameError
        If there is no such family.
    """

    families: Families = "IAT"
    fft: bool = False
    header: bool = False
    dim: int | None = None
    rate: float | None = None
    size: Size = "captured"
    family_options: FamilyOptions = DEFAULT_FAMILY_OPTIONS
    max_packets: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.family_options, FamilyOptions):
            raise OptionError("family_options", self.family_options, "a netml.families.FamilyOptions")
        require_together(self.request, self.header)
        require_size(self.size)
        if self.dim is not None:
            n_columns = find_family(self.request.names[0]).width(1, self.family_options) if self.makes_bits else 1
            require_whole("dim", self.dim, 1, LARGEST_DIM // n_columns)
        if self.rate is not None:
            require_number("rate", self.rate, lowest=0.0)
        if self.max_packets is not None:
            require_whole("max_packets", self.max_packets, 1)

    @property
    def request(self) -> Request:
        """The families, parsed."""
        return parse_families(self.families, self.fft)

    @property
    def definition(self) -> Definition:
        """The flow definition that the families ask for."""
        definitions = {find_family(name).definition for name in self.request.names}
        return "bi" if "bi" in definitions else "original"

    @property
    def default_dim(self) -> int | None:
        """`dim`, or that of the family; None: it is to be learned."""
        return self.dim if self.dim is not None else find_family(self.request.names[0]).default_dim

    @property
    def makes_bits(self) -> bool:
        """True if rows are bits of headers."""
        return find_family(self.request.names[0]).is_bits

    @property
    def first_headers(self) -> dict[str, int] | None:
        """Headers that an assembler has to keep: options of `make_assembler`."""
        if not self.makes_bits:
            return None
        return {"n_first": self.default_dim or 0, "payload_octets": self.family_options.payload_bytes}

    @property
    def packet_columns(self) -> tuple[str, ...]:
        """The packet columns that its rows are made of."""
        wanted = [SIZE_COLUMNS[self.size], *(("flags", "ttl") if self.header else ())]
        for name in self.request.names:
            family = find_family(name)
            wanted += family.packet_columns
            # Custom families of biflows have it without naming it; bits of headers do without.
            wanted += ("is_forward",) if family.definition == "bi" and not family.is_bits else ()
            wanted += family.extra_packet_columns if self.family_options.cic_extra else ()
        return tuple(dict.fromkeys(wanted))


def make_plan(options: RepresentationOptions, flow: FlowOptions | None) -> TablePlan:
    """Return the plan of the tables of flows that rows of these options are made of."""
    resolved = choose_flow(flow).resolve(options.definition)
    return TablePlan(resolved, options.size, options.packet_columns, options.first_headers)
