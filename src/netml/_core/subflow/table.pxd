"""The flow table: directional flow key -> number of the flow, and the flow's record. Owns its memory.

A probe of a million flows misses the cache once for the slot and once for the record.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from netml._core.flow.chunked_array cimport (
    CHUNK_BITS, ChunkedArray, find_element, free_array, grow_array, shrink_array,
)
from netml._core.flow.hash_index cimport (
    NO_FLOW, HashIndex, find_slot, find_slot_bits, free_slots, renumber_slots, set_slots, take_free_slot,
)
from netml._core.flow.key cimport is_same_key
from netml._core.octets cimport netml_likely, netml_prefetch_write
from netml._core.packet cimport FlowKey
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.record cimport FlowRecord


cdef struct FlowTable:
    HashIndex slots
    ChunkedArray records         # FlowRecord by flow number
    size_t n_flows
    uint64_t seeds[4]


cdef inline void free_table(FlowTable *table) noexcept nogil:
    """Free the memory."""
    free_slots(&table.slots)
    free_array(&table.records)


cdef inline FlowRecord *find_record(const FlowTable *table, size_t flow) noexcept nogil:
    """Return the record of a flow number."""
    return <FlowRecord *> find_element(&table.records, flow, sizeof(FlowRecord))


cdef inline void prefetch_record(const FlowTable *table, uint64_t hashed) noexcept nogil:
    """Prefetch the record that the search will compare, if there is one."""
    cdef const HashIndex *slots = &table.slots
    cdef size_t at = find_slot(slots, hashed)
    cdef uint32_t tag = <uint32_t> (hashed >> 32)
    cdef const char *record
    while slots.slots[at].flow != NO_FLOW:
        if slots.slots[at].tag == tag:
            record = <const char *> find_record(table, slots.slots[at].flow)
            netml_prefetch_write(record)
            netml_prefetch_write(record + sizeof(FlowRecord) - 1)  # half of them lie across two lines
            return
        at = (at + 1) & slots.mask


cdef inline Status find_or_insert_flow(
    FlowTable *table, const FlowKey *key, uint64_t hashed, uint32_t *flow,
) noexcept nogil:
    """Find the flow of `key`, or insert it, and count a packet to it."""
    cdef HashIndex *slots = &table.slots
    cdef size_t at = find_slot(slots, hashed)
    cdef uint32_t tag = <uint32_t> (hashed >> 32)
    cdef FlowRecord *record
    cdef Status status
    while slots.slots[at].flow != NO_FLOW:
        if slots.slots[at].tag == tag:
            record = find_record(table, slots.slots[at].flow)
            if netml_likely(is_same_key(&record.key, key)):
                record.n_packets += 1
                flow[0] = slots.slots[at].flow
                return STATUS_OK
        at = (at + 1) & slots.mask
    if table.n_flows >> CHUNK_BITS == table.records.n_chunks:
        status = grow_array(&table.records, sizeof(FlowRecord), True)
        if status != STATUS_OK:
            return status
    # Before the flow is entered: should that fail, there is still a free slot to end the next search.
    if (table.n_flows + 1) * 2 > slots.mask:
        status = set_slots(slots, slots.slot_bits + 1)
        if status != STATUS_OK:
            return status
        at = take_free_slot(slots, hashed)
    flow[0] = <uint32_t> table.n_flows
    record = find_record(table, table.n_flows)
    record.key = key[0]
    record.n_packets = 1
    slots.slots[at].tag = tag
    slots.slots[at].flow = flow[0]
    table.n_flows += 1
    return STATUS_OK


cdef inline void number_packets(const FlowTable *table, int64_t *offsets, uint32_t *cursors) noexcept nogil:
    """Compute where each flow's packets begin: `offsets` [n_flows + 1] and, to be used up, `cursors`."""
    cdef size_t flow
    offsets[0] = 0
    for flow in range(table.n_flows):
        cursors[flow] = <uint32_t> offsets[flow]
        offsets[flow + 1] = offsets[flow] + find_record(table, flow).n_packets


cdef inline Status renumber_flows(FlowTable *table, const uint32_t *numbers, size_t n_flows) noexcept nogil:
    """Renumber flow i to numbers[i], which is not greater and rises with i, or remove it (NO_FLOW); `n_flows` stay.

    The memory of removed flows is freed.
    """
    cdef size_t i
    for i in range(table.n_flows):
        if numbers[i] != NO_FLOW and numbers[i] != i:
            find_record(table, numbers[i])[0] = find_record(table, i)[0]
    renumber_slots(&table.slots, numbers)
    shrink_array(&table.records, n_flows)
    table.n_flows = n_flows
    return set_slots(&table.slots, find_slot_bits(n_flows))
