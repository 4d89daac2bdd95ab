"""NPRINT: the headers of a flow's first packets bit by bit, in nPrint's columns (github.com/nprint/nprint, 1.2.1)."""

from __future__ import annotations

from collections.abc import Iterable

from netml.families.header_columns import count_bits, name_bits
from netml.families.options import FamilyOptions
from netml.families.spec import Family

DEFAULT_DIM = 5  # packets: they are wide


def _width(dim: int, options: FamilyOptions) -> int:
    return dim * count_bits(options.nprint_headers, options.payload_bytes)


def _columns(dim: int, options: FamilyOptions) -> Iterable[str]:
    names = name_bits(options.nprint_headers, options.payload_bytes)
    return (f"pkt_{rank}_{name}" for rank in range(dim) for name in names)


NPRINT = Family(
    -1,
    "bits of the headers of the first `dim` packets: 1, 0, -1 where there is none; stands alone",
    _width,
    _columns,
    definition="bi",
    default_dim=DEFAULT_DIM,
    options=("nprint_headers", "payload_bytes"),
    is_bits=True,
)
