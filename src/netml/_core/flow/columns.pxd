"""Packet columns as they arrive: time and flow number of every packet, the others when somebody asked for them.

Chunks, each of one piece of memory: nothing is copied as they grow, and grouping gives them back one by one. Owns them.
"""
from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free

from netml._core.octets cimport netml_allocate, netml_reallocate
from netml._core.packet cimport Packet
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    FIRST_ROOM = 1 << 12         # packets of the first chunk; each has four times its predecessor's room up to
    LARGEST_ROOM = 1 << 18
    WANTS_CAPLEN = 1
    WANTS_WIRELEN = 2
    WANTS_FLAGS = 4
    WANTS_TTL = 8


cdef struct PacketChunk:
    int64_t *time_ns             # the start of the chunk's memory, owned
    uint32_t *flow               # number of the flow in the table
    uint32_t *caplen             # NULL if not wanted, as the three below
    uint32_t *wirelen
    uint8_t *flags
    uint8_t *ttl
    size_t n_packets
    size_t room                  # packets


cdef struct PacketColumns:
    PacketChunk *chunks          # owned
    size_t n_chunks
    size_t n_packets             # of the full chunks, without the last one
    int wants                    # WANTS_ bits


cdef inline void free_chunk(PacketChunk *chunk) noexcept nogil:
    """Give one chunk's memory back."""
    free(chunk.time_ns)
    chunk.time_ns = NULL


cdef inline void free_columns(PacketColumns *columns) noexcept nogil:
    """Give the memory back."""
    cdef size_t i
    for i in range(columns.n_chunks):
        free_chunk(&columns.chunks[i])
    free(columns.chunks)
    columns.chunks = NULL
    columns.n_chunks = 0


cdef inline size_t count_packets(const PacketColumns *columns) noexcept nogil:
    """Packets of all chunks."""
    if columns.n_chunks == 0:
        return 0
    return columns.n_packets + columns.chunks[columns.n_chunks - 1].n_packets


cdef inline Status add_chunk(PacketColumns *columns) noexcept nogil:
    """A new last chunk, with room for at least FIRST_ROOM packets."""
    cdef PacketChunk *grown
    cdef PacketChunk *chunk
    cdef size_t n_packets = count_packets(columns), room = FIRST_ROOM, width
    cdef uint8_t *at
    if columns.n_chunks:
        room = min(columns.chunks[columns.n_chunks - 1].room * 4, <size_t> LARGEST_ROOM)
    if n_packets + room > UINT32_MAX:
        return STATUS_TOO_MANY
    grown = <PacketChunk *> netml_reallocate(columns.chunks, (columns.n_chunks + 1) * sizeof(PacketChunk))
    if grown == NULL:
        return STATUS_NO_MEMORY
    columns.chunks = grown
    width = 12 + (4 if columns.wants & WANTS_CAPLEN else 0) + (4 if columns.wants & WANTS_WIRELEN else 0)
    width += (1 if columns.wants & WANTS_FLAGS else 0) + (1 if columns.wants & WANTS_TTL else 0)
    at = <uint8_t *> netml_allocate(room * width)
    if at == NULL:
        return STATUS_NO_MEMORY
    chunk = &grown[columns.n_chunks]
    chunk.time_ns = <int64_t *> at
    chunk.flow = <uint32_t *> (at + 8 * room)
    at += 12 * room
    chunk.caplen = chunk.wirelen = NULL
    chunk.flags = chunk.ttl = NULL
    if columns.wants & WANTS_CAPLEN:
        chunk.caplen = <uint32_t *> at
        at += 4 * room
    if columns.wants & WANTS_WIRELEN:
        chunk.wirelen = <uint32_t *> at
        at += 4 * room
    if columns.wants & WANTS_FLAGS:
        chunk.flags = at
        at += room
    if columns.wants & WANTS_TTL:
        chunk.ttl = at
    chunk.n_packets = 0
    chunk.room = room
    columns.n_packets = n_packets
    columns.n_chunks += 1
    return STATUS_OK


cdef inline void append_packet(PacketChunk *chunk, const Packet *packet, uint32_t flow) noexcept nogil:
    """Add a packet; the caller has seen to the room."""
    cdef size_t at = chunk.n_packets
    chunk.time_ns[at] = packet.time_ns
    chunk.flow[at] = flow
    if chunk.caplen != NULL:
        chunk.caplen[at] = packet.caplen
    if chunk.wirelen != NULL:
        chunk.wirelen[at] = packet.wirelen
    if chunk.flags != NULL:
        chunk.flags[at] = packet.flags
    if chunk.ttl != NULL:
        chunk.ttl[at] = packet.ttl
    chunk.n_packets = at + 1
