"""What a family of features is, and what can be chosen about some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netml.validation import require_choice, require_number, require_whole

if TYPE_CHECKING:
    import numpy as np

    from netml.flow.table import FlowTable

LARGEST_PAYLOAD = 65535  # bytes
NO_CODE = -1  # of a family that the kernel does not know
FLAG_COLUMNS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


@dataclass(frozen=True, slots=True)
class FamilyOptions:
    """What can be chosen about single families; the others take no notice.

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
        from netml.families.nprint import parse_headers  # which is made of this module

        parse_headers(self.nprint_headers)


@dataclass(frozen=True, slots=True)
class Family:
    """One family of features.

    Parameters
    ----------
    code : int
        Its number in `_core/features/registry.pxd`, or NO_CODE.
    description : str
        What a row holds, in a line.
    width : callable
        Columns, from `dim`, the packets that a row has room for, and the `FamilyOptions`.
    columns : callable
        Their names, from the same.
    needs_rate : bool, default False
        Whether its rows depend on the SAMP window.
    packet_columns : tuple of str
        Packet columns that its rows are made of, besides time and size.
    extra_packet_columns : tuple of str
        Those that it needs besides with `cic_extra`.
    definition : {"seed", "bi"}
        The flow definition that it has unless another one is asked for.
    has_state : bool, default False
        Whether the kernel can make its rows without keeping packets (`_core/features/states.pxd`).
    texts : callable, optional
        What it has to say of flows in words, beside the numbers: from a `FlowTable` a dict of str to ndarray
        (n_flows,) of str.
    text_columns : tuple of str
        The names of those texts, in order.
    default_dim : int, optional
        `dim` unless another one is asked for; otherwise it is learned.
    options : tuple of str
        The names of the `FamilyOptions` that it heeds.
    is_bits : bool, default False
        Whether its rows are bits of headers, int8, that the reading has to keep; such a family stands alone.
    """

    code: int
    description: str
    width: Callable[[int, FamilyOptions], int]
    columns: Callable[[int, FamilyOptions], Iterable[str]]
    needs_rate: bool = False
    packet_columns: tuple[str, ...] = ()
    extra_packet_columns: tuple[str, ...] = ()
    definition: str = "seed"
    has_state: bool = False
    texts: Callable[[FlowTable], dict[str, np.ndarray]] | None = None
    text_columns: tuple[str, ...] = ()
    default_dim: int | None = None
    options: tuple[str, ...] = ()
    is_bits: bool = False
