"""What a round of streaming goes by: the kernel's `OpenRules`, and what things weigh in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netml.options import FlowOptions, nanoseconds, whole_nanoseconds

REORDER_NS = 10**9  # how far a packet may come after a later one and still find its place
# A key's record, its slots (two to four of 8 bytes), its state, its places while packets are grouped; and once more as
# much for keys that are forgotten but not packed yet.
FLOW_BYTES = 256
_COLUMN_BYTES = {"caplen": 4, "wirelen": 4, "flags": 1, "ttl": 1}


def packet_bytes(columns: Iterable[str]) -> int:
    """Bytes that a packet holds with these columns: as it has arrived, and grouped with the others of its flow."""
    return 20 + 2 * sum(_COLUMN_BYTES[name] for name in columns)


def rules_of(flow: FlowOptions, interval: float) -> dict[str, Any]:
    """Give the kernel's `OpenRules` of some options."""
    return {
        "interval_ns": nanoseconds(interval),
        "min_packets": max(2, flow.min_packets),
        "tcp_timeout_ns": whole_nanoseconds(flow.tcp_timeout),
        "udp_timeout_ns": whole_nanoseconds(flow.udp_timeout),
    }
