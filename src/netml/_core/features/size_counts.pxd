"""Packet sizes of a flow counted by value and direction: exact quartiles with nothing kept for each packet.

Most flows have a few sizes: entries of 32 bits in the struct itself, which takes no memory for those that are not used
where it lies packed. Flows with more of them, or with giant ones, get a hash table, whose slots depend on a secret:
sizes are what a capture's author says they are.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from netml._core.octets cimport netml_allocate_plain, netml_fold_multiply
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    N_FEW = 60                   # entries in the struct
    LEAST_SLOTS = 128
    MOST_SLOTS = 1 << 30
    LARGEST_FEW_SIZE = 0xFFFF
    LARGEST_FEW_COUNT = 0x7FFF


cdef struct SizeMemory:          # of all flows'
    uint64_t secret
    size_t n_bytes               # on the heap


cdef struct SizeCount:
    uint32_t size
    uint32_t n_packets[2]        # forward, reverse; both 0: a free slot


cdef struct SizeCounts:
    SizeCount *slots             # owned; NULL: entries in `few`
    uint32_t n_slots
    uint32_t n_entries
    uint32_t few[N_FEW]          # size << 16 | is reverse << 15 | packets


cdef inline void begin_counts(SizeCounts *counts) noexcept nogil:
    """No sizes yet."""
    memset(counts, 0, sizeof(SizeCounts))


cdef inline size_t measure_memory(const SizeCounts *counts) noexcept nogil:
    """Octets on the heap."""
    return counts.n_slots * sizeof(SizeCount)


cdef inline void free_counts(SizeCounts *counts, SizeMemory *memory) noexcept nogil:
    """Give the memory back; no sizes are left."""
    memory.n_bytes -= measure_memory(counts)
    free(counts.slots)
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
    cdef const SizeCount *old = counts.slots
    cdef const uint32_t *few = counts.few
    cdef uint32_t i, n_entries = 0
    slots = <SizeCount *> netml_allocate_plain(n_slots * sizeof(SizeCount)) if n_slots <= MOST_SLOTS else NULL
    if slots == NULL:
        return STATUS_NO_MEMORY
    memset(slots, 0, n_slots * sizeof(SizeCount))
    if old != NULL:
        for i in range(counts.n_slots):
            if not is_free(&old[i]):
                find_slot(slots, n_slots, old[i].size, memory.secret)[0] = old[i]
        n_entries = counts.n_entries
    else:
        for i in range(counts.n_entries):
            slot = find_slot(slots, n_slots, few[i] >> 16, memory.secret)
            n_entries += is_free(slot)
            slot.size = few[i] >> 16
            slot.n_packets[(few[i] >> 15) & 1] += few[i] & LARGEST_FEW_COUNT
    free_counts(counts, memory)
    counts.slots = slots
    counts.n_slots = n_slots
    counts.n_entries = n_entries
    memory.n_bytes += measure_memory(counts)
    return STATUS_OK


cdef inline bint add_to_few(SizeCounts *counts, uint32_t size, uint32_t is_reverse) noexcept nogil:
    """Count it in the struct if there is an entry for it, or room for one."""
    cdef uint32_t *few = counts.few
    cdef uint32_t i, wanted = size << 16 | is_reverse << 15
    for i in range(counts.n_entries):
        if few[i] ^ wanted <= LARGEST_FEW_COUNT:
            if few[i] & LARGEST_FEW_COUNT == LARGEST_FEW_COUNT:
                return False
            few[i] += 1
            return True
    if counts.n_entries == N_FEW:
        return False
    few[counts.n_entries] = wanted + 1
    counts.n_entries += 1
    return True


cdef inline Status add_size(
    SizeCounts *counts, uint32_t size, uint32_t is_reverse, SizeMemory *memory,
) noexcept nogil:
    """One more packet of a direction (0: forward, 1: reverse). Without memory it is not counted."""
    cdef SizeCount *slot
    cdef Status status = STATUS_OK
    if counts.slots == NULL:
        if size <= LARGEST_FEW_SIZE and add_to_few(counts, size, is_reverse):
            return STATUS_OK
        status = set_size_slots(counts, LEAST_SLOTS, memory)
    elif 4 * <uint64_t> counts.n_entries >= 3 * <uint64_t> counts.n_slots:
        status = set_size_slots(counts, 2 * counts.n_slots, memory)
    if status != STATUS_OK:
        return status
    slot = find_slot(counts.slots, counts.n_slots, size, memory.secret)
    counts.n_entries += is_free(slot)
    slot.size = size
    slot.n_packets[is_reverse] += 1
    return STATUS_OK
