"""Subflows of captures: flows cut by the idle timeouts, before they are cut by the interval.

The interval is learned from the subflows of one capture or of several, so that it is known only when all are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from netml import _flowcore
from netml.capture.reader import ReadOptions
from netml.flow.assembler import describe, make_assembler, read_source
from netml.flow.biflows import UncutBiflows
from netml.flow.options import FlowOptions, TablePlan
from netml.flow.spill import Spill
from netml.flow.table import FlowTable, make_table
from netml.validation import nanoseconds


class Subflows:
    """Subflows in memory, as `read_subflows` returns them: call `cut` once.

    Parameters
    ----------
    assembler : FlowAssembler
        The assembler of all packets.
    plan : TablePlan
        What the table is made of.
    metadata : dict
        Metadata about the source.
    """

    def __init__(self, assembler: _flowcore.FlowAssembler, plan: TablePlan, metadata: dict[str, Any]) -> None:
        self._assembler = assembler
        self._plan = plan
        self._metadata = metadata
        self.durations_ns = assembler.end_flows(_rules(plan.flow))

    def learn_interval_ns(self) -> float:
        """Return the interval by which these subflows are to be cut, ns."""
        return learn_interval_ns([self.durations_ns], self._plan.flow)

    def cut(self, interval_ns: float) -> FlowTable:
        """Cut the subflows by the interval; hands all packets over.

        Parameters
        ----------
        interval_ns : float
            Length to which flows are cut, ns.

        Returns
        -------
        FlowTable
            All flows with all their packets.
        """
        assembler = self._assembler
        taken = assembler.take_flows(interval_ns)
        counts = {**assembler.counters, "dropped": assembler.dropped}
        metadata = {**self._metadata, **counts, **describe(self._plan, interval_ns)}
        return make_table(taken, self._plan.size, metadata)


class SpilledSubflows:
    """Subflows with packets in a temporary file: the tables of `Subflows`, some flows at a time.

    Parameters
    ----------
    assembler : FlowAssembler
        The assembler of the flows, without packets.
    spill : Spill
        The packets.
    plan, metadata
        As of `Subflows`.
    """

    def __init__(
        self, assembler: _flowcore.FlowAssembler, spill: Spill, plan: TablePlan, metadata: dict[str, Any]
    ) -> None:
        self._assembler = assembler
        self._spill = spill
        self._plan = plan
        self._metadata = metadata
        self._dropped: dict[str, Any] = {}

    def learn_interval_ns(self) -> float:
        """Return the interval by which these subflows are to be cut, ns."""
        if self._plan.flow.interval is not None:
            return nanoseconds(self._plan.flow.interval)
        rules = _rules(self._plan.flow)
        durations_ns = [np.empty(0, np.int64)]
        for part in self._spill.parts(()):
            durations_ns.append(part.end_flows(rules))
            del part  # or its packets would stay while the next ones are read; so below
        return learn_interval_ns([np.concatenate(durations_ns)], self._plan.flow)

    def cut_times(self, interval_ns: float, max_packets: int | None = None) -> Iterator[dict[str, np.ndarray]]:
        """Iterate over the keys and times of all flows, some flows at a time; counts the dropped packets on the way.

        Parameters
        ----------
        interval_ns : float
            Length to which flows are cut, ns.
        max_packets : int, optional
            Packets of a flow that count, at most.

        Yields
        ------
        dict of str to ndarray (n_flows,)
            `keys`, `start_ns`, `end_ns`, `packets`.
        """
        self._dropped = {}
        for part in self._cut((), interval_ns, self._dropped):
            times = {name: part[name] for name in ("keys", "start_ns", "end_ns")}
            times["packets"] = np.diff(part["offsets"])
            if max_packets is not None:
                times["packets"] = np.minimum(times["packets"], max_packets)
                times["end_ns"] = part["time_ns"][part["offsets"][:-1] + times["packets"] - 1]
            del part
            yield times

    def cut_tables(self, interval_ns: float, columns: Sequence[str]) -> Iterator[FlowTable]:
        """Iterate over all flows with their packets, some flows at a time.

        Parameters
        ----------
        interval_ns : float
            Length to which flows are cut, ns.
        columns : sequence of str
            Packet columns besides the time.

        Yields
        ------
        FlowTable
            Without metadata.
        """
        for part in self._cut(columns, interval_ns, {}):
            yield make_table(part, self._plan.size, {})
            del part

    def _cut(
        self, columns: Sequence[str], interval_ns: float, dropped: dict[str, Any]
    ) -> Iterator[dict[str, np.ndarray]]:
        rules = _rules(self._plan.flow)
        for part in self._spill.parts(columns):
            part.end_flows(rules)
            yield part.take_flows(interval_ns)
            for name, counts in part.dropped.items():
                so_far = dropped.get(name, {})
                dropped[name] = {what: count + so_far.get(what, 0) for what, count in counts.items()}

    def describe(self, interval_ns: float) -> dict[str, Any]:
        """Return the metadata of all tables together; only after `cut_times`."""
        counts = {**self._assembler.counters, "dropped": self._dropped or self._assembler.dropped}
        about = {**self._metadata, **counts, **describe(self._plan, interval_ns)}
        return {**about, "spilled": self._spill.counts}


def _rules(flow: FlowOptions) -> dict[str, Any]:
    return {"min_packets": flow.min_packets, **flow.timeouts_ns, "keeps_tail": flow.keep_tail}


def learn_interval_ns(durations_ns: Sequence[np.ndarray], flow: FlowOptions) -> float:
    """Return the interval, ns: that of `flow`, or its `q_interval` quantile of the durations of all subflows.

    It is 0 without subflows.
    """
    if flow.interval is not None:
        return nanoseconds(flow.interval)
    # A single capture's durations are not copied: there may be millions.
    return linear_quantile(durations_ns[0] if len(durations_ns) == 1 else np.concatenate(durations_ns), flow.q_interval)


def linear_quantile(values: np.ndarray, q: float) -> float:
    """Return the quantile of whole numbers, bit for bit as `numpy.quantile`; 0.0 without any.

    The first call of `numpy.quantile` loads `numpy.ma`: a tenth of the instructions of a short command.
    """
    if len(values) == 0:
        return 0.0
    place = (len(values) - 1) * q
    below = math.floor(place)
    fraction = place - below
    ordered = np.partition(values, below)
    low = int(ordered[below])
    if fraction == 0:
        return float(low)
    gap = int(ordered[below + 1 :].min()) - low
    # Rounding is symmetric this way, and numpy's.
    return low + gap * fraction if fraction < 0.5 else (low + gap) - gap * (1 - fraction)


def read_subflows(source: Any, plan: TablePlan, reading: ReadOptions) -> Subflows | UncutBiflows:
    """Read a source to its end and cut its flows by the idle timeouts.

    What is returned is cut by an interval, if the definition is `original`. Raises `CaptureError` as `netml.read_flows`
    does, and `OptionError` if headers are wanted of original flows.
    """
    assembler = make_assembler(plan.flow, plan.columns, plan.first_headers)
    metadata = read_source(assembler, source, reading)
    if isinstance(assembler, _flowcore.BiflowAssembler):
        return UncutBiflows(assembler, plan, metadata)
    return Subflows(assembler, plan, metadata)


def read_subflows_within(
    max_memory: int, source: Any, plan: TablePlan, reading: ReadOptions
) -> Subflows | UncutBiflows | SpilledSubflows:
    """Read as `read_subflows` does; packets of original flows beyond `max_memory` bytes go to a temporary file.

    Biflows are kept in memory, or taken as they end.

    Raises
    ------
    SpillError
        If the temporary file cannot be written; and what `read_subflows` raises.
    """
    assembler = make_assembler(plan.flow, plan.columns, plan.first_headers)
    if isinstance(assembler, _flowcore.BiflowAssembler):
        return UncutBiflows(assembler, plan, read_source(assembler, source, reading))
    spill = Spill(assembler, plan.columns, max_memory)
    metadata = read_source(assembler, source, reading, spill.keep_within)
    if not spill:
        return Subflows(assembler, plan, metadata)
    spill.finish()
    return SpilledSubflows(assembler, spill, plan, metadata)
