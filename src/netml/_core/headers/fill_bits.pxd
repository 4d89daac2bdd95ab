"""The bits of rows, from the stored headers of flows' first packets in order of time."""
from libc.stdint cimport int8_t, int64_t, uint32_t

from netml._core.headers.bits cimport BitLayout, HeaderOctets, write_headers
from netml._core.headers.store cimport HeaderStore, StoreCursor, StoredHeaders, next_stored


cdef inline void list_stored(
    const HeaderStore *store,
    uint32_t *flows,             # OUT [n_packets]
    int64_t *times_ns,           # OUT [n_packets]
) noexcept nogil:
    """List the flow and the time of each packet, in the order of storing."""
    cdef StoreCursor cursor
    cdef HeaderOctets headers
    cdef const StoredHeaders *stored
    cdef size_t i
    cursor.chunk = cursor.at = 0
    for i in range(store.n_packets):
        stored = next_stored(store, &cursor, &headers)
        flows[i] = stored.flow
        times_ns[i] = stored.time_ns


cdef inline size_t fill_stored(
    const HeaderStore *store,
    const BitLayout *layout,
    const uint32_t *ranks,       # IN  [n_packets]: places in their flows by time; NULL: as they arrived
    const uint32_t *rows,        # IN  [n_flows]: the row of each flow, n_rows or more for none; NULL: its number
    size_t n_flows,
    size_t n_rows,
    size_t n_ranks,              # packets that a row has room for
    int8_t *X,                   # OUT [n_rows, n_ranks * layout.width]: filled with -1
) noexcept nogil:
    """Write the bits of all packets that have a place in a row; return the number of those packets."""
    cdef StoreCursor cursor
    cdef HeaderOctets headers
    cdef const StoredHeaders *stored
    cdef size_t row, rank, i, n_written = 0
    cursor.chunk = cursor.at = 0
    for i in range(store.n_packets):
        stored = next_stored(store, &cursor, &headers)
        rank = ranks[i] if ranks != NULL else stored.rank
        if rank >= n_ranks or (store.n_first and rank >= store.n_first) or stored.flow >= n_flows:
            continue
        row = rows[stored.flow] if rows != NULL else stored.flow
        if row < n_rows:
            write_headers(layout, &headers, X + (row * n_ranks + rank) * layout.width)
            n_written += 1
    return n_written
