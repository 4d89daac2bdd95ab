"""The specification of a family: width, column names, and what its rows are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netml.families.options import FamilyOptions

NO_CODE = -1  # of a family that the kernel does not know
FLAG_COLUMNS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


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
    definition : {"original", "bi"}
        The flow definition that it has unless another one is asked for.
    has_state : bool, default False
        Whether the kernel can make its rows without keeping packets (`_core/features/states.pxd`).
    text_columns : tuple of str
        The names of its text columns, in order; `features.compute` makes them.
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
    definition: str = "original"
    has_state: bool = False
    text_columns: tuple[str, ...] = ()
    default_dim: int | None = None
    options: tuple[str, ...] = ()
    is_bits: bool = False
