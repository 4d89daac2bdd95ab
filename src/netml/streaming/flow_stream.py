"""Streams of flows: each is handed out as it ends, while its capture is still being written, in bounded memory."""

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
from netml.streaming.flushers import BATCH_PACKETS, Limits, make_flusher
from netml.validation import require_number, require_whole

if TYPE_CHECKING:
    from netml.schema.choices import Size

MAX_FLOW_PACKETS = 1 << 20
MAX_MEMORY_BYTES = 1 << 30
ALLOWED_LATENESS_NS = 10**9  # a packet that comes this much after a later one still finds its place
LONGEST_WAIT_S = 3600.0  # of one poll
# A live source's clock is the wall clock, give or take this. Only then does its silence tell that time passes: a
# capture of last year that comes through a pipe has no now.
LIVE_WITHIN_NS = 60 * 10**9
_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1


class FlowStream:
    """Flows of a source as they end: an iterator of tables of them.

    All tables together hold the flows of ``read_flows(source, flow=FlowOptions(interval=..., keep_tail=True))``, packet
    by packet, for captures in which no packet comes more than 1 s after a later one (see `docs/flows.md`), in the order
    in which they are known to have ended.

    Parameters
    ----------
    source : path, "-", binary file, dpkt reader, iterable of (time, bytes), or an iterable of paths and files
        As in `netml.read_flows`. Several are read one after the other, as one capture.
    interval : float
        Length to which flows of the definition `original` are cut, s; greater than 0. It cannot be learned from flows
        to come. Not for the other definitions.
    flow : FlowOptions, optional
        Definition, timeouts and `min_packets`; its `interval` and `keep_tail` do not count.
    size : {"captured", "wire", "ip", "payload"}
        Length that is a packet's size.
    columns : sequence of str, default ("flags", "ttl")
        Packet columns of the tables beside time and size; see `FlowTable`.
    incremental : IncrementalRows, optional
        Keep these states of biflows instead of packets, and yield feature matrices instead of tables.
    strict : bool, default False
        Raise at damaged framing, at once, instead of warning and handing out what was read before it.
    link_type : int, optional
        LINKTYPE_ value of the frames of an iterable of (time, bytes).
    progress : callable, optional
        Called as ``progress(bytes_read, packets_read)`` block by block.
    batch_packets : int, default 262144
        New packets between two flushes: searches for flows that have ended. In the definition `original` packets held
        take the place of some, up to three quarters; if millions are held, a flush comes after half as many.
    latency_s : float, default 1
        Longest time between two flushes of a source that is no regular file, s.
    max_flow_packets : int, default 1048576
        A flow with more packets is handed out as if it had ended.
    max_flows : int, optional
        Flow keys held after a flush at most: the least recently seen are handed out as if they had ended.
    max_memory : int, default 1 GiB
        Bytes that packets and flow keys may hold. Beyond it the least recently seen flows are handed out as if they had
        ended, until half of it is left.

    Attributes
    ----------
    was_interrupted : bool
        True if Ctrl-C or `stop` ended the reading: flows open then are handed out all the same.

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
        incremental: IncrementalRows | None = None,
        strict: bool = False,
        link_type: int | None = None,
        progress: Progress | None = None,
        batch_packets: int = BATCH_PACKETS,
        latency_s: float = 1.0,
        max_flow_packets: int = MAX_FLOW_PACKETS,
        max_flows: int | None = None,
        max_memory: int = MAX_MEMORY_BYTES,
    ) -> None:
        require_number("latency_s", latency_s, lowest=0.0)
        require_whole("batch_packets", batch_packets, 1)
        require_whole("max_flow_packets", max_flow_packets, 2)
        if max_flows is not None:
            require_whole("max_flows", max_flows, 1)
        require_whole("max_memory", max_memory, 1, 2**62)
        require_size(size)
        require_columns(columns)
        self.was_interrupted = False
        self._is_reading = False
        self._flow = _resolve(choose_flow(flow), interval)
        self._size = size
        limits = Limits(max_flow_packets, max_flows, max_memory)
        self._flusher = make_flusher(self._flow, size, columns, limits, incremental)
        self._batch_packets = batch_packets
        self._n_until_flush = self._flusher.count_until_flush(batch_packets)  # new packets
        self._latency_s = latency_s
        self._assembler = self._flusher.assembler
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
        self._is_timed = False  # True if the source may keep its reader waiting
        self._clock_ns: int | None = None  # the packets' time: that of the latest since the last flush, or later
        self._arrived_s = 0.0  # when that was, on a clock that only goes forward
        self._is_live = False
        self._flushed_s = time.monotonic()
        self._n_flushed = 0  # packets read before the last flush
        self._n_pending = 0  # packets or flows, after the last flush
        self._n_flushes_taken = 0
        self._tables = self._iterate()

    def __iter__(self) -> Iterator[Any]:
        """Return the one iterator of tables of flows that have ended, none of them empty."""
        return self._tables

    def stop(self) -> None:
        """Stop reading, as Ctrl-C does, and hand out the flows that are open. For signal handlers and loops."""
        self.was_interrupted = True

    def close(self) -> None:
        """Close the source, and hand out nothing more."""
        self._tables.close()
        self._walk.close()

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of a `FlowTable` so far, and "ended_early": the flows that each limit has ended."""
        return {
            "netml_version": __version__,
            "captures": list(self._captures),
            "damage": [str(error) for error in self._damage],
            **self._assembler.counters,
            "dropped": self._assembler.dropped,
            "ended_early": self._assembler.ended_early,
            "flow": asdict(self._flow),
            "interval_s": self._flusher.interval_s,
            "size": self._size,
        }

    def interrupt(self) -> None:
        """Stop reading at a signal; flows that the caller is classifying are not lost.

        Raises
        ------
        KeyboardInterrupt
            While reading, where the stream catches it; and at the second call.
        """
        if self._is_reading or self.was_interrupted:
            raise KeyboardInterrupt
        self.stop()

    @property
    def n_open_packets(self) -> int:
        """Packets held: of open flows, and those that came since the last flush."""
        return self._assembler.n_open_packets

    @property
    def n_keys(self) -> int:
        """Flow keys held: of open flows, and idle keys of flows that have ended but may go on."""
        return self._assembler.n_keys

    def _iterate(self) -> Generator[FlowTable | FeatureMatrix, None, None]:
        with contextlib.closing(self._walk):
            is_last = has_more = False
            while has_more or not is_last:
                try:
                    if not has_more:
                        self._is_reading = True
                        is_last = self._read_on()
                        self._is_reading = False  # Ctrl-C is not to cut a flush in two
                        self._flush(is_last)
                    table = self._take_expired()
                except KeyboardInterrupt:
                    self._is_reading = False
                    if self.was_interrupted:
                        raise
                    self.stop()
                    is_last = is_last and self._assembler.n_flushes > self._n_flushes_taken
                    table = self._take_expired()
                if self._assembler.n_flushes > self._n_flushes_taken:
                    has_more = self._flusher.release(len(table or ()))
                    self._n_flushes_taken = self._assembler.n_flushes - has_more
                if table is not None:
                    yield table

    def _read_on(self) -> bool:
        """Read until a flush is due; True at the end of the source."""
        while not self.was_interrupted:
            has_come = next(self._walk, None)
            if has_come is None:
                return True
            self._update_clock(has_come)
            if self._is_due():
                return False
        return True

    def _note_capture(self, capture: Capture) -> None:
        # Flushes of a regular file depend on nothing but its content: its tables are the same in every run.
        self._is_timed = capture.n_bytes is None
        self._is_live = False

    def _update_clock(self, has_come: bool) -> None:
        """Set the packets' time from the latest packet or, if a live source is silent, from the time that passed."""
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
        """Return how long to wait for a live source; `LONGEST_WAIT_S` if a flush would end nothing."""
        if not self._may_expire():
            return LONGEST_WAIT_S
        return min(self._flushed_s + self._latency_s - time.monotonic(), LONGEST_WAIT_S)

    def _is_due(self) -> bool:
        if self._assembler.n_packets_read - self._n_flushed >= self._n_until_flush:
            return True
        is_late = self._is_timed and time.monotonic() - self._flushed_s >= self._latency_s
        return is_late and self._may_expire()

    def _may_expire(self) -> bool:
        """True if a flush could find flows that have ended."""
        return self._assembler.n_packets_read > self._n_flushed or (self._is_live and self._n_pending > 0)

    def _flush(self, is_last: bool) -> None:
        if self._clock_ns is None and not is_last:
            return
        watermark_ns = max((self._clock_ns or 0) - ALLOWED_LATENESS_NS, _FIRST_NS)
        self._flusher.advance_watermark(watermark_ns, is_last=is_last, allowed_lateness_ns=ALLOWED_LATENESS_NS)
        self._n_flushed = self._assembler.n_packets_read
        self._n_pending = self._flusher.n_pending
        self._n_until_flush = self._flusher.count_until_flush(self._batch_packets)
        self._flushed_s = time.monotonic()

    def _take_expired(self) -> FlowTable | FeatureMatrix | None:
        """Take what the last flush ended, None if nothing; the same again until `_n_flushes_taken` grows."""
        if self._assembler.n_flushes == self._n_flushes_taken:
            return None
        taken = self._flusher.take_expired(self.metadata)
        return taken if len(taken) else None


def _resolve(flow: FlowOptions, interval: float | None) -> FlowOptions:
    """Resolve the options of a stream: `original` needs an interval and keeps tails, the others take no interval."""
    if (flow.definition or "original") != "original":
        return replace(flow, interval=interval).resolve()
    require_number("interval", interval, lowest=0.0, excludes_lowest=True)
    assert interval is not None
    return replace(flow, interval=float(interval), keep_tail=True).resolve()
