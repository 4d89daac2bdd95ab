"""Flows that are open while their capture goes on: what is known of a key between two rounds.

An open piece's packets wait. Of a key's packets that are out there stays what the next one needs: how long the key has
been idle, and where the anchors of the interval are counted from. Whether that next packet is the one that waits first
is not certain before the watermark is beyond it, so that both are of the piece that is out. A key of which nothing
waits leaves the flows, and is remembered (`idle_keys.pxd`). Owns the flows' state.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from netml._core.flow.end_reason cimport EarlyEnd, EarlyEnds, count_early
from netml._core.octets cimport netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status
from netml._core.subflow.stream.idle_keys cimport IdleKeys, free_idle_keys


cdef struct FlushRules:
    double interval_ns           # > 0
    int64_t tcp_timeout_ns
    int64_t udp_timeout_ns
    uint64_t min_packets         # >= 2; a shorter piece is dropped
    uint64_t max_flow_packets    # a longer piece ends
    uint64_t max_flows           # flow keys held after a round
    uint64_t max_memory_bytes    # that packets, flows and keys may hold
    uint64_t packet_bytes        # that a packet holds
    uint64_t flow_bytes          # that an open flow holds besides
    uint64_t key_bytes           # that a key holds that is only remembered
    int64_t latest_ns            # the latest packet of the capture so far
    int64_t watermark_ns         # no packet before this is expected any more
    int64_t allowed_lateness_ns  # so far it lies behind the latest packet
    bint is_last                 # nothing comes any more


cdef struct OpenFlow:            # a flow between two rounds
    int64_t origin_ns            # of the piece that is out: where its interval's anchors are counted from
    int64_t out_ns               # the last packet that is out
    int64_t last_ns              # the latest packet
    uint32_t n_open              # packets that wait: the open piece; 0: nothing of the rest holds until it is recalled
    uint32_t record              # its key's, if that was remembered and no sweep has come since; or NO_RECORD
    uint32_t has_out             # 0: no piece is out yet, nothing is known of origin_ns and out_ns


cdef struct OpenFlows:
    OpenFlow *flows              # by number of the flow, owned
    size_t n_flows
    size_t room
    size_t n_packets             # that wait, of all flows
    size_t n_pending             # flows of which packets wait
    IdleKeys idle_keys           # of which none do
    EarlyEnds early              # pieces that ended before their time


cdef inline void free_open(OpenFlows *opened) noexcept nogil:
    """Give the memory back."""
    free(opened.flows)
    free_idle_keys(&opened.idle_keys)
    opened.flows = NULL
    opened.n_flows = opened.room = 0


cdef inline Status admit_flows(OpenFlows *opened, size_t n_flows) noexcept nogil:
    """State for the flows that have come since the last round."""
    cdef OpenFlow *grown
    cdef size_t room = opened.room
    if n_flows > room:
        room = max(n_flows, room + room // 2 + 1024)
        grown = <OpenFlow *> netml_reallocate(opened.flows, room * sizeof(OpenFlow))
        if grown == NULL:
            return STATUS_NO_MEMORY
        opened.flows = grown
        opened.room = room
    if n_flows > opened.n_flows:
        memset(&opened.flows[opened.n_flows], 0, (n_flows - opened.n_flows) * sizeof(OpenFlow))
        opened.n_flows = n_flows
    return STATUS_OK


cdef inline void shrink_flows(OpenFlows *opened, size_t n_flows) noexcept nogil:
    """Only the first `n_flows` are left: give the memory of the others back."""
    cdef size_t room = n_flows + n_flows // 2 + 1024
    cdef OpenFlow *shrunk
    opened.n_flows = n_flows
    if room < opened.room:
        shrunk = <OpenFlow *> netml_reallocate(opened.flows, room * sizeof(OpenFlow))
        if shrunk != NULL:
            opened.flows = shrunk
            opened.room = room


cdef inline void end_early(OpenFlows *opened, OpenFlow *flow, EarlyEnd limit) noexcept nogil:
    """Count an open piece that ends before its time; its key is forgotten: the next packet begins anew."""
    count_early(&opened.early, limit, flow.n_open)
    flow.n_open = flow.has_out = 0
