"""The flow table: flow key -> number of the flow, by open addressing with linear probing.

A slot is 8 octets (hash tag, flow number): a line of the cache holds eight, and a probe of a million flows misses
once for the slot and once for the record. The table is never more than half full. Owns its memory.
"""
from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from netml._core.flow.key cimport hash_key, is_same_key
from netml._core.flow.record cimport FlowRecord
from netml._core.octets cimport netml_likely, netml_prefer_huge_pages, netml_prefetch_read, netml_prefetch_write
from netml._core.packet cimport FlowKey
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    NO_FLOW = 0xFFFFFFFF
    FIRST_SLOTS = 1 << 15


cdef struct Slot:
    uint32_t tag                 # high half of the hash
    uint32_t flow                # number of the flow, NO_FLOW if free


cdef struct FlowTable:
    Slot *slots                  # mask + 1 of them, owned
    size_t mask
    FlowRecord *records          # by flow number, owned
    size_t n_flows
    size_t room                  # records allocated
    uint64_t seeds[4]


cdef inline void free_slots(FlowTable *table) noexcept nogil:
    """Give back what only the search needs; the records stay."""
    free(table.slots)
    table.slots = NULL


cdef inline void free_table(FlowTable *table) noexcept nogil:
    """Give the memory back."""
    free(table.slots)
    free(table.records)
    table.slots = NULL
    table.records = NULL


cdef inline Status set_slots(FlowTable *table, size_t n_slots) noexcept nogil:
    """Take `n_slots` (a power of 2) empty slots and enter every flow again."""
    cdef Slot *slots = <Slot *> malloc(n_slots * sizeof(Slot))
    cdef size_t flow, at, mask = n_slots - 1
    cdef uint64_t hashed
    if slots == NULL:
        return STATUS_NO_MEMORY
    netml_prefer_huge_pages(slots, n_slots * sizeof(Slot))
    memset(slots, 0xFF, n_slots * sizeof(Slot))
    for flow in range(table.n_flows):
        hashed = hash_key(&table.records[flow].key, table.seeds)
        at = hashed & mask
        while slots[at].flow != NO_FLOW:
            at = (at + 1) & mask
        slots[at].tag = <uint32_t> (hashed >> 32)
        slots[at].flow = <uint32_t> flow
    free(table.slots)
    table.slots = slots
    table.mask = mask
    return STATUS_OK


cdef inline Status grow_records(FlowTable *table) noexcept nogil:
    """Make room for twice the flows."""
    cdef FlowRecord *grown
    cdef size_t room = table.room * 2 if table.room else FIRST_SLOTS / 2
    if room > UINT32_MAX:
        return STATUS_TOO_MANY
    grown = <FlowRecord *> realloc(table.records, room * sizeof(FlowRecord))
    if grown == NULL:
        return STATUS_NO_MEMORY
    netml_prefer_huge_pages(grown, room * sizeof(FlowRecord))
    table.records = grown
    table.room = room
    return STATUS_OK


cdef inline void prefetch_slot(const FlowTable *table, uint64_t hashed) noexcept nogil:
    """Ask for the line of the slot where a search for `hashed` begins."""
    netml_prefetch_read(&table.slots[hashed & table.mask])


cdef inline void prefetch_record(const FlowTable *table, uint64_t hashed) noexcept nogil:
    """Ask for the record that the search will compare, or for the next free one's place."""
    cdef size_t at = hashed & table.mask
    cdef uint32_t tag = <uint32_t> (hashed >> 32)
    while table.slots[at].flow != NO_FLOW:
        if table.slots[at].tag == tag:
            netml_prefetch_write(&table.records[table.slots[at].flow])
            return
        at = (at + 1) & table.mask


cdef inline Status find_or_insert_flow(
    FlowTable *table, const FlowKey *key, uint64_t hashed, uint32_t *flow,
) noexcept nogil:
    """Number of the flow of `key`, a new one if there is none, and count a packet to it."""
    cdef size_t at = hashed & table.mask
    cdef uint32_t tag = <uint32_t> (hashed >> 32)
    cdef FlowRecord *record
    cdef Status status
    while table.slots[at].flow != NO_FLOW:
        if table.slots[at].tag == tag:
            record = &table.records[table.slots[at].flow]
            if netml_likely(is_same_key(&record.key, key)):
                record.n_packets += 1
                flow[0] = table.slots[at].flow
                return STATUS_OK
        at = (at + 1) & table.mask
    if table.n_flows == table.room:
        status = grow_records(table)
        if status != STATUS_OK:
            return status
    flow[0] = <uint32_t> table.n_flows
    record = &table.records[table.n_flows]
    record.key = key[0]
    record.n_packets = 1
    record.tag = tag
    table.slots[at].tag = tag
    table.slots[at].flow = flow[0]
    table.n_flows += 1
    if table.n_flows * 2 > table.mask:
        return set_slots(table, (table.mask + 1) * 2)
    return STATUS_OK
