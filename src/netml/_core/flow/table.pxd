"""The flow table: flow key -> number of the flow, by open addressing with linear probing.

A slot is 8 octets (hash tag, flow number): a line of the cache holds eight, and a probe of a million flows misses
once for the slot and once for the record. The table is never more than half full. Owns its memory.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from netml._core.flow.key cimport hash_key, is_same_key
from netml._core.flow.record cimport FlowRecord
from netml._core.octets cimport netml_allocate, netml_likely, netml_prefetch_read, netml_prefetch_write
from netml._core.packet cimport FlowKey
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    NO_FLOW = 0xFFFFFFFF
    FIRST_SLOTS = 1 << 12
    CHUNK_BITS = 16              # records are in chunks of 65,536: nothing is copied as they grow


cdef struct Slot:
    uint32_t tag                 # high half of the hash
    uint32_t flow                # number of the flow, NO_FLOW if free


cdef struct FlowTable:
    Slot *slots                  # mask + 1 of them, owned
    size_t mask
    FlowRecord **chunks          # records by flow number, owned
    size_t n_flows
    size_t n_chunks
    uint64_t seeds[4]


cdef inline void free_slots(FlowTable *table) noexcept nogil:
    """Give back what only the search needs; the records stay."""
    free(table.slots)
    table.slots = NULL


cdef inline void free_table(FlowTable *table) noexcept nogil:
    """Give the memory back."""
    cdef size_t i
    free_slots(table)
    for i in range(table.n_chunks):
        free(table.chunks[i])
    free(table.chunks)
    table.chunks = NULL
    table.n_chunks = 0


cdef inline FlowRecord *find_record(const FlowTable *table, size_t flow) noexcept nogil:
    """The record of a flow number."""
    return &table.chunks[flow >> CHUNK_BITS][flow & ((1 << CHUNK_BITS) - 1)]


cdef inline Status set_slots(FlowTable *table, size_t n_slots) noexcept nogil:
    """Take `n_slots` (a power of 2) empty slots and enter every flow again."""
    cdef Slot *slots = <Slot *> netml_allocate(n_slots * sizeof(Slot))
    cdef size_t flow, at, mask = n_slots - 1
    cdef uint64_t hashed
    if slots == NULL:
        return STATUS_NO_MEMORY
    memset(slots, 0xFF, n_slots * sizeof(Slot))
    for flow in range(table.n_flows):
        hashed = hash_key(&find_record(table, flow).key, table.seeds)
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
    """Add a chunk of records."""
    cdef FlowRecord **grown
    if table.n_chunks == (1 << (32 - CHUNK_BITS)) - 1:
        return STATUS_TOO_MANY
    grown = <FlowRecord **> realloc(table.chunks, (table.n_chunks + 1) * sizeof(FlowRecord *))
    if grown == NULL:
        return STATUS_NO_MEMORY
    table.chunks = grown
    grown[table.n_chunks] = <FlowRecord *> netml_allocate(sizeof(FlowRecord) << CHUNK_BITS)
    if grown[table.n_chunks] == NULL:
        return STATUS_NO_MEMORY
    table.n_chunks += 1
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
            netml_prefetch_write(find_record(table, table.slots[at].flow))
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
            record = find_record(table, table.slots[at].flow)
            if netml_likely(is_same_key(&record.key, key)):
                record.n_packets += 1
                flow[0] = table.slots[at].flow
                return STATUS_OK
        at = (at + 1) & table.mask
    if table.n_flows >> CHUNK_BITS == table.n_chunks:
        status = grow_records(table)
        if status != STATUS_OK:
            return status
    flow[0] = <uint32_t> table.n_flows
    record = find_record(table, table.n_flows)
    record.key = key[0]
    record.n_packets = 1
    table.slots[at].tag = tag
    table.slots[at].flow = flow[0]
    table.n_flows += 1
    if table.n_flows * 2 > table.mask:
        return set_slots(table, (table.mask + 1) * 2)
    return STATUS_OK
