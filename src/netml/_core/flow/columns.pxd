"""Packet columns in order of arrival: time and flow number of every packet, and the columns that were wanted.

They lie in chunks, so that nothing is copied as they grow and grouping frees them one by one. Owns the chunks.
"""
from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free

from netml._core.octets cimport netml_allocate, netml_reallocate
from netml._core.packet cimport Packet
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    FIRST_ROOM = 1 << 12         # packets of the first chunk; each has four times its predecessor's room up to
    LARGEST_ROOM = 1 << 18
    STREAM_ROOM = 1 << 16        # of the largest in a stream: a nearly empty last chunk has no huge pages


cdef enum:                       # columns besides time and flow; wide ones first, so that all lie aligned
    COLUMN_CAPLEN                # uint32
    COLUMN_WIRELEN
    COLUMN_IP_BYTES
    COLUMN_PAYLOAD_BYTES
    COLUMN_SEQUENCE
    COLUMN_ACKNOWLEDGEMENT
    COLUMN_TCP_OPTIONS
    COLUMN_WINDOW                # uint16
    COLUMN_FLAGS                 # uint8
    COLUMN_TTL
    COLUMN_IS_FORWARD
    COLUMN_HEADER_BYTES
    N_COLUMNS
    PLAIN_COLUMNS = 1 << COLUMN_CAPLEN | 1 << COLUMN_WIRELEN | 1 << COLUMN_FLAGS | 1 << COLUMN_TTL  # need no details


cdef struct PacketChunk:
    int64_t *time_ns             # the start of the chunk's memory, owned
    uint32_t *flow               # number of the flow in the table
    void *values[N_COLUMNS]      # by Column; NULL if not wanted
    bint has_details             # any of those that `append_details` writes
    size_t n_packets
    size_t room                  # packets


cdef struct PacketColumns:
    PacketChunk *chunks          # owned
    size_t n_chunks
    size_t n_packets             # of the full chunks, without the last one
    uint32_t wants               # a bit for each Column
    bint is_streaming            # chunks come and go with each flush


cdef inline size_t column_width(int column) noexcept nogil:
    """Return the octets of a value."""
    return 4 if column < COLUMN_WINDOW else 2 if column < COLUMN_FLAGS else 1


cdef inline void free_chunk(PacketChunk *chunk) noexcept nogil:
    """Free one chunk's memory."""
    free(chunk.time_ns)
    chunk.time_ns = NULL


cdef inline void free_columns(PacketColumns *columns) noexcept nogil:
    """Free the memory."""
    cdef size_t i
    for i in range(columns.n_chunks):
        free_chunk(&columns.chunks[i])
    free(columns.chunks)
    columns.chunks = NULL
    columns.n_chunks = 0


cdef inline size_t count_packets(const PacketColumns *columns) noexcept nogil:
    """Count the packets of all chunks."""
    if columns.n_chunks == 0:
        return 0
    return columns.n_packets + columns.chunks[columns.n_chunks - 1].n_packets


cdef inline Status add_chunk(PacketColumns *columns) noexcept nogil:
    """Add a last chunk, with room for at least FIRST_ROOM packets."""
    cdef PacketChunk *grown
    cdef PacketChunk *chunk
    cdef size_t n_packets = count_packets(columns), room = FIRST_ROOM, width
    cdef uint8_t *at
    cdef int column
    if columns.n_chunks:
        room = columns.chunks[columns.n_chunks - 1].room * 4
        room = min(room, <size_t> (STREAM_ROOM if columns.is_streaming else LARGEST_ROOM))
    if n_packets + room > UINT32_MAX:
        return STATUS_TOO_MANY
    grown = <PacketChunk *> netml_reallocate(columns.chunks, (columns.n_chunks + 1) * sizeof(PacketChunk))
    if grown == NULL:
        return STATUS_NO_MEMORY
    columns.chunks = grown
    width = 12
    for column in range(N_COLUMNS):
        width += column_width(column) if columns.wants >> column & 1 else 0
    at = <uint8_t *> netml_allocate(room * width)
    if at == NULL:
        return STATUS_NO_MEMORY
    chunk = &grown[columns.n_chunks]
    chunk.time_ns = <int64_t *> at
    chunk.flow = <uint32_t *> (at + 8 * room)
    at += 12 * room
    for column in range(N_COLUMNS):
        chunk.values[column] = NULL
        if columns.wants >> column & 1:
            chunk.values[column] = at
            at += column_width(column) * room
    chunk.has_details = columns.wants & ~PLAIN_COLUMNS
    chunk.n_packets = 0
    chunk.room = room
    columns.n_packets = n_packets
    columns.n_chunks += 1
    return STATUS_OK


cdef inline void append_packet(PacketChunk *chunk, const Packet *packet, uint32_t flow) noexcept nogil:
    """Append a packet to a chunk that has room for it."""
    cdef size_t at = chunk.n_packets
    chunk.time_ns[at] = packet.time_ns
    chunk.flow[at] = flow
    if chunk.values[COLUMN_CAPLEN] != NULL:
        (<uint32_t *> chunk.values[COLUMN_CAPLEN])[at] = packet.caplen
    if chunk.values[COLUMN_WIRELEN] != NULL:
        (<uint32_t *> chunk.values[COLUMN_WIRELEN])[at] = packet.wirelen
    if chunk.values[COLUMN_FLAGS] != NULL:
        (<uint8_t *> chunk.values[COLUMN_FLAGS])[at] = packet.flags
    if chunk.values[COLUMN_TTL] != NULL:
        (<uint8_t *> chunk.values[COLUMN_TTL])[at] = packet.ttl
    if chunk.has_details:
        append_details(chunk, packet, at)
    chunk.n_packets = at + 1


cdef inline void append_details(PacketChunk *chunk, const Packet *packet, size_t at) noexcept nogil:
    """Append the values that only some families want."""
    if chunk.values[COLUMN_IP_BYTES] != NULL:
        (<uint32_t *> chunk.values[COLUMN_IP_BYTES])[at] = packet.ip_bytes
    if chunk.values[COLUMN_PAYLOAD_BYTES] != NULL:
        (<uint32_t *> chunk.values[COLUMN_PAYLOAD_BYTES])[at] = packet.payload_bytes
    if chunk.values[COLUMN_SEQUENCE] != NULL:
        (<uint32_t *> chunk.values[COLUMN_SEQUENCE])[at] = packet.sequence
    if chunk.values[COLUMN_ACKNOWLEDGEMENT] != NULL:
        (<uint32_t *> chunk.values[COLUMN_ACKNOWLEDGEMENT])[at] = packet.acknowledgement
    if chunk.values[COLUMN_TCP_OPTIONS] != NULL:
        (<uint32_t *> chunk.values[COLUMN_TCP_OPTIONS])[at] = packet.tcp_options
    if chunk.values[COLUMN_WINDOW] != NULL:
        (<uint16_t *> chunk.values[COLUMN_WINDOW])[at] = packet.window
    if chunk.values[COLUMN_IS_FORWARD] != NULL:
        (<uint8_t *> chunk.values[COLUMN_IS_FORWARD])[at] = packet.is_forward
    if chunk.values[COLUMN_HEADER_BYTES] != NULL:
        (<uint8_t *> chunk.values[COLUMN_HEADER_BYTES])[at] = packet.header_bytes
