"""Packets in, biflows out: flow definitions `bi` and `uni`."""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from netml._core.flow.biflow cimport TCP_END_FIN, TCP_END_NONE, TCP_END_REOPEN, TCP_END_RST, BiflowRules
from netml._core.flow.biflow_order cimport (
    BiflowFacts, mark_long_flows, order_numbers, place_packets, sort_flows, write_facts,
)
from netml._core.flow.biflow_table cimport end_all, find_latest, free_biflows
from netml._core.flow.columns cimport count_packets
from netml._core.flow.grouping cimport GroupedColumns, group_columns
from netml._core.flow.key cimport KEY_BYTES
from netml._core.flow.slots cimport FIRST_SLOT_BITS, free_slots, set_slots
from netml._core.pipeline cimport flush_batch

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
    """

    def __cinit__(self, wanted=(), *, BiflowRules rules, **options):
        self.assembly.biflows.rules = rules
        self.assembly.makes_biflows = self.assembly.reads_details = True
        if rules.idle_ns <= 0 or rules.active_ns <= 0 or rules.tcp_end not in TCP_ENDS.values():
            raise ValueError("timeouts must be greater than 0, and the end of TCP flows one of TCP_ENDS")
        if not self.assembly.keeps_packets:
            raise ValueError("the packets of biflows are kept")
        describe_fault(set_slots(&self.assembly.biflows.slots, FIRST_SLOT_BITS), 0)

    def __dealloc__(self):
        free_biflows(&self.assembly.biflows)

    @property
    def n_keys(self):
        """Distinct keys so far."""
        describe_fault(flush_batch(&self.assembly), 0)
        return self.assembly.biflows.n_keys

    def take_biflows(self, uint64_t min_packets):
        """End all flows and hand them over, in order of start. Call it once.

        Returns
        -------
        dict of str to ndarray
            `offsets` (n + 1), `keys`, `start_ns`, `end_ns`, `end_reason`, `connection_start_ns`, `icmp_type`,
            `icmp_code`, `vlan_id` (n), and the packet columns, n_packets long.
        """
        cdef GroupedColumns columns
        cdef size_t n_flows, n_chosen = 0
        cdef uint32_t[::1] order, cursors
        cdef int64_t[::1] offsets
        cdef uint8_t[::1] is_long
        cdef Status status
        self.require_open()
        describe_fault(flush_batch(&self.assembly), 0)
        self.is_ended = True
        n_flows = self.assembly.biflows.n_flows
        order = np.empty(n_flows + 1, np.uint32)
        cursors = np.empty(n_flows + 1, np.uint32)
        offsets = np.empty(n_flows + 1, np.int64)
        is_long = np.empty(n_flows + 1, np.uint8)
        columns = self.allocate_grouped(count_packets(&self.assembly.columns))
        with nogil:
            free_slots(&self.assembly.biflows.slots)
            end_all(&self.assembly.biflows, find_latest(&self.assembly.biflows))
            mark_long_flows(&self.assembly.biflows, min_packets, &is_long[0], &self.dropped)
            status = order_numbers(&self.assembly.biflows, &is_long[0], &order[0], &n_chosen)
            if status == STATUS_OK:
                place_packets(&self.assembly.biflows, &order[0], &offsets[0], &cursors[0])
                group_columns(&self.assembly.columns, &cursors[0], &columns)
                status = sort_flows(&columns, &offsets[0], n_chosen)
        PyErr_CheckSignals()
        describe_fault(status, 0)
        taken = {name: column[:offsets[n_chosen]] for name, column in self.grouped.items()}
        self.grouped = {}
        taken["offsets"] = np.asarray(offsets)[:n_chosen + 1]
        return taken | self.write_facts(order, n_chosen)

    cdef dict write_facts(self, const uint32_t[::1] order, size_t n_flows):
        """What is known of the first flows of an order, besides their packets."""
        cdef BiflowFacts facts
        octets = np.empty(n_flows * KEY_BYTES, np.uint8)
        written = {name: np.empty(n_flows, kind) for name, kind in BIFLOW_FACTS.items()}
        facts.keys = <uint8_t *> find_octets(octets)
        facts.start_ns = <int64_t *> find_octets(written["start_ns"])
        facts.end_ns = <int64_t *> find_octets(written["end_ns"])
        facts.connection_start_ns = <int64_t *> find_octets(written["connection_start_ns"])
        facts.end_reason = <uint8_t *> find_octets(written["end_reason"])
        facts.icmp_type = <int16_t *> find_octets(written["icmp_type"])
        facts.icmp_code = <int16_t *> find_octets(written["icmp_code"])
        facts.vlan_id = <uint16_t *> find_octets(written["vlan_id"])
        if n_flows:
            with nogil:
                write_facts(&self.assembly.biflows, &order[0], n_flows, &facts)
        return {"keys": octets.view(FLOW_KEY), **written}


BIFLOW_FACTS = {
    "start_ns": np.int64, "end_ns": np.int64, "connection_start_ns": np.int64, "end_reason": np.uint8,
    "icmp_type": np.int16, "icmp_code": np.int16, "vlan_id": np.uint16,
}
