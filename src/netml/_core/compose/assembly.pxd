"""The assembly: all state between packets and flows, and the entry of a batch of packets.

The records of all packets of a batch are prefetched before the packets are entered: so the misses of a million flows
overlap instead of following each other.
"""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.biflow.key cimport BiflowKey
from netml._core.biflow.table cimport BiflowTable, find_biflow, join_biflow, prefetch_biflow
from netml._core.compose.decode_nested cimport Decoding
from netml._core.flow.columns cimport PacketChunk, PacketColumns, add_chunk, append_packet
from netml._core.headers.first_packets cimport FirstHeaders, keep_first_headers
from netml._core.headers.packet_rows cimport HeaderRows
from netml._core.packet cimport Packet
from netml._core.status cimport STATUS_OK, Counters, Status
from netml._core.subflow.table cimport FlowTable, find_or_insert_flow, prefetch_record


cdef enum:
    BATCH = 64


cdef struct Assembly:
    FlowTable table              # of directional flows, or
    BiflowTable biflows          # of these, if `makes_biflows`
    PacketColumns columns
    Counters counters
    Decoding decoding
    bint keeps_packets           # False: only flows and packets are counted
    bint makes_biflows
    bint reads_details           # a family wants details of packets
    bint is_plain                # `note_wants`: directional flows, and nothing else
    HeaderRows rows              # of packets; if they are wanted, there are no flows
    FirstHeaders first           # packets' headers, of biflows
    Packet batch[BATCH]          # packets to be entered together
    BiflowKey shared[BATCH]      # their keys, if `makes_biflows`
    uint8_t is_high[BATCH]       # is the sender the higher end?
    size_t n_batch


cdef inline void note_wants(Assembly *assembly) noexcept nogil:
    """Note once whether only directional flows are wanted, so that each packet needs one check instead of four."""
    assembly.is_plain = not (
        assembly.rows.is_wanted or assembly.first.n_first or assembly.reads_details or assembly.makes_biflows)


cdef inline bint chunk_is_full(const PacketColumns *columns) noexcept nogil:
    """Return True if the last chunk has no room for a whole batch."""
    cdef const PacketChunk *chunk = &columns.chunks[columns.n_chunks - 1]
    return chunk.n_packets + BATCH > chunk.room


cdef inline Status enter_packets(Assembly *assembly, Packet *packets, size_t n_packets) noexcept nogil:
    """Enter a batch of packets (at most BATCH, hashed) into the table and the columns."""
    cdef FlowTable *table = &assembly.table
    cdef PacketColumns *columns = &assembly.columns
    cdef PacketChunk *chunk = NULL
    cdef size_t i
    cdef uint32_t flow
    cdef Status status
    if assembly.keeps_packets:
        if columns.n_chunks == 0 or chunk_is_full(columns):
            status = add_chunk(columns)
            if status != STATUS_OK:
                return status
        chunk = &columns.chunks[columns.n_chunks - 1]
    if assembly.makes_biflows:
        return enter_biflows(assembly, chunk, packets, n_packets)
    for i in range(n_packets):
        prefetch_record(table, packets[i].hash)
    for i in range(n_packets):
        status = find_or_insert_flow(table, &packets[i].key, packets[i].hash, &flow)
        if status != STATUS_OK:
            return status
        if chunk != NULL:
            append_packet(chunk, &packets[i], flow)
    return STATUS_OK


cdef inline Status enter_biflows(
    Assembly *assembly, PacketChunk *chunk, Packet *packets, size_t n_packets,
) noexcept nogil:
    """Enter a batch of packets into biflows; `assembly.shared` has their keys."""
    cdef BiflowTable *table = &assembly.biflows
    cdef size_t i
    cdef uint32_t flow
    cdef Status status
    for i in range(n_packets):
        prefetch_biflow(table, packets[i].hash)
    for i in range(n_packets):
        status = join_biflow(
            table, &assembly.shared[i], packets[i].hash, &packets[i], assembly.is_high[i], &flow)
        if status == STATUS_OK and assembly.first.n_first:
            status = keep_first_headers(&assembly.first, flow, find_biflow(table, flow))
        if status != STATUS_OK:
            return status
        append_packet(chunk, &packets[i], flow)
    return STATUS_OK


cdef inline Status enter_batch(Assembly *assembly) noexcept nogil:
    """Enter the packets that are pending in the batch."""
    cdef size_t n_packets = assembly.n_batch
    assembly.n_batch = 0
    return enter_packets(assembly, assembly.batch, n_packets)
