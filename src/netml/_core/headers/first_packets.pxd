"""The headers of the first packets of each flow, by time. Packets wait in line, in their order, until their flow is
known.

Of a packet that arrives in order its place in time is the place of its arrival. A late one may go before all others:
it is kept, whatever its place; places are found when rows are made (`fill_bits.pxd`).
"""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.biflow.record cimport Biflow
from netml._core.headers.bits cimport HeaderOctets
from netml._core.headers.store cimport (
    HeaderStore, StoreCursor, StoredHeaders, empty_headers, free_headers, next_stored, store_headers, store_packet,
)
from netml._core.packet cimport NetworkHeader, Packet
from netml._core.status cimport STATUS_OK, Status


cdef struct FirstHeaders:
    HeaderStore store            # of the first packets of flows
    HeaderStore line             # of packets whose flow is not known yet
    StoreCursor cursor           # in `line`: behind it are those that still wait
    size_t n_dequeued            # of `line`: those in front of it
    uint32_t n_first             # packets of each flow that count; 0: none is kept
    uint32_t payload_octets


cdef inline void free_first(FirstHeaders *first) noexcept nogil:
    """Give the memory back."""
    free_headers(&first.store)
    free_headers(&first.line)


cdef inline Status queue_headers(
    FirstHeaders *first, const uint8_t *frame, const NetworkHeader *network, const Packet *packet,
) noexcept nogil:
    """A packet that is going to have a flow."""
    return store_packet(&first.line, frame, network, packet, first.payload_octets)


cdef inline Status keep_first_headers(FirstHeaders *first, uint32_t number, const Biflow *flow) noexcept nogil:
    """The first packet in line is the last that this flow has taken: keep its headers, or forget them."""
    cdef HeaderOctets headers
    cdef uint32_t rank = flow.n_packets - 1
    cdef Status status = STATUS_OK
    cdef const StoredHeaders *waiting = next_stored(&first.line, &first.cursor, &headers)
    if waiting != NULL and (rank < first.n_first or waiting.time_ns < flow.latest_ns):
        first.store.n_first = first.n_first
        first.store.has_late |= waiting.time_ns < flow.latest_ns
        status = store_headers(&first.store, &headers, waiting.time_ns, number, rank)
    first.n_dequeued += 1
    if first.n_dequeued >= first.line.n_packets:
        empty_headers(&first.line)
        first.cursor.chunk = first.cursor.at = first.n_dequeued = 0
    return status
