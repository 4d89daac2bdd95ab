"""The flush of biflows: packets go into sums, out with flows that have ended, or stay pending."""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from netml._core.biflow.record cimport Biflow
from netml._core.biflow.table cimport BiflowTable, find_biflow, renumber_biflows
from netml._core.flow.columns cimport N_COLUMNS, PacketColumns, column_width
from netml._core.flow.end_reason cimport END_UNKNOWN
from netml._core.flow.group cimport GroupedColumns
from netml._core.flow.hash_index cimport NO_FLOW
from netml._core.flow.pending cimport append_pending, renumber_pending
from netml._core.status cimport STATUS_OK, Status


cdef enum:
    FEW_GONE = 1 << 10           # up to this many removed flows are not worth packing the table


cdef inline void find_due(
    const BiflowTable *table, const GroupedColumns *columns, const int64_t *offsets, int64_t watermark_ns,
    int64_t *ends,               # OUT [n_flows]
) noexcept nogil:
    """Find the packets of each flow that are due for its sums: no earlier one is expected, or the flow has ended."""
    cdef size_t number
    cdef int64_t end
    for number in range(table.n_flows):
        end = offsets[number + 1]
        if find_biflow(table, number).end_reason == END_UNKNOWN:
            while end > offsets[number] and columns.time_ns[end - 1] > watermark_ns:
                end -= 1
        ends[number] = end


cdef inline void note_summed(
    BiflowTable *table, const uint32_t *size, const int64_t *offsets, const int64_t *ends,
) noexcept nogil:
    """Count the packets that have gone into sums."""
    cdef Biflow *flow
    cdef size_t number
    cdef int64_t i
    for number in range(table.n_flows):
        flow = find_biflow(table, number)
        flow.n_summed += <uint32_t> (ends[number] - offsets[number])
        flow.n_packets -= <uint32_t> (ends[number] - offsets[number])
        for i in range(offsets[number], ends[number]):
            flow.n_summed_bytes += size[i]


cdef inline void place_chosen(
    const int64_t *offsets, const uint32_t *order, size_t n_chosen, int64_t *out_offsets,
) noexcept nogil:
    """Compute where the packets of the chosen flows will lie: `out_offsets` [n_chosen + 1]."""
    cdef size_t place
    out_offsets[0] = 0
    for place in range(n_chosen):
        out_offsets[place + 1] = out_offsets[place] + offsets[order[place] + 1] - offsets[order[place]]


cdef inline void copy_chosen(
    const GroupedColumns *columns,   # IN: by number
    const int64_t *offsets,          # IN  [n_flows + 1]: by number
    const uint32_t *order,           # IN  [n_chosen]
    size_t n_chosen,
    const GroupedColumns *out,       # OUT: by order
    int64_t *out_offsets,            # IN  [n_chosen + 1]
) noexcept nogil:
    """Copy the packets of the chosen flows."""
    cdef size_t place, n, width
    cdef int column
    cdef int64_t start, to
    for place in range(n_chosen):
        start = offsets[order[place]]
        to = out_offsets[place]
        n = offsets[order[place] + 1] - start
        memcpy(out.time_ns + to, columns.time_ns + start, n * sizeof(int64_t))
        for column in range(N_COLUMNS):
            if columns.values[column] != NULL and out.values[column] != NULL:
                width = column_width(column)
                memcpy(
                    <uint8_t *> out.values[column] + to * width, <uint8_t *> columns.values[column] + start * width,
                    n * width)


cdef inline Status keep_open(
    BiflowTable *table,              # IN, OUT: flows that have ended hold nothing any more
    const GroupedColumns *grouped,   # IN
    const int64_t *offsets,          # IN  [n_flows + 1]
    PacketColumns *columns,          # OUT: was empty
) noexcept nogil:
    """Append the last `n_packets` of each open flow: they come first in the next flush."""
    cdef Biflow *flow
    cdef size_t number
    cdef Status status
    for number in range(table.n_flows):
        flow = find_biflow(table, number)
        if flow.end_reason != END_UNKNOWN:
            flow.is_out = True
            flow.n_packets = 0
        status = append_pending(columns, grouped, offsets[number + 1], flow.n_packets, <uint32_t> number)
        if status != STATUS_OK:
            return status
    return STATUS_OK


cdef inline bint is_worth_packing(const BiflowTable *table) noexcept nogil:
    """Return True if many of the table's flows have been handed out."""
    cdef size_t number, n_gone = 0
    for number in range(table.n_flows):
        n_gone += find_biflow(table, number).is_out
    return n_gone > FEW_GONE + (table.n_flows - n_gone) // 4


cdef inline Status pack_biflows(
    BiflowTable *table, PacketColumns *columns,
    uint32_t *numbers,           # OUT [n_flows]: the new number of each flow; NO_FLOW: gone
) noexcept nogil:
    """Remove the flows that have been handed out."""
    cdef size_t number, n_kept = 0
    cdef Status status
    for number in range(table.n_flows):
        numbers[number] = NO_FLOW
        if not find_biflow(table, number).is_out:
            numbers[number] = <uint32_t> n_kept
            n_kept += 1
    status = renumber_biflows(table, numbers, n_kept)
    renumber_pending(columns, numbers)
    return status
