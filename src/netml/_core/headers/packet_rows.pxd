"""Rows of packets that are pending for `take_rows`: times, lengths and keys, and headers as octets. Owns both.

Rows take less memory than the block that they come from: the bits are written when the rows are taken.
"""
from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free

from netml._core.flow.key cimport write_key
from netml._core.headers.first_packets cimport FirstHeaders, queue_headers
from netml._core.headers.store cimport HeaderStore, StoreCursor, empty_headers, free_headers, store_packet
from netml._core.octets cimport netml_reallocate
from netml._core.packet cimport NetworkHeader, Packet
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    FIRST_ROW_ROOM = 1 << 10


cdef struct PacketRow:           # 56 octets, as PACKET_ROW lays them out
    int64_t time_ns              # capture time since 1970, ns
    uint32_t caplen              # frame length as captured, bytes
    uint32_t wirelen             # frame length on the wire, bytes
    uint8_t key[40]              # KEY_BYTES are used


cdef struct HeaderRows:
    HeaderStore store
    StoreCursor cursor           # behind it are the packets that were not taken yet
    PacketRow *rows              # owned; of all packets in the store
    size_t n_rows
    size_t n_taken               # of them
    size_t room                  # rows
    uint32_t payload_octets
    bint is_wanted               # otherwise there are none


cdef inline void free_rows(HeaderRows *rows) noexcept nogil:
    """Free the memory."""
    free_headers(&rows.store)
    free(rows.rows)
    rows.rows = NULL
    rows.n_rows = rows.n_taken = rows.room = 0


cdef inline void reuse_taken(HeaderRows *rows) noexcept nogil:
    """Empty the rows once all have been taken; their memory is reused."""
    if rows.n_taken == rows.n_rows:
        empty_headers(&rows.store)
        rows.n_rows = rows.n_taken = rows.cursor.chunk = rows.cursor.at = 0


cdef inline Status add_row(
    HeaderRows *rows, const uint8_t *frame, const NetworkHeader *network, const Packet *packet,
) noexcept nogil:
    """Add a packet's row. If its octets cannot be read (`guard.h`), nothing has changed."""
    cdef PacketRow *grown
    cdef PacketRow *row
    cdef Status status
    cdef size_t room = rows.room
    if rows.n_rows >= UINT32_MAX:
        return STATUS_TOO_MANY
    if rows.n_rows == room:
        room = 2 * room if room else FIRST_ROW_ROOM
        grown = <PacketRow *> netml_reallocate(rows.rows, room * sizeof(PacketRow))
        if grown == NULL:
            return STATUS_NO_MEMORY
        rows.rows = grown
        rows.room = room
    status = store_packet(&rows.store, frame, network, packet, rows.payload_octets)
    if status != STATUS_OK:
        return status
    row = &rows.rows[rows.n_rows]
    row.time_ns = packet.time_ns
    row.caplen = packet.caplen
    row.wirelen = packet.wirelen
    write_key(row.key, &packet.key)
    rows.n_rows += 1
    return STATUS_OK


cdef inline Status keep_octets(
    HeaderRows *rows, FirstHeaders *first, const uint8_t *frame, const NetworkHeader *network, const Packet *packet,
) noexcept nogil:
    """Keep the headers of a packet: for its row, or in the queue until its flow is known."""
    if rows.is_wanted:
        return add_row(rows, frame, network, packet)
    return queue_headers(first, frame, network, packet)
