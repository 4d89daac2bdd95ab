"""The families of the original netml."""

from __future__ import annotations

from collections.abc import Iterator

from netml.families.options import FamilyOptions
from netml.families.spec import Columns, Family, Width, constant

STATS_COLUMNS = (
    *("duration_s", "packets_per_s", "bytes_per_s"),
    *("size_mean", "size_std", "size_q1", "size_median", "size_q3", "size_min", "size_max"),
    *("packets", "bytes"),
)


def _gaps(dim: int, options: FamilyOptions) -> int:
    return max(dim - 1, 0)


def _packets(dim: int, options: FamilyOptions) -> int:
    return dim


def _gaps_and_packets(dim: int, options: FamilyOptions) -> int:
    return max(2 * dim - 1, 0)


def _name_iat_size(dim: int, options: FamilyOptions) -> Iterator[str]:
    width = _gaps_and_packets(dim, options)
    for i in range(width):
        yield f"size_{i // 2}" if i % 2 or i == width - 1 else f"iat_{i // 2}"


def _numbered(stem: str, width: Width) -> Columns:
    return lambda dim, options: (f"{stem}_{i}" for i in range(width(dim, options)))


ORIGINAL_FAMILIES = {
    "IAT": Family(1, "times between successive packets, s", _gaps, _numbered("iat", _gaps)),
    "SIZE": Family(2, "packet sizes, bytes", _packets, _numbered("size", _packets)),
    "IAT_SIZE": Family(3, "times and sizes in turn: iat, size, iat, size ...", _gaps_and_packets, _name_iat_size),
    "STATS": Family(
        4,
        "12 statistics: duration, rates, packet sizes, counts",
        *constant(STATS_COLUMNS),
    ),
    "SAMP_NUM": Family(5, "packets per window of `rate` seconds", _gaps, _numbered("samp_num", _gaps), True),
    "SAMP_SIZE": Family(6, "bytes per window of `rate` seconds", _gaps, _numbered("samp_size", _gaps), True),
}
