"""Spans: pieces of flows as runs of grouped packets; what is kept, what is dropped and why.

Owns the spans' memory.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memmove

from netml._core.flow.columns cimport N_COLUMNS, column_width
from netml._core.flow.end_reason cimport DROP_SHORT_PIECE, Dropped, EndReason, drop_piece
from netml._core.flow.group cimport GroupedColumns, Value
from netml._core.flow.key cimport KEY_BYTES, write_key
from netml._core.octets cimport netml_allocate, netml_gap, netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status
from netml._core.subflow.table cimport FlowTable, find_record


cdef enum:
    FEW_PACKETS = 16             # up to here a loop beats the call of memmove


cdef struct Span:                # packets start..end of one flow key; 32 bits count them all
    uint32_t start
    uint32_t end
    uint32_t flow                # number of the key in the table
    uint32_t end_reason          # EndReason


cdef struct SpanList:
    Span *spans                  # owned
    size_t n_spans
    size_t room


cdef inline void free_spans(SpanList *spans) noexcept nogil:
    """Give the memory back."""
    free(spans.spans)
    spans.spans = NULL
    spans.n_spans = spans.room = 0


cdef inline Status reserve_spans(SpanList *spans, size_t room) noexcept nogil:
    """Room for about as many spans as there will be; what is not touched costs no memory."""
    free_spans(spans)
    spans.spans = <Span *> netml_allocate(room * sizeof(Span))
    if spans.spans == NULL:
        return STATUS_NO_MEMORY
    spans.room = room
    return STATUS_OK


cdef inline Status keep_span(
    SpanList *spans, uint32_t flow, int64_t start, int64_t end, uint64_t min_packets, EndReason reason,
    Dropped *dropped,
) noexcept nogil:
    """Add a piece that has ended, or drop it if it is too short."""
    cdef Span *grown
    cdef size_t room
    if <uint64_t> (end - start) < min_packets:
        drop_piece(dropped, DROP_SHORT_PIECE, end - start)
        return STATUS_OK
    if spans.n_spans == spans.room:
        room = spans.room + spans.room // 2 + 1024
        grown = <Span *> netml_reallocate(spans.spans, room * sizeof(Span))
        if grown == NULL:
            return STATUS_NO_MEMORY
        spans.spans = grown
        spans.room = room
    spans.spans[spans.n_spans].start = <uint32_t> start
    spans.spans[spans.n_spans].end = <uint32_t> end
    spans.spans[spans.n_spans].flow = flow
    spans.spans[spans.n_spans].end_reason = reason
    spans.n_spans += 1
    return STATUS_OK


cdef inline void write_end_reasons(const SpanList *spans, uint8_t *reasons) noexcept nogil:
    """Why each span has ended."""
    cdef size_t span
    for span in range(spans.n_spans):
        reasons[span] = <uint8_t> spans.spans[span].end_reason


cdef inline void compact_values(Value *column, const SpanList *spans) noexcept nogil:
    """Move the packets of the spans to the column's front, in place; spans ascend and do not overlap."""
    cdef size_t span, n, i
    cdef Value *out = column
    cdef const Value *source
    for span in range(spans.n_spans):
        n = spans.spans[span].end - spans.spans[span].start
        source = column + spans.spans[span].start
        if out != source:
            if n <= FEW_PACKETS:
                for i in range(n):
                    out[i] = source[i]
            else:
                memmove(out, source, n * sizeof(Value))
        out += n


cdef inline void compact(void *column, const SpanList *spans, size_t width) noexcept nogil:
    """The same for values of `width` octets; nothing for a column that is not there."""
    if column == NULL:
        return
    if width == 4:
        compact_values(<uint32_t *> column, spans)
    elif width == 2:
        compact_values(<uint16_t *> column, spans)
    else:
        compact_values(<uint8_t *> column, spans)


cdef inline void compact_columns(GroupedColumns *columns, const SpanList *spans) noexcept nogil:
    """All columns."""
    cdef int column
    if columns.time_ns == NULL:
        return
    compact_values(columns.time_ns, spans)
    for column in range(N_COLUMNS):
        compact(columns.values[column], spans, column_width(column))


cdef inline void measure_spans(
    const GroupedColumns *columns,   # IN: not compacted yet
    const SpanList *spans,           # IN
    int64_t *offsets,                # OUT [n_spans + 1]: of the compacted columns
    int64_t *start_ns,               # OUT [n_spans]
    int64_t *end_ns,                 # OUT [n_spans]
) noexcept nogil:
    """Where each flow will lie, and its first and last time."""
    cdef size_t span
    offsets[0] = 0
    for span in range(spans.n_spans):
        offsets[span + 1] = offsets[span] + spans.spans[span].end - spans.spans[span].start
        start_ns[span] = columns.time_ns[spans.spans[span].start]
        end_ns[span] = columns.time_ns[spans.spans[span].end - 1]


cdef inline void measure_durations(
    const int64_t *time_ns, const SpanList *spans, int64_t *durations_ns,
) noexcept nogil:
    """Time between the first and the last packet of each span, ns."""
    cdef size_t span
    for span in range(spans.n_spans):
        durations_ns[span] = netml_gap(time_ns[spans.spans[span].end - 1], time_ns[spans.spans[span].start])


cdef inline void write_keys(const FlowTable *table, const SpanList *spans, uint8_t *octets) noexcept nogil:
    """The key of each span's flow, KEY_BYTES octets each."""
    cdef size_t span
    for span in range(spans.n_spans):
        write_key(&octets[span * KEY_BYTES], &find_record(table, spans.spans[span].flow).key)


cdef inline void write_all_keys(const FlowTable *table, uint8_t *octets) noexcept nogil:
    """The key of each flow, KEY_BYTES octets each."""
    cdef size_t flow
    for flow in range(table.n_flows):
        write_key(&octets[flow * KEY_BYTES], &find_record(table, flow).key)
