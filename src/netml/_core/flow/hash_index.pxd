"""The hash index: hash of a key -> number of a flow, by open addressing with linear probing.

A slot is 8 octets (hash tag, number): a line of the cache holds eight. Never more than half full. Owns its memory.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from netml._core.octets cimport netml_allocate, netml_prefetch_read
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    NO_FLOW = 0xFFFFFFFF
    FIRST_SLOT_BITS = 12
    LARGEST_SLOT_BITS = 32


cdef struct Slot:
    uint32_t tag                 # high half of the hash
    uint32_t flow                # number of the flow, NO_FLOW if free


cdef struct HashIndex:
    Slot *slots                  # 2 ** slot_bits of them, owned
    size_t mask                  # 2 ** slot_bits - 1
    uint32_t slot_bits


cdef inline void free_slots(HashIndex *table) noexcept nogil:
    """Free the memory."""
    free(table.slots)
    table.slots = NULL


cdef inline size_t find_slot(const HashIndex *table, uint64_t hashed) noexcept nogil:
    """Return the slot where a search for a hash begins: its top bits."""
    return hashed >> (64 - table.slot_bits)


cdef inline void prefetch_slot(const HashIndex *table, uint64_t hashed) noexcept nogil:
    """Prefetch the slot where a search for `hashed` begins."""
    netml_prefetch_read(&table.slots[find_slot(table, hashed)])


cdef inline Status set_slots(HashIndex *table, uint32_t slot_bits) noexcept nogil:
    """Resize to 2 ** `slot_bits` slots, and enter every flow again.

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


cdef inline void renumber_slots(HashIndex *table, const uint32_t *numbers) noexcept nogil:
    """Renumber flow i to numbers[i], or remove it (NO_FLOW); `set_slots` has to follow before the next search."""
    cdef size_t i
    for i in range(table.mask + 1):
        if table.slots[i].flow != NO_FLOW:
            table.slots[i].flow = numbers[table.slots[i].flow]


cdef inline uint32_t find_slot_bits(size_t n_flows) noexcept nogil:
    """Choose the size for `n_flows` and a quarter more before the index grows: two fifths full at most."""
    cdef uint32_t slot_bits = FIRST_SLOT_BITS
    while (<size_t> 2 << slot_bits) < 5 * n_flows:
        slot_bits += 1
    return slot_bits


cdef inline size_t take_free_slot(HashIndex *table, uint64_t hashed) noexcept nogil:
    """Return the free slot for a new flow of this hash."""
    cdef size_t at = find_slot(table, hashed)
    while table.slots[at].flow != NO_FLOW:
        at = (at + 1) & table.mask
    return at
