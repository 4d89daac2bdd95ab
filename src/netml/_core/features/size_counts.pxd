"""Packet sizes of a flow counted by value and direction: exact quartiles with nothing kept for each packet.

Most flows have a few sizes: entries of 32 bits, first in the struct itself, then on the heap. Flows with more of them,
or with giant ones, get a hash table, whose slots depend on a secret: sizes are what a capture's author says they are.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from netml._core.octets cimport netml_allocate_plain, netml_fold_multiply, netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    N_FEW = 10                   # entries in the struct
    MOST_PACKED = 64             # entries on the heap; with more of them, a hash table
    LEAST_SLOTS = 128
    MOST_SLOTS = 1 << 30
    LARGEST_PACKED_SIZE = 0xFFFF
    LARGEST_PACKED_COUNT = 0x7FFF


cdef struct SizeMemory:          # of all flows'
    uint64_t secret
    size_t n_bytes               # on the heap


cdef struct SizeCount:
    uint32_t size
    uint32_t n_packets[2]        # forward, reverse; both 0: a free slot


cdef struct SizeCounts:
    void *memory                 # owned: packed entries, or slots where room > MOST_PACKED; NULL: entries in `few`
    uint32_t room                # of the memory
    uint32_t n_entries
    uint32_t few[N_FEW]          # packed: size << 16 | is reverse << 15 | packets


cdef inline void begin_counts(SizeCounts *counts) noexcept nogil:
    """No sizes yet."""
    memset(counts, 0, sizeof(SizeCounts))


cdef inline size_t measure_memory(const SizeCounts *counts) noexcept nogil:
    """Octets on the heap."""
    return counts.room * (sizeof(SizeCount) if counts.room > MOST_PACKED else sizeof(uint32_t))


cdef inline void free_counts(SizeCounts *counts, SizeMemory *memory) noexcept nogil:
    """Give the memory back; no sizes are left."""
    memory.n_bytes -= measure_memory(counts)
    free(counts.memory)
    begin_counts(counts)


cdef inline bint is_free(const SizeCount *slot) noexcept nogil:
    """Is no packet counted here?"""
    return (slot.n_packets[0] | slot.n_packets[1]) == 0


cdef inline SizeCount *find_slot(SizeCount *slots, uint32_t n_slots, uint32_t size, uint64_t secret) noexcept nogil:
    """The size's slot, or the free one where it belongs."""
    cdef uint64_t i = netml_fold_multiply(size ^ secret, <uint64_t> 0x9E3779B97F4A7C15)
    while True:
        i &= n_slots - 1
        if slots[i].size == size or is_free(&slots[i]):
            return &slots[i]
        i += 1


cdef inline Status set_size_slots(SizeCounts *counts, uint32_t n_slots, SizeMemory *memory) noexcept nogil:
    """Move all into a hash table of so many slots; without memory nothing changes."""
    cdef SizeCount *slots
    cdef SizeCount *slot
    cdef const SizeCount *old = <const SizeCount *> counts.memory
    cdef const uint32_t *packed = <const uint32_t *> counts.memory if counts.memory != NULL else counts.few
    cdef uint32_t i, n_entries = 0
    slots = <SizeCount *> netml_allocate_plain(n_slots * sizeof(SizeCount)) if n_slots <= MOST_SLOTS else NULL
    if slots == NULL:
        return STATUS_NO_MEMORY
    memset(slots, 0, n_slots * sizeof(SizeCount))
    if counts.room > MOST_PACKED:
        for i in range(counts.room):
            if not is_free(&old[i]):
                find_slot(slots, n_slots, old[i].size, memory.secret)[0] = old[i]
        n_entries = counts.n_entries
    else:
        for i in range(counts.n_entries):
            slot = find_slot(slots, n_slots, packed[i] >> 16, memory.secret)
            n_entries += is_free(slot)
            slot.size = packed[i] >> 16
            slot.n_packets[(packed[i] >> 15) & 1] += packed[i] & LARGEST_PACKED_COUNT
    free_counts(counts, memory)
    counts.memory = slots
    counts.room = n_slots
    counts.n_entries = n_entries
    memory.n_bytes += measure_memory(counts)
    return STATUS_OK


cdef inline Status widen_packed(SizeCounts *counts, SizeMemory *memory) noexcept nogil:
    """Room for more packed entries."""
    cdef uint32_t room = min(2 * max(counts.room, <uint32_t> N_FEW), <uint32_t> MOST_PACKED)
    cdef void *grown = netml_reallocate(counts.memory, room * sizeof(uint32_t))
    if grown == NULL:
        return STATUS_NO_MEMORY
    if counts.memory == NULL:
        memcpy(grown, counts.few, sizeof(counts.few))
    memory.n_bytes -= measure_memory(counts)
    counts.memory = grown
    counts.room = room
    memory.n_bytes += measure_memory(counts)
    return STATUS_OK


cdef inline bint add_packed(SizeCounts *counts, uint32_t size, uint32_t is_reverse) noexcept nogil:
    """Count it among packed entries if there is one for it, or room for one."""
    cdef uint32_t *packed = <uint32_t *> counts.memory if counts.memory != NULL else counts.few
    cdef uint32_t i, wanted = size << 16 | is_reverse << 15
    for i in range(counts.n_entries):
        if packed[i] ^ wanted <= LARGEST_PACKED_COUNT:
            if packed[i] & LARGEST_PACKED_COUNT == LARGEST_PACKED_COUNT:
                return False
            packed[i] += 1
            return True
    if counts.n_entries == max(counts.room, <uint32_t> N_FEW):
        return False
    packed[counts.n_entries] = wanted + 1
    counts.n_entries += 1
    return True


cdef inline Status add_size(
    SizeCounts *counts, uint32_t size, uint32_t is_reverse, SizeMemory *memory,
) noexcept nogil:
    """One more packet of a direction (0: forward, 1: reverse). Without memory it is not counted."""
    cdef SizeCount *slot
    cdef Status status = STATUS_OK
    if counts.room <= MOST_PACKED:
        if size <= LARGEST_PACKED_SIZE:
            if add_packed(counts, size, is_reverse):
                return STATUS_OK
            if counts.n_entries < MOST_PACKED and counts.n_entries == max(counts.room, <uint32_t> N_FEW):
                status = widen_packed(counts, memory)
                if status == STATUS_OK and add_packed(counts, size, is_reverse):
                    return STATUS_OK  # else its own entry is full
        if status == STATUS_OK:
            status = set_size_slots(counts, LEAST_SLOTS, memory)
    elif 4 * <uint64_t> counts.n_entries >= 3 * <uint64_t> counts.room:
        status = set_size_slots(counts, 2 * counts.room, memory)
    if status != STATUS_OK:
        return status
    slot = find_slot(<SizeCount *> counts.memory, counts.room, size, memory.secret)
    counts.n_entries += is_free(slot)
    slot.size = size
    slot.n_packets[is_reverse] += 1
    return STATUS_OK
