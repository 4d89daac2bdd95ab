"""Packet columns from order of arrival to order of flows: a counting sort, stable, and a sort by time where needed."""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from netml._core.flow.columns cimport PacketColumns
from netml._core.octets cimport netml_prefetch_write
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    AHEAD_CURSOR = 32            # packets: how far before its use a flow's cursor is asked for
    AHEAD_PLACE = 16             # packets: how far before its use a packet's new place is asked for


cdef struct GroupedColumns:
    int64_t *time_ns
    uint32_t *caplen             # NULL where the column is not wanted, as below
    uint32_t *wirelen
    uint8_t *flags
    uint8_t *ttl


cdef fused Value:
    int64_t
    uint32_t
    uint8_t


cdef inline void scatter(
    const Value *arrived,        # IN  [n_packets]
    const uint32_t *flow,        # IN  [n_packets]
    size_t n_packets,
    uint32_t *cursors,           # IN  [n_flows]: each flow's start; spent afterwards
    Value *grouped,              # OUT [n_packets]
) noexcept nogil:
    """One column by flow, in order of arrival within each flow."""
    cdef size_t i, near = n_packets - AHEAD_CURSOR if n_packets > AHEAD_CURSOR else 0
    for i in range(near):
        netml_prefetch_write(&cursors[flow[i + AHEAD_CURSOR]])
        netml_prefetch_write(&grouped[cursors[flow[i + AHEAD_PLACE]]])
        grouped[cursors[flow[i]]] = arrived[i]
        cursors[flow[i]] += 1
    for i in range(near, n_packets):
        grouped[cursors[flow[i]]] = arrived[i]
        cursors[flow[i]] += 1


cdef inline void scatter_time_and_size(
    const int64_t *time_ns,      # IN  [n_packets]
    const uint32_t *size,        # IN  [n_packets]
    const uint32_t *flow,        # IN  [n_packets]
    size_t n_packets,
    uint32_t *cursors,           # IN  [n_flows]: each flow's start; spent afterwards
    int64_t *grouped_time_ns,    # OUT [n_packets]
    uint32_t *grouped_size,      # OUT [n_packets]
) noexcept nogil:
    """The two columns that every family needs, in one walk over the cursors."""
    cdef size_t i, near = n_packets - AHEAD_CURSOR if n_packets > AHEAD_CURSOR else 0
    cdef uint32_t place
    for i in range(near):
        netml_prefetch_write(&cursors[flow[i + AHEAD_CURSOR]])
        place = cursors[flow[i + AHEAD_PLACE]]
        netml_prefetch_write(&grouped_time_ns[place])
        netml_prefetch_write(&grouped_size[place])
        place = cursors[flow[i]]
        cursors[flow[i]] = place + 1
        grouped_time_ns[place] = time_ns[i]
        grouped_size[place] = size[i]
    for i in range(near, n_packets):
        place = cursors[flow[i]]
        cursors[flow[i]] = place + 1
        grouped_time_ns[place] = time_ns[i]
        grouped_size[place] = size[i]


cdef inline void group_column(
    void **arrived, const uint32_t *flow, size_t n_packets, const uint32_t *starts, uint32_t *cursors, size_t n_flows,
    Value *grouped,
) noexcept nogil:
    """One column, if it is there; the arrived one is given back."""
    if arrived[0] == NULL or grouped == NULL:
        return
    memcpy(cursors, starts, n_flows * sizeof(uint32_t))
    scatter(<const Value *> arrived[0], flow, n_packets, cursors, grouped)
    free(arrived[0])
    arrived[0] = NULL


cdef inline void group_columns(
    PacketColumns *arrived,      # IN: given back column by column, so that the two copies never stand side by side
    const uint32_t *starts,      # IN  [n_flows]: each flow's first place
    uint32_t *cursors,           # scratch [n_flows]
    size_t n_flows,
    GroupedColumns *grouped,     # OUT
) noexcept nogil:
    """All columns by flow, in order of arrival within each flow."""
    cdef size_t n = arrived.n_packets
    cdef void **first_size = <void **> (&arrived.caplen if arrived.caplen != NULL else &arrived.wirelen)
    cdef uint32_t *grouped_first = grouped.caplen if arrived.caplen != NULL else grouped.wirelen
    if grouped_first != NULL:
        memcpy(cursors, starts, n_flows * sizeof(uint32_t))
        scatter_time_and_size(
            arrived.time_ns, <const uint32_t *> first_size[0], arrived.flow, n, cursors, grouped.time_ns, grouped_first)
        free(arrived.time_ns)
        free(first_size[0])
        arrived.time_ns = NULL
        first_size[0] = NULL
    group_column(<void **> &arrived.time_ns, arrived.flow, n, starts, cursors, n_flows, grouped.time_ns)
    group_column(<void **> &arrived.wirelen, arrived.flow, n, starts, cursors, n_flows, grouped.wirelen)
    group_column(<void **> &arrived.flags, arrived.flow, n, starts, cursors, n_flows, grouped.flags)
    group_column(<void **> &arrived.ttl, arrived.flow, n, starts, cursors, n_flows, grouped.ttl)
    free(arrived.flow)
    arrived.flow = NULL


cdef inline void order_by_time(
    const int64_t *time_ns,      # IN  [n]
    size_t n,
    uint32_t *order,             # OUT [n]: positions in time order, stable
    uint32_t *spare,             # scratch [n]
) noexcept nogil:
    """Bottom-up merge sort of positions."""
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


cdef inline void permute(Value *column, const uint32_t *order, size_t n, void *spare) noexcept nogil:
    """column[i] = column[order[i]]; nothing for a column that is not there."""
    cdef Value *copy = <Value *> spare
    cdef size_t i
    if column == NULL:
        return
    for i in range(n):
        copy[i] = column[order[i]]
    memcpy(column, copy, n * sizeof(Value))


cdef inline Status sort_flow(GroupedColumns *columns, size_t start, size_t end) noexcept nogil:
    """Put the packets start..end of one flow in order of time, stable."""
    cdef size_t n = end - start
    cdef uint32_t *order = <uint32_t *> malloc(n * sizeof(uint32_t))
    cdef void *spare = malloc(n * sizeof(int64_t))
    cdef Status status = STATUS_NO_MEMORY
    if order != NULL and spare != NULL:
        order_by_time(columns.time_ns + start, n, order, <uint32_t *> spare)
        permute(columns.time_ns + start, order, n, spare)
        permute(columns.caplen + start if columns.caplen != NULL else <uint32_t *> NULL, order, n, spare)
        permute(columns.wirelen + start if columns.wirelen != NULL else <uint32_t *> NULL, order, n, spare)
        permute(columns.flags + start if columns.flags != NULL else <uint8_t *> NULL, order, n, spare)
        permute(columns.ttl + start if columns.ttl != NULL else <uint8_t *> NULL, order, n, spare)
        status = STATUS_OK
    free(order)
    free(spare)
    return status
