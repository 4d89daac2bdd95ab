"""The headers of the first packets of each flow. Packets wait in line, in their order, until their flow is known."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.flow.header_store cimport (
    HeaderStore, StoreCursor, empty_headers, free_headers, next_stored, store_headers, store_packet,
)
from netml._core.header_bits cimport HeaderOctets
from netml._core.packet cimport Packet
from netml._core.status cimport STATUS_OK, Status


cdef struct FirstHeaders:
    HeaderStore store            # of the first packets of flows
    HeaderStore line             # of packets whose flow is not known yet
    StoreCursor cursor           # in `line`: behind it are those that still wait
    size_t n_called              # of `line`: those in front of it
    uint32_t n_first             # packets of each flow that are kept; 0: none
    uint32_t payload_octets


cdef inline void free_first(FirstHeaders *first) noexcept nogil:
    """Give the memory back."""
    free_headers(&first.store)
    free_headers(&first.line)


cdef inline Status put_in_line(FirstHeaders *first, const uint8_t *frame, const Packet *packet) noexcept nogil:
    """A packet that is going to have a flow."""
    return store_packet(&first.line, frame, packet, first.payload_octets)


cdef inline Status call_first(FirstHeaders *first, uint32_t flow, uint32_t rank) noexcept nogil:
    """The first packet in line is number `rank` of this flow, from 0: keep its headers, or forget them."""
    cdef HeaderOctets headers
    cdef Status status = STATUS_OK
    if next_stored(&first.line, &first.cursor, &headers) != NULL and rank < first.n_first:
        status = store_headers(&first.store, &headers, flow, rank)
    first.n_called += 1
    if first.n_called >= first.line.n_packets:
        empty_headers(&first.line)
        first.cursor.chunk = first.cursor.at = first.n_called = 0
    return status
