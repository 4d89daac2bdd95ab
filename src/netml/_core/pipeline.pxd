"""The composition: record -> packet (`decode.pxd`) -> flow, in one place.

Packets go through in batches of `BATCH`: each is framed and decoded, and the cache asked for its slot; then for their
records; then they are entered. So the misses of a million flows overlap instead of following each other.
"""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.capture.registry cimport Framing, next_frame
from netml._core.decode cimport decode_frame
from netml._core.flow.biflow_key cimport BiflowKey, hash_biflow, is_turned, share_key
from netml._core.flow.biflow_table cimport BiflowTable, find_biflow, join_biflow, prefetch_biflow
from netml._core.flow.columns cimport PacketChunk, PacketColumns, add_chunk, append_packet
from netml._core.flow.first_headers cimport FirstHeaders, call_first
from netml._core.flow.header_rows cimport HeaderRows, keep_octets
from netml._core.flow.key cimport hash_key
from netml._core.flow.slots cimport prefetch_slot
from netml._core.flow.table cimport FlowTable, find_or_insert_flow, prefetch_record
from netml._core.layers cimport Decoding
from netml._core.net.details cimport read_details
from netml._core.octets cimport netml_likely, prefetch_octets
from netml._core.packet cimport Frame, Packet
from netml._core.status cimport KEPT, STATUS_FRAME, STATUS_NO_FRAME, STATUS_OK, Counters, Reason, Status


cdef enum:
    BATCH = 64
    # A record's place is known only when its predecessor has been read: without asking that far ahead, each would wait
    # for memory.
    AHEAD_BYTES = 2048


cdef struct Assembly:
    FlowTable table              # of directional flows, or
    BiflowTable biflows          # of these, if `makes_biflows`
    PacketColumns columns
    Counters counters
    Decoding decoding
    bint keeps_packets           # False: only flows and packets are counted
    bint makes_biflows
    bint reads_details           # of packets: somebody asks for them
    HeaderRows rows              # of packets; if they are wanted, there are no flows
    FirstHeaders first           # packets' headers, of biflows
    Packet batch[BATCH]          # packets that wait to be entered together
    BiflowKey shared[BATCH]      # their keys, if `makes_biflows`
    uint8_t is_high[BATCH]       # is the sender the higher end?
    size_t n_batch


cdef inline void count_frame(Counters *counters, const Frame *frame, Reason reason) noexcept nogil:
    """Every record is counted, once, as kept or as skipped for a reason."""
    counters.n_records += 1
    counters.n_captured_bytes += frame.caplen
    counters.earliest_ns = min(counters.earliest_ns, frame.time_ns)
    counters.latest_ns = max(counters.latest_ns, frame.time_ns)
    if netml_likely(reason == KEPT):
        counters.n_kept += 1
    else:
        counters.n_skipped[<int> reason] += 1


cdef inline bint chunk_is_full(const PacketColumns *columns) noexcept nogil:
    """Has the last chunk no room for a whole batch?"""
    cdef const PacketChunk *chunk = &columns.chunks[columns.n_chunks - 1]
    return chunk.n_packets + BATCH > chunk.room


cdef inline Status enter_packets(Assembly *assembly, Packet *packets, size_t n_packets) noexcept nogil:
    """A batch of packets (at most BATCH, hashed) into the table and the columns."""
    cdef FlowTable *table = &assembly.table
    cdef PacketColumns *columns = &assembly.columns
    cdef PacketChunk *chunk
    cdef size_t i
    cdef uint32_t flow
    cdef Status status
    if not assembly.keeps_packets:
        for i in range(n_packets):
            status = find_or_insert_flow(table, &packets[i].key, packets[i].hash, &flow)
            if status != STATUS_OK:
                return status
        return STATUS_OK
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
        append_packet(chunk, &packets[i], flow)
    return STATUS_OK


cdef inline Status enter_biflows(
    Assembly *assembly, PacketChunk *chunk, Packet *packets, size_t n_packets,
) noexcept nogil:
    """The same for biflows: their keys wait beside the packets."""
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
            status = call_first(&assembly.first, flow, find_biflow(table, flow))
        if status != STATUS_OK:
            return status
        append_packet(chunk, &packets[i], flow)
    return STATUS_OK


cdef inline Status flush_batch(Assembly *assembly) noexcept nogil:
    """Enter the packets that wait."""
    cdef size_t n_packets = assembly.n_batch
    assembly.n_batch = 0
    return enter_packets(assembly, assembly.batch, n_packets)


cdef inline void share_packet(Assembly *assembly, Packet *packet) noexcept nogil:
    """The key of both directions beside the last packet of the batch."""
    cdef BiflowTable *table = &assembly.biflows
    cdef BiflowKey *shared = &assembly.shared[assembly.n_batch]
    cdef bint is_high = table.rules.is_bi and is_turned(&packet.key)
    assembly.is_high[assembly.n_batch] = is_high
    share_key(packet, is_high, table.rules.has_vlan_key, shared)
    packet.hash = hash_biflow(shared, table.seeds)
    prefetch_slot(&table.slots, packet.hash)


cdef inline Status take_frame(Assembly *assembly, const Frame *frame) noexcept nogil:
    """Decode a frame, count it, and let its packet wait for a whole batch."""
    cdef Packet *packet = &assembly.batch[assembly.n_batch]
    cdef Reason reason = decode_frame(&assembly.decoding, frame, packet)
    cdef Status status
    if (assembly.rows.is_wanted or assembly.first.n_first) and reason == KEPT:
        status = keep_octets(&assembly.rows, &assembly.first, frame.octets, packet)
        if status != STATUS_OK:
            return status
    count_frame(&assembly.counters, frame, reason)
    if netml_likely(reason == KEPT) and not assembly.rows.is_wanted:
        if assembly.reads_details:
            packet.is_forward = True
            read_details(frame.octets, packet)
        if assembly.makes_biflows:
            share_packet(assembly, packet)
        else:
            packet.hash = hash_key(&packet.key, assembly.table.seeds)
            prefetch_slot(&assembly.table.slots, packet.hash)
        assembly.n_batch += 1
        if assembly.n_batch == BATCH:
            return flush_batch(assembly)
    return STATUS_OK


cdef inline Status assemble_block(
    Assembly *assembly, Framing *framing, const uint8_t *block, size_t length, size_t *n_used, size_t *n_wanted,
) noexcept nogil:
    """All whole records of a block; `n_used` octets are done with. Ends with STATUS_NEED_MORE, or with a fault.

    `n_wanted` is then the length that the record or block there claims, 0 if it is not known yet. The last packets may
    still wait for a batch. All state is behind pointers, and written before the next octet is read: should the block
    be unreadable there, it is as of the last whole record.
    """
    cdef Frame frame
    cdef size_t size = 0
    cdef const uint8_t *end = block + length
    cdef Status status
    n_used[0] = 0
    while True:
        size = 0
        status = next_frame(framing, block + n_used[0], end, &frame, &size)
        if netml_likely(status == STATUS_FRAME):
            prefetch_octets(frame.octets + AHEAD_BYTES, size)
            status = take_frame(assembly, &frame)
            if status != STATUS_OK:
                break
        elif status != STATUS_NO_FRAME:
            break
        n_used[0] += size
        framing.n_passed += 1
    n_wanted[0] = size
    return status


cdef struct AssembleRequest:
    Assembly *assembly
    Framing *framing
    const uint8_t *block
    size_t length
    size_t n_used                # OUT
    size_t n_wanted              # OUT


cdef inline AssembleRequest request_assembly(
    Assembly *assembly, Framing *framing, const uint8_t *block, size_t length,
) noexcept nogil:
    """What `run_assembly` is to do."""
    cdef AssembleRequest request
    request.assembly = assembly
    request.framing = framing
    request.block = block
    request.length = length
    request.n_used = request.n_wanted = 0
    return request


cdef inline int run_assembly(void *argument) noexcept nogil:
    """`assemble_block`, for `netml_run_guarded`."""
    cdef AssembleRequest *request = <AssembleRequest *> argument
    return assemble_block(
        request.assembly, request.framing, request.block, request.length, &request.n_used, &request.n_wanted)
