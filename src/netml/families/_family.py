"""What a family of features is, and what can be chosen about some of them."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from netml.flows import FlowTable

from netml.errors import OptionError

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

    Raises
    ------
    OptionError
        If a time is negative or NaN, or a bulk has no packet.
    """

    cic_extra: bool = False
    bulk_gap: float = 1.0
    bulk_packets: int = 4
    subflow_gap: float = 1.0
    activity_timeout: float = 5.0

    def __post_init__(self) -> None:
        # options.py has such checks, but stands above.
        for option in ("bulk_gap", "subflow_gap", "activity_timeout"):
            seconds = getattr(self, option)
            if isinstance(seconds, bool) or not isinstance(seconds, numbers.Real) or not float(seconds) >= 0:
                raise OptionError(option, seconds, "a number of at least 0")
        packets = self.bulk_packets
        if isinstance(packets, bool) or not isinstance(packets, numbers.Integral) or not 1 <= int(packets) < 2**31:
            raise OptionError("bulk_packets", packets, f"a whole number from 1 to {2**31 - 1:,}")


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
