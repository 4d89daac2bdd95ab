"""Options of a representation: frozen, validated once, with the public names and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netml.errors import OptionError
from netml.families import DEFAULT_FAMILY_OPTIONS, FamilyOptions, Request, find_family, parse_families, require_together
from netml.schema.sizes import SIZE_COLUMNS, require_size
from netml.validation import require_number, require_whole

if TYPE_CHECKING:
    from netml.schema.choices import Definition, Families, Size

LARGEST_DIM = 1 << 20  # a row of 8 MB; of header bits, so many columns


@dataclass(frozen=True, slots=True)
class RepresentationOptions:
    """What a flow's row is made of (see `docs/features.md`).

    Parameters
    ----------
    families : str or sequence of str, default "IAT"
        Names of families; the original's `FFT-IAT` style is accepted.
    fft : bool, default False
        Take the real part of each block's Fourier transform.
    header : bool, default False
        Put the TCP flag counts and TTLs in front.
    dim : int, optional
        Packets that a row has room for; by default learned from the flows.
    rate : float, optional
        Length of a SAMP window, s; by default learned from the flows.
    size : {"captured", "wire", "ip", "payload"}, default "captured"
        Which length is a packet's size: of its frame as captured or on the wire, or of its IP packet or its transport
        payload as the IP header says.
    family_options : FamilyOptions, optional
        What can be chosen about single families.
    max_packets : int, optional
        Make rows of each flow's first packets only, so many; by default of all of them.

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
        """Whether rows are bits of headers."""
        return find_family(self.request.names[0]).is_bits

    @property
    def first_headers(self) -> dict[str, int] | None:
        """What an assembler has to keep of headers."""
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
            # Of biflows a family of one's own has it without naming it; bits of headers do without.
            wanted += ("is_forward",) if family.definition == "bi" and not family.is_bits else ()
            wanted += family.extra_packet_columns if self.family_options.cic_extra else ()
        return tuple(dict.fromkeys(wanted))
