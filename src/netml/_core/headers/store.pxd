"""The store of packets' headers as octets, one behind the other, until their flows are known and bits are written.

A packet takes 24 octets and its headers; its bits would take a thousand. Nothing is copied as the chunks grow.
Owns the chunks.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from netml._core.headers.bits cimport HeaderOctets, find_headers
from netml._core.octets cimport netml_allocate, netml_reallocate
from netml._core.packet cimport NetworkHeader, Packet, find_protocol
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    FIRST_CHUNK_BYTES = 1 << 14  # each chunk has four times its predecessor's room up to
    LARGEST_CHUNK_BYTES = 1 << 21
    MOST_PAYLOAD_OCTETS = 0xFFFF


cdef struct StoredHeaders:       # in front of the octets of each packet; 24 octets
    int64_t time_ns              # capture time since 1970
    uint32_t flow                # number of its flow
    uint32_t rank                # of the packet in its flow, from 0, as they arrived
    uint16_t n_payload           # octets, as of `HeaderOctets`
    uint8_t n_ip
    uint8_t n_transport
    uint8_t protocol


cdef struct HeaderChunk:
    uint8_t *octets              # owned
    size_t n_used
    size_t room


cdef struct HeaderStore:
    HeaderChunk *chunks          # owned
    size_t n_chunks
    size_t n_packets
    uint32_t n_first             # packets of each flow that count; 0: all
    bint has_late                # among its packets is one with an earlier time than one that arrived before it


cdef struct StoreCursor:         # a place between two packets
    size_t chunk
    size_t at


cdef inline void free_headers(HeaderStore *store) noexcept nogil:
    """Free the memory; the store is empty then."""
    cdef size_t i
    for i in range(store.n_chunks):
        free(store.chunks[i].octets)
    free(store.chunks)
    store.chunks = NULL
    store.n_chunks = store.n_packets = 0
    store.has_late = False


cdef inline void empty_headers(HeaderStore *store) noexcept nogil:
    """Remove all packets; the first chunk stays for those to come."""
    while store.n_chunks > 1:
        store.n_chunks -= 1
        free(store.chunks[store.n_chunks].octets)
    if store.n_chunks:
        store.chunks[0].n_used = 0
    store.n_packets = 0


cdef inline size_t count_stored_bytes(const HeaderStore *store) noexcept nogil:
    """Return the memory of all chunks, bytes."""
    cdef size_t i, n_bytes = 0
    for i in range(store.n_chunks):
        n_bytes += store.chunks[i].room
    return n_bytes


cdef inline Status add_header_chunk(HeaderStore *store, size_t n_least) noexcept nogil:
    """Add a last chunk, with room for at least `n_least` octets."""
    cdef HeaderChunk *grown
    cdef HeaderChunk *chunk
    cdef size_t room = FIRST_CHUNK_BYTES
    if store.n_chunks:
        room = min(store.chunks[store.n_chunks - 1].room * 4, <size_t> LARGEST_CHUNK_BYTES)
    room = max(room, n_least)
    grown = <HeaderChunk *> netml_reallocate(store.chunks, (store.n_chunks + 1) * sizeof(HeaderChunk))
    if grown == NULL:
        return STATUS_NO_MEMORY
    store.chunks = grown
    chunk = &grown[store.n_chunks]
    chunk.octets = <uint8_t *> netml_allocate(room)
    if chunk.octets == NULL:
        return STATUS_NO_MEMORY
    chunk.n_used = 0
    chunk.room = room
    store.n_chunks += 1
    return STATUS_OK


cdef inline size_t count_entry(const StoredHeaders *stored) noexcept nogil:
    """Return the octets that a packet takes: a multiple of 8, so that the next one is aligned."""
    cdef size_t n_octets = sizeof(StoredHeaders) + stored.n_ip + stored.n_transport + stored.n_payload
    return (n_octets + 7) & ~<size_t> 7


cdef inline Status store_headers(
    HeaderStore *store,
    const HeaderOctets *headers,  # at most MOST_PAYLOAD_OCTETS of payload
    int64_t time_ns,
    uint32_t flow,
    uint32_t rank,
) noexcept nogil:
    """Store one packet's headers. If its octets cannot be read (`guard.h`), nothing has changed."""
    cdef StoredHeaders stored
    cdef HeaderChunk *chunk
    cdef uint8_t *out
    cdef size_t n_bytes
    cdef Status status
    stored.time_ns = time_ns
    stored.flow = flow
    stored.rank = rank
    stored.n_payload = <uint16_t> headers.n_payload
    stored.n_ip = <uint8_t> headers.n_ip
    stored.n_transport = <uint8_t> headers.n_transport
    stored.protocol = headers.protocol
    n_bytes = count_entry(&stored)
    if store.n_chunks == 0 \
            or store.chunks[store.n_chunks - 1].room - store.chunks[store.n_chunks - 1].n_used < n_bytes:
        status = add_header_chunk(store, n_bytes)
        if status != STATUS_OK:
            return status
    chunk = &store.chunks[store.n_chunks - 1]
    out = chunk.octets + chunk.n_used
    memcpy(out, &stored, sizeof(StoredHeaders))
    out += sizeof(StoredHeaders)
    memcpy(out, headers.ip, headers.n_ip)
    memcpy(out + headers.n_ip, headers.transport, headers.n_transport)
    memcpy(out + headers.n_ip + headers.n_transport, headers.payload, headers.n_payload)
    chunk.n_used += n_bytes
    store.n_packets += 1
    return STATUS_OK


cdef inline Status store_packet(
    HeaderStore *store, const uint8_t *frame, const NetworkHeader *network, const Packet *packet,
    uint32_t payload_octets,
) noexcept nogil:
    """Store the headers of a packet whose flow is not known yet."""
    cdef HeaderOctets headers
    find_headers(frame, network, find_protocol(&packet.key), payload_octets, &headers)
    return store_headers(store, &headers, packet.time_ns, 0, 0)


cdef inline const StoredHeaders *next_stored(
    const HeaderStore *store, StoreCursor *cursor, HeaderOctets *headers,
) noexcept nogil:
    """Return the packet at the cursor, in the order of storing, and move the cursor past it; NULL at the end."""
    cdef const StoredHeaders *stored
    while cursor.chunk < store.n_chunks and cursor.at == store.chunks[cursor.chunk].n_used:
        if cursor.chunk + 1 == store.n_chunks:
            return NULL
        cursor.chunk += 1
        cursor.at = 0
    if cursor.chunk >= store.n_chunks:
        return NULL
    stored = <const StoredHeaders *> (store.chunks[cursor.chunk].octets + cursor.at)
    headers.ip = <const uint8_t *> stored + sizeof(StoredHeaders)
    headers.transport = headers.ip + stored.n_ip
    headers.payload = headers.transport + stored.n_transport
    headers.n_ip = stored.n_ip
    headers.n_transport = stored.n_transport
    headers.n_payload = stored.n_payload
    headers.protocol = stored.protocol
    cursor.at += count_entry(stored)
    return stored
