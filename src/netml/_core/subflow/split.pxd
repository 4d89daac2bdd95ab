"""When a flow ends: the seed's rules (netml 0.7.1), exact, in integer nanoseconds.

A flow key's packets, in time order, are cut where they idle for longer than a timeout, then by an interval; of a flow
that was cut the last piece is dropped, unless tails are kept. What is dropped is counted by the rule that drops it.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from netml._core.flow.end_reason cimport (
    DROP_IDLE_TAIL, DROP_INTERVAL_TAIL, DROP_SHORT_FLOW, END_UNKNOWN, Dropped, drop_piece,
)
from netml._core.flow.group cimport GroupedColumns, sort_flow
from netml._core.octets cimport netml_exceeds, netml_floor_quotient, netml_gap
from netml._core.packet cimport PROTOCOL_TCP, find_protocol
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.span cimport SpanList, keep_span, reserve_spans
from netml._core.subflow.table cimport FlowTable, find_record


cdef struct ExpiryRules:
    uint64_t min_packets         # a flow with fewer is dropped, and so is a piece
    int64_t tcp_timeout_ns       # a longer gap between two packets of a TCP flow cuts it
    int64_t udp_timeout_ns       # the same of all others
    bint keeps_tail              # the last piece of a flow that was cut is handed out, too


cdef inline Status cut_by_idle(
    GroupedColumns *columns,     # IN, OUT: flows out of order are sorted by time
    const int64_t *offsets,      # IN  [n_flows + 1]
    const FlowTable *table,      # IN
    const ExpiryRules *rules,
    SpanList *spans,             # OUT
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Rules 1 and 2: short keys go; cut where a gap is greater than the protocol's timeout."""
    cdef const int64_t *time_ns = columns.time_ns
    cdef int64_t start, end, i, timeout_ns
    cdef int64_t shorter_timeout_ns = min(rules.tcp_timeout_ns, rules.udp_timeout_ns)
    cdef size_t flow
    cdef bint is_cut
    cdef Status status = reserve_spans(spans, table.n_flows)
    if status != STATUS_OK:
        return status
    for flow in range(table.n_flows):
        start = offsets[flow]
        end = offsets[flow + 1]
        if <uint64_t> (end - start) < max(<uint64_t> 2, rules.min_packets):
            drop_piece(dropped, DROP_SHORT_FLOW, end - start)
            continue
        for i in range(start + 1, end):
            if time_ns[i] < time_ns[i - 1]:
                status = sort_flow(columns, start, end)
                if status != STATUS_OK:
                    return status
                break
        is_cut = False
        # With the ends no further apart than the timeout, no gap between them is.
        if netml_gap(time_ns[end - 1], time_ns[start]) > shorter_timeout_ns:
            timeout_ns = rules.udp_timeout_ns
            if find_protocol(&find_record(table, flow).key) == PROTOCOL_TCP:
                timeout_ns = rules.tcp_timeout_ns
            for i in range(start + 1, end):
                if netml_gap(time_ns[i], time_ns[i - 1]) > timeout_ns:
                    status = keep_span(spans, <uint32_t> flow, start, i, rules.min_packets, END_UNKNOWN, dropped)
                    if status != STATUS_OK:
                        return status
                    start = i
                    is_cut = True
        if is_cut and not rules.keeps_tail:
            drop_piece(dropped, DROP_IDLE_TAIL, end - start)
        else:
            status = keep_span(spans, <uint32_t> flow, start, end, rules.min_packets, END_UNKNOWN, dropped)
            if status != STATUS_OK:
                return status
    return STATUS_OK


cdef inline Status cut_by_interval(
    const int64_t *time_ns,      # IN
    const SpanList *pieces,      # IN
    double interval_ns,
    const ExpiryRules *rules,
    SpanList *spans,             # OUT
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Rule 4: cut where the time since the previous packet, or since the anchor after a cut, exceeds the interval.

    Times are taken from the piece's start: exact as float64 for pieces of up to 104 days. The anchor only ever moves by
    whole intervals, so that it is known by how many.
    """
    cdef uint64_t min_packets = max(<uint64_t> 2, rules.min_packets)
    cdef int64_t start, end, i, first_ns
    cdef double elapsed, previous, n_intervals
    cdef bint after_cut, exceeds
    cdef size_t piece
    cdef bint is_cut
    cdef Status status = reserve_spans(spans, pieces.n_spans)
    if status != STATUS_OK:
        return status
    for piece in range(pieces.n_spans):
        start = pieces.spans[piece].start
        end = pieces.spans[piece].end
        first_ns = time_ns[start]
        is_cut = False
        if <double> netml_gap(time_ns[end - 1], first_ns) > interval_ns:
            previous = n_intervals = 0.0
            after_cut = False
            for i in range(start + 1, end):
                elapsed = <double> netml_gap(time_ns[i], first_ns)
                if after_cut and interval_ns > 0:
                    exceeds = netml_exceeds(elapsed, n_intervals + 1, interval_ns)
                else:
                    exceeds = elapsed - previous > interval_ns
                after_cut = exceeds
                previous = elapsed
                if exceeds:
                    status = keep_span(spans, pieces.spans[piece].flow, start, i, min_packets, END_UNKNOWN, dropped)
                    if status != STATUS_OK:
                        return status
                    start = i
                    is_cut = True
                    # An interval of 0 leaves the anchor at the packet itself.
                    if interval_ns > 0:
                        n_intervals = netml_floor_quotient(elapsed, interval_ns)
        if is_cut and not rules.keeps_tail:
            drop_piece(dropped, DROP_INTERVAL_TAIL, end - start)
        else:
            status = keep_span(spans, pieces.spans[piece].flow, start, end, min_packets, END_UNKNOWN, dropped)
            if status != STATUS_OK:
                return status
    return STATUS_OK
