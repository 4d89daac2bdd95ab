"""The base of the assemblers of all flow definitions: packets in, and their counts."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

import os

import numpy as np

from netml._core.compose.assembly cimport Assembly, enter_batch, note_wants
from netml._core.compose.decode_nested cimport Decoding
from netml._core.compose.pipeline cimport AssembleRequest, request_assembly, run_assembly, take_frame
from netml._core.flow.columns cimport count_packets, free_columns
from netml._core.flow.end_reason cimport Dropped
from netml._core.flow.group cimport GroupedColumns
from netml._core.flow.key cimport KEY_BYTES
from netml._core.guard cimport NETML_BUS, netml_begin_guard, netml_end_guard, netml_run_guarded
from netml._core.headers.first_packets cimport free_first
from netml._core.headers.packet_rows cimport free_rows
from netml._core.net.fragments cimport allocate_fragments, free_fragments
from netml._core.packet cimport Frame
from netml._core.status cimport N_REASONS, STATUS_NO_MEMORY, STATUS_TOO_MANY, STATUS_UNREADABLE, Status

from netml.errors import CaptureError


cdef class PacketAssembler:
    """Packets in, by blocks or one by one, and the counts of them.

    Parameters
    ----------
    wanted : iterable of str
        Names of `COLUMNS` to keep besides time and flow.
    keeps_packets : bool, default True
        False: only count packets and flows, in memory that does not grow with the packets.
    enters_tunnels : bool, default True
        Decode the innermost packet, not the outermost.
    tunnel_ports : dict of str to iterable of int, optional
        Ports in place of the registered ones, for some of `TUNNELS`.
    tracks_fragments : bool, default False
        Count later fragments to the flow of their first one, instead of skipping them.
    takes_all : bool, default False
        Keep packets of every protocol over IP, not only TCP and UDP.
    """

    cdef Assembly assembly
    cdef Dropped dropped
    cdef dict grouped            # name -> numpy array, by flow
    cdef dict taken              # what the last flush hands out
    cdef int64_t latest_before_ns  # before the last flush; `counters.latest_ns` is since then
    cdef readonly size_t n_flushes  # flushes so far
    cdef bint is_ended
    cdef bint is_working         # without the GIL: nobody else looks at what changes meanwhile
    cdef size_t n_keys_before    # when that began
    cdef size_t n_open_before

    def __cinit__(
        self, wanted=(), *, bint keeps_packets=True, bint enters_tunnels=True, tunnel_ports=None,
        bint tracks_fragments=False, bint takes_all=False, **rest,
    ):
        cdef bytes seeds = os.urandom(32 + 24)
        cdef Decoding *decoding = &self.assembly.decoding
        self.grouped = {}
        self.taken = {}
        self.latest_before_ns = INT64_MIN  # all else begins as zeros
        self.assembly.keeps_packets = keeps_packets
        self.assembly.counters.earliest_ns = INT64_MAX
        self.assembly.counters.latest_ns = INT64_MIN
        memcpy(self.assembly.table.seeds, PyBytes_AS_STRING(seeds), 32)
        memcpy(self.assembly.biflows.seeds, PyBytes_AS_STRING(seeds), 32)
        for name in wanted:
            self.assembly.columns.wants |= 1 << <int> COLUMNS[name][0]
            self.assembly.reads_details |= name not in ("caplen", "wirelen", "flags", "ttl")
        decoding.enters_tunnels = enters_tunnels
        decoding.takes_all = takes_all
        if enters_tunnels:
            set_tunnel_ports(&decoding.ports, dict(tunnel_ports or {}))
        memcpy(decoding.fragments.seeds, PyBytes_AS_STRING(seeds) + 32, 24)
        if tracks_fragments:
            find_damage(allocate_fragments(&decoding.fragments))

    def __dealloc__(self):
        free_fragments(&self.assembly.decoding.fragments)
        free_columns(&self.assembly.columns)
        free_rows(&self.assembly.rows)
        free_first(&self.assembly.first)

    def assemble(
        self, Framer framer not None, const uint8_t[::1] block, size_t start, size_t length, *, bint is_mapped=False,
    ):
        """Frame, decode and enter `length` octets of a block from `start` on.

        With `is_mapped` the block is a mapped file: octets that cannot be read any more are damage.

        Returns
        -------
        n_left : int
            Octets at the end that belong to an incomplete record, or to a damaged one.
        n_wanted : int
            Octets that this record claims to have, 0 if that is not known yet.
        damage : str
            Kind of the damage there, of `DAMAGE_KINDS`; "" if there is none.
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
        self.begin_work()
        if not is_mapped:
            with nogil:
                status = <Status> run_assembly(&request)
        else:
            netml_begin_guard()
            with nogil:
                returned = netml_run_guarded(run_assembly, &request)
            netml_end_guard()
            status = STATUS_UNREADABLE if returned == NETML_BUS else <Status> returned
        self.is_working = False
        self.close_if_lost(status)
        PyErr_CheckSignals()
        return length - request.n_used, request.n_wanted, find_damage(status)

    def assemble_packets(self, packets not None, uint32_t link_type, size_t n_most):
        """Take up to `n_most` pairs (time in s, bytes) from an iterator, the generic path; return how many there were.

        If the iterator raises, the packets before that are in.
        """
        cdef Frame frame
        cdef Status status
        cdef size_t n_taken = 0
        frame.link_type = link_type
        self.require_open()
        note_wants(&self.assembly)
        while n_taken < n_most:
            pair = next(packets, NO_MORE)
            if pair is NO_MORE:
                break
            time, octets = take_pair(pair)
            self.require_open()  # the iterator may have done anything
            n_taken += 1
            frame.time_ns = convert_time(time)
            frame.octets = <const uint8_t *> PyBytes_AS_STRING(octets)
            frame.caplen = frame.wirelen = <uint32_t> PyBytes_GET_SIZE(octets)
            status = take_frame(&self.assembly, &frame, &self.assembly.batch[self.assembly.n_batch])
            self.close_if_lost(status)
            find_damage(status)
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
        """Latest time of the packets since the last flush, ns; None if there were none."""
        return None if self.assembly.counters.latest_ns == INT64_MIN else self.assembly.counters.latest_ns

    @property
    def dropped(self):
        """Dict: rule -> {"packets", "flows"} that it dropped."""
        return name_counts(DROP_REASONS, self.dropped.n_packets, self.dropped.n_flows)

    @property
    def n_open_packets(self):
        """Packets that are held: those pending after the last flush, and those that have come since.

        While another thread assembles or flushes: as it was before.
        """
        return self.n_open_before if self.is_working else self.count_open_packets()

    @property
    def n_keys(self):
        """Distinct flow keys so far; in a stream, those that are held.

        While another thread assembles or flushes: as it was before.
        """
        if self.is_working:
            return self.n_keys_before
        if not self.is_ended:
            self.enter_batch()
        return self.count_keys()

    cdef size_t count_open_packets(self) noexcept:
        return count_packets(&self.assembly.columns) + self.assembly.n_batch

    cdef size_t count_keys(self) noexcept:
        """Count the keys in the table; those of packets in the batch may be missing."""
        return 0

    cdef void begin_work(self) noexcept:
        """Note the counts before the GIL is released for work on packets and keys; `is_working = False` ends it."""
        self.n_keys_before = self.count_keys()
        self.n_open_before = self.count_open_packets()
        self.is_working = True

    cdef int enter_batch(self) except -1:
        """Enter the packets of the batch."""
        cdef Status status = enter_batch(&self.assembly)
        self.close_if_lost(status)
        find_damage(status)
        return 0

    cdef void close_if_lost(self, Status status) noexcept:
        """Take no more packets after some were lost for want of memory: the result would look complete."""
        if status == STATUS_NO_MEMORY or status == STATUS_TOO_MANY:
            self.is_ended = True

    cdef int require_open(self) except -1:
        """Raise ValueError once the flows have been ended, or while another thread reads."""
        if self.is_working:
            raise ValueError("another thread is reading")
        if self.is_ended:
            raise ValueError("the flows have been ended already")
        return 0

    cdef GroupedColumns allocate_grouped(self, size_t n) except *:
        """Allocate numpy arrays for the columns that are there."""
        self.grouped = {"time_ns": np.empty(n, np.int64)}
        for name, (column, kind) in COLUMNS.items():
            if self.assembly.columns.wants >> <int> column & 1:
                self.grouped[name] = np.empty(n, kind)
        return self.find_grouped()

    cdef GroupedColumns find_grouped(self) except *:
        """Point into the numpy arrays; NULL for what is not there or empty."""
        cdef GroupedColumns columns
        columns.time_ns = <int64_t *> find_octets(self.grouped.get("time_ns"))
        for name, (column, _) in COLUMNS.items():
            columns.values[<int> column] = <void *> find_octets(self.grouped.get(name))
        return columns


cdef object NO_MORE = object()


cpdef tuple take_pair(pair):
    """Return (time, bytes) of a source's pair; bytes-like objects are copied."""
    try:
        time, octets = pair
        return time, octets if type(octets) is bytes else bytes(memoryview(octets))
    except (TypeError, ValueError):
        raise CaptureError(f"is no pair of a time in seconds and bytes, but {repr(pair)[:80]}") from None


cdef object view_keys(octets):
    """View octets as keys. `ndarray.view` would run Python code, where a signal could lose half of a flush."""
    return np.ndarray(len(octets) // KEY_BYTES, FLOW_KEY, np.asarray(octets))


cdef const uint8_t *find_octets(column) except? NULL:
    """Return where a contiguous array lies; NULL for None and for an empty one."""
    cdef const uint8_t[::1] octets = column.view(np.uint8) if column is not None else None
    if octets is None or octets.shape[0] == 0:
        return NULL
    return &octets[0]
