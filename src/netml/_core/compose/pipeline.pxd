"""The composition: record -> packet (`decode.pxd`) -> batch -> flow (`assembly.pxd`), in one place.

Each packet of a batch is framed and decoded, and its slot is prefetched.
"""
from libc.stdint cimport uint8_t

from netml._core.biflow.key cimport BiflowKey, hash_biflow, is_turned, share_key
from netml._core.biflow.table cimport BiflowTable
from netml._core.capture.registry cimport Framing, next_frame
from netml._core.compose.assembly cimport BATCH, Assembly, enter_batch, note_wants
from netml._core.compose.decode cimport decode_frame
from netml._core.flow.hash_index cimport prefetch_slot
from netml._core.flow.key cimport hash_key
from netml._core.headers.packet_rows cimport keep_octets
from netml._core.net.details cimport read_details
from netml._core.octets cimport netml_likely, prefetch_octets
from netml._core.packet cimport Frame, NetworkHeader, Packet
from netml._core.status cimport KEPT, STATUS_FRAME, STATUS_NO_FRAME, STATUS_OK, Counters, Reason, Status


cdef enum:
    # A record's place is known only when its predecessor has been read: without a prefetch this far ahead, each
    # record stalls on memory.
    AHEAD_BYTES = 2048


cdef inline void count_frame(Counters *counters, const Frame *frame) noexcept nogil:
    """Count a record; the caller counts it once more, as kept or as skipped for a reason."""
    counters.n_records += 1
    counters.n_captured_bytes += frame.caplen
    counters.earliest_ns = min(counters.earliest_ns, frame.time_ns)
    counters.latest_ns = max(counters.latest_ns, frame.time_ns)


cdef inline void share_packet(Assembly *assembly, Packet *packet) noexcept nogil:
    """Write the key of both directions beside the last packet of the batch."""
    cdef BiflowTable *table = &assembly.biflows
    cdef BiflowKey *shared = &assembly.shared[assembly.n_batch]
    cdef bint is_high = table.rules.is_bi and is_turned(&packet.key)
    assembly.is_high[assembly.n_batch] = is_high
    share_key(packet, is_high, table.rules.has_vlan_key, shared)
    packet.hash = hash_biflow(shared, table.seeds)
    prefetch_slot(&table.slots, packet.hash)


cdef inline Status await_batch(Assembly *assembly) noexcept nogil:
    """Add the packet behind the batch to it, and enter the batch when it is full."""
    assembly.n_batch += 1
    if assembly.n_batch == BATCH:
        return enter_batch(assembly)
    return STATUS_OK


cdef inline Status take_asked(
    Assembly *assembly, const Frame *frame, const NetworkHeader *network, Packet *packet,
) noexcept nogil:
    """Take a packet of which more is wanted than its key."""
    cdef Status status
    if assembly.rows.is_wanted or assembly.first.n_first:
        status = keep_octets(&assembly.rows, &assembly.first, frame.octets, network, packet)
        if status != STATUS_OK:
            return status
    if assembly.reads_details:
        read_details(frame.octets, network, packet)
    count_frame(&assembly.counters, frame)
    assembly.counters.n_kept += 1
    if assembly.rows.is_wanted:
        return STATUS_OK
    if assembly.makes_biflows:
        share_packet(assembly, packet)
    else:
        packet.hash = hash_key(&packet.key, assembly.table.seeds)
        prefetch_slot(&assembly.table.slots, packet.hash)
    return await_batch(assembly)


cdef inline Status take_frame(Assembly *assembly, const Frame *frame, Packet *packet) noexcept nogil:
    """Decode a frame, count it, and add its packet, which is the batch's next place, to the batch."""
    cdef NetworkHeader network, asked
    cdef Reason reason = decode_frame(&assembly.decoding, frame, &network, packet)
    if netml_likely(reason == KEPT):
        if netml_likely(assembly.is_plain):
            packet.hash = hash_key(&packet.key, assembly.table.seeds)
            prefetch_slot(&assembly.table.slots, packet.hash)
            count_frame(&assembly.counters, frame)
            assembly.counters.n_kept += 1
            return await_batch(assembly)
        asked = network  # a copy, so that `network`, whose address stays here, can live in registers
        return take_asked(assembly, frame, &asked, packet)
    count_frame(&assembly.counters, frame)
    assembly.counters.n_skipped[<int> reason] += 1
    return STATUS_OK


cdef inline Status assemble_block(
    Assembly *assembly, Framing *framing, const uint8_t *block, size_t length, size_t *n_used, size_t *n_wanted,
) noexcept nogil:
    """Take all whole records of a block, `n_used` octets; end with STATUS_NEED_MORE or with a fault.

    `n_wanted` is then the length that the record or block there claims, 0 if it is not known yet. The last packets may
    still be pending in the batch. All state is behind pointers, and written before the next octet is read: should the
    block be unreadable there, it is as of the last whole record.
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
            status = take_frame(assembly, &frame, &assembly.batch[assembly.n_batch])
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
    """Make the request of `run_assembly`."""
    cdef AssembleRequest request
    note_wants(assembly)
    request.assembly = assembly
    request.framing = framing
    request.block = block
    request.length = length
    request.n_used = request.n_wanted = 0
    return request


cdef inline int run_assembly(void *argument) noexcept nogil:
    """Run `assemble_block` for `netml_run_guarded`."""
    cdef AssembleRequest *request = <AssembleRequest *> argument
    return assemble_block(
        request.assembly, request.framing, request.block, request.length, &request.n_used, &request.n_wanted)
