"""Tables of flows read from captures: several read as one, or a table for each, all cut to one interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.capture.reader import Progress, ReadOptions
from netml.capture.source import look_inside
from netml.errors import OptionError
from netml.flow.options import FlowOptions, TablePlan, choose_flow
from netml.flow.subflows import learn_interval_ns, read_subflows
from netml.flow.table import FlowTable
from netml.schema.packet_columns import require_columns
from netml.schema.sizes import SIZE_COLUMNS, require_size
from netml.validation import nanoseconds

if TYPE_CHECKING:
    from netml.schema.choices import Size

READ_COLUMNS = ("caplen", "wirelen", "flags", "ttl")


def read_flows(
    source: Any,
    *,
    flow: FlowOptions | None = None,
    interval: float | None = None,
    size: Size = "captured",
    columns: Sequence[str] = READ_COLUMNS,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> FlowTable:
    """Read captures into a table of flows.

    Parameters
    ----------
    source : path, "-", binary file, dpkt reader, iterable of (time, bytes), or an iterable of paths and files
        Where packets come from; pcap or pcapng, plain or compressed. Several are read as one capture,
        in the order in which the iterable (a list, or a generator as of ``Path.glob``) gives them.
    flow : FlowOptions, optional
        How packets become flows; of the definition `original`, unless it chooses another one.
    interval : float, optional
        Length to which flows are cut, s; as ``flow=FlowOptions(interval=...)``. By default learned from the capture.
    size : {"captured", "wire", "ip", "payload"}
        Which length is a packet's size: of its frame as captured or on the wire, or of its IP packet or its transport
        payload as the IP header says.
    columns : sequence of str, default ("caplen", "wirelen", "flags", "ttl")
        Packet columns that the table has besides the time and the size; see `FlowTable`. Biflows have `is_forward`
        always.
    strict : bool, default False
        Raise at damaged framing, instead of warning and keeping what was read before it.
    link_type : int, optional
        LINKTYPE_ value of the frames of an iterable of (time, bytes). With a `link_type` a generator
        is one of packets, never of paths.
    progress : callable, optional
        Called as ``progress(bytes_read, packets_read)`` block by block.

    Returns
    -------
    FlowTable
        All flows with all their packets. `metadata` says what was read, skipped and dropped.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError
        If an option is out of range, or `flow` has another interval than `interval`.

    Warns
    -----
    CaptureWarning
        At damaged framing, unless `strict`.
    """
    require_size(size)
    require_columns(columns)
    kept = dict.fromkeys((SIZE_COLUMNS[size], *columns))
    flow = choose_flow(flow, interval).resolve()
    if flow.definition != "original":
        kept["is_forward"] = None
    subflows = read_subflows(source, TablePlan(flow, size, tuple(kept)), ReadOptions(strict, link_type, progress))
    return subflows.cut(subflows.learn_interval_ns())


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
    captures: Any, plan: TablePlan, reading: ReadOptions, interval_s: float | None = None
) -> tuple[list[FlowTable], float]:
    """Read captures into tables of flows and the interval, s; no flow reaches from one capture into another.

    A `FlowTable` among the captures is taken as it is. `interval_s` cuts the flows; by default the plan's, or else
    learned from all captures together. Tables that are cut to different intervals are an `OptionError` where it is to
    be learned.
    """
    given = list_captures(captures, reading.link_type)
    n_tables = sum(isinstance(each, FlowTable) for each in given)
    if given and n_tables == len(given):
        return given, _common_interval(given) if interval_s is None else interval_s
    if n_tables and interval_s is None:
        raise OptionError("captures", f"{n_tables} tables of flows among others", "all captures, or all tables")
    progress = _count_on(reading.progress)
    subflows = [
        each if isinstance(each, FlowTable) else read_subflows(each, plan, reading._replace(progress=progress()))
        for each in given
    ]
    if interval_s is None:
        durations_ns = [each.durations_ns for each in subflows if not isinstance(each, FlowTable)]
        interval_s = learn_interval_ns(durations_ns or [np.empty(0, np.int64)], plan.flow) / 1e9
    # By way of seconds also where it has just been learned, so that `fit` and `transform` cut alike.
    interval_ns = nanoseconds(interval_s)
    return [each if isinstance(each, FlowTable) else each.cut(interval_ns) for each in subflows], interval_ns / 1e9


def _common_interval(tables: Sequence[FlowTable]) -> float:
    intervals = {table.metadata.get("interval_s") for table in tables}
    if len(intervals) != 1:
        raise OptionError("captures", sorted(map(str, intervals)), "tables of flows cut to the same interval")
    return float(intervals.pop() or 0.0)


def _count_on(progress: Progress | None) -> Callable[[], Progress | None]:
    """Make a callback for each capture that counts bytes and packets on from the captures before."""
    done, latest = [0, 0], [0, 0]

    def show(n_bytes: int, n_packets: int) -> None:
        assert progress is not None
        latest[:] = done[0] + n_bytes, done[1] + n_packets
        progress(*latest)

    def begin() -> Progress | None:
        done[:] = latest
        return None if progress is None else show

    return begin
