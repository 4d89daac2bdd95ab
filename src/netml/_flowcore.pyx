"""The compiled core: where Python and C meet. Owns memory, runs blocks without the GIL, hands columns to numpy.

Everything behind it is in header-only rooms under `_core`. This file knows nothing of files, options or names of
families.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.math cimport fabs, isfinite, rint
from libc.stdint cimport INT32_MAX, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import os

import numpy as np

from netml._core.capture.pcapng cimport free_pcapng
from netml._core.capture.registry cimport FORMAT_PCAP, FORMAT_PCAPNG, Framing, next_frame
from netml._core.features.family cimport FamilyNeeds, FlowPackets
from netml._core.features.registry cimport FAMILY_HEADER, FAMILY_SAMP_SIZE, FAMILY_STATS, FamilyCode, fill_rows
from netml._core.flow.carry cimport forget_flows, run_round
from netml._core.flow.columns cimport (
    WANTS_CAPLEN, WANTS_FLAGS, WANTS_TTL, WANTS_WIRELEN, count_packets, free_columns,
)
from netml._core.flow.expiry cimport ExpiryRules, cut_by_idle, cut_by_interval
from netml._core.flow.grouping cimport GroupedColumns, copy_columns, group_columns
from netml._core.flow.key cimport KEY_BYTES
from netml._core.flow.open cimport EARLY_LONG_FLOW, EARLY_MEMORY, N_EARLY_ENDS, OpenFlows, OpenRules, free_open
from netml._core.flow.spans cimport (
    DROP_IDLE_TAIL, DROP_INTERVAL_TAIL, DROP_SHORT_FLOW, DROP_SHORT_PIECE, N_DROPS, Dropped, SpanList,
    compact_columns, find_longest, free_spans, measure_durations, measure_spans, sum_spans, write_all_keys,
    write_keys,
)
from netml._core.flow.table cimport FIRST_SLOT_BITS, free_slots, free_table, number_packets, set_slots
from netml._core.guard cimport NETML_BUS, netml_begin_guard, netml_end_guard, netml_run_guarded
from netml._core.link.registry cimport is_supported_link_type
from netml._core.net.text cimport LONGEST_ADDRESS, write_addresses
from netml._core.octets cimport netml_populate
from netml._core.packet cimport Frame
from netml._core.pipeline cimport AssembleRequest, Assembly, flush_batch, request_assembly, run_assembly, take_frame
from netml._core.status cimport (
    N_REASONS, STATUS_BAD_BLOCK, STATUS_BAD_LENGTH, STATUS_BAD_SECTION, STATUS_FRAME, STATUS_NEED_MORE,
    STATUS_NO_FRAME, STATUS_NO_INTERFACE, STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, STATUS_UNREADABLE, Status,
)

from netml.errors import CaptureError

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

SKIP_REASONS = (
    "unsupported_link_type", "truncated_link_header", "not_ip", "truncated_ip_header", "bad_ip_header", "fragment",
    "other_protocol", "truncated_transport_header",
)
assert len(SKIP_REASONS) == N_REASONS - 1

DROP_REASONS = {
    "short_flow": DROP_SHORT_FLOW, "idle_tail": DROP_IDLE_TAIL, "short_piece": DROP_SHORT_PIECE,
    "interval_tail": DROP_INTERVAL_TAIL,
}
assert len(DROP_REASONS) == N_DROPS

EARLY_ENDS = {"long_flow": EARLY_LONG_FLOW, "memory": EARLY_MEMORY}
assert len(EARLY_ENDS) == N_EARLY_ENDS

FAULTS = {
    STATUS_BAD_BLOCK: "a pcapng block that contradicts its own lengths: the framing is damaged",
    STATUS_BAD_SECTION: "a pcapng section header of an unknown byte order or version",
    STATUS_NO_INTERFACE: "a packet of an interface that was not described",
    STATUS_UNREADABLE: "the file cannot be read on: it shrank while it was read, or its disk failed",
}

FLOW_KEY = np.dtype([
    ("src_ip", "u1", 16), ("dst_ip", "u1", 16), ("src_port", "<u2"), ("dst_port", "<u2"), ("protocol", "u1"),
    ("ip_version", "u1"),
])

COLUMNS = {
    "caplen": (WANTS_CAPLEN, np.uint32), "wirelen": (WANTS_WIRELEN, np.uint32), "flags": (WANTS_FLAGS, np.uint8),
    "ttl": (WANTS_TTL, np.uint8),
}


def is_supported(uint32_t link_type):
    """Does the kernel decode frames of this LINKTYPE_ value?"""
    return bool(is_supported_link_type(link_type))


def populate(const uint8_t[::1] mapped, size_t start, size_t length):
    """Have a part of a mapped file entered in the page table, so that who reads it next need not wait for that."""
    if start < <size_t> mapped.shape[0] and length > 0:
        with nogil:
            netml_populate(&mapped[start], min(length, <size_t> mapped.shape[0] - start))


cdef str describe_fault(Status status, size_t n_wanted):
    """What is wrong with the framing, in words, "" if nothing is; what is no fault of a capture's is raised."""
    if status == STATUS_OK or status == STATUS_NEED_MORE:
        return ""
    if status == STATUS_BAD_LENGTH:
        return f"a length of {n_wanted} bytes cannot be: the framing is damaged"
    if status == STATUS_TOO_MANY:
        raise OverflowError("more than 4,294,967,295 packets or flows: split the capture")
    if status == STATUS_NO_MEMORY:
        raise MemoryError("no memory for the packet columns or the flow table")
    return FAULTS[<int> status]


cdef dict name_counts(dict numbers, const uint64_t *n_packets, const uint64_t *n_pieces):
    """Counts by an enum's names."""
    return {name: {"packets": n_packets[<int> i], "pieces": n_pieces[<int> i]} for name, i in numbers.items()}


cdef class Framer:
    """Framing of one capture: its format, and for pcapng what its sections have said so far."""

    cdef Framing framing

    def __cinit__(self, str capture_format, *, bint is_swapped=False, uint32_t header_bytes=16,
                  uint32_t fraction_ns=1000, uint32_t link_type=1):
        if capture_format not in ("pcap", "pcapng") or header_bytes not in (16, 24):
            raise ValueError(f"no framing for {capture_format!r} with record headers of {header_bytes} bytes")
        self.framing.format = FORMAT_PCAP if capture_format == "pcap" else FORMAT_PCAPNG
        self.framing.pcap.is_swapped = is_swapped
        self.framing.pcap.header_bytes = header_bytes
        self.framing.pcap.fraction_ns = fraction_ns
        self.framing.pcap.link_type = link_type

    def __dealloc__(self):
        free_pcapng(&self.framing.pcapng)

    def take_frames(self, const uint8_t[::1] block, size_t start, size_t length):
        """Frame `length` octets of a block from `start` on, without decoding: for those who decode in Python.

        Returns
        -------
        frames : list of (int, bytes, int)
            Time since 1970, ns; the frame as captured; its LINKTYPE_ value.
        n_left, n_wanted, fault
            As of `FlowAssembler.assemble`.
        """
        cdef Frame frame
        cdef Status status = STATUS_OK
        cdef const uint8_t *at
        cdef const uint8_t *end
        cdef size_t size
        frames = []
        if length == 0 or start > <size_t> block.shape[0] or length > block.shape[0] - start:
            raise ValueError("start and length are beyond the block")
        at = &block[start]
        end = at + length
        while True:
            size = 0
            status = next_frame(&self.framing, at, end, &frame, &size)
            if status == STATUS_FRAME:
                frames.append((frame.time_ns, frame.octets[:frame.caplen], frame.link_type))
            elif status != STATUS_NO_FRAME:
                return frames, end - at, size, describe_fault(status, size)
            at += size
            self.framing.n_passed += 1

    @property
    def n_passed(self):
        """Records (pcap) or blocks (pcapng) passed so far."""
        return self.framing.n_passed

    @property
    def seen(self):
        """Dict: link_types (set of the LINKTYPE_ values of all interfaces so far), n_sections, n_interfaces."""
        cdef size_t i
        link_types = {self.framing.pcapng.link_types[i] for i in range(self.framing.pcapng.n_link_types)}
        return {
            "link_types": {self.framing.pcap.link_type} if self.framing.format == FORMAT_PCAP else link_types,
            "n_sections": self.framing.pcapng.n_sections,
            "n_interfaces": self.framing.pcapng.n_interfaces_seen,
        }


cpdef int64_t convert_time(object time) except? -1:
    """A time in seconds (float, int, Decimal, Fraction) as ns.

    A float since 1970 is rounded to the microsecond it came from; only below 2**22 s are there digits for nanoseconds.
    """
    cdef double seconds
    if isinstance(time, float):
        seconds = time
        if not isfinite(seconds) or fabs(seconds) > 9.2e9:
            raise CaptureError(f"a packet's time is {time!r} s: out of range")
        if fabs(seconds) >= 4194304.0:
            return <int64_t> rint(seconds * 1e6) * 1000
        return <int64_t> rint(seconds * 1e9)
    if not isinstance(time, int):
        from fractions import Fraction

        time = Fraction(time)
    time = int(time * 1000000000)
    if not -INT64_MAX <= time <= INT64_MAX:
        raise CaptureError(f"a packet's time is {time} ns: out of range")
    return time


cdef class FlowAssembler:
    """Packets in, flows out: `assemble` blocks, then `end_flows`, then `take_flows`; or in rounds with `end_round`.

    Parameters
    ----------
    wanted : iterable of str
        Names of `COLUMNS` to keep besides time and flow.
    keeps_packets : bool, default True
        False: only count packets and flows, in memory that does not grow with the packets.
    """

    cdef Assembly assembly
    cdef SpanList pieces
    cdef SpanList spans
    cdef Dropped dropped
    cdef ExpiryRules rules
    cdef OpenFlows opened
    cdef dict grouped            # name -> numpy array, by flow
    cdef dict taken              # what the last round hands out
    cdef int64_t latest_before_ns  # of the rounds before this one; `counters.latest_ns` is this one's
    cdef readonly size_t n_rounds  # so far
    cdef bint is_ended

    def __cinit__(self, wanted=(), *, bint keeps_packets=True):
        cdef bytes seeds = os.urandom(32)
        self.grouped = {}
        self.taken = {}
        self.latest_before_ns = INT64_MIN  # all else begins as zeros
        self.assembly.keeps_packets = keeps_packets
        self.assembly.counters.earliest_ns = INT64_MAX
        self.assembly.counters.latest_ns = INT64_MIN
        memcpy(self.assembly.table.seeds, PyBytes_AS_STRING(seeds), 32)
        for name in wanted:
            self.assembly.columns.wants |= <int> COLUMNS[name][0]
        if set_slots(&self.assembly.table, FIRST_SLOT_BITS) != STATUS_OK:
            raise MemoryError("no memory for the flow table")

    def __dealloc__(self):
        free_table(&self.assembly.table)
        free_columns(&self.assembly.columns)
        free_open(&self.opened)
        free_spans(&self.pieces)
        free_spans(&self.spans)

    def assemble(
        self, Framer framer not None, const uint8_t[::1] block, size_t start, size_t length, *, bint is_mapped=False,
    ):
        """Frame, decode and enter `length` octets of a block from `start` on.

        With `is_mapped` the block is a mapped file: where that cannot be read any more, that is a fault.

        Returns
        -------
        n_left : int
            Octets at the end that belong to an incomplete record, or to one at fault.
        n_wanted : int
            Octets that this record claims to have, 0 if that is not known yet.
        fault : str
            What is wrong with the framing there, "" if nothing is.
        """
        cdef AssembleRequest request
        cdef Status status
        cdef int returned
        self.require_open()
        if start > <size_t> block.shape[0] or length > block.shape[0] - start:
            raise ValueError("start and length are beyond the block")
        if length == 0:
            return 0, 0, ""
        request = request_assembly(&self.assembly, &framer.framing, &block[start], length)
        if not is_mapped:
            with nogil:
                status = <Status> run_assembly(&request)
        else:
            netml_begin_guard()
            with nogil:
                returned = netml_run_guarded(run_assembly, &request)
            netml_end_guard()
            status = STATUS_UNREADABLE if returned == NETML_BUS else <Status> returned
        PyErr_CheckSignals()
        return length - request.n_used, request.n_wanted, describe_fault(status, request.n_wanted)

    def assemble_packets(self, packets not None, uint32_t link_type, size_t n_most):
        """The general door: up to `n_most` pairs (time in s, bytes) from an iterator; returns how many there were.

        If the iterator raises, the packets before that are in.
        """
        cdef Frame frame
        cdef size_t n_taken = 0
        frame.link_type = link_type
        self.require_open()
        while n_taken < n_most:
            pair = next(packets, None)
            if pair is None:
                break
            time, octets = pair
            self.require_open()  # the iterator may have done anything
            n_taken += 1
            if type(octets) is not bytes:
                octets = bytes(octets)
            frame.time_ns = convert_time(time)
            frame.octets = <const uint8_t *> PyBytes_AS_STRING(octets)
            frame.caplen = frame.wirelen = <uint32_t> PyBytes_GET_SIZE(octets)
            describe_fault(take_frame(&self.assembly, &frame), 0)
        return n_taken

    @property
    def counters(self):
        """Dict: packets_read, packets_kept, captured_bytes, skipped (by reason); start_ns, end_ns or None."""
        cdef int reason
        cdef bint has_times = self.assembly.counters.n_records > 0
        return {
            "start_ns": self.assembly.counters.earliest_ns if has_times else None,
            "end_ns": max(self.latest_before_ns, self.assembly.counters.latest_ns) if has_times else None,
            "packets_read": self.assembly.counters.n_records,
            "packets_kept": self.assembly.counters.n_kept,
            "captured_bytes": self.assembly.counters.n_captured_bytes,
            "skipped": {
                SKIP_REASONS[reason - 1]: self.assembly.counters.n_skipped[reason]
                for reason in range(1, N_REASONS)
            },
        }

    @property
    def n_packets_read(self):
        """Packets read so far."""
        return self.assembly.counters.n_records

    @property
    def latest_ns(self):
        """Latest time of the packets since the last round, ns; None if there were none."""
        return None if self.assembly.counters.latest_ns == INT64_MIN else self.assembly.counters.latest_ns

    @property
    def n_keys(self):
        """Distinct flow keys so far; in rounds, those of which something is kept."""
        if not self.is_ended:
            describe_fault(flush_batch(&self.assembly), 0)
        return self.assembly.table.n_flows

    @property
    def dropped(self):
        """Dict: rule -> {"packets", "pieces"} that it dropped."""
        return name_counts(DROP_REASONS, self.dropped.n_packets, self.dropped.n_pieces)

    @property
    def ended_early(self):
        """Dict: bound -> {"packets", "pieces"} that it made end before their time."""
        return name_counts(EARLY_ENDS, self.opened.n_early_packets, self.opened.n_early_pieces)

    @property
    def n_open_packets(self):
        """Packets that are kept: those that waited after the last round, and those that have come since."""
        return count_packets(&self.assembly.columns) + self.assembly.n_batch

    def take_packets(self):
        """Packets in order of arrival: dict of columns (`time_ns`, `flow`, and those wanted); copies."""
        cdef GroupedColumns copies
        cdef uint32_t[::1] flow
        describe_fault(flush_batch(&self.assembly), 0)
        flow = np.empty(count_packets(&self.assembly.columns), np.uint32)
        copies = self.allocate_grouped(flow.shape[0])
        if flow.shape[0]:
            with nogil:
                copy_columns(&self.assembly.columns, &flow[0], &copies)
        taken = {name: np.empty(0, kind) for name, (_, kind) in COLUMNS.items()} | self.grouped
        self.grouped = {}
        return {"time_ns": taken.pop("time_ns"), "flow": np.asarray(flow), **taken}

    def keys(self):
        """FLOW_KEY array (n_keys,): the key of each flow number."""
        cdef uint8_t[::1] octets = np.empty(self.n_keys * KEY_BYTES, np.uint8)
        write_all_keys(&self.assembly.table, &octets[0] if octets.shape[0] else NULL)
        return np.asarray(octets).view(FLOW_KEY)

    def end_flows(self, ExpiryRules rules):
        """Group the packets by flow and cut by the idle timeouts (rules 1 and 2 of the seed). Call it once.

        `rules` is a dict of the fields of `ExpiryRules`. Returns the durations of the pieces, ns: ndarray of int64.
        """
        cdef int64_t[::1] offsets = self.group_packets(True)
        cdef GroupedColumns columns = self.find_grouped()
        cdef int64_t[::1] durations_ns
        cdef Status status
        self.rules = rules
        with nogil:
            status = cut_by_idle(&columns, &offsets[0], &self.assembly.table, &rules, &self.pieces, &self.dropped)
        PyErr_CheckSignals()
        describe_fault(status, 0)
        durations_ns = np.empty(self.pieces.n_spans + 1, np.int64)
        measure_durations(columns.time_ns, &self.pieces, &durations_ns[0])
        return np.asarray(durations_ns)[:self.pieces.n_spans]

    def take_flows(self, double interval_ns):
        """Cut by the interval (rule 4 of the seed) and hand everything over. Call it once, after `end_flows`.

        Returns
        -------
        dict of str to ndarray
            `offsets` (n + 1), `start_ns`, `end_ns`, `keys` (n), and the packet columns, n_packets long.
        """
        cdef GroupedColumns columns = self.find_grouped()
        cdef Status status
        if not self.is_ended or not interval_ns >= 0:
            raise ValueError("end the flows first, and give an interval of at least 0")
        with nogil:
            status = cut_by_interval(
                columns.time_ns, &self.pieces, interval_ns, &self.rules, &self.spans, &self.dropped)
            free_spans(&self.pieces)
        PyErr_CheckSignals()
        describe_fault(status, 0)
        return self.hand_over(columns)

    def end_round(self, OpenRules rules):
        """End the pieces that no packet to come can belong to (`rounds.pxd`), for `take_round`; the others wait.

        `rules` is a dict of the fields of `OpenRules`.
        """
        cdef GroupedColumns columns
        cdef int64_t[::1] offsets
        cdef Status status
        if not rules.interval_ns > 0 or rules.min_packets < 2:
            raise ValueError("the interval must be greater than 0, and a piece have 2 packets")
        offsets = self.group_packets(rules.is_last)
        columns = self.find_grouped()
        with nogil:
            status = run_round(
                &columns, &offsets[0], &rules, &self.assembly.table, &self.opened, &self.spans, &self.dropped,
                &self.assembly.columns)
        describe_fault(status, 0)
        # Copies: what is handed out does not hold the memory of what is not.
        self.taken = {name: column.copy() for name, column in self.hand_over(columns).items()}
        describe_fault(forget_flows(&self.opened, &self.assembly.table, &self.assembly.columns), 0)
        self.latest_before_ns = max(self.latest_before_ns, self.assembly.counters.latest_ns)
        self.assembly.counters.latest_ns = INT64_MIN
        self.is_ended = rules.is_last
        self.n_rounds += 1

    def take_round(self):
        """What the last round hands out, as of `take_flows`; the same again until the next round."""
        return dict(self.taken)

    cdef int64_t[::1] group_packets(self, bint is_last):
        """All packets by flow into `grouped`; gives where each flow's begin. No more packets, until a round is over."""
        cdef int64_t[::1] offsets
        cdef uint32_t[::1] cursors
        cdef GroupedColumns columns
        self.require_open()
        if not self.assembly.keeps_packets:
            raise ValueError("the packets were only counted")
        describe_fault(flush_batch(&self.assembly), 0)
        self.is_ended = True
        offsets = np.empty(self.assembly.table.n_flows + 1, np.int64)
        cursors = np.empty(self.assembly.table.n_flows + 1, np.uint32)
        columns = self.allocate_grouped(count_packets(&self.assembly.columns))
        with nogil:
            if is_last:
                free_slots(&self.assembly.table)
            number_packets(&self.assembly.table, &offsets[0], &cursors[0])
            group_columns(&self.assembly.columns, &cursors[0], &columns)
        return offsets

    cdef dict hand_over(self, GroupedColumns columns):
        """The packets of `spans`, with their keys and times, as `take_flows` returns them."""
        cdef size_t n_spans = self.spans.n_spans
        cdef int64_t[::1] offsets = np.zeros(n_spans + 1, np.int64), start_ns, end_ns
        cdef uint8_t[::1] octets = np.empty(n_spans * KEY_BYTES, np.uint8)
        start_ns = np.empty(n_spans, np.int64)
        end_ns = np.empty(n_spans, np.int64)
        if n_spans:
            with nogil:
                measure_spans(&columns, &self.spans, &offsets[0], &start_ns[0], &end_ns[0])
                write_keys(&self.assembly.table, &self.spans, &octets[0])
                compact_columns(&columns, &self.spans)
        taken = {name: column[:offsets[n_spans]] for name, column in self.grouped.items()}
        self.grouped = {}
        free_spans(&self.spans)
        times = {"start_ns": np.asarray(start_ns), "end_ns": np.asarray(end_ns)}
        return taken | times | {"offsets": np.asarray(offsets), "keys": np.asarray(octets).view(FLOW_KEY)}

    cdef int require_open(self) except -1:
        """No more packets once the flows have been ended."""
        if self.is_ended:
            raise ValueError("the flows have been ended already")
        return 0

    cdef GroupedColumns allocate_grouped(self, size_t n) except *:
        """numpy arrays for the columns that are there."""
        self.grouped = {"time_ns": np.empty(n, np.int64)}
        for name, (wants, kind) in COLUMNS.items():
            if self.assembly.columns.wants & <int> wants:
                self.grouped[name] = np.empty(n, kind)
        return self.find_grouped()

    cdef GroupedColumns find_grouped(self) except *:
        """Pointers into the numpy arrays; NULL for what is not there or empty."""
        cdef GroupedColumns columns
        columns.time_ns = <int64_t *> find_octets(self.grouped.get("time_ns"))
        columns.caplen = <uint32_t *> find_octets(self.grouped.get("caplen"))
        columns.wirelen = <uint32_t *> find_octets(self.grouped.get("wirelen"))
        columns.flags = <uint8_t *> find_octets(self.grouped.get("flags"))
        columns.ttl = <uint8_t *> find_octets(self.grouped.get("ttl"))
        return columns


cdef const uint8_t *find_octets(column) except? NULL:
    """Where a contiguous array lies; NULL for None and for an empty one."""
    cdef const uint8_t[::1] octets = column.view(np.uint8) if column is not None else None
    if octets is None or octets.shape[0] == 0:
        return NULL
    return &octets[0]


def fill_family(
    int code, double[:, ::1] X, size_t first_column, size_t width, const int64_t[::1] offsets,
    const int64_t[::1] time_ns, const uint32_t[::1] size, const uint8_t[::1] flags=None, const uint8_t[::1] ttl=None,
    double rate_ns=0.0,
):
    """Fill columns `first_column` .. + `width` of a zeroed matrix with one family, a row for each flow.

    Parameters
    ----------
    code : int
        The family's number in `features/registry.pxd`.
    X : ndarray (n_flows, n_columns) of float64
        Zeroed.
    offsets : ndarray (n_flows + 1,) of int64
        Flow i has the packets offsets[i] .. offsets[i + 1]; at least one.
    time_ns, size, flags, ttl : ndarray (n_packets,)
        Packet columns; flags and TTL only for the header block.
    rate_ns : float
        Length of a SAMP window, ns.
    """
    cdef size_t n_flows = X.shape[0], n_most
    cdef int64_t n_packets = time_ns.shape[0]
    cdef FlowPackets packets
    cdef FamilyNeeds needs
    cdef uint32_t[::1] scratch
    cdef size_t n_columns = X.shape[1], least = 8 if code == FAMILY_HEADER else 12 if code == FAMILY_STATS else 0
    if not FAMILY_HEADER <= code <= FAMILY_SAMP_SIZE or not rate_ns >= 0:
        raise ValueError(f"no family {code}, or no rate of {rate_ns} ns")
    if (flags is not None and flags.shape[0] != n_packets) or (ttl is not None and ttl.shape[0] != n_packets) \
            or size.shape[0] != n_packets or offsets.shape[0] != X.shape[0] + 1:
        raise ValueError("columns, offsets and matrix do not fit each other")
    if width < least or width > n_columns or first_column > n_columns - width:
        raise ValueError("the family does not fit into the matrix")
    if code == FAMILY_HEADER and (flags is None or ttl is None):
        raise ValueError("the header block needs flags and TTL")
    if n_flows == 0 or width == 0:
        return
    n_most = measure_longest(offsets, n_packets, 1)
    scratch = np.empty(2 * n_most if code == FAMILY_STATS else 1, np.uint32)
    needs.rate_ns = rate_ns
    needs.scratch = &scratch[0]
    packets.time_ns = &time_ns[0]
    packets.size = &size[0]
    packets.flags = &flags[0] if flags is not None else NULL
    packets.ttl = &ttl[0] if ttl is not None else NULL
    packets.n_packets = n_packets
    with nogil:
        fill_rows(<FamilyCode> code, &packets, &offsets[0], n_flows, &needs, &X[0, first_column], n_columns, width)
    PyErr_CheckSignals()


cdef int64_t measure_longest(const int64_t[::1] offsets, int64_t n_packets, int64_t n_least) except -1:
    """Packets of the longest flow; ValueError if a flow has fewer than `n_least` or lies outside of the columns."""
    cdef int64_t n_most = 0
    cdef Py_ssize_t flow = find_longest(&offsets[0], offsets.shape[0] - 1, n_packets, n_least, &n_most)
    if flow >= 0:
        raise ValueError(f"flow {flow} has too few packets or lies outside of the columns")
    return n_most


def sum_by_flow(const uint32_t[::1] size, const int64_t[::1] offsets):
    """Sum of a packet column over each flow: ndarray (n_flows,) of int64."""
    cdef size_t n_flows = offsets.shape[0] - 1
    cdef int64_t[::1] totals = np.empty(n_flows, np.int64)
    measure_longest(offsets, size.shape[0], 0)
    if n_flows:
        with nogil:
            sum_spans(&size[0] if size.shape[0] else NULL, &offsets[0], n_flows, &totals[0])
    return np.asarray(totals)


def format_addresses(const uint8_t[:, ::1] addresses, const uint8_t[::1] ip_version):
    """Addresses as text (RFC 5952), ready for an Arrow string array.

    `addresses` are (n, 16) octets in network order, IPv4 in the first 4; `ip_version` (n,) is 4 or 6. Returns offsets,
    int32 (n + 1,), and text, ASCII as uint8: text i is text[offsets[i]:offsets[i + 1]].
    """
    cdef size_t n = ip_version.shape[0]
    cdef int32_t[::1] offsets = np.zeros(n + 1, np.int32)
    cdef uint8_t[::1] text = np.empty(n * LONGEST_ADDRESS + 1, np.uint8)
    if <size_t> addresses.shape[0] != n or addresses.shape[1] != 16:
        raise ValueError("addresses must be (n, 16), with a version for each")
    if n * LONGEST_ADDRESS > INT32_MAX:
        raise OverflowError("too many addresses for one string array; format them in parts")
    if n:
        with nogil:
            write_addresses(&addresses[0, 0], &ip_version[0], n, &offsets[0], &text[0])
    return np.asarray(offsets), np.asarray(text)[:offsets[n]]
