"""The cuts of the definition `original` (netml 0.7.1): exact, in integer nanoseconds.

The packets of a flow key, in time order, are split where they pause for longer than a timeout, then by an interval. The
last subflow of a flow that was split is dropped, unless tails are kept. Each rule counts what it drops.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from netml._core.flow.end_reason cimport (
    DROP_IDLE_TAIL, DROP_INTERVAL_TAIL, DROP_SHORT_FLOW, END_UNKNOWN, Dropped, drop_flow,
)
from netml._core.flow.group cimport GroupedColumns, sort_flow
from netml._core.octets cimport netml_exceeds, netml_floor_quotient, netml_gap
from netml._core.packet cimport PROTOCOL_TCP, find_protocol
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.subflow_list cimport SubflowList, keep_subflow, reserve_subflows
from netml._core.subflow.table cimport FlowTable, find_record


cdef struct SplitRules:
    uint64_t min_packets         # flows and subflows with fewer are dropped
    int64_t tcp_timeout_ns       # a longer gap between two packets splits a TCP flow
    int64_t udp_timeout_ns       # the same for all other protocols
    bint keeps_tail              # hand out the last subflow of a flow that was split, too


cdef inline Status split_by_idle(
    GroupedColumns *columns,     # IN, OUT: flows out of order are sorted by time
    const int64_t *offsets,      # IN  [n_flows + 1]
    const FlowTable *table,      # IN
    const SplitRules *rules,
    SubflowList *subflows,       # OUT
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Drop short flows (rule 1), and split the others where a gap exceeds the protocol's timeout (rule 2)."""
    cdef const int64_t *time_ns = columns.time_ns
    cdef int64_t start, end, i, timeout_ns
    cdef int64_t shorter_timeout_ns = min(rules.tcp_timeout_ns, rules.udp_timeout_ns)
    cdef size_t flow
    cdef bint is_split
    cdef Status status = reserve_subflows(subflows, table.n_flows)
    if status != STATUS_OK:
        return status
    for flow in range(table.n_flows):
        start = offsets[flow]
        end = offsets[flow + 1]
        if <uint64_t> (end - start) < max(<uint64_t> 2, rules.min_packets):
            drop_flow(dropped, DROP_SHORT_FLOW, end - start)
            continue
        for i in range(start + 1, end):
            if time_ns[i] < time_ns[i - 1]:
                status = sort_flow(columns, start, end)
                if status != STATUS_OK:
                    return status
                break
        is_split = False
        # If the ends are no further apart than the timeout, no gap between them is longer: most flows need no search.
        if netml_gap(time_ns[end - 1], time_ns[start]) > shorter_timeout_ns:
            timeout_ns = rules.udp_timeout_ns
            if find_protocol(&find_record(table, flow).key) == PROTOCOL_TCP:
                timeout_ns = rules.tcp_timeout_ns
            for i in range(start + 1, end):
                if netml_gap(time_ns[i], time_ns[i - 1]) > timeout_ns:
                    status = keep_subflow(subflows, <uint32_t> flow, start, i, rules.min_packets, END_UNKNOWN, dropped)
                    if status != STATUS_OK:
                        return status
                    start = i
                    is_split = True
        if is_split and not rules.keeps_tail:
            drop_flow(dropped, DROP_IDLE_TAIL, end - start)
        else:
            status = keep_subflow(subflows, <uint32_t> flow, start, end, rules.min_packets, END_UNKNOWN, dropped)
            if status != STATUS_OK:
                return status
    return STATUS_OK


cdef inline Status split_by_interval(
    const int64_t *time_ns,      # IN
    const SubflowList *by_idle,  # IN: what `split_by_idle` has kept
    double interval_ns,
    const SplitRules *rules,
    SubflowList *subflows,       # OUT
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Split where the time since the previous packet, or since the anchor after a split, exceeds the interval (rule 4).

    Times count from the subflow's start, so that float64 is exact up to 104 days. The anchor moves by whole intervals
    only: their number tells where it is.
    """
    cdef uint64_t min_packets = max(<uint64_t> 2, rules.min_packets)
    cdef int64_t start, end, i, first_ns
    cdef double elapsed, previous, n_intervals
    cdef bint after_split, exceeds
    cdef size_t i_subflow
    cdef bint is_split
    cdef Status status = reserve_subflows(subflows, by_idle.n_subflows)
    if status != STATUS_OK:
        return status
    for i_subflow in range(by_idle.n_subflows):
        start = by_idle.subflows[i_subflow].start
        end = by_idle.subflows[i_subflow].end
        first_ns = time_ns[start]
        is_split = False
        if <double> netml_gap(time_ns[end - 1], first_ns) > interval_ns:
            previous = n_intervals = 0.0
            after_split = False
            for i in range(start + 1, end):
                elapsed = <double> netml_gap(time_ns[i], first_ns)
                if after_split and interval_ns > 0:
                    exceeds = netml_exceeds(elapsed, n_intervals + 1, interval_ns)
                else:
                    exceeds = elapsed - previous > interval_ns
                after_split = exceeds
                previous = elapsed
                if exceeds:
                    status = keep_subflow(
                        subflows, by_idle.subflows[i_subflow].flow, start, i, min_packets, END_UNKNOWN, dropped)
                    if status != STATUS_OK:
                        return status
                    start = i
                    is_split = True
                    # An interval of 0 leaves the anchor at the packet itself.
                    if interval_ns > 0:
                        n_intervals = netml_floor_quotient(elapsed, interval_ns)
        if is_split and not rules.keeps_tail:
            drop_flow(dropped, DROP_INTERVAL_TAIL, end - start)
        else:
            status = keep_subflow(
                subflows, by_idle.subflows[i_subflow].flow, start, end, min_packets, END_UNKNOWN, dropped)
            if status != STATUS_OK:
                return status
    return STATUS_OK
