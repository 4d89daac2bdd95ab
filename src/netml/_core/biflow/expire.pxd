"""The expiry of biflows: which of them have certainly ended. `flush.pxd` moves their packets.

A flow has ended when it was idle for too long before the watermark, the time before which no packet is expected any
more; or when the next packet of its key has begun another one; or when too much is held.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free

from netml._core.biflow.order cimport count_packets_of
from netml._core.biflow.record cimport Biflow, find_last_end, find_timeout
from netml._core.biflow.table cimport BiflowTable, find_biflow
from netml._core.flow.end_reason cimport (
    DROP_SHORT_FLOW, EARLY_FLOWS, EARLY_LONG_FLOW, EARLY_MEMORY, END_IDLE, END_LACK_OF_RESOURCES, END_OF_FLOW,
    END_UNKNOWN, Dropped, EarlyEnd, EarlyEnds, count_early, drop_flow,
)
from netml._core.flow.group cimport order_by_time
from netml._core.octets cimport netml_allocate_plain
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef struct BiflowFlushRules:    # from a dict
    uint64_t min_packets         # a flow that has had fewer is dropped
    uint64_t max_flow_packets    # a flow that holds more ends
    uint64_t max_flows           # held after a flush
    uint64_t max_memory_bytes    # that packets and flows may hold
    uint64_t packet_bytes        # that a packet holds
    uint64_t flow_bytes          # that a flow holds besides
    int64_t latest_ns            # the latest packet of the capture so far
    int64_t watermark_ns         # no packet before this is expected any more
    bint is_last                 # nothing comes any more


cdef inline void end_early_biflow(Biflow *flow, EarlyEnd limit, EarlyEnds *early) noexcept nogil:
    """End a biflow that a limit evicts, and count it."""
    flow.end_reason = END_LACK_OF_RESOURCES
    count_early(early, limit, count_packets_of(flow))


cdef inline void end_by_time(BiflowTable *table, const BiflowFlushRules *rules, EarlyEnds *early) noexcept nogil:
    """End the flows that are over at the watermark; with `is_last` all of them.

    A flow beyond its active timeout stays open until its next packet, which tells whether it was idle, too.
    """
    cdef Biflow *flow
    cdef size_t number
    for number in range(table.n_flows):
        flow = find_biflow(table, number)
        if flow.end_reason != END_UNKNOWN:
            continue
        if rules.is_last:
            flow.end_reason = find_last_end(flow, rules.latest_ns, &table.rules)
        elif find_timeout(flow, rules.watermark_ns, &table.rules) == END_IDLE:
            flow.end_reason = END_OF_FLOW if flow.is_closed else END_IDLE
        elif flow.n_packets > rules.max_flow_packets:
            end_early_biflow(flow, EARLY_LONG_FLOW, early)


cdef inline Status end_oldest(
    BiflowTable *table, EarlyEnd limit, uint64_t flow_weight, uint64_t packet_weight, uint64_t most, uint64_t target,
    EarlyEnds *early,
) noexcept nogil:
    """Evict the open flows that were not seen for longest until the target is left, if they weigh more than `most`."""
    cdef size_t number, i, n = 0
    cdef uint64_t weight = 0
    cdef int64_t *latest_ns
    cdef uint32_t *order
    cdef Biflow *flow
    for number in range(table.n_flows):
        flow = find_biflow(table, number)
        if flow.end_reason == END_UNKNOWN:
            weight += flow_weight + packet_weight * flow.n_packets
            n += 1
    if weight <= most:
        return STATUS_OK
    latest_ns = <int64_t *> netml_allocate_plain(n * sizeof(int64_t))
    order = <uint32_t *> netml_allocate_plain(3 * n * sizeof(uint32_t))
    if latest_ns == NULL or order == NULL:
        free(latest_ns)
        free(order)
        return STATUS_NO_MEMORY
    i = 0
    for number in range(table.n_flows):
        flow = find_biflow(table, number)
        if flow.end_reason == END_UNKNOWN:
            latest_ns[i] = flow.latest_ns
            order[2 * n + i] = <uint32_t> number
            i += 1
    order_by_time(latest_ns, n, order, order + n)
    for i in range(n):
        if weight <= target:
            break
        flow = find_biflow(table, order[2 * n + order[i]])
        weight -= flow_weight + packet_weight * flow.n_packets
        end_early_biflow(flow, limit, early)
    free(latest_ns)
    free(order)
    return STATUS_OK


cdef inline Status expire_biflows(
    BiflowTable *table, const BiflowFlushRules *rules, uint8_t *is_chosen, Dropped *dropped, EarlyEnds *early,
) noexcept nogil:
    """End the flows that are over and evict those beyond the limits; `is_chosen` [n_flows]: it is handed out."""
    cdef Biflow *flow
    cdef size_t number
    cdef Status status
    end_by_time(table, rules, early)
    status = end_oldest(table, EARLY_FLOWS, 1, 0, rules.max_flows, rules.max_flows, early)
    if status == STATUS_OK:
        status = end_oldest(
            table, EARLY_MEMORY, rules.flow_bytes, rules.packet_bytes, rules.max_memory_bytes,
            rules.max_memory_bytes // 2, early)
    for number in range(table.n_flows):
        flow = find_biflow(table, number)
        is_chosen[number] = flow.end_reason != END_UNKNOWN and not flow.is_out
        if is_chosen[number] and count_packets_of(flow) < rules.min_packets:
            drop_flow(dropped, DROP_SHORT_FLOW, count_packets_of(flow))
            is_chosen[number] = False
    return status
