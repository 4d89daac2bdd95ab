"""The headers of the first packets of each flow, by time. Packets are queued in their order until their flow is
known.

A packet that arrives in order has the place in time of its arrival. A late one may go before all others: its headers
are always kept, and places are found when rows are made (`fill_bits.pxd`).
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
    HeaderStore queue            # packets whose flow is not known yet, in order
    StoreCursor cursor           # in `queue`: behind it are those that are still queued
    size_t n_dequeued            # packets in front of the cursor
    uint32_t n_first             # packets of each flow that count; 0: none is kept
    uint32_t payload_octets


cdef inline void free_first(FirstHeaders *first) noexcept nogil:
    """Free the memory."""
    free_headers(&first.store)
    free_headers(&first.queue)


cdef inline Status queue_headers(
    FirstHeaders *first, const uint8_t *frame, const NetworkHeader *network, const Packet *packet,
) noexcept nogil:
    """Queue the headers of a packet until its flow is known."""
    return store_packet(&first.queue, frame, network, packet, first.payload_octets)


cdef inline Status keep_first_headers(FirstHeaders *first, uint32_t number, const Biflow *flow) noexcept nogil:
    """Dequeue the headers of the packet that this flow has taken last, and keep or drop them."""
    cdef HeaderOctets headers
    cdef uint32_t rank = flow.n_packets - 1
    cdef Status status = STATUS_OK
    cdef const StoredHeaders *queued = next_stored(&first.queue, &first.cursor, &headers)
    if queued != NULL and (rank < first.n_first or queued.time_ns < flow.latest_ns):
        first.store.n_first = first.n_first
        first.store.has_late |= queued.time_ns < flow.latest_ns
        status = store_headers(&first.store, &headers, queued.time_ns, number, rank)
    first.n_dequeued += 1
    if first.n_dequeued >= first.queue.n_packets:
        empty_headers(&first.queue)
        first.cursor.chunk = first.cursor.at = first.n_dequeued = 0
    return status
