"""Packets in, flows of the definition `original` out: the assembler that owns one flow table."""
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT64_MIN, UINT32_MAX, int64_t, uint8_t, uint32_t

import numpy as np

from netml._core.flow.columns cimport count_packets
from netml._core.flow.group cimport GroupedColumns, copy_columns, group_columns
from netml._core.flow.hash_index cimport FIRST_SLOT_BITS, free_slots, set_slots
from netml._core.flow.key cimport KEY_BYTES
from netml._core.status cimport Status
from netml._core.subflow.spill_runs cimport copy_records, take_counts
from netml._core.subflow.split cimport SplitRules, split_by_idle, split_by_interval
from netml._core.subflow.stream.flush cimport flush_flows, pack_flows
from netml._core.subflow.stream.idle_keys cimport count_idle_keys
from netml._core.subflow.stream.open_flow cimport FlushRules, OpenFlows, free_open
from netml._core.subflow.subflow_list cimport (
    SubflowList, compact_columns, free_subflows, measure_durations, measure_subflows, write_all_keys, write_end_reasons,
    write_keys,
)
from netml._core.subflow.table cimport free_table, number_packets


cdef class FlowAssembler(PacketAssembler):
    """Packets in, flows out: `assemble` blocks, then `end_flows`, then `take_flows`; a stream with `advance_watermark`.

    Where not all packets fit into the memory, `take_run` hands out those so far, and `make_part` makes an assembler of
    some flows with all their packets.

    Parameters
    ----------
    wanted, **options
        As of `PacketAssembler`.
    """

    cdef SubflowList by_idle     # after the idle timeouts
    cdef SubflowList subflows    # after the interval, or what an advance of the watermark has ended
    cdef SplitRules rules
    cdef OpenFlows opened
    cdef const int64_t[::1] part_offsets  # where each flow's packets begin in `grouped`; only of a part

    def __cinit__(self, wanted=(), **options):
        self.part_offsets = None
        find_damage(set_slots(&self.assembly.table.slots, FIRST_SLOT_BITS))

    def __dealloc__(self):
        free_table(&self.assembly.table)
        free_open(&self.opened)
        free_subflows(&self.by_idle)
        free_subflows(&self.subflows)

    cdef size_t count_keys(self) noexcept:
        """Count the keys: in a stream those of open flows, idle ones and new ones."""
        cdef size_t n_new = self.assembly.table.n_flows - self.opened.n_flows
        return self.opened.n_pending + count_idle_keys(&self.opened.idle_keys) + n_new

    @property
    def ended_early(self):
        """Dict: limit -> {"packets", "flows"} that it made end before their time."""
        return name_counts(EARLY_ENDS, self.opened.early.n_packets, self.opened.early.n_flows)

    def take_packets(self):
        """Return copies of the packets in order of arrival: dict of columns (`time_ns`, `flow`, and those wanted)."""
        cdef GroupedColumns copies
        cdef uint32_t[::1] flow
        self.require_open()
        self.enter_batch()
        flow = np.empty(count_packets(&self.assembly.columns), np.uint32)
        copies = self.allocate_grouped(flow.shape[0])
        if flow.shape[0]:
            with nogil:
                copy_columns(&self.assembly.columns, &flow[0], &copies)
        taken = {name: np.empty(0, kind) for name, (_, kind) in COLUMNS.items()} | self.grouped
        self.grouped = {}
        return {"time_ns": taken.pop("time_ns"), "flow": np.asarray(flow), **taken}

    def keys(self):
        """Return the key of each flow number: FLOW_KEY array (n_keys,)."""
        cdef uint8_t[::1] octets
        if self.n_flushes:
            raise ValueError("the flows of a stream have no lasting numbers")
        octets = np.empty(self.n_keys * KEY_BYTES, np.uint8)
        write_all_keys(&self.assembly.table, &octets[0] if octets.shape[0] else NULL)
        return view_keys(octets)

    def end_flows(self, SplitRules rules):
        """Group the packets by flow and split by the idle timeouts (rules 1 and 2 of the original). Call it once.

        `rules` is a dict of the fields of `SplitRules`. Returns the durations of the subflows, ns: ndarray of int64.
        """
        cdef const int64_t[::1] offsets = self.part_offsets
        cdef GroupedColumns columns
        cdef int64_t[::1] durations_ns
        cdef Status status
        if offsets is None:
            offsets = self.group_packets(True)
        columns = self.find_grouped()
        self.rules = rules
        with nogil:
            status = split_by_idle(&columns, &offsets[0], &self.assembly.table, &rules, &self.by_idle, &self.dropped)
        PyErr_CheckSignals()
        find_damage(status)
        durations_ns = np.empty(self.by_idle.n_subflows + 1, np.int64)
        measure_durations(columns.time_ns, &self.by_idle, &durations_ns[0])
        return np.asarray(durations_ns)[:self.by_idle.n_subflows]

    def take_flows(self, double interval_ns):
        """Split by the interval (rule 4 of the original) and hand everything over. Call it once, after `end_flows`.

        Returns
        -------
        dict of str to ndarray
            `offsets` (n + 1), `start_ns`, `end_ns`, `keys` (n), and the packet columns, n_packets long.
        """
        cdef GroupedColumns columns = self.find_grouped()
        cdef Status status
        if "time_ns" not in self.grouped or not interval_ns >= 0:
            raise ValueError("end the flows first, and give an interval of at least 0")
        with nogil:
            status = split_by_interval(
                columns.time_ns, &self.by_idle, interval_ns, &self.rules, &self.subflows, &self.dropped)
            free_subflows(&self.by_idle)
        PyErr_CheckSignals()
        find_damage(status)
        return self.hand_over(columns)

    def take_run(self, *, bint is_last=False):
        """Hand out all packets so far, by flow. The flows keep their numbers; more packets may come unless `is_last`.

        Returns
        -------
        dict of str to ndarray
            `flow` uint32 (n,), the flows that have packets, ascending; `count` uint32 (n,), how many; and the packet
            columns.
        """
        cdef uint32_t[::1] flow, count
        cdef size_t n, n_most
        self.group_packets(is_last)
        self.is_ended = is_last
        n_most = min(self.assembly.table.n_flows, <size_t> len(self.grouped["time_ns"]))
        flow = np.empty(n_most + 1, np.uint32)
        count = np.empty(n_most + 1, np.uint32)
        with nogil:
            n = take_counts(&self.assembly.table, &flow[0], &count[0])
        taken = {"flow": np.asarray(flow)[:n], "count": np.asarray(count)[:n], **self.grouped}
        self.grouped = {}
        return taken

    def make_part(self, size_t first, const int64_t[::1] offsets, dict columns not None):
        """Make an assembler that has all packets of the flows from number `first` on, for `end_flows`.

        `offsets` (n + 1,) says where those of each of its n flows lie in `columns`, as `take_run` names them; these
        are its own from then on.
        """
        cdef FlowAssembler part = FlowAssembler()
        cdef size_t n = offsets.shape[0] - 1, n_flows = self.assembly.table.n_flows
        cdef Status status
        kinds = {"time_ns": np.int64} | {name: kind for name, (_, kind) in COLUMNS.items()}
        if offsets.shape[0] < 1:
            raise ValueError("offsets of no flows have one value")
        n_packets = offsets[n]
        if n_packets > UINT32_MAX:
            raise OverflowError("a flow has more packets than can be counted")
        if first > n_flows or n > n_flows - first or offsets[0] != 0 or "time_ns" not in columns \
                or any(column.dtype != kinds[name] or len(column) != n_packets for name, column in columns.items()):
            raise ValueError("flows, offsets and columns do not fit each other")
        measure_longest(offsets, n_packets, 0)
        with nogil:
            status = copy_records(&part.assembly.table, &self.assembly.table, first, n)
        find_damage(status)
        part.grouped = columns
        part.part_offsets = offsets
        part.is_ended = True
        return part

    def advance_watermark(self, FlushRules rules):
        """End the subflows that no packet to come can belong to, for `take_expired`; others stay open.

        `rules` is a dict of the fields of `FlushRules`.
        """
        cdef GroupedColumns columns
        cdef int64_t[::1] offsets
        cdef uint8_t[::1] reasons
        cdef Status status
        if not rules.interval_ns > 0 or rules.min_packets < 2 or rules.key_bytes < 1:
            raise ValueError("the interval must be greater than 0, min_packets at least 2, and key_bytes at least 1")
        offsets = self.group_packets(rules.is_last)
        columns = self.find_grouped()
        self.assembly.columns.is_streaming = True
        self.begin_work()
        with nogil:
            status = flush_flows(
                &columns, &offsets[0], &rules, &self.assembly.table, &self.opened, &self.subflows, &self.dropped,
                &self.assembly.columns)
        self.is_working = False
        find_damage(status)
        reasons = np.empty(self.subflows.n_subflows, np.uint8)
        if self.subflows.n_subflows:
            write_end_reasons(&self.subflows, &reasons[0])
        # Copies: what is handed out does not hold the memory of what is not.
        self.taken = {name: column.copy() for name, column in self.hand_over(columns).items()}
        self.taken["end_reason"] = np.asarray(reasons)
        find_damage(pack_flows(&self.opened, &self.assembly.table, &self.assembly.columns))
        self.latest_before_ns = max(self.latest_before_ns, self.assembly.counters.latest_ns)
        self.assembly.counters.latest_ns = INT64_MIN
        self.is_ended = rules.is_last
        self.n_flushes += 1

    def take_expired(self):
        """Hand out what the last flush has ended, as `take_flows` and `end_reason`; the same until the next flush."""
        return dict(self.taken)

    cdef int64_t[::1] group_packets(self, bint is_last):
        """Group all packets by flow into `grouped`; return where each flow's begin. No packets meanwhile."""
        cdef int64_t[::1] offsets
        cdef uint32_t[::1] cursors
        cdef GroupedColumns columns
        self.require_open()
        if not self.assembly.keeps_packets:
            raise ValueError("the packets were only counted")
        self.enter_batch()
        self.is_ended = True
        offsets = np.empty(self.assembly.table.n_flows + 1, np.int64)
        cursors = np.empty(self.assembly.table.n_flows + 1, np.uint32)
        columns = self.allocate_grouped(count_packets(&self.assembly.columns))
        self.begin_work()
        with nogil:
            if is_last:
                free_slots(&self.assembly.table.slots)
            number_packets(&self.assembly.table, &offsets[0], &cursors[0])
            group_columns(&self.assembly.columns, &cursors[0], &columns)
        self.is_working = False
        return offsets

    cdef dict hand_over(self, GroupedColumns columns):
        """Hand over the packets of `subflows`, with keys and times, as `take_flows` returns them."""
        cdef size_t n_subflows = self.subflows.n_subflows
        cdef int64_t[::1] offsets = np.zeros(n_subflows + 1, np.int64), start_ns, end_ns
        cdef uint8_t[::1] octets = np.empty(n_subflows * KEY_BYTES, np.uint8)
        start_ns = np.empty(n_subflows, np.int64)
        end_ns = np.empty(n_subflows, np.int64)
        if n_subflows:
            with nogil:
                measure_subflows(&columns, &self.subflows, &offsets[0], &start_ns[0], &end_ns[0])
                write_keys(&self.assembly.table, &self.subflows, &octets[0])
                compact_columns(&columns, &self.subflows)
        taken = {name: column[:offsets[n_subflows]] for name, column in self.grouped.items()}
        self.grouped = {}
        free_subflows(&self.subflows)
        times = {"start_ns": np.asarray(start_ns), "end_ns": np.asarray(end_ns)}
        return taken | times | {"offsets": np.asarray(offsets), "keys": view_keys(octets)}
