"""The flow table: flow key -> number of the flow, by open addressing with linear probing.

A slot is 8 octets (hash tag, flow number): a line of the cache holds eight, and a probe of a million flows misses
once for the slot and once for the record. The table is never more than half full. Owns its memory.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from netml._core.flow.key cimport is_same_key
from netml._core.flow.record cimport FlowRecord
from netml._core.octets cimport (
    netml_allocate, netml_allocate_plain, netml_likely, netml_prefetch_read, netml_prefetch_write, netml_reallocate,
)
from netml._core.packet cimport FlowKey
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    NO_FLOW = 0xFFFFFFFF
    FIRST_SLOT_BITS = 12
    LARGEST_SLOT_BITS = 32
    CHUNK_BITS = 17              # records are in chunks of 131,072, three huge pages: nothing is copied as they grow


cdef struct Slot:
    uint32_t tag                 # high half of the hash
    uint32_t flow                # number of the flow, NO_FLOW if free


cdef struct FlowTable:
    Slot *slots                  # 2 ** slot_bits of them, owned
    size_t mask                  # 2 ** slot_bits - 1
    uint32_t slot_bits
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


cdef inline size_t find_slot(const FlowTable *table, uint64_t hashed) noexcept nogil:
    """Where a search for a hash begins: its top bits."""
    return hashed >> (64 - table.slot_bits)


cdef inline Status set_slots(FlowTable *table, uint32_t slot_bits) noexcept nogil:
    """Take 2 ** `slot_bits` slots, and enter every flow again.

    The place is the hash's top bits and the tag has them, so the old slots, read in order, go to the new ones in
    order: growth streams through memory, and no record is looked at.
    """
    cdef size_t n_slots = <size_t> 1 << slot_bits, mask = n_slots - 1, i, at
    cdef Slot *slots
    if slot_bits > LARGEST_SLOT_BITS:
        return STATUS_TOO_MANY
    slots = <Slot *> netml_allocate(n_slots * sizeof(Slot))
    if slots == NULL:
        return STATUS_NO_MEMORY
    memset(slots, 0xFF, n_slots * sizeof(Slot))
    if table.slots != NULL:
        for i in range(table.mask + 1):
            if table.slots[i].flow != NO_FLOW:
                at = table.slots[i].tag >> (32 - slot_bits)
                while slots[at].flow != NO_FLOW:
                    at = (at + 1) & mask
                slots[at] = table.slots[i]
    free(table.slots)
    table.slots = slots
    table.mask = mask
    table.slot_bits = slot_bits
    return STATUS_OK


cdef inline Status grow_records(FlowTable *table) noexcept nogil:
    """Add a chunk of records."""
    cdef FlowRecord **grown
    if table.n_chunks == (1 << (32 - CHUNK_BITS)) - 1:
        return STATUS_TOO_MANY
    grown = <FlowRecord **> netml_reallocate(table.chunks, (table.n_chunks + 1) * sizeof(FlowRecord *))
    if grown == NULL:
        return STATUS_NO_MEMORY
    table.chunks = grown
    # The first chunk in small pages: most captures have few flows, and a huge page is cleared whole.
    if table.n_chunks == 0:
        grown[0] = <FlowRecord *> netml_allocate_plain(sizeof(FlowRecord) << CHUNK_BITS)
    else:
        grown[table.n_chunks] = <FlowRecord *> netml_allocate(sizeof(FlowRecord) << CHUNK_BITS)
    if grown[table.n_chunks] == NULL:
        return STATUS_NO_MEMORY
    table.n_chunks += 1
    return STATUS_OK


cdef inline void prefetch_slot(const FlowTable *table, uint64_t hashed) noexcept nogil:
    """Ask for the line of the slot where a search for `hashed` begins."""
    netml_prefetch_read(&table.slots[find_slot(table, hashed)])


cdef inline void prefetch_record(const FlowTable *table, uint64_t hashed) noexcept nogil:
    """Ask for the record that the search will compare, if there is one."""
    cdef size_t at = find_slot(table, hashed)
    cdef uint32_t tag = <uint32_t> (hashed >> 32)
    cdef const char *record
    while table.slots[at].flow != NO_FLOW:
        if table.slots[at].tag == tag:
            record = <const char *> find_record(table, table.slots[at].flow)
            netml_prefetch_write(record)
            netml_prefetch_write(record + sizeof(FlowRecord) - 1)  # half of them lie across two lines
            return
        at = (at + 1) & table.mask


cdef inline Status find_or_insert_flow(
    FlowTable *table, const FlowKey *key, uint64_t hashed, uint32_t *flow,
) noexcept nogil:
    """Number of the flow of `key`, a new one if there is none, and count a packet to it."""
    cdef size_t at = find_slot(table, hashed)
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
    # Before the flow is entered: should that fail, there is still a free slot to end the next search.
    if (table.n_flows + 1) * 2 > table.mask:
        status = set_slots(table, table.slot_bits + 1)
        if status != STATUS_OK:
            return status
        at = find_slot(table, hashed)
        while table.slots[at].flow != NO_FLOW:
            at = (at + 1) & table.mask
    flow[0] = <uint32_t> table.n_flows
    record = find_record(table, table.n_flows)
    record.key = key[0]
    record.n_packets = 1
    table.slots[at].tag = tag
    table.slots[at].flow = flow[0]
    table.n_flows += 1
    return STATUS_OK


cdef inline void number_packets(const FlowTable *table, int64_t *offsets, uint32_t *cursors) noexcept nogil:
    """Where each flow's packets begin among those of all: `offsets` [n_flows + 1] and, to be used up, `cursors`."""
    cdef size_t flow
    offsets[0] = 0
    for flow in range(table.n_flows):
        cursors[flow] = <uint32_t> offsets[flow]
        offsets[flow + 1] = offsets[flow] + find_record(table, flow).n_packets


cdef inline Status renumber_flows(FlowTable *table, const uint32_t *numbers, size_t n_flows) noexcept nogil:
    """Flow i becomes flow numbers[i], which is not greater and rises with i, or goes (NO_FLOW); `n_flows` stay.

    The memory of what goes is given back.
    """
    cdef size_t i, n_chunks = (n_flows + (1 << CHUNK_BITS) - 1) >> CHUNK_BITS
    cdef uint32_t slot_bits = FIRST_SLOT_BITS
    for i in range(table.n_flows):
        if numbers[i] != NO_FLOW and numbers[i] != i:
            find_record(table, numbers[i])[0] = find_record(table, i)[0]
    for i in range(table.mask + 1):
        if table.slots[i].flow != NO_FLOW:
            table.slots[i].flow = numbers[table.slots[i].flow]
    for i in range(n_chunks, table.n_chunks):
        free(table.chunks[i])
    table.n_chunks = min(table.n_chunks, n_chunks)
    table.n_flows = n_flows
    while (<size_t> 1 << slot_bits) < 4 * n_flows:
        slot_bits += 1
    return set_slots(table, slot_bits)
