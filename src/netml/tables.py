"""Captures to tables of flows, each capture on its own, all cut to one interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from netml.capture.reader import Progress
from netml.capture.source import look_inside
from netml.errors import OptionError
from netml.flows import FlowTable
from netml.options import FlowOptions, choose_flow
from netml.pieces import learn_interval_ns, read_pieces
from netml.validation import nanoseconds


def list_captures(captures: Any, link_type: int | None = None) -> list[Any]:
    """Return captures as a list: one source is a list of one."""
    if isinstance(captures, list | tuple):
        return list(captures)
    if isinstance(captures, np.ndarray):
        return list(captures.tolist())  # as cross_val_score hands out paths
    if isinstance(captures, FlowTable) or link_type is not None:
        return [captures]
    captures, is_several = look_inside(captures, FlowTable, option="captures")
    return list(captures) if is_several else [captures]


def read_tables(
    captures: Any,
    flow: FlowOptions | None,
    size: str,
    columns: Sequence[str],
    *,
    interval_s: float | None = None,
    **reading: Any,
) -> tuple[list[FlowTable], float]:
    """Read captures into flows; no flow reaches from one capture into another.

    Parameters
    ----------
    captures : source, FlowTable, or an iterable of either
        A `FlowTable` is taken as it is.
    flow, size
        As in `netml.read_flows`.
    columns : sequence of str
        The packet columns to keep besides the time.
    interval_s : float, optional
        Length to which flows are cut, s; by default the one in `flow`, or else learned from all captures together.
    **reading
        definition: as in `read_pieces`; strict, link_type, progress: as in `netml.read_flows`.

    Returns
    -------
    tables : list of FlowTable
        One for each capture.
    interval_s : float
        The interval, s.

    Raises
    ------
    OptionError
        If the tables given are cut to different intervals, and the interval is to be learned.
    """
    given = list_captures(captures, reading.get("link_type"))
    n_tables = sum(isinstance(each, FlowTable) for each in given)
    if given and n_tables == len(given):
        return given, _common_interval(given) if interval_s is None else interval_s
    if n_tables and interval_s is None:
        raise OptionError("captures", f"{n_tables} tables of flows among others", "all captures, or all tables")
    progress = _count_on(reading.pop("progress", None))
    pieces = [
        each if isinstance(each, FlowTable) else read_pieces(each, flow, size, columns, progress=progress(), **reading)
        for each in given
    ]
    if interval_s is None:
        durations_ns = [each.durations_ns for each in pieces if not isinstance(each, FlowTable)]
        interval_s = learn_interval_ns(durations_ns or [np.empty(0, np.int64)], choose_flow(flow)) / 1e9
    # By way of seconds also where it has just been learned, so that `fit` and `transform` cut alike.
    interval_ns = nanoseconds(interval_s)
    return [each if isinstance(each, FlowTable) else each.cut(interval_ns) for each in pieces], interval_ns / 1e9


def _common_interval(tables: Sequence[FlowTable]) -> float:
    intervals = {table.metadata.get("interval_s") for table in tables}
    if len(intervals) != 1:
        raise OptionError("captures", sorted(map(str, intervals)), "tables of flows cut to the same interval")
    return float(intervals.pop() or 0.0)


def _count_on(progress: Progress | None) -> Callable[[], Progress | None]:
    """Give each capture its own callback, so that bytes and packets count on from one to the next."""
    done, latest = [0, 0], [0, 0]

    def show(n_bytes: int, n_packets: int) -> None:
        assert progress is not None
        latest[:] = done[0] + n_bytes, done[1] + n_packets
        progress(*latest)

    def begin() -> Progress | None:
        done[:] = latest
        return None if progress is None else show

    return begin
