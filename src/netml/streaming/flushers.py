"""Flushers, one a flow definition: each ends flows at a watermark within limits of memory, and makes tables of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from netml import _flowcore
from netml.features.incremental import IncrementalRows
from netml.features.matrix import FeatureMatrix
from netml.flow.assembler import make_assembler
from netml.flow.options import FlowOptions
from netml.flow.table import FlowTable, make_table
from netml.schema.sizes import SIZE_COLUMNS
from netml.validation import nanoseconds

MAX_FLOWS = 2**31 - 1
BATCH_PACKETS = 1 << 18
LEAST_BATCH_PACKETS = 1 << 10  # fewer would cost more in flushes than they spare
# A flow's record, its slots (two to four of 8 bytes), its state, its places while packets are grouped; and once more as
# much for flows that have gone but are not packed yet. Measured: 140 to 200 with 200,000 to 1,500,000 flows.
FLOW_BYTES = 256
# An idle key: 29 bytes, of IPv6 53; an eighth more for those that have gone; 5 to 11 in the index.
KEY_BYTES = 72
# Measured: 38 bytes of an IPv4 key; a packet of a flush takes 76, as it arrives, grouped, handed out, and in rows.
KEYS_A_PACKET = 2
# A biflow's record, its slots, its places while packets are grouped, and a quarter more for those that have gone.
BIFLOW_BYTES = 200
STATE_BYTES = 256  # of incremental rows, before it is known how many they take: more than most
ROWS_AT_ONCE = 1 << 16  # incremental rows: a flush in which all flows end does not make all their rows at once
_COLUMN_BYTES = {name: np.dtype(kind).itemsize for name, kind in _flowcore.COLUMN_KINDS.items()}


def packet_bytes(columns: Iterable[str]) -> int:
    """Return the bytes that a packet with these columns holds: as it arrived, and grouped with those of its flow."""
    return 20 + 2 * sum(_COLUMN_BYTES[name] for name in columns)


class Limits(NamedTuple):
    """Limits of `FlowStream` on packets, flow keys and bytes held."""

    max_flow_packets: int
    max_flows: int | None
    max_memory: int

    def rules(self, columns: Iterable[str], flow_bytes: int) -> dict[str, int]:
        """Return the part of the kernel's flush rules that both definitions share."""
        return {
            "max_flow_packets": self.max_flow_packets,
            "max_flows": MAX_FLOWS if self.max_flows is None else self.max_flows,
            "max_memory_bytes": self.max_memory,
            "packet_bytes": packet_bytes(columns),
            "flow_bytes": flow_bytes,
        }


class OriginalFlusher:
    """Flushes of flows of the definition `original`; `flow` is resolved and has an interval."""

    def __init__(self, flow: FlowOptions, size: str, columns: Iterable[str], limits: Limits) -> None:
        assert flow.interval is not None
        kept = {SIZE_COLUMNS[size], *columns}
        self.assembler = _flowcore.FlowAssembler(kept, **flow.decoding)
        self.interval_s = nanoseconds(flow.interval) / 1e9
        self._size = size
        self._rules = {
            **limits.rules(kept, FLOW_BYTES),
            **flow.timeouts_ns,
            "interval_ns": nanoseconds(flow.interval),
            "min_packets": max(2, flow.min_packets or 2),
            "key_bytes": KEY_BYTES,
        }
        self._most_new_packets = _most_new_packets(self._rules)

    def advance_watermark(self, watermark_ns: int, *, is_last: bool, allowed_lateness_ns: int) -> None:
        """End the flows to which no packet after the watermark can belong; `take_expired` makes a table of them."""
        now = {
            "watermark_ns": watermark_ns,
            "allowed_lateness_ns": allowed_lateness_ns,
            "is_last": is_last,
            "latest_ns": self.assembler.counters["end_ns"] or 0,
        }
        self.assembler.advance_watermark({**self._rules, **now})

    @property
    def n_pending(self) -> int:
        """Packets of open flows."""
        return self.assembler.n_open_packets

    def count_until_flush(self, batch_packets: int) -> int:
        """Return how many packets may come before the next flush.

        Packets and keys held take the place of some of them, up to three quarters, so that memory is that of a flush
        of nothing but new packets. A flush takes as long as its pending packets, so that half as many again come; of
        millions, half.
        """
        n_left = batch_packets - self.n_pending - self.assembler.n_keys // KEYS_A_PACKET
        least = max(batch_packets // 4, min(batch_packets, self.n_pending * 3 // 2))
        return min(max(n_left, least, self.n_pending // 2 - BATCH_PACKETS, 1), self._most_new_packets)

    def take_expired(self, metadata: dict[str, Any]) -> FlowTable:
        """Make a table of the flows that the last flush ended."""
        return make_table(self.assembler.take_expired(), self._size, metadata)

    def release(self, n_rows: int) -> bool:
        """Return False: `take_expired` has taken all flows of a flush."""
        return False


class BiflowFlusher:
    """Flushes of unidirectional and bidirectional flows; `incremental` keeps states instead of packets, for rows."""

    interval_s = 0.0

    def __init__(
        self,
        flow: FlowOptions,
        size: str,
        columns: Iterable[str],
        limits: Limits,
        incremental: IncrementalRows | None = None,
    ) -> None:
        kept = {SIZE_COLUMNS[size], "is_forward", *columns}
        assembler = make_assembler(flow, kept)
        assert isinstance(assembler, _flowcore.BiflowAssembler)
        self.assembler = assembler
        self._size = size
        self._incremental = incremental
        self._n_taken = 0  # rows of the last flush
        if incremental is not None:
            limits = limits._replace(max_flow_packets=2**32 - 1)
        flow_bytes = BIFLOW_BYTES + (0 if incremental is None else STATE_BYTES)
        self._rules = {**limits.rules(kept, flow_bytes), "min_packets": flow.min_packets}
        self._most_new_packets = _most_new_packets(self._rules)

    def advance_watermark(self, watermark_ns: int, *, is_last: bool, allowed_lateness_ns: int) -> None:
        """End flows as `OriginalFlusher.advance_watermark` does."""
        latest_ns = self.assembler.counters["end_ns"] or 0
        rules = {**self._rules, "watermark_ns": watermark_ns, "is_last": is_last, "latest_ns": latest_ns}
        if self._incremental is None:
            self.assembler.advance_watermark(rules)
        else:
            self._n_taken = 0
            rules["flow_bytes"] = BIFLOW_BYTES + self._incremental.bytes_a_flow
            self.assembler.advance_watermark(rules, sums=self._incremental.states, size=SIZE_COLUMNS[self._size])

    @property
    def n_pending(self) -> int:
        """Packets of open flows, and the flows: a flush goes through both."""
        return self.assembler.n_open_packets + self.assembler.n_keys

    def count_until_flush(self, batch_packets: int) -> int:
        """Return how many packets may come before the next flush, which takes as long as what is pending."""
        return min(max(batch_packets, self.n_pending // 2 - BATCH_PACKETS), self._most_new_packets)

    def take_expired(self, metadata: dict[str, Any]) -> FlowTable | FeatureMatrix:
        """Make a table, or the next `ROWS_AT_ONCE` rows; the same rows again until `release`."""
        if self._incremental is None:
            return make_table(self.assembler.take_expired(), self._size, metadata)
        states, n_columns = self._incremental.states, len(self._incremental.columns)
        return self._incremental.make(
            self.assembler.take_rows(states, n_columns, self._n_taken, ROWS_AT_ONCE), metadata
        )

    def release(self, n_rows: int) -> bool:
        """Pass over the rows taken, or free the last; True if the flush has more."""
        if self._incremental is None:
            return False
        self._n_taken += n_rows
        if self._n_taken < self.assembler.n_leaving:
            return True
        self.assembler.release_taken(self._incremental.states)
        return False


def make_flusher(
    flow: FlowOptions, size: str, columns: Iterable[str], limits: Limits, incremental: IncrementalRows | None
) -> OriginalFlusher | BiflowFlusher:
    """Make the flusher of a resolved `flow`'s definition."""
    if flow.definition != "original":
        return BiflowFlusher(flow, size, columns, limits, incremental)
    return OriginalFlusher(flow, size, columns, limits)


def _most_new_packets(rules: dict[str, Any]) -> int:
    # The kernel checks no limit between two flushes, so that few packets may come where little may be held.
    spare = rules["max_memory_bytes"] // (4 * (rules["packet_bytes"] + rules["flow_bytes"]))
    return max(LEAST_BATCH_PACKETS, min(int(spare), int(rules["max_flows"])))
