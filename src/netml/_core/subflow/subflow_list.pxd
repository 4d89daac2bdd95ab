"""The list of subflows, each a range of grouped packets, and what is written of them.

Owns the list. A subflow that is too short is dropped and counted as it is added.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memmove

from netml._core.flow.columns cimport N_COLUMNS, column_width
from netml._core.flow.end_reason cimport DROP_SHORT_SUBFLOW, Dropped, EndReason, drop_flow
from netml._core.flow.group cimport GroupedColumns, Value
from netml._core.flow.key cimport KEY_BYTES, write_key
from netml._core.octets cimport netml_allocate, netml_gap, netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status
from netml._core.subflow.table cimport FlowTable, find_record


cdef enum:
    FEW_PACKETS = 16             # up to here a loop beats the call of memmove


cdef struct Subflow:                # packets start..end of one flow key; 32 bits count them all
    uint32_t start
    uint32_t end
    uint32_t flow                # number of the key in the table
    uint32_t end_reason          # EndReason


cdef struct SubflowList:
    Subflow *subflows                  # owned
    size_t n_subflows
    size_t room


cdef inline void free_subflows(SubflowList *subflows) noexcept nogil:
    """Free the memory."""
    free(subflows.subflows)
    subflows.subflows = NULL
    subflows.n_subflows = subflows.room = 0


cdef inline Status reserve_subflows(SubflowList *subflows, size_t room) noexcept nogil:
    """Reserve room for as many subflows as there may be; pages that are not touched cost no memory."""
    free_subflows(subflows)
    subflows.subflows = <Subflow *> netml_allocate(room * sizeof(Subflow))
    if subflows.subflows == NULL:
        return STATUS_NO_MEMORY
    subflows.room = room
    return STATUS_OK


cdef inline Status keep_subflow(
    SubflowList *subflows, uint32_t flow, int64_t start, int64_t end, uint64_t min_packets, EndReason reason,
    Dropped *dropped,
) noexcept nogil:
    """Add a subflow that has ended, or drop it if it is too short."""
    cdef Subflow *grown
    cdef size_t room
    if <uint64_t> (end - start) < min_packets:
        drop_flow(dropped, DROP_SHORT_SUBFLOW, end - start)
        return STATUS_OK
    if subflows.n_subflows == subflows.room:
        room = subflows.room + subflows.room // 2 + 1024
        grown = <Subflow *> netml_reallocate(subflows.subflows, room * sizeof(Subflow))
        if grown == NULL:
            return STATUS_NO_MEMORY
        subflows.subflows = grown
        subflows.room = room
    subflows.subflows[subflows.n_subflows].start = <uint32_t> start
    subflows.subflows[subflows.n_subflows].end = <uint32_t> end
    subflows.subflows[subflows.n_subflows].flow = flow
    subflows.subflows[subflows.n_subflows].end_reason = reason
    subflows.n_subflows += 1
    return STATUS_OK


cdef inline void write_end_reasons(const SubflowList *subflows, uint8_t *reasons) noexcept nogil:
    """Write the end reason of each subflow."""
    cdef size_t subflow
    for subflow in range(subflows.n_subflows):
        reasons[subflow] = <uint8_t> subflows.subflows[subflow].end_reason


cdef inline void compact_values(Value *column, const SubflowList *subflows) noexcept nogil:
    """Move the packets of the subflows to the column's front, in place; they ascend and do not overlap."""
    cdef size_t subflow, n, i
    cdef Value *out = column
    cdef const Value *source
    for subflow in range(subflows.n_subflows):
        n = subflows.subflows[subflow].end - subflows.subflows[subflow].start
        source = column + subflows.subflows[subflow].start
        if out != source:
            if n <= FEW_PACKETS:
                for i in range(n):
                    out[i] = source[i]
            else:
                memmove(out, source, n * sizeof(Value))
        out += n


cdef inline void compact(void *column, const SubflowList *subflows, size_t width) noexcept nogil:
    """Compact values of `width` octets; skip a column that is not there."""
    if column == NULL:
        return
    if width == 4:
        compact_values(<uint32_t *> column, subflows)
    elif width == 2:
        compact_values(<uint16_t *> column, subflows)
    else:
        compact_values(<uint8_t *> column, subflows)


cdef inline void compact_columns(GroupedColumns *columns, const SubflowList *subflows) noexcept nogil:
    """Compact all columns."""
    cdef int column
    if columns.time_ns == NULL:
        return
    compact_values(columns.time_ns, subflows)
    for column in range(N_COLUMNS):
        compact(columns.values[column], subflows, column_width(column))


cdef inline void measure_subflows(
    const GroupedColumns *columns,   # IN: not compacted yet
    const SubflowList *subflows,           # IN
    int64_t *offsets,                # OUT [n_subflows + 1]: of the compacted columns
    int64_t *start_ns,               # OUT [n_subflows]
    int64_t *end_ns,                 # OUT [n_subflows]
) noexcept nogil:
    """Compute each subflow's offset in the compacted columns, and its first and last time."""
    cdef size_t subflow
    offsets[0] = 0
    for subflow in range(subflows.n_subflows):
        offsets[subflow + 1] = offsets[subflow] + subflows.subflows[subflow].end - subflows.subflows[subflow].start
        start_ns[subflow] = columns.time_ns[subflows.subflows[subflow].start]
        end_ns[subflow] = columns.time_ns[subflows.subflows[subflow].end - 1]


cdef inline void measure_durations(
    const int64_t *time_ns, const SubflowList *subflows, int64_t *durations_ns,
) noexcept nogil:
    """Compute the time between the first and the last packet of each subflow, ns."""
    cdef size_t subflow
    cdef int64_t end_ns
    for subflow in range(subflows.n_subflows):
        end_ns = time_ns[subflows.subflows[subflow].end - 1]
        durations_ns[subflow] = netml_gap(end_ns, time_ns[subflows.subflows[subflow].start])


cdef inline void write_keys(const FlowTable *table, const SubflowList *subflows, uint8_t *octets) noexcept nogil:
    """Write the key of each subflow, KEY_BYTES octets each."""
    cdef size_t subflow
    for subflow in range(subflows.n_subflows):
        write_key(&octets[subflow * KEY_BYTES], &find_record(table, subflows.subflows[subflow].flow).key)


cdef inline void write_all_keys(const FlowTable *table, uint8_t *octets) noexcept nogil:
    """Write the key of each flow, KEY_BYTES octets each."""
    cdef size_t flow
    for flow in range(table.n_flows):
        write_key(&octets[flow * KEY_BYTES], &find_record(table, flow).key)
