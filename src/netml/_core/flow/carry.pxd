"""What stays after a round: the packets of the open pieces, and the keys that are known. Bounded, whatever comes.

Flows that are not known any more keep their numbers until they are a fifth of the table: then it is packed.
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy

from netml._core.flow.columns cimport N_COLUMNS, PacketChunk, PacketColumns, add_chunk, column_width
from netml._core.flow.grouping cimport GroupedColumns
from netml._core.flow.open cimport (
    EARLY_FLOWS, EARLY_MEMORY, EarlyEnd, OpenFlow, OpenFlows, OpenRules, end_early, shrink_flows,
)
from netml._core.flow.rounds cimport end_pieces
from netml._core.flow.spans cimport END_LACK_OF_RESOURCES, Dropped, Span, SpanList, keep_span
from netml._core.flow.slots cimport NO_FLOW
from netml._core.flow.table cimport FlowTable, find_record, renumber_flows
from netml._core.octets cimport netml_allocate_plain
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    FEW_FLOWS = 1 << 10          # so many forgotten ones are never worth packing the table


cdef struct Bound:
    EarlyEnd name                # as which what it ends is counted
    uint64_t packet_weight       # bytes that a packet holds; 0 where keys are counted
    uint64_t flow_weight
    uint64_t most                # weight beyond which flows are ended
    uint64_t target              # weight that is left then


cdef inline uint64_t weigh_flow(const OpenFlow *flow, const Bound *bound) noexcept nogil:
    """What a flow counts for; nothing if it is not known."""
    return flow.n_open * bound.packet_weight + flow.is_known * bound.flow_weight


cdef inline uint64_t weigh_later(const OpenFlows *opened, int64_t time_ns, const Bound *bound) noexcept nogil:
    """Weight of the flows that were seen after a time."""
    cdef uint64_t weight = 0
    cdef size_t number
    for number in range(opened.n_flows):
        if opened.flows[number].last_ns > time_ns:
            weight += weigh_flow(&opened.flows[number], bound)
    return weight


cdef inline int64_t find_cutoff(const OpenFlows *opened, const Bound *bound) noexcept nogil:
    """The earliest time after which flows of at most the target were seen: by halving, without any memory."""
    cdef int64_t low = INT64_MIN, high = INT64_MAX, middle
    while low < high:
        middle = low + <int64_t> ((<uint64_t> high - <uint64_t> low) >> 1)
        if weigh_later(opened, middle, bound) <= bound.target:
            high = middle
        else:
            low = middle + 1
    return low


cdef inline int compare_spans(const void *a, const void *b) noexcept nogil:
    """Order of their places, for `qsort`."""
    cdef uint32_t first = (<const Span *> a).start, second = (<const Span *> b).start
    return (first > second) - (first < second)


cdef inline Status keep_bound(
    const Bound *bound,
    const int64_t *offsets,      # IN  [n_flows + 1]
    const OpenRules *rules,
    OpenFlows *opened,           # IN, OUT
    SpanList *spans,             # IN, OUT: no longer in order of their places
    Dropped *dropped,            # OUT
) noexcept nogil:
    """If too much is held, end the flows that were not seen for longest, until the target is left."""
    cdef uint64_t left = opened.n_packets * bound.packet_weight + opened.n_known * bound.flow_weight, weight
    cdef OpenFlow *flow
    cdef int64_t cutoff_ns
    cdef size_t number
    cdef int turn
    cdef bint is_chosen
    cdef Status status
    if left <= bound.most:
        return STATUS_OK
    cutoff_ns = find_cutoff(opened, bound)
    for turn in range(2):  # of those seen last at the very cutoff, as many as are needed
        for number in range(opened.n_flows):
            flow = &opened.flows[number]
            weight = weigh_flow(flow, bound)
            is_chosen = flow.last_ns < cutoff_ns if turn == 0 else flow.last_ns == cutoff_ns and left > bound.target
            if weight == 0 or not is_chosen:
                continue
            if flow.n_open:
                status = keep_span(
                    spans, <uint32_t> number, offsets[number + 1] - flow.n_open, offsets[number + 1],
                    rules.min_packets, END_LACK_OF_RESOURCES, dropped)
                if status != STATUS_OK:
                    return status
            opened.n_packets -= flow.n_open
            opened.n_known -= 1
            left -= weight
            end_early(opened, flow, bound.name)
    return STATUS_OK


cdef inline Status keep_bounds(
    const int64_t *offsets,      # IN  [n_flows + 1]
    const OpenRules *rules,
    OpenFlows *opened,           # IN, OUT
    SpanList *spans,             # IN, OUT: stay in order of their places
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Of flows as many as may be held remain; of memory half, as each time costs a look at every flow."""
    cdef Bound flows, memory
    cdef size_t n_before = spans.n_spans
    cdef Status status
    flows.name = EARLY_FLOWS
    flows.packet_weight = 0
    flows.flow_weight = 1
    flows.most = flows.target = rules.max_flows
    memory.name = EARLY_MEMORY
    memory.packet_weight = rules.packet_bytes
    memory.flow_weight = rules.flow_bytes
    memory.most = rules.max_memory_bytes
    memory.target = rules.max_memory_bytes // 2
    status = keep_bound(&flows, offsets, rules, opened, spans, dropped)
    if status == STATUS_OK:
        status = keep_bound(&memory, offsets, rules, opened, spans, dropped)
    if spans.n_spans > n_before:
        qsort(spans.spans, spans.n_spans, sizeof(Span), compare_spans)
    return status


cdef inline void append_run(
    PacketChunk *chunk, const GroupedColumns *grouped, int64_t start, size_t n, uint32_t number,
) noexcept nogil:
    """Packets of one flow to the end of a chunk that has room for them."""
    cdef size_t at = chunk.n_packets, i, width
    cdef int column
    for i in range(n):
        chunk.flow[at + i] = number
    memcpy(chunk.time_ns + at, grouped.time_ns + start, n * sizeof(int64_t))
    for column in range(N_COLUMNS):
        if chunk.values[column] != NULL:
            width = column_width(column)
            memcpy(
                <uint8_t *> chunk.values[column] + at * width, <uint8_t *> grouped.values[column] + start * width,
                n * width)
    chunk.n_packets = at + n


cdef inline Status carry_packets(
    const GroupedColumns *grouped,   # IN
    const int64_t *offsets,          # IN  [n_flows + 1]
    const OpenFlows *opened,         # IN
    FlowTable *table,                # OUT: packets of each flow
    PacketColumns *columns,          # OUT: was empty
) noexcept nogil:
    """The packets of the open pieces come first in the next round."""
    cdef PacketChunk *chunk = NULL
    cdef size_t number, n, n_left
    cdef Status status
    for number in range(table.n_flows):
        n_left = opened.flows[number].n_open
        find_record(table, number).n_packets = <uint32_t> n_left
        while n_left:
            if chunk == NULL or chunk.n_packets == chunk.room:
                status = add_chunk(columns)
                if status != STATUS_OK:
                    return status
                chunk = &columns.chunks[columns.n_chunks - 1]
            n = min(n_left, chunk.room - chunk.n_packets)
            append_run(chunk, grouped, offsets[number + 1] - <int64_t> n_left, n, <uint32_t> number)
            n_left -= n
    return STATUS_OK


cdef inline Status forget_flows(OpenFlows *opened, FlowTable *table, PacketColumns *columns) noexcept nogil:
    """Pack the table if many of its flows are not known any more."""
    cdef uint32_t *numbers
    cdef size_t number, i, n_kept = 0
    cdef Status status
    if opened.n_flows < opened.n_known + opened.n_known // 4 + FEW_FLOWS or table.slots.slots == NULL:
        return STATUS_OK
    numbers = <uint32_t *> netml_allocate_plain(opened.n_flows * sizeof(uint32_t))
    if numbers == NULL:
        return STATUS_NO_MEMORY
    for number in range(opened.n_flows):
        numbers[number] = NO_FLOW
        if opened.flows[number].is_known:
            numbers[number] = <uint32_t> n_kept
            opened.flows[n_kept] = opened.flows[number]
            n_kept += 1
    status = renumber_flows(table, numbers, n_kept)
    shrink_flows(opened, n_kept)
    for i in range(columns.n_chunks):
        for number in range(columns.chunks[i].n_packets):
            columns.chunks[i].flow[number] = numbers[columns.chunks[i].flow[number]]
    free(numbers)
    return status


cdef inline Status run_round(
    GroupedColumns *grouped,         # IN, OUT: sorted by time within each flow
    const int64_t *offsets,          # IN  [n_flows + 1]
    const OpenRules *rules,
    FlowTable *table,                # IN, OUT
    OpenFlows *opened,               # IN, OUT
    SpanList *spans,                 # OUT: what is handed out
    Dropped *dropped,                # OUT
    PacketColumns *columns,          # OUT: what waits
) noexcept nogil:
    """End what has ended, and what is too much; keep the rest."""
    cdef Status status = end_pieces(grouped, offsets, table, rules, opened, spans, dropped)
    if status == STATUS_OK:
        status = keep_bounds(offsets, rules, opened, spans, dropped)
    if status == STATUS_OK:
        status = carry_packets(grouped, offsets, opened, table, columns)
    return status
