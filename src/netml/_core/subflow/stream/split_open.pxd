"""The cuts of open flows while the capture goes on: the rules of `split.pxd`, with all tails kept.

A subflow has ended when no packet to come can belong to it: none is expected from before the watermark. Wherever the
flushes lie, the subflows are those of the whole capture.
"""
from libc.stdint cimport int64_t, uint32_t

from netml._core.flow.end_reason cimport (
    EARLY_LONG_FLOW, END_ACTIVE, END_IDLE, END_LACK_OF_RESOURCES, END_OF_INPUT, Dropped, EndReason,
)
from netml._core.flow.group cimport GroupedColumns, sort_flow
from netml._core.octets cimport netml_exceeds, netml_floor_quotient, netml_gap
from netml._core.packet cimport PROTOCOL_TCP, find_protocol
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.stream.expire_keys cimport is_beyond
from netml._core.subflow.stream.open_flow cimport FlushRules, OpenFlow, OpenFlows, admit_flows, end_early
from netml._core.subflow.stream.reactivate cimport Retiring, add_retiring, reactivate_flows, retire_flow
from netml._core.subflow.subflow_list cimport SubflowList, keep_subflow, reserve_subflows
from netml._core.subflow.table cimport FlowTable, find_record


cdef inline bint is_over(const FlushRules *rules, int64_t last_ns, double limit_ns, double timeout_ns) noexcept nogil:
    """Return True if a subflow with that last packet is over, also if the clock has been set back that far."""
    cdef double back_ns = timeout_ns + 2.0 * rules.allowed_lateness_ns
    return rules.is_last or is_beyond(rules.watermark_ns, last_ns, limit_ns, back_ns)


cdef inline Status sort_new_packets(
    GroupedColumns *columns, const OpenFlow *flow, int64_t start, int64_t end,
) noexcept nogil:
    """Sort a flow by time; its pending packets are in order already."""
    cdef int64_t i
    for i in range(start + max(<int64_t> 1, <int64_t> flow.n_open), end):
        if columns.time_ns[i] < columns.time_ns[i - 1]:
            return sort_flow(columns, start, end)
    return STATUS_OK


cdef inline int64_t find_origin(const OpenFlow *flow, int64_t first_ns, int64_t timeout_ns) noexcept nogil:
    """Return the origin of the anchors of the subflow that begins with this packet."""
    if not flow.has_out or first_ns < flow.out_ns:
        return first_ns
    if netml_gap(first_ns, flow.out_ns) > timeout_ns:
        return first_ns
    return flow.origin_ns


cdef inline void note_out(OpenFlow *flow, int64_t origin_ns, int64_t out_ns) noexcept nogil:
    """Note the origin and the last packet of a subflow that is handed out."""
    flow.origin_ns = origin_ns
    flow.out_ns = out_ns
    flow.has_out = True


cdef inline Status split_flow(
    const int64_t *time_ns,      # IN
    const FlushRules *rules,
    int64_t timeout_ns,
    uint32_t number,             # of the flow
    OpenFlow *flow,              # IN, OUT: what is out of it
    int64_t *origin,             # IN, OUT: that of the first packet
    int64_t *first,              # IN, OUT: where the subflow begins that is left
    int64_t end,
    SubflowList *subflows,       # OUT
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Split where no packet can come in between any more. The first packet counts as being at its anchor."""
    cdef int64_t start = first[0], origin_ns = origin[0], i
    cdef double elapsed = <double> netml_gap(time_ns[start], origin_ns), previous = elapsed
    cdef double n_intervals = netml_floor_quotient(elapsed, rules.interval_ns)
    cdef double limit_ns = min(rules.interval_ns, <double> timeout_ns)
    cdef bint after_split = True, is_idle, exceeds
    cdef EndReason reason
    cdef Status status
    elapsed = <double> netml_gap(time_ns[end - 1], origin_ns)
    if netml_gap(time_ns[end - 1], time_ns[start]) <= timeout_ns \
            and not netml_exceeds(elapsed, n_intervals + 1, rules.interval_ns):
        return STATUS_OK
    for i in range(start + 1, end):
        # Beyond the watermark packets may still come in between, except where a subflow is over by then.
        if time_ns[i] >= rules.watermark_ns and not rules.is_last and (
            time_ns[i - 1] > rules.watermark_ns or not is_over(rules, time_ns[i - 1], limit_ns, timeout_ns)
        ):
            break
        is_idle = netml_gap(time_ns[i], time_ns[i - 1]) > timeout_ns
        elapsed = <double> netml_gap(time_ns[i], origin_ns)
        if is_idle or not after_split:
            exceeds = is_idle or elapsed - previous > rules.interval_ns
        else:
            exceeds = netml_exceeds(elapsed, n_intervals + 1, rules.interval_ns)
        after_split = exceeds
        previous = elapsed
        if exceeds:
            reason = END_IDLE if <double> netml_gap(time_ns[i], time_ns[i - 1]) > limit_ns else END_ACTIVE
            status = keep_subflow(subflows, number, start, i, rules.min_packets, reason, dropped)
            if status != STATUS_OK:
                return status
            note_out(flow, origin_ns, time_ns[i - 1])
            start = i
            if is_idle:
                origin_ns = time_ns[i]
                previous = n_intervals = 0.0
            else:
                n_intervals = netml_floor_quotient(elapsed, rules.interval_ns)
    first[0] = start
    origin[0] = origin_ns
    return STATUS_OK


cdef inline Status end_flow(
    GroupedColumns *columns, const FlushRules *rules, int64_t timeout_ns, uint32_t number, OpenFlows *opened,
    int64_t start, int64_t end, SubflowList *subflows, Dropped *dropped,
) noexcept nogil:
    """Split one flow, whose packets lie at start..end, and end what is over."""
    cdef OpenFlow *flow = &opened.flows[number]
    cdef double limit_ns = min(rules.interval_ns, <double> timeout_ns)
    cdef int64_t origin_ns
    cdef EndReason reason = END_IDLE
    cdef Status status = sort_new_packets(columns, flow, start, end)
    if status != STATUS_OK:
        return status
    origin_ns = find_origin(flow, columns.time_ns[start], timeout_ns)
    flow.last_ns = columns.time_ns[end - 1]
    status = split_flow(columns.time_ns, rules, timeout_ns, number, flow, &origin_ns, &start, end, subflows, dropped)
    if status != STATUS_OK:
        return status
    flow.n_open = <uint32_t> (end - start)
    if is_over(rules, flow.last_ns, limit_ns, timeout_ns):
        flow.n_open = 0
        note_out(flow, origin_ns, flow.last_ns)
        if rules.is_last and <double> netml_gap(rules.latest_ns, flow.last_ns) <= limit_ns:
            reason = END_OF_INPUT
    elif flow.n_open > rules.max_flow_packets:
        end_early(opened, flow, EARLY_LONG_FLOW)
        reason = END_LACK_OF_RESOURCES
    if flow.n_open:
        return STATUS_OK
    return keep_subflow(subflows, number, start, end, rules.min_packets, reason, dropped)


cdef inline Status split_open_flows(
    GroupedColumns *columns,     # IN, OUT: flows out of order are sorted by time
    const int64_t *offsets,      # IN  [n_flows + 1]: pending packets, then new ones
    const FlowTable *table,      # IN
    const FlushRules *rules,
    OpenFlows *opened,           # IN, OUT: the last n_open packets of a flow are pending
    SubflowList *subflows,       # OUT: those that have ended
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Split every flow; what has certainly ended becomes a subflow of the list."""
    cdef Retiring retiring
    cdef OpenFlow *flow
    cdef size_t number
    cdef int64_t start, end, timeout_ns
    cdef Status status = admit_flows(opened, table.n_flows)
    if status == STATUS_OK:
        status = reserve_subflows(subflows, table.n_flows)
    if status == STATUS_OK:
        reactivate_flows(table, offsets, opened)
    retiring.n_flows = opened.n_packets = opened.n_pending = 0
    for number in range(table.n_flows):
        if status != STATUS_OK:
            return status
        flow = &opened.flows[number]
        start = offsets[number]
        end = offsets[number + 1]
        if start == end:
            continue
        timeout_ns = rules.udp_timeout_ns
        if find_protocol(&find_record(table, number).key) == PROTOCOL_TCP:
            timeout_ns = rules.tcp_timeout_ns
        status = end_flow(columns, rules, timeout_ns, <uint32_t> number, opened, start, end, subflows, dropped)
        if flow.n_open:
            opened.n_packets += flow.n_open
            opened.n_pending += 1
        elif status == STATUS_OK and flow.has_out and not is_over(rules, flow.out_ns, timeout_ns, timeout_ns):
            status = retire_flow(&retiring, opened, table, <uint32_t> number)
    if status == STATUS_OK:
        status = add_retiring(&retiring, opened, table)
    return status
