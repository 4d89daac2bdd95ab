"""The composition for rows of packets: record -> packet (`decode.pxd`) -> its headers' octets, and who and when it is.

What a block leaves is smaller than the block; the bits are written when the rows are taken.
"""
from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free

from netml._core.capture.registry cimport Framing, next_frame
from netml._core.decode cimport Decoding, decode_frame
from netml._core.flow.header_store cimport HeaderStore, StoreCursor, free_headers, store_headers
from netml._core.flow.key cimport KEY_BYTES, write_key
from netml._core.header_bits cimport HeaderOctets, find_headers
from netml._core.octets cimport netml_reallocate
from netml._core.packet cimport Frame, Packet
from netml._core.pipeline cimport AHEAD_BYTES, count_frame, prefetch_octets
from netml._core.status cimport (
    KEPT, STATUS_FRAME, STATUS_NO_FRAME, STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Counters, Reason, Status,
)


cdef enum:
    FIRST_ROW_ROOM = 1 << 10


cdef struct PacketRow:           # 56 octets, as PACKET_ROW lays them out
    int64_t time_ns              # capture time since 1970, ns
    uint32_t caplen              # frame length as captured, bytes
    uint32_t wirelen             # frame length on the wire, bytes
    uint8_t key[40]              # KEY_BYTES are used


cdef struct HeaderReading:
    Decoding decoding
    Counters counters
    HeaderStore store
    StoreCursor cursor           # behind it are the packets that nobody has taken
    PacketRow *rows              # owned; of all packets in the store
    size_t n_rows
    size_t n_taken               # of them
    size_t room                  # rows
    uint32_t payload_octets


cdef inline void free_reading(HeaderReading *reading) noexcept nogil:
    """Give the memory back."""
    free_headers(&reading.store)
    free(reading.rows)
    reading.rows = NULL
    reading.n_rows = reading.n_taken = reading.room = 0


cdef inline void forget_taken(HeaderReading *reading) noexcept nogil:
    """Once all rows have been taken, their memory serves those to come."""
    if reading.n_taken < reading.n_rows:
        return
    while reading.store.n_chunks > 1:
        reading.store.n_chunks -= 1
        free(reading.store.chunks[reading.store.n_chunks].octets)
    if reading.store.n_chunks:
        reading.store.chunks[0].n_used = 0
    reading.store.n_packets = reading.n_rows = reading.n_taken = 0
    reading.cursor.chunk = reading.cursor.at = 0


cdef inline Status add_row(HeaderReading *reading, const Packet *packet) noexcept nogil:
    """Note who a packet is; its headers are stored already."""
    cdef PacketRow *grown
    cdef PacketRow *row
    cdef size_t room = reading.room
    if reading.n_rows == room:
        room = 2 * room if room else FIRST_ROW_ROOM
        grown = <PacketRow *> netml_reallocate(reading.rows, room * sizeof(PacketRow))
        if grown == NULL:
            return STATUS_NO_MEMORY
        reading.rows = grown
        reading.room = room
    row = &reading.rows[reading.n_rows]
    row.time_ns = packet.time_ns
    row.caplen = packet.caplen
    row.wirelen = packet.wirelen
    write_key(row.key, &packet.key)
    reading.n_rows += 1
    return STATUS_OK


cdef inline Status read_frame(HeaderReading *reading, const Frame *frame) noexcept nogil:
    """Decode a frame, count it, and keep its packet's headers."""
    cdef Packet packet
    cdef HeaderOctets headers
    cdef Status status
    cdef Reason reason = decode_frame(&reading.decoding, frame, &packet)
    if reason == KEPT:
        if reading.n_rows >= UINT32_MAX:
            return STATUS_TOO_MANY
        find_headers(frame.octets, &packet, reading.payload_octets, &headers)
        status = store_headers(&reading.store, &headers, <uint32_t> reading.n_rows, 0)
        if status == STATUS_OK:
            status = add_row(reading, &packet)
        if status != STATUS_OK:
            return status
    count_frame(&reading.counters, frame, reason)
    return STATUS_OK


cdef struct ReadRequest:
    HeaderReading *reading
    Framing *framing
    const uint8_t *block
    size_t length
    size_t n_used                # OUT: octets that are done with
    size_t n_wanted              # OUT: length that the record there claims, 0 if it is not known yet


cdef inline int run_reading(void *argument) noexcept nogil:
    """All whole records of a block, for `netml_run_guarded`. Ends as `assemble_block`: STATUS_NEED_MORE or a fault."""
    cdef ReadRequest *request = <ReadRequest *> argument
    cdef Frame frame
    cdef size_t size
    cdef const uint8_t *end = request.block + request.length
    cdef Status status
    request.n_used = 0
    while True:
        size = 0
        status = next_frame(request.framing, request.block + request.n_used, end, &frame, &size)
        if status == STATUS_FRAME:
            prefetch_octets(frame.octets + AHEAD_BYTES, size)
            status = read_frame(request.reading, &frame)
            if status != STATUS_OK:
                break
        elif status != STATUS_NO_FRAME:
            break
        request.n_used += size
        request.framing.n_passed += 1
    request.n_wanted = size
    return status
