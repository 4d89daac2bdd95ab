"""Options of single families."""

from __future__ import annotations

from dataclasses import dataclass

from netml.families.header_columns import parse_headers
from netml.validation import require_choice, require_number, require_whole

LARGEST_PAYLOAD = 65535  # bytes


@dataclass(frozen=True, slots=True)
class FamilyOptions:
    """Options of single families; the others ignore them.

    Parameters
    ----------
    cic_extra : bool, default False
        CIC: put the columns of `--cic-extra` behind the 76.
    bulk_gap : float, default 1
        CIC: longest time between two packets of a bulk, s.
    bulk_packets : int, default 4
        CIC: packets that make a bulk.
    subflow_gap : float, default 1
        CIC: a longer gap begins a subflow, s.
    activity_timeout : float, default 5
        CIC: a longer gap ends an active period, s.
    nprint_headers : str, default all
        NPRINT: of ipv4, ipv6, tcp, udp and icmp, or nPrint's letters 4, 6, t, u and i, with commas.
    payload_bytes : int, default 0
        NPRINT: bytes of the payload behind the headers of a packet.

    Raises
    ------
    OptionError
        If a time is negative or NaN, or a bulk has no packet.
    UnknownNameError
        If there is no such header.
    """

    cic_extra: bool = False
    bulk_gap: float = 1.0
    bulk_packets: int = 4
    subflow_gap: float = 1.0
    activity_timeout: float = 5.0
    nprint_headers: str = "ipv4,ipv6,tcp,udp,icmp"
    payload_bytes: int = 0

    def __post_init__(self) -> None:
        for name in ("bulk_gap", "subflow_gap", "activity_timeout"):
            require_number(name, getattr(self, name), lowest=0.0)
        require_whole("bulk_packets", self.bulk_packets, 1)
        require_whole("payload_bytes", self.payload_bytes, 0, LARGEST_PAYLOAD)
        require_choice("cic_extra", self.cic_extra, (False, True))
        parse_headers(self.nprint_headers)


DEFAULT_FAMILY_OPTIONS = FamilyOptions()
