"""FLOW: counts, sizes, times and flags of a flow and of its two directions."""

from __future__ import annotations

from netml.families.spec import FLAG_COLUMNS, Family, constant

WAYS = ("bi", "fwd", "rev")
_OF_A_WAY = (
    *("duration_s", "packets", "bytes"),
    *("size_min", "size_mean", "size_std", "size_max", "size_q1", "size_median", "size_q3"),
    *("iat_min_s", "iat_mean_s", "iat_std_s", "iat_max_s"),
    *FLAG_COLUMNS,
)
# In the order of the COLUMN_ values in _core/features/flow/columns.pxd.
FLOW_COLUMNS = (
    *(f"{way}_{name}" for way in WAYS for name in _OF_A_WAY),
    *("packets_per_s", "bytes_per_s", "down_up_ratio"),
)

FLOW = Family(
    7,
    "both directions and each: duration, counts, sizes, times, flags; rates",
    *constant(FLOW_COLUMNS),
    packet_columns=("is_forward", "flags"),
    definition="bi",
    has_state=True,
)
