"""Pending packets: those of open flows go from grouped columns back to columns in order of arrival."""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from netml._core.flow.columns cimport N_COLUMNS, PacketChunk, PacketColumns, add_chunk, column_width
from netml._core.flow.group cimport GroupedColumns
from netml._core.status cimport STATUS_OK, Status


cdef inline void append_run(
    PacketChunk *chunk, const GroupedColumns *grouped, int64_t start, size_t n, uint32_t number,
) noexcept nogil:
    """Append packets of one flow to a chunk that has room for them."""
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


cdef inline Status append_pending(
    PacketColumns *columns,          # IN, OUT
    const GroupedColumns *grouped,   # IN
    int64_t end,                     # of the flow's packets
    size_t n,                        # of the last ones are pending
    uint32_t number,                 # the flow's
) noexcept nogil:
    """Append the last `n` packets of one flow, which are pending, behind those of other flows."""
    cdef PacketChunk *chunk = &columns.chunks[columns.n_chunks - 1] if columns.n_chunks else NULL
    cdef size_t n_now
    cdef Status status
    while n:
        if chunk == NULL or chunk.n_packets == chunk.room:
            status = add_chunk(columns)
            if status != STATUS_OK:
                return status
            chunk = &columns.chunks[columns.n_chunks - 1]
        n_now = min(n, chunk.room - chunk.n_packets)
        append_run(chunk, grouped, end - <int64_t> n, n_now, number)
        n -= n_now
    return STATUS_OK


cdef inline void renumber_pending(
    PacketColumns *columns,          # IN, OUT
    const uint32_t *numbers,         # IN  [n_flows]: the new number of each flow
) noexcept nogil:
    """Renumber the flows of pending packets."""
    cdef size_t i, packet
    for i in range(columns.n_chunks):
        for packet in range(columns.chunks[i].n_packets):
            columns.chunks[i].flow[packet] = numbers[columns.chunks[i].flow[packet]]
