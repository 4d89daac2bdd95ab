"""Rounds of streaming by flow definition: what they go by, what things weigh in bytes, what they hand out."""

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
from netml.validation import nanoseconds, require_number, require_whole

MAX_FLOWS = 2**31 - 1
BATCH_PACKETS = 1 << 18
LEAST_BATCH_PACKETS = 1 << 10  # fewer would cost more in rounds than they spare
# A flow's record, its slots (two to four of 8 bytes), its state, its places while packets are grouped; and once more as
# much for flows that have gone but are not packed yet. Measured: 140 to 200 with 200,000 to 1,500,000 flows.
FLOW_BYTES = 256
# A key of which nothing waits: 29 bytes, of IPv6 53; an eighth more for those that have gone; 5 to 11 in the index.
KEY_BYTES = 72
# Measured: 38 bytes of an IPv4 key; a packet of a round takes 76, as it arrives, grouped, handed out, and in rows.
KEYS_A_PACKET = 2
# A biflow's record, its slots, its places while packets are grouped, and a quarter more for those that have gone.
BIFLOW_BYTES = 200
STATE_BYTES = 256  # of sums, before it is known how many they take: more than most
ROWS_AT_ONCE = 1 << 16  # of sums: a round in which all flows end does not make all their rows
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
    """Give the kernel's `FlushRules`, but for what each round has of its own: its times, whether it is the last."""
    return {
        "interval_ns": nanoseconds(interval),
        "min_packets": max(2, flow.min_packets or 2),
        **flow.timeouts_ns,
        "max_flow_packets": max_flow_packets,
        "max_flows": MAX_FLOWS if max_flows is None else max_flows,
        "max_memory_bytes": max_memory,
        "packet_bytes": packet_bytes(columns),
        "flow_bytes": FLOW_BYTES,
        "key_bytes": KEY_BYTES,
    }


class Caps(NamedTuple):
    """How much may be held, at most."""

    max_flow_packets: int
    max_flows: int | None
    max_memory: int


class OriginalRounds:
    """Rounds of flows of the definition `original`.

    Parameters
    ----------
    flow : FlowOptions
        How packets become flows; resolved.
    interval : float
        Length to which flows are cut, s.
    size : str
        Which length is a packet's size.
    columns : iterable of str
        Packet columns that are kept besides the time and the size.
    caps : Caps
        How much may be held.
    """

    def __init__(self, flow: FlowOptions, interval: float, size: str, columns: Iterable[str], caps: Caps) -> None:
        kept = {SIZE_COLUMNS[size], *columns}
        self.assembler = _flowcore.FlowAssembler(kept, **flow.decoding)
        self.interval_s = nanoseconds(interval) / 1e9
        self._size = size
        self._rules = rules_of(flow, interval, kept, **caps._asdict())
        self._most_new_packets = count_between(self._rules)

    def end(self, watermark_ns: int, *, is_last: bool, allowed_lateness_ns: int) -> None:
        """End a round: the flows that no packet to come can belong to are there for `take`."""
        now = {
            "watermark_ns": watermark_ns,
            "allowed_lateness_ns": allowed_lateness_ns,
            "is_last": is_last,
            "latest_ns": self.assembler.counters["end_ns"] or 0,
        }
        self.assembler.advance_watermark({**self._rules, **now})

    @property
    def n_waiting(self) -> int:
        """What later rounds will hand out."""
        return self.assembler.n_open_packets

    def count_next(self, batch_packets: int) -> int:
        """Give how many packets may come before the next round.

        What is held takes the place of some of them, so that memory is that of a round in which nothing is held; up to
        three quarters. But a round takes as long as what waits, so that half as many again come; of millions, half.
        """
        n_waiting = self.n_waiting
        n_left = batch_packets - n_waiting - self.assembler.n_keys // KEYS_A_PACKET
        least = max(batch_packets // 4, min(batch_packets, n_waiting * 3 // 2))
        return min(max(n_left, least, n_waiting // 2 - BATCH_PACKETS, 1), self._most_new_packets)

    def take(self, metadata: dict[str, Any]) -> FlowTable:
        """Give what the last round hands out."""
        return make_table(self.assembler.take_expired(), self._size, metadata)

    def note_taken(self, n_rows: int) -> bool:
        """All were taken: say that the round hands out no more."""
        return False


class BiflowRounds:
    """Rounds of biflows; with `sums` no packet is kept, and what they hand out are rows.

    Parameters
    ----------
    flow, size, columns, caps
        As of `OriginalRounds`.
    sums : IncrementalRows, optional
        States of the families that rows are made of.
    """

    interval_s = 0.0

    def __init__(
        self, flow: FlowOptions, size: str, columns: Iterable[str], caps: Caps, sums: IncrementalRows | None = None
    ) -> None:
        kept = {SIZE_COLUMNS[size], "is_forward", *columns}
        assembler = make_assembler(flow, kept)
        assert isinstance(assembler, _flowcore.BiflowAssembler)
        self.assembler = assembler
        self._size = size
        self._sums = sums
        self._n_taken = 0  # rows of the last round
        self._rules = {
            "min_packets": flow.min_packets,
            "max_flow_packets": caps.max_flow_packets if sums is None else 2**32 - 1,
            "max_flows": MAX_FLOWS if caps.max_flows is None else caps.max_flows,
            "max_memory_bytes": caps.max_memory,
            "packet_bytes": packet_bytes(kept),
            "flow_bytes": BIFLOW_BYTES + (0 if sums is None else STATE_BYTES),
        }
        self._most_new_packets = count_between(self._rules)

    def end(self, watermark_ns: int, *, is_last: bool, allowed_lateness_ns: int) -> None:
        """End a round, as of `OriginalRounds`."""
        latest_ns = self.assembler.counters["end_ns"] or 0
        rules = {**self._rules, "watermark_ns": watermark_ns, "is_last": is_last, "latest_ns": latest_ns}
        if self._sums is None:
            self.assembler.advance_watermark(rules)
        else:
            self._n_taken = 0
            rules["flow_bytes"] = BIFLOW_BYTES + self._sums.bytes_a_flow
            self.assembler.advance_watermark(rules, sums=self._sums.states, size=SIZE_COLUMNS[self._size])

    @property
    def n_waiting(self) -> int:
        """What later rounds will hand out, and go through."""
        return self.assembler.n_open_packets + self.assembler.n_keys

    def count_next(self, batch_packets: int) -> int:
        """Give how many packets may come before the next round, which takes as long as what waits."""
        return min(max(batch_packets, self.n_waiting // 2 - BATCH_PACKETS), self._most_new_packets)

    def take(self, metadata: dict[str, Any]) -> FlowTable | FeatureMatrix:
        """Give what the last round hands out, of rows the next ones; the same again until `note_taken`."""
        if self._sums is None:
            return make_table(self.assembler.take_expired(), self._size, metadata)
        rows = self._n_taken, ROWS_AT_ONCE
        return self._sums.make(self.assembler.take_rows(self._sums.states, len(self._sums.columns), *rows), metadata)

    def note_taken(self, n_rows: int) -> bool:
        """So many were taken; say whether the round hands out more."""
        if self._sums is None:
            return False
        self._n_taken += n_rows
        if self._n_taken < self.assembler.n_leaving:
            return True
        self.assembler.release_taken(self._sums.states)
        return False


def open_rounds(
    flow: FlowOptions, size: str, columns: Iterable[str], caps: Caps, sums: IncrementalRows | None
) -> OriginalRounds | BiflowRounds:
    """Open the rounds of a flow definition; `flow` is resolved, and has an interval if that is `original`."""
    if flow.definition != "original":
        return BiflowRounds(flow, size, columns, caps, sums)
    assert flow.interval is not None
    return OriginalRounds(flow, flow.interval, size, columns, caps)


def count_between(rules: dict[str, Any]) -> int:
    """Most packets that may come between two rounds: no cap is looked at meanwhile, so that they must be few."""
    spare = rules["max_memory_bytes"] // (4 * (rules["packet_bytes"] + rules["flow_bytes"]))
    return max(LEAST_BATCH_PACKETS, min(int(spare), int(rules["max_flows"])))


def require_sizes(
    latency_s: float, batch_packets: int, max_flow_packets: int, max_flows: int | None, max_memory: int
) -> None:
    """Raise what is wrong with the numbers of a stream."""
    require_number("latency_s", latency_s, lowest=0.0)
    require_whole("batch_packets", batch_packets, 1)
    require_whole("max_flow_packets", max_flow_packets, 2)
    if max_flows is not None:
        require_whole("max_flows", max_flows, 1)
    require_whole("max_memory", max_memory, 1, 2**62)
