"""Flows as they end, while their capture is still being written, in bounded memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from netml._version import __version__
from netml.capture.reader import Progress, ReadOptions, walk_packets
from netml.capture.source import Capture
from netml.errors import CaptureError
from netml.features.incremental import IncrementalRows
from netml.features.matrix import FeatureMatrix
from netml.flow.options import FlowOptions, choose_flow
from netml.flow.table import FlowTable
from netml.schema.packet_columns import require_columns
from netml.schema.sizes import require_size
from netml.streaming.rounds import BATCH_PACKETS, Caps, open_rounds, require_sizes
from netml.validation import require_number

if TYPE_CHECKING:
    from netml.schema.choices import Size

MAX_FLOW_PACKETS = 1 << 20
MAX_MEMORY_BYTES = 1 << 30
ALLOWED_LATENESS_NS = 10**9  # how far a packet may come after a later one and still find its place
LONGEST_WAIT_S = 3600.0  # that a poll takes
# A live source's clock is the wall clock, give or take this. Only then does its silence tell that time passes: a
# capture of last year that comes through a pipe has no now.
LIVE_WITHIN_NS = 60 * 10**9
_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1


class FlowStream:
    """Flows of a source as they end: iterating gives tables of them.

    All pieces together are those of ``read_flows(source, flow=FlowOptions(interval=..., keep_tail=True))``, packet by
    packet, for captures in which no packet comes more than 1 s after a later one (see `docs/flows.md`). Their order is
    that in which they are known to have ended.

    Parameters
    ----------
    source : path, "-", binary file, dpkt reader, iterable of (time, bytes), or an iterable of paths and files
        Where packets come from; see `netml.read_flows`. Several are read one after the other, as one capture.
    interval : float
        Length to which flows are cut, s; greater than 0. It cannot be learned from flows that are not there yet. Only
        of the definition `original`.
    flow : FlowOptions, optional
        Definition, timeouts and `min_packets`; its `interval` and `keep_tail` do not count.
    size : {"captured", "wire", "ip", "payload"}
        Which length is a packet's size.
    columns : sequence of str, default ("flags", "ttl")
        Packet columns that the tables have beside time and size; see `FlowTable`.
    sums : IncrementalRows, optional
        Of biflows: keep sums instead of packets, and give feature matrices instead of tables.
    strict : bool, default False
        Raise at damaged framing, at once, instead of warning and handing out what was read before it.
    link_type : int, optional
        LINKTYPE_ value of the frames of an iterable of (time, bytes).
    progress : callable, optional
        Called as ``progress(bytes_read, packets_read)`` block by block.
    batch_packets : int, default 262144
        After so many new packets flows are looked for that have ended. Of `original` what is held takes the place of
        some, up to three quarters; if millions of packets wait, it is after half as many.
    latency_s : float, default 1
        Longest time until that is done for sources that are no regular files, s.
    max_flow_packets : int, default 1048576
        A piece with more packets is handed out as if it had ended.
    max_flows : int, optional
        Flow keys that are held after each round at most: the least recently seen are handed out as if they had ended.
    max_memory : int, default 1 GiB
        Bytes that packets and flow keys may hold. Beyond it the flows least recently seen are handed out likewise,
        until half of it is left.

    Attributes
    ----------
    was_interrupted : bool
        Whether Ctrl-C, or `stop`, has ended the reading: what was open then has been handed out all the same.

    Raises
    ------
    OptionError
        If an option is out of range.
    CaptureError
        While iterating: if a source cannot be opened or, with `strict`, not be read to its end.

    Warns
    -----
    CaptureWarning
        While iterating: at damaged framing, unless `strict`.

    Examples
    --------
    >>> from netml.streaming.flow_stream import FlowStream
    >>> for table in FlowStream("-", interval=5.0):  # doctest: +SKIP
    ...     print(len(table), "flows have ended")
    """

    def __init__(
        self,
        source: Any,
        *,
        interval: float | None = None,
        flow: FlowOptions | None = None,
        size: Size = "captured",
        columns: Sequence[str] = ("flags", "ttl"),
        sums: IncrementalRows | None = None,
        strict: bool = False,
        link_type: int | None = None,
        progress: Progress | None = None,
        batch_packets: int = BATCH_PACKETS,
        latency_s: float = 1.0,
        max_flow_packets: int = MAX_FLOW_PACKETS,
        max_flows: int | None = None,
        max_memory: int = MAX_MEMORY_BYTES,
    ) -> None:
        require_sizes(latency_s, batch_packets, max_flow_packets, max_flows, max_memory)
        require_size(size)
        require_columns(columns)
        self.was_interrupted = False
        self._is_reading = False
        self._flow = _resolve(choose_flow(flow), interval)
        self._size = size
        caps = Caps(max_flow_packets, max_flows, max_memory)
        self._rounds = open_rounds(self._flow, size, columns, caps, sums)
        self._batch_packets = batch_packets
        self._n_next = self._rounds.count_next(batch_packets)  # new packets until the next round
        self._latency_s = latency_s
        self._assembler = self._rounds.assembler
        self._captures: list[str] = []
        self._damage: list[CaptureError] = []
        self._walk = walk_packets(
            self._assembler,
            source,
            self._captures,
            self._damage,
            ReadOptions(strict, link_type, progress),
            on_open=self._note_capture,
            wait_s=self._wait_s,
            stacklevel=4,
        )
        self._is_timed = False  # whether the source may keep its reader waiting
        self._clock_ns: int | None = None  # the packets' time: that of the latest since the last round, or later
        self._arrived_s = 0.0  # when that was, on a clock that only goes forward
        self._is_live = False
        self._round_s = time.monotonic()  # when the last round was
        self._n_read = 0  # packets, at the last round
        self._n_waiting = 0  # packets or flows, after the last round
        self._n_rounds_taken = 0
        self._tables = self._iterate()

    def __iter__(self) -> Iterator[Any]:
        """Give tables of flows that have ended, none of them empty; there is one iteration, however often begun."""
        return self._tables

    def stop(self) -> None:
        """Stop reading, as Ctrl-C does: the tables to come are of what is open. For signal handlers and loops."""
        self.was_interrupted = True

    def close(self) -> None:
        """Give everything up, and close what is read; nothing more is handed out."""
        self._tables.close()
        self._walk.close()

    @property
    def metadata(self) -> dict[str, Any]:
        """What was read so far: the keys of a `FlowTable`'s metadata and "ended_early", what which bound has ended."""
        return {
            "netml_version": __version__,
            "captures": list(self._captures),
            "damage": [str(error) for error in self._damage],
            **self._assembler.counters,
            "dropped": self._assembler.dropped,
            "ended_early": self._assembler.ended_early,
            "flow": asdict(self._flow),
            "interval_s": self._rounds.interval_s,
            "size": self._size,
        }

    def interrupt(self) -> None:
        """Do what Ctrl-C is to do, for a signal handler: while flows are being judged, too, nothing of them is lost.

        Raises
        ------
        KeyboardInterrupt
            While reading, where it is caught; and the second time.
        """
        if self._is_reading or self.was_interrupted:
            raise KeyboardInterrupt
        self.stop()

    @property
    def n_open_packets(self) -> int:
        """Packets held: of the flows that are open, and what has come since the last round."""
        return self._assembler.n_open_packets

    @property
    def n_keys(self) -> int:
        """Flow keys held: of flows that are open, and of those that have ended but not yet been idle for long."""
        return self._assembler.n_keys

    def _iterate(self) -> Generator[FlowTable | FeatureMatrix, None, None]:
        with contextlib.closing(self._walk):
            is_last = has_more = False
            while has_more or not is_last:
                try:
                    if not has_more:
                        self._is_reading = True
                        is_last = self._read_on()
                        self._is_reading = False  # a round is not to be cut in two
                        self._end_round(is_last)
                    table = self._take_table()
                except KeyboardInterrupt:
                    self._is_reading = False
                    if self.was_interrupted:
                        raise
                    self.stop()
                    is_last = is_last and self._assembler.n_flushes > self._n_rounds_taken
                    table = self._take_table()
                if self._assembler.n_flushes > self._n_rounds_taken:
                    has_more = self._rounds.note_taken(len(table or ()))
                    self._n_rounds_taken = self._assembler.n_flushes - has_more
                if table is not None:
                    yield table

    def _read_on(self) -> bool:
        """Read until a round is due; True at the end."""
        while not self.was_interrupted:
            has_come = next(self._walk, None)
            if has_come is None:
                return True
            self._tell_time(has_come)
            if self._is_due():
                return False
        return True

    def _note_capture(self, capture: Capture) -> None:
        """Of a regular file the rounds depend on nothing but what is in it."""
        self._is_timed = capture.n_bytes is None
        self._is_live = False

    def _tell_time(self, has_come: bool) -> None:
        """Know the packets' time: from the packets or, if a live source is silent, from the clock on the wall."""
        latest_ns = self._assembler.latest_ns
        now_s = time.monotonic()
        if has_come and latest_ns is not None:
            self._clock_ns = latest_ns
            if self._is_timed:
                self._arrived_s = now_s
                self._is_live = abs(time.time_ns() - latest_ns) <= LIVE_WITHIN_NS
        elif not has_come and self._is_live and self._clock_ns is not None:
            self._clock_ns = min(self._clock_ns + int((now_s - self._arrived_s) * 1e9), _LAST_NS)
            self._arrived_s = now_s

    def _wait_s(self) -> float:
        """How long a live source may keep silent until the next round; for ever, if that would find nothing new."""
        if not self._has_news():
            return LONGEST_WAIT_S
        return min(self._round_s + self._latency_s - time.monotonic(), LONGEST_WAIT_S)

    def _is_due(self) -> bool:
        n_new = self._assembler.n_packets_read - self._n_read
        if n_new >= self._n_next:
            return True
        if not self._is_timed or time.monotonic() - self._round_s < self._latency_s:
            return False
        return self._has_news()

    def _has_news(self) -> bool:
        """Whether a round could find flows that have ended."""
        return self._assembler.n_packets_read > self._n_read or (self._is_live and self._n_waiting > 0)

    def _end_round(self, is_last: bool) -> None:
        if self._clock_ns is None and not is_last:
            return
        watermark_ns = max((self._clock_ns or 0) - ALLOWED_LATENESS_NS, _FIRST_NS)
        self._rounds.end(watermark_ns, is_last=is_last, allowed_lateness_ns=ALLOWED_LATENESS_NS)
        self._n_read = self._assembler.n_packets_read
        self._n_waiting = self._rounds.n_waiting
        self._n_next = self._rounds.count_next(self._batch_packets)
        self._round_s = time.monotonic()

    def _take_table(self) -> FlowTable | FeatureMatrix | None:
        """What the last round has handed out; the same again until `_n_rounds_taken` says that it has been seen."""
        if self._assembler.n_flushes == self._n_rounds_taken:
            return None
        taken = self._rounds.take(self.metadata)
        return taken if len(taken) else None


def _resolve(flow: FlowOptions, interval: float | None) -> FlowOptions:
    """Only flows of the original are cut, to an interval that must be known; tails are kept of all."""
    if (flow.definition or "original") != "original":
        return replace(flow, interval=interval).resolve()
    require_number("interval", interval, lowest=0.0, excludes_lowest=True)
    assert interval is not None
    return replace(flow, interval=float(interval), keep_tail=True).resolve()
