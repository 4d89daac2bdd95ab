"""Open flows of a stream: the state of a flow key between two flushes.

The packets of an open subflow are pending. Of the packets handed out, the state has what the next packet needs: how
long the key has been idle, and the origin of the interval's anchors. Before the watermark has passed, a late packet may
still come before the first pending one, so that both are of the subflow handed out last. A key without pending packets
leaves the open flows and becomes idle (`idle_keys.pxd`). Owns the flows' state.
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
    uint64_t min_packets         # >= 2; a shorter subflow is dropped
    uint64_t max_flow_packets    # a longer subflow ends
    uint64_t max_flows           # flow keys held after a flush
    uint64_t max_memory_bytes    # of packets, flows and keys
    uint64_t packet_bytes        # of a packet
    uint64_t flow_bytes          # of an open flow, without its packets
    uint64_t key_bytes           # of an idle key
    int64_t latest_ns            # the latest packet of the capture so far
    int64_t watermark_ns         # no packet before this is expected any more
    int64_t allowed_lateness_ns  # by which the watermark lies behind the latest packet
    bint is_last                 # the last flush: no packet comes any more


cdef struct OpenFlow:            # a flow between two flushes
    int64_t origin_ns            # origin of the anchors of the subflow handed out last
    int64_t out_ns               # the last packet handed out
    int64_t last_ns              # the latest packet
    uint32_t n_open              # pending packets; 0: the other fields are of no use until the key is reactivated
    uint32_t record              # of its key, if that was idle and no sweep has come since; or NO_RECORD
    uint32_t has_out             # 0: nothing was handed out yet; origin_ns and out_ns are of no use


cdef struct OpenFlows:
    OpenFlow *flows              # by number of the flow, owned
    size_t n_flows
    size_t room
    size_t n_packets             # pending, of all flows
    size_t n_pending             # flows with pending packets
    IdleKeys idle_keys           # flow keys without pending packets
    EarlyEnds early              # subflows that ended before their time


cdef inline void free_open(OpenFlows *opened) noexcept nogil:
    """Free the memory."""
    free(opened.flows)
    free_idle_keys(&opened.idle_keys)
    opened.flows = NULL
    opened.n_flows = opened.room = 0


cdef inline Status admit_flows(OpenFlows *opened, size_t n_flows) noexcept nogil:
    """Add the state of flows that have come since the last flush."""
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
    """Keep the first `n_flows`, and free the memory of the others."""
    cdef size_t room = n_flows + n_flows // 2 + 1024
    cdef OpenFlow *shrunk
    opened.n_flows = n_flows
    if room < opened.room:
        shrunk = <OpenFlow *> netml_reallocate(opened.flows, room * sizeof(OpenFlow))
        if shrunk != NULL:
            opened.flows = shrunk
            opened.room = room


cdef inline void end_early(OpenFlows *opened, OpenFlow *flow, EarlyEnd limit) noexcept nogil:
    """End an open subflow before its time, and count it; the next packet of its key begins a new flow."""
    count_early(&opened.early, limit, flow.n_open)
    flow.n_open = flow.has_out = 0
