"""Biflows by number, in order of their first packets, and the open one of each key. Owns its memory.

A key has at most one open flow: a packet joins it, or ends it and begins another one under a new number.
"""
from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t, uint64_t

from netml._core.biflow.key cimport BiflowKey, is_same_biflow
from netml._core.biflow.record cimport Biflow, BiflowRules, add_to_biflow, begin_biflow, find_end, find_last_end
from netml._core.flow.chunked_array cimport (
    CHUNK_BITS, ChunkedArray, find_element, free_array, grow_array, shrink_array,
)
from netml._core.flow.end_reason cimport END_ACTIVE, END_UNKNOWN
from netml._core.flow.hash_index cimport (
    NO_FLOW, HashIndex, find_slot, find_slot_bits, free_slots, renumber_slots, set_slots, take_free_slot,
)
from netml._core.octets cimport netml_likely, netml_prefetch_write
from netml._core.packet cimport Packet
from netml._core.status cimport STATUS_OK, STATUS_TOO_MANY, Status


cdef struct BiflowTable:
    HashIndex slots              # the latest flow of each key
    ChunkedArray records         # Biflow by number
    size_t n_flows               # that have records, open or not
    size_t n_keys                # that have slots
    BiflowRules rules
    uint64_t seeds[4]


cdef inline void free_biflows(BiflowTable *table) noexcept nogil:
    """Free the memory."""
    free_slots(&table.slots)
    free_array(&table.records)


cdef inline Biflow *find_biflow(const BiflowTable *table, size_t flow) noexcept nogil:
    """Return the record of a number."""
    return <Biflow *> find_element(&table.records, flow, sizeof(Biflow))


cdef inline void prefetch_biflow(const BiflowTable *table, uint64_t hashed) noexcept nogil:
    """Prefetch the record that the search will compare, if there is one."""
    cdef const HashIndex *slots = &table.slots
    cdef size_t at = find_slot(slots, hashed)
    cdef const char *record
    while slots.slots[at].flow != NO_FLOW:
        if slots.slots[at].tag == <uint32_t> (hashed >> 32):
            record = <const char *> find_biflow(table, slots.slots[at].flow)
            netml_prefetch_write(record)
            netml_prefetch_write(record + sizeof(Biflow) - 1)
            return
        at = (at + 1) & slots.mask


cdef inline Status append_biflow(
    BiflowTable *table, const BiflowKey *key, const Packet *packet, bint sender_is_high, uint32_t *flow,
) noexcept nogil:
    """Append a flow under the next number."""
    cdef Status status
    if table.n_flows == UINT32_MAX:
        return STATUS_TOO_MANY
    if table.n_flows >> CHUNK_BITS == table.records.n_chunks:
        status = grow_array(&table.records, sizeof(Biflow), True)
        if status != STATUS_OK:
            return status
    flow[0] = <uint32_t> table.n_flows
    begin_biflow(find_biflow(table, table.n_flows), key, packet, sender_is_high, &table.rules)
    table.n_flows += 1
    return STATUS_OK


cdef inline Status join_biflow(
    BiflowTable *table, const BiflowKey *key, uint64_t hashed, Packet *packet, bint sender_is_high, uint32_t *flow,
) noexcept nogil:
    """Add a packet to the flow that it belongs to, and tell the flow's number."""
    cdef HashIndex *slots = &table.slots
    cdef size_t at = find_slot(slots, hashed)
    cdef uint32_t tag = <uint32_t> (hashed >> 32)
    cdef Biflow *open_flow
    cdef Status status
    while slots.slots[at].flow != NO_FLOW:
        if slots.slots[at].tag == tag:
            open_flow = find_biflow(table, slots.slots[at].flow)
            if netml_likely(is_same_biflow(&open_flow.key, key)):
                return join_open(table, open_flow, key, packet, sender_is_high, &slots.slots[at].flow, flow)
        at = (at + 1) & slots.mask
    # Before the flow is entered: should that fail, there is still a free slot to end the next search.
    if (table.n_keys + 1) * 2 > slots.mask:
        status = set_slots(slots, slots.slot_bits + 1)
        if status != STATUS_OK:
            return status
        at = take_free_slot(slots, hashed)
    status = append_biflow(table, key, packet, sender_is_high, flow)
    if status != STATUS_OK:
        return status
    add_to_biflow(find_biflow(table, flow[0]), packet, sender_is_high, &table.rules)
    slots.slots[at].tag = tag
    slots.slots[at].flow = flow[0]
    table.n_keys += 1
    return STATUS_OK


cdef inline Status join_open(
    BiflowTable *table, Biflow *open_flow, const BiflowKey *key, Packet *packet, bint sender_is_high,
    uint32_t *latest,            # IN, OUT: number of the key's latest flow
    uint32_t *flow,              # OUT
) noexcept nogil:
    """Add a packet whose key has a flow: to that flow, or to a new one if it is over."""
    cdef uint8_t end_reason = open_flow.end_reason
    cdef int64_t connection_start_ns = open_flow.connection_start_ns
    cdef Status status
    flow[0] = latest[0]
    if end_reason == END_UNKNOWN:
        end_reason = find_end(open_flow, packet, sender_is_high, &table.rules)
    if end_reason != END_UNKNOWN:
        status = append_biflow(table, key, packet, sender_is_high, flow)
        if status != STATUS_OK:
            return status
        open_flow.end_reason = end_reason
        latest[0] = flow[0]
        open_flow = find_biflow(table, flow[0])
        if end_reason == END_ACTIVE:
            open_flow.connection_start_ns = min(connection_start_ns, packet.time_ns)
    add_to_biflow(open_flow, packet, sender_is_high, &table.rules)
    return STATUS_OK


cdef inline void end_all(BiflowTable *table, int64_t latest_ns) noexcept nogil:
    """End all flows; `latest_ns` is the latest time of all packets, also of skipped ones."""
    cdef Biflow *flow
    cdef size_t number
    for number in range(table.n_flows):
        flow = find_biflow(table, number)
        if flow.end_reason == END_UNKNOWN:
            flow.end_reason = find_last_end(flow, latest_ns, &table.rules)


cdef inline Status renumber_biflows(BiflowTable *table, const uint32_t *numbers, size_t n_flows) noexcept nogil:
    """Renumber flow i to numbers[i], which is not greater and rises with i, or remove it (NO_FLOW); `n_flows` stay."""
    cdef size_t i
    for i in range(table.n_flows):
        if numbers[i] != NO_FLOW and numbers[i] != i:
            find_biflow(table, numbers[i])[0] = find_biflow(table, i)[0]
    renumber_slots(&table.slots, numbers)
    shrink_array(&table.records, n_flows)
    table.n_flows = table.n_keys = n_flows
    return set_slots(&table.slots, find_slot_bits(n_flows))
