"""Specification of a family: width, column names, and the packet columns of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from netml.families.options import FamilyOptions

NO_CODE = -1  # of a family that the kernel does not know
FamilyDefinition = Literal["original", "bi"]  # of flows, as families have them
FLAG_COLUMNS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
Width = Callable[[int, FamilyOptions], int]
Columns = Callable[[int, FamilyOptions], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Family:
    """One family of features."""

    code: int  # in `_core/features/registry.pxd`, or NO_CODE
    description: str  # of a row, in a line
    width: Width  # columns, from `dim`, the packets that a row has room for
    columns: Columns  # their names, from the same
    needs_rate: bool = False  # its rows depend on the SAMP window
    packet_columns: tuple[str, ...] = ()  # that its rows are made of, besides time and size
    extra_packet_columns: tuple[str, ...] = ()  # that its rows are made of with `cic_extra`
    definition: FamilyDefinition = "original"  # of flows, unless another one is asked for
    has_state: bool = False  # the kernel can make its rows without keeping packets (`_core/features/states.pxd`)
    text_columns: tuple[str, ...] = ()  # names, in order; `features.compute` makes them
    default_dim: int | None = None  # None: `dim` is learned
    options: tuple[str, ...] = ()  # names of the `FamilyOptions` that it supports
    is_bits: bool = False  # its rows are bits of headers, int8, which reading has to keep; it stands alone


def constant(names: tuple[str, ...]) -> tuple[Width, Columns]:
    """Return `width` and `columns` of a family with the same columns for every `dim`."""
    return lambda dim, options: len(names), lambda dim, options: names
