"""What a round of streaming goes by: the kernel's `OpenRules`, and what things weigh in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from netml import _flowcore
from netml.options import FlowOptions, nanoseconds

MAX_FLOWS = 2**31 - 1
LEAST_BATCH_PACKETS = 1 << 10  # fewer would cost more in rounds than they spare
# A key's record, its slots (two to four of 8 bytes), its state, its places while packets are grouped; and once more as
# much for keys that are forgotten but not packed yet. Measured: 140 to 200 with 200,000 to 1,500,000 keys.
FLOW_BYTES = 256
_COLUMN_BYTES = {name: np.dtype(kind).itemsize for name, kind in _flowcore.COLUMN_KINDS.items()}


def packet_bytes(columns: Iterable[str]) -> int:
    """Bytes that a packet holds with these columns: as it has arrived, and grouped with the others of its flow."""
    return 20 + 2 * sum(_COLUMN_BYTES[name] for name in columns)


def rules_of(
    flow: FlowOptions,
    interval: float,
    columns: Iterable[str],
    *,
    max_flow_packets: int,
    max_flows: int | None,
    max_memory: int,
) -> dict[str, Any]:
    """Give the kernel's `OpenRules`, but for what each round has of its own: its times, whether it is the last."""
    return {
        "interval_ns": nanoseconds(interval),
        "min_packets": max(2, flow.min_packets or 2),
        **flow.timeouts_ns,
        "max_flow_packets": max_flow_packets,
        "max_flows": MAX_FLOWS if max_flows is None else max_flows,
        "max_memory_bytes": max_memory,
        "packet_bytes": packet_bytes(columns),
        "flow_bytes": FLOW_BYTES,
    }


def count_between(rules: dict[str, Any]) -> int:
    """Most packets that may come between two rounds: no cap is looked at meanwhile, so that they must be few."""
    spare = rules["max_memory_bytes"] // (4 * (rules["packet_bytes"] + rules["flow_bytes"]))
    return max(LEAST_BATCH_PACKETS, min(int(spare), int(rules["max_flows"])))
