"""SPLT: sequence of packet lengths and times, with flags."""

from __future__ import annotations

from collections.abc import Iterator

from netml.families.options import FamilyOptions
from netml.families.spec import Family


def _width(dim: int, options: FamilyOptions) -> int:
    return 3 * dim


def _columns(dim: int, options: FamilyOptions) -> Iterator[str]:
    for stem, unit in (("size", ""), ("iat", "_s"), ("flags", "")):
        for i in range(dim):
            yield f"splt_{stem}_{i}{unit}"


SPLT = Family(
    8,
    "first packets: sizes (reverse below 0), then times between, s, then TCP flags",
    _width,
    _columns,
    packet_columns=("is_forward", "flags"),
    definition="bi",
)
