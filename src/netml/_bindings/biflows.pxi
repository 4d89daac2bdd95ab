"""Packets in, biflows out: flow definitions `bi` and `uni`."""
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT64_MIN, int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from netml._core.biflow.expire cimport BiflowFlushRules, expire_biflows
from netml._core.biflow.flush cimport (
    copy_chosen, find_due, is_worth_packing, keep_open, note_summed, pack_biflows, place_chosen,
)
from netml._core.biflow.order cimport (
    BiflowAttributes, mark_long_flows, order_numbers, place_packets, sort_flows, write_attributes,
)
from netml._core.biflow.record cimport TCP_END_FIN, TCP_END_NONE, TCP_END_REOPEN, TCP_END_RST, BiflowRules
from netml._core.biflow.table cimport BiflowTable, end_all, free_biflows
from netml._core.features.base.family cimport FlowPackets
from netml._core.flow.columns cimport count_packets
from netml._core.flow.end_reason cimport EarlyEnds
from netml._core.flow.group cimport GroupedColumns, group_columns
from netml._core.flow.hash_index cimport FIRST_SLOT_BITS, free_slots, set_slots
from netml._core.flow.key cimport KEY_BYTES
from netml._core.headers.store cimport HeaderStore
from netml._core.status cimport STATUS_OK, Status

# What of TCP ends a biflow.
TCP_ENDS = {"none": TCP_END_NONE, "rst": TCP_END_RST, "fin": TCP_END_FIN, "reopen": TCP_END_REOPEN}


cdef class BiflowAssembler(PacketAssembler):
    """Packets in, biflows out: `assemble` blocks, then `take_biflows`.

    Parameters
    ----------
    wanted, **options
        As of `PacketAssembler`.
    rules : dict
        The fields of `BiflowRules`.
    n_first : int, default 0
        Packets of each flow, in order of arrival, whose headers are kept.
    payload_octets : int, default 0
        Octets of the payload that are kept with them.
    """

    cdef EarlyEnds early
    cdef uint32_t[::1] leaving   # numbers of the flows whose rows the last flush hands out

    def __cinit__(self, wanted=(), *, BiflowRules rules, uint32_t n_first=0, uint32_t payload_octets=0, **options):
        lay_bits((), payload_octets)
        self.assembly.first.n_first = n_first
        self.assembly.first.payload_octets = payload_octets
        self.assembly.biflows.rules = rules
        self.leaving = np.empty(0, np.uint32)
        self.assembly.makes_biflows = self.assembly.reads_details = True
        if rules.idle_ns <= 0 or rules.active_ns <= 0 or rules.tcp_end not in TCP_ENDS.values():
            raise ValueError("timeouts must be greater than 0, and the end of TCP flows one of TCP_ENDS")
        if not self.assembly.keeps_packets:
            raise ValueError("the packets of biflows are kept")
        find_damage(set_slots(&self.assembly.biflows.slots, FIRST_SLOT_BITS))

    def __dealloc__(self):
        free_biflows(&self.assembly.biflows)

    cdef size_t count_keys(self) noexcept:
        return self.assembly.biflows.n_keys

    def take_biflows(self, uint64_t min_packets):
        """End all flows and hand them over, in order of start. Call it once.

        Returns
        -------
        dict of str to ndarray
            `offsets` (n + 1), `keys`, `start_ns`, `end_ns`, `end_reason`, `connection_start_ns`, `icmp_type`,
            `icmp_code`, `vlan_id` (n), and the packet columns, n_packets long; with `n_first` the `header_numbers` of
            the flows (n), uint32, for what `take_headers` gives.
        """
        cdef GroupedColumns columns
        cdef size_t n_flows, n_chosen = 0
        cdef uint32_t[::1] order, cursors
        cdef int64_t[::1] offsets
        cdef uint8_t[::1] is_long
        cdef Status status
        self.require_open()
        self.enter_batch()
        self.is_ended = True
        n_flows = self.assembly.biflows.n_flows
        order = np.empty(n_flows + 1, np.uint32)
        cursors = np.empty(n_flows + 1, np.uint32)
        offsets = np.empty(n_flows + 1, np.int64)
        is_long = np.empty(n_flows + 1, np.uint8)
        columns = self.allocate_grouped(count_packets(&self.assembly.columns))
        self.begin_work()
        with nogil:
            free_slots(&self.assembly.biflows.slots)
            end_all(&self.assembly.biflows, self.assembly.counters.latest_ns)
            mark_long_flows(&self.assembly.biflows, min_packets, &is_long[0], &self.dropped)
            status = order_numbers(&self.assembly.biflows, &is_long[0], &order[0], &n_chosen)
            if status == STATUS_OK:
                place_packets(&self.assembly.biflows, &order[0], &offsets[0], &cursors[0])
                group_columns(&self.assembly.columns, &cursors[0], &columns)
                status = sort_flows(&columns, &offsets[0], n_chosen)
        self.is_working = False
        PyErr_CheckSignals()
        find_damage(status)
        taken = {name: column[:offsets[n_chosen]] for name, column in self.grouped.items()}
        self.grouped = {}
        taken["offsets"] = np.asarray(offsets)[:n_chosen + 1]
        if self.assembly.first.n_first:
            taken["header_numbers"] = np.asarray(order)[:n_chosen]
        return taken | self.write_attributes(order, n_chosen)

    def take_headers(self):
        """Hand over the headers of flows' first packets, once all have come: `StoredFlowHeaders`."""
        cdef StoredFlowHeaders headers = StoredFlowHeaders()
        self.enter_batch()
        headers.store = self.assembly.first.store
        memset(&self.assembly.first.store, 0, sizeof(HeaderStore))
        return headers

    def advance_watermark(self, BiflowFlushRules rules, *, sums=(), str size="caplen"):
        """End the flows that no packet to come can belong to, for `take_expired`; others stay open.

        With `sums` the packets go into states as soon as no earlier one is expected, and are not kept: what is handed
        out are rows, by `take_rows` and then `release_taken`.

        Parameters
        ----------
        rules : dict
            The fields of `BiflowFlushRules`.
        sums : sequence of (FlowStates, int, int)
            States of families, and where these stand in a row: first column and width.
        size : str
            Name of the column that is a packet's size.
        """
        cdef BiflowTable *table = &self.assembly.biflows
        cdef GroupedColumns columns
        cdef size_t n_flows, n_chosen = 0
        cdef int64_t[::1] offsets, ends
        cdef uint32_t[::1] order
        cdef uint8_t[::1] is_chosen
        cdef Status status
        self.require_open()
        self.enter_batch()
        n_flows = table.n_flows
        if rules.is_last:
            free_slots(&table.slots)
        offsets = np.empty(n_flows + 1, np.int64)
        ends = np.empty(n_flows + 1, np.int64)
        order = np.empty(n_flows + 1, np.uint32)
        is_chosen = np.empty(n_flows + 1, np.uint8)
        self.is_ended = True  # until this is over
        columns = self.allocate_grouped(count_packets(&self.assembly.columns))
        self.begin_work()
        with nogil:
            place_packets(table, NULL, &offsets[0], &order[0])
            group_columns(&self.assembly.columns, &order[0], &columns)
            status = sort_flows(&columns, &offsets[0], n_flows)
            if status == STATUS_OK:
                status = expire_biflows(table, &rules, &is_chosen[0], &self.dropped, &self.early)
            if status == STATUS_OK:
                status = order_numbers(table, &is_chosen[0], &order[0], &n_chosen)
            find_due(table, &columns, &offsets[0], rules.watermark_ns, &ends[0])
        self.is_working = False
        find_damage(status)
        if sums:
            self.sum_due(sums, size, offsets, ends)
            self.leaving = np.asarray(order)[:n_chosen].copy()
        else:
            self.taken = self.copy_packets(&columns, offsets, order, n_chosen)
            self.taken |= self.write_attributes(order, n_chosen)
        self.begin_work()
        with nogil:
            status = keep_open(table, &columns, &offsets[0], &self.assembly.columns)
        self.is_working = False
        self.grouped = {}
        find_damage(status)
        self.latest_before_ns = max(self.latest_before_ns, self.assembly.counters.latest_ns)
        self.assembly.counters.latest_ns = INT64_MIN
        self.is_ended = rules.is_last
        if not sums:
            self.release_taken()
        self.n_flushes += 1

    def take_expired(self):
        """Hand out the flows that the last flush has ended; the same again until the next flush.

        Returns
        -------
        dict of str to ndarray
            As of `take_biflows`.
        """
        return dict(self.taken)

    @property
    def n_leaving(self):
        """Rows that the last flush has for `take_rows`."""
        return self.leaving.shape[0]

    def take_rows(self, sums, size_t n_columns, size_t first, size_t most):
        """Write the rows of flows that leave, at most `most` from number `first` on. They are made now, so that a flush
        in which all flows end needs no memory for all their rows.

        Parameters
        ----------
        sums : sequence of (FlowStates, int, int)
            As of `advance_watermark`.
        n_columns : int
            Of a row.
        first, most : int
            Which rows.

        Returns
        -------
        dict of str to ndarray
            As of `take_biflows`, in place of offsets and packets: `X` (n, n_columns), `packets` and `bytes`.
        """
        numbers = np.asarray(self.leaving)[first:first + most]
        taken = self.write_attributes(numbers, len(numbers), is_incremental=True)
        attributes = {"protocol": np.ascontiguousarray(taken["keys"]["protocol"])}
        attributes |= {name: taken[name] for name in FAMILY_ATTRIBUTES if name in taken}
        X = np.zeros((len(numbers), n_columns))
        for states, first_column, width in sums:
            states.write(numbers, X, first_column, width, attributes)
        return taken | {"X": X}

    def release_taken(self, sums=()):
        """Free the memory of flows that were handed out, if they are many. Call it before further packets come."""
        cdef BiflowTable *table = &self.assembly.biflows
        cdef uint32_t[::1] numbers
        cdef Status status
        self.leaving = np.empty(0, np.uint32)
        if self.is_ended or not is_worth_packing(table):
            return
        numbers = np.empty(table.n_flows + 1, np.uint32)
        n_flows = table.n_flows
        self.is_ended = True  # until this is over
        self.begin_work()
        with nogil:
            status = pack_biflows(table, &self.assembly.columns, &numbers[0])
        self.is_working = False
        find_damage(status)
        for states, _, _ in sums:
            states.renumber(np.asarray(numbers)[:n_flows])
        self.is_ended = False

    @property
    def ended_early(self):
        """Dict: limit -> {"packets", "flows"} that it made end before their time."""
        return name_counts(EARLY_ENDS, self.early.n_packets, self.early.n_flows)

    cdef int sum_due(self, sums, str size, const int64_t[::1] offsets, const int64_t[::1] ends) except -1:
        """Feed the packets that are due to all states."""
        cdef FlowPackets packets
        cdef FlowStates states
        cdef size_t n_flows = offsets.shape[0] - 1
        cdef const uint32_t *sizes
        columns = {**self.grouped, "size": self.grouped[size]}
        packets = find_columns(columns)
        sizes = packets.size
        for states, _, _ in sums:
            require_columns(states.states.family, columns, states.needs.settings.cic_extra)
            states.feed_due(&packets, &offsets[0], &ends[0], n_flows)
        with nogil:
            note_summed(&self.assembly.biflows, sizes, &offsets[0], &ends[0])
        return 0

    cdef dict copy_packets(
        self, const GroupedColumns *columns, const int64_t[::1] offsets, const uint32_t[::1] order, size_t n_chosen,
    ):
        """Copy the packets of flows that have ended: copies do not hold the memory of what is not handed out."""
        cdef GroupedColumns out
        cdef int64_t[::1] places = np.empty(n_chosen + 1, np.int64)
        held = self.grouped
        place_chosen(&offsets[0], &order[0], n_chosen, &places[0])
        out = self.allocate_grouped(places[n_chosen])
        copied, self.grouped = self.grouped, held
        with nogil:
            copy_chosen(columns, &offsets[0], &order[0], n_chosen, &out, &places[0])
        return {**copied, "offsets": np.asarray(places)}

    cdef dict write_attributes(self, const uint32_t[::1] order, size_t n_flows, bint is_incremental=False):
        """Write the attributes of the first flows of an order."""
        cdef BiflowAttributes attributes
        octets = np.empty(n_flows * KEY_BYTES, np.uint8)
        written = {name: np.empty(n_flows, kind) for name, kind in BIFLOW_ATTRIBUTES.items()}
        if is_incremental:
            written |= {"packets": np.empty(n_flows, np.int64), "bytes": np.empty(n_flows, np.int64)}
        attributes.keys = <uint8_t *> find_octets(octets)
        attributes.start_ns = <int64_t *> find_octets(written["start_ns"])
        attributes.end_ns = <int64_t *> find_octets(written["end_ns"])
        attributes.connection_start_ns = <int64_t *> find_octets(written["connection_start_ns"])
        attributes.end_reason = <uint8_t *> find_octets(written["end_reason"])
        attributes.icmp_type = <int16_t *> find_octets(written["icmp_type"])
        attributes.icmp_code = <int16_t *> find_octets(written["icmp_code"])
        attributes.vlan_id = <uint16_t *> find_octets(written["vlan_id"])
        attributes.packets = <int64_t *> find_octets(written.get("packets"))
        attributes.bytes = <int64_t *> find_octets(written.get("bytes"))
        if n_flows:
            with nogil:
                write_attributes(&self.assembly.biflows, &order[0], n_flows, &attributes)
        return {"keys": view_keys(octets), **written}


BIFLOW_ATTRIBUTES = {
    "start_ns": np.int64, "end_ns": np.int64, "connection_start_ns": np.int64, "end_reason": np.uint8,
    "icmp_type": np.int16, "icmp_code": np.int16, "vlan_id": np.uint16,
}
