"""The grouping of packet columns by flow: a stable counting sort, and a sort by time where needed."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from netml._core.flow.columns cimport N_COLUMNS, PacketChunk, PacketColumns, column_width, free_chunk, free_columns
from netml._core.octets cimport netml_allocate_plain, netml_prefetch_write
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    AHEAD_CURSOR = 32            # packets: distance at which a flow's cursor is prefetched
    AHEAD_PLACE = 16             # packets: distance at which a packet's new place is prefetched


cdef struct GroupedColumns:
    int64_t *time_ns
    void *values[N_COLUMNS]      # by Column; NULL where it is not wanted


cdef fused Value:
    int64_t
    uint32_t
    uint16_t
    uint8_t


cdef inline void scatter_values(const Value *arrived, const uint32_t *place, size_t n, Value *grouped) noexcept nogil:
    """Copy arrived[i] to grouped[place[i]]."""
    cdef size_t i, near = n - AHEAD_PLACE if n > AHEAD_PLACE else 0
    for i in range(n):
        if i < near:
            netml_prefetch_write(&grouped[place[i + AHEAD_PLACE]])
        grouped[place[i]] = arrived[i]


cdef inline void scatter(
    const void *arrived, const uint32_t *place, size_t n, void *grouped, size_t width,
) noexcept nogil:
    """Move values of `width` octets to their places; skip a column that is not there."""
    if arrived == NULL or grouped == NULL:
        return
    if width == 4:
        scatter_values(<const uint32_t *> arrived, place, n, <uint32_t *> grouped)
    elif width == 2:
        scatter_values(<const uint16_t *> arrived, place, n, <uint16_t *> grouped)
    else:
        scatter_values(<const uint8_t *> arrived, place, n, <uint8_t *> grouped)


cdef inline void scatter_chunk(
    PacketChunk *chunk,          # IN: its flow numbers are overwritten by places
    uint32_t *cursors,           # IN, OUT [n_flows]: the next free place of each flow
    GroupedColumns *grouped,     # OUT
) noexcept nogil:
    """Move one chunk's packets to their places; cursors and places are prefetched."""
    cdef uint32_t *flow = chunk.flow
    cdef size_t i, n = chunk.n_packets, near = n - AHEAD_CURSOR if n > AHEAD_CURSOR else 0
    cdef uint32_t place
    cdef int column
    for i in range(n):
        if i < near:
            netml_prefetch_write(&cursors[flow[i + AHEAD_CURSOR]])
            netml_prefetch_write(&grouped.time_ns[cursors[flow[i + AHEAD_PLACE]]])
        place = cursors[flow[i]]
        cursors[flow[i]] = place + 1
        flow[i] = place
        grouped.time_ns[place] = chunk.time_ns[i]
    for column in range(N_COLUMNS):
        scatter(chunk.values[column], flow, n, grouped.values[column], column_width(column))


cdef inline void group_columns(
    PacketColumns *arrived,      # IN: chunks are given back one by one: the two copies never stand side by side
    uint32_t *cursors,           # IN  [n_flows]: each flow's first place; spent afterwards
    GroupedColumns *grouped,     # OUT
) noexcept nogil:
    """Group all columns by flow, in order of arrival within each flow."""
    cdef size_t i
    for i in range(arrived.n_chunks):
        scatter_chunk(&arrived.chunks[i], cursors, grouped)
        free_chunk(&arrived.chunks[i])
    free_columns(arrived)


cdef inline void copy_columns(
    const PacketColumns *arrived,    # IN
    uint32_t *flow,                  # OUT [n]: numbers of the flows
    GroupedColumns *copies,          # OUT [n]
) noexcept nogil:
    """Copy all columns in order of arrival."""
    cdef const PacketChunk *chunk
    cdef size_t i, n, at = 0, width
    cdef int column
    for i in range(arrived.n_chunks):
        chunk = &arrived.chunks[i]
        n = chunk.n_packets
        memcpy(copies.time_ns + at, chunk.time_ns, n * sizeof(int64_t))
        memcpy(flow + at, chunk.flow, n * sizeof(uint32_t))
        for column in range(N_COLUMNS):
            if chunk.values[column] != NULL:
                width = column_width(column)
                memcpy(<uint8_t *> copies.values[column] + at * width, chunk.values[column], n * width)
        at += n


cdef inline void order_by_time(
    const int64_t *time_ns,      # IN  [n]
    size_t n,
    uint32_t *order,             # OUT [n]: positions in time order, stable
    uint32_t *spare,             # scratch [n]
) noexcept nogil:
    """Sort positions by time: bottom-up merge sort, stable."""
    cdef size_t width = 1, low, middle, high, left, right, out, i
    cdef uint32_t *source = order
    cdef uint32_t *target = spare
    for i in range(n):
        order[i] = <uint32_t> i
    while width < n:
        low = 0
        while low < n:
            middle = min(low + width, n)
            high = min(low + 2 * width, n)
            left = low
            right = middle
            for out in range(low, high):
                if left < middle and (right == high or time_ns[source[left]] <= time_ns[source[right]]):
                    target[out] = source[left]
                    left += 1
                else:
                    target[out] = source[right]
                    right += 1
            low = high
        source, target = target, source
        width *= 2
    if source != order:
        memcpy(order, source, n * sizeof(uint32_t))


cdef inline void permute_values(Value *column, const uint32_t *order, size_t n, void *spare) noexcept nogil:
    """Set column[i] to column[order[i]]."""
    cdef Value *copy = <Value *> spare
    cdef size_t i
    for i in range(n):
        copy[i] = column[order[i]]
    memcpy(column, copy, n * sizeof(Value))


cdef inline void permute(
    void *column, size_t start, const uint32_t *order, size_t n, void *spare, size_t width,
) noexcept nogil:
    """Permute values of `width` octets from `start` on; skip a column that is not there."""
    if column == NULL:
        return
    if width == 4:
        permute_values(<uint32_t *> column + start, order, n, spare)
    elif width == 2:
        permute_values(<uint16_t *> column + start, order, n, spare)
    else:
        permute_values(<uint8_t *> column + start, order, n, spare)


cdef inline Status sort_flow(GroupedColumns *columns, size_t start, size_t end) noexcept nogil:
    """Sort the packets start..end of one flow by time, stable."""
    cdef size_t n = end - start
    cdef uint32_t *order = <uint32_t *> netml_allocate_plain(n * sizeof(uint32_t))
    cdef void *spare = netml_allocate_plain(n * sizeof(int64_t))
    cdef Status status = STATUS_NO_MEMORY
    cdef int column
    if order != NULL and spare != NULL:
        order_by_time(columns.time_ns + start, n, order, <uint32_t *> spare)
        permute_values(columns.time_ns + start, order, n, spare)
        for column in range(N_COLUMNS):
            permute(columns.values[column], start, order, n, spare, column_width(column))
        status = STATUS_OK
    free(order)
    free(spare)
    return status
