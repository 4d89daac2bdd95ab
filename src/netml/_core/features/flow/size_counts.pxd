"""Packet sizes of a flow counted by value and direction: exact quartiles with nothing kept for each packet.

Most flows have a few sizes: entries of 32 bits in the struct itself, which takes no memory for those that are not used
where it lies packed. Flows with more of them have entries in order on the heap; with very many, or giant ones, a hash
table, whose slots depend on a secret: sizes are what a capture's author says they are.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memmove, memset

from netml._core.features.base.quantiles cimport sort_values
from netml._core.octets cimport netml_allocate_plain, netml_fold_multiply, netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    N_FEW = 59                   # entries in the struct
    N_ORDERED = 1 << 10          # on the heap: to insert one moves half of them
    LEAST_SLOTS = 128
    MOST_SLOTS = 1 << 30
    LARGEST_FEW_SIZE = 0xFFFF
    LARGEST_FEW_COUNT = 0x7FFF   # of more packets there is one more entry
    COUNT_BITS = 15


cdef struct SizeMemory:          # of all flows'
    uint64_t secret
    size_t n_bytes               # on the heap


cdef struct SizeCount:
    uint32_t size
    uint32_t n_packets[2]        # forward, reverse; both 0: a free slot


cdef struct SizeCounts:
    void *more                   # owned; NULL: entries in `few`; else entries in order, or SizeCount slots
    uint32_t n_slots             # that there is room for in `more`
    uint32_t n_entries
    uint32_t is_hashed           # `more` are slots
    uint32_t few[N_FEW]          # size << 16 | is reverse << 15 | packets


cdef inline void begin_counts(SizeCounts *counts) noexcept nogil:
    """Initialise without sizes."""
    memset(counts, 0, sizeof(SizeCounts))


cdef inline size_t measure_memory(const SizeCounts *counts) noexcept nogil:
    """Return the octets on the heap."""
    return counts.n_slots * (sizeof(SizeCount) if counts.is_hashed else sizeof(uint32_t))


cdef inline void free_counts(SizeCounts *counts, SizeMemory *memory) noexcept nogil:
    """Free the memory; no sizes are left."""
    memory.n_bytes -= measure_memory(counts)
    free(counts.more)
    begin_counts(counts)


cdef inline bint is_free(const SizeCount *slot) noexcept nogil:
    """Return True if no packet is counted here."""
    return (slot.n_packets[0] | slot.n_packets[1]) == 0


cdef inline SizeCount *find_slot(SizeCount *slots, uint32_t n_slots, uint32_t size, uint64_t secret) noexcept nogil:
    """Find the size's slot, or the free one where it belongs."""
    cdef uint64_t i = netml_fold_multiply(size ^ secret, <uint64_t> 0x9E3779B97F4A7C15)
    while True:
        i &= n_slots - 1
        if slots[i].size == size or is_free(&slots[i]):
            return &slots[i]
        i += 1


cdef inline const uint32_t *find_entries(const SizeCounts *counts) noexcept nogil:
    """Return the entries, in the struct or on the heap; not of a hash table."""
    return &counts.few[0] if counts.more == NULL else <const uint32_t *> counts.more


cdef inline Status hash_counts(SizeCounts *counts, uint32_t n_slots, SizeMemory *memory) noexcept nogil:
    """Move all sizes into a hash table of at least that many slots; without memory nothing changes."""
    cdef SizeCount *slots
    cdef SizeCount *slot
    cdef const SizeCount *old = <const SizeCount *> counts.more
    cdef const uint32_t *entries = find_entries(counts)
    cdef uint32_t i, n_entries = 0
    while 3 * <uint64_t> n_slots <= 4 * <uint64_t> counts.n_entries:
        n_slots *= 2
    slots = <SizeCount *> netml_allocate_plain(n_slots * sizeof(SizeCount)) if n_slots <= MOST_SLOTS else NULL
    if slots == NULL:
        return STATUS_NO_MEMORY
    memset(slots, 0, n_slots * sizeof(SizeCount))
    if counts.is_hashed:
        for i in range(counts.n_slots):
            if not is_free(&old[i]):
                find_slot(slots, n_slots, old[i].size, memory.secret)[0] = old[i]
        n_entries = counts.n_entries
    else:
        for i in range(counts.n_entries):
            slot = find_slot(slots, n_slots, entries[i] >> 16, memory.secret)
            n_entries += is_free(slot)
            slot.size = entries[i] >> 16
            slot.n_packets[entries[i] >> COUNT_BITS & 1] += entries[i] & LARGEST_FEW_COUNT
    free_counts(counts, memory)
    counts.more = slots
    counts.n_slots = n_slots
    counts.n_entries = n_entries
    counts.is_hashed = True
    memory.n_bytes += measure_memory(counts)
    return STATUS_OK


cdef inline bint add_to_few(SizeCounts *counts, uint32_t wanted) noexcept nogil:
    """Count a size in the struct if there is an entry for it, or room for one."""
    cdef uint32_t *few = counts.few
    cdef uint32_t i
    for i in range(counts.n_entries):
        if few[i] ^ wanted < LARGEST_FEW_COUNT:
            few[i] += 1
            return True
    if counts.n_entries == N_FEW:
        return False
    few[counts.n_entries] = wanted + 1
    counts.n_entries += 1
    return True


cdef inline Status grow_ordered(SizeCounts *counts, SizeMemory *memory) noexcept nogil:
    """Grow the ordered entries; the first time, those of the struct move there. Without memory nothing changes."""
    cdef uint32_t spare[N_FEW]
    cdef uint32_t n_slots = (counts.n_entries + counts.n_entries // 8 + 8) & ~<uint32_t> 3
    cdef uint32_t *entries = <uint32_t *> netml_reallocate(counts.more, n_slots * sizeof(uint32_t))
    if entries == NULL:
        return STATUS_NO_MEMORY
    if counts.more == NULL:
        memcpy(entries, counts.few, counts.n_entries * sizeof(uint32_t))
        sort_values(entries, spare, counts.n_entries, 0xFFFFFFFF)
        memset(counts.few, 0, sizeof(counts.few))
    memory.n_bytes -= measure_memory(counts)
    counts.more = entries
    counts.n_slots = n_slots
    memory.n_bytes += measure_memory(counts)
    return STATUS_OK


cdef inline uint32_t count_up_to(const uint32_t *entries, uint32_t n, uint32_t wanted) noexcept nogil:
    """Find the entries of sizes and directions before the wanted one, and its own."""
    cdef uint32_t low = 0, middle
    while low < n:
        middle = low + (n - low) // 2
        if entries[middle] >> COUNT_BITS <= wanted >> COUNT_BITS:
            low = middle + 1
        else:
            n = middle
    return low


cdef inline Status add_to_ordered(SizeCounts *counts, uint32_t wanted, SizeMemory *memory) noexcept nogil:
    """Count a size in an entry on the heap, while there are fewer than N_ORDERED."""
    cdef uint32_t *entries = <uint32_t *> counts.more
    cdef uint32_t at = count_up_to(entries, counts.n_entries, wanted)
    cdef Status status
    if at and entries[at - 1] ^ wanted < LARGEST_FEW_COUNT:
        entries[at - 1] += 1
        return STATUS_OK
    if counts.n_entries == counts.n_slots:
        status = grow_ordered(counts, memory)
        if status != STATUS_OK:
            return status
        entries = <uint32_t *> counts.more
    memmove(entries + at + 1, entries + at, (counts.n_entries - at) * sizeof(uint32_t))
    entries[at] = wanted + 1
    counts.n_entries += 1
    return STATUS_OK


cdef inline Status add_to_slots(
    SizeCounts *counts, uint32_t size, uint32_t is_reverse, SizeMemory *memory,
) noexcept nogil:
    """Count a size in a hash table, which there is from now on."""
    cdef SizeCount *slot
    cdef Status status = STATUS_OK
    if not counts.is_hashed or 4 * <uint64_t> counts.n_entries >= 3 * <uint64_t> counts.n_slots:
        status = hash_counts(counts, LEAST_SLOTS, memory)
    if status != STATUS_OK:
        return status
    slot = find_slot(<SizeCount *> counts.more, counts.n_slots, size, memory.secret)
    counts.n_entries += is_free(slot)
    slot.size = size
    slot.n_packets[is_reverse] += 1
    return STATUS_OK


cdef inline Status add_size(
    SizeCounts *counts, uint32_t size, uint32_t is_reverse, SizeMemory *memory,
) noexcept nogil:
    """Count a packet of a direction (0: forward, 1: reverse). Without memory it is not counted."""
    cdef uint32_t wanted = size << 16 | is_reverse << COUNT_BITS
    cdef Status status
    if counts.is_hashed or size > LARGEST_FEW_SIZE:
        return add_to_slots(counts, size, is_reverse, memory)
    if counts.more == NULL:
        if add_to_few(counts, wanted):
            return STATUS_OK
        status = grow_ordered(counts, memory)
        if status != STATUS_OK:
            return status
    if counts.n_entries < N_ORDERED:
        return add_to_ordered(counts, wanted, memory)
    return add_to_slots(counts, size, is_reverse, memory)
