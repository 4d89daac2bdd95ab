"""FLOW's statistics of sizes from counts by size (size_counts.pxd): the same numbers as from the sizes themselves."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from netml._core.features.base.quantiles cimport interpolate_quarter, sort_values
from netml._core.features.flow.size_counts cimport (
    COUNT_BITS, LARGEST_FEW_COUNT, N_FEW, SizeCount, SizeCounts, SizeMemory, find_entries, find_slot, is_free,
)
from netml._core.features.flow.sizes cimport WAY_BOTH, WAY_FORWARD, SizeSums
from netml._core.octets cimport netml_add_squares, netml_allocate_plain
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef inline uint64_t count_way(const SizeCount *count, size_t way) noexcept nogil:
    """Count the packets of a way."""
    if way == WAY_BOTH:
        return <uint64_t> count.n_packets[0] + count.n_packets[1]
    return count.n_packets[way - WAY_FORWARD]


cdef inline void sum_way_counts(
    const SizeCount *sorted_counts, size_t n_counts, size_t way, SizeSums *sums,
) noexcept nogil:
    """Sum one way's counts, which are in order of size."""
    cdef uint32_t found[6]       # at the three quarters, and one place on
    cdef uint64_t n, n_below = 0, n_packets = 0
    cdef size_t i, j
    memset(sums, 0, sizeof(SizeSums))
    memset(found, 0, sizeof(found))
    for i in range(n_counts):
        n_packets += count_way(&sorted_counts[i], way)
    if n_packets == 0:
        return
    for i in range(n_counts):
        n = count_way(&sorted_counts[i], way)
        if n == 0:
            continue
        sums.least = sorted_counts[i].size if n_below == 0 else sums.least
        sums.most = sorted_counts[i].size
        sums.n_bytes += n * sorted_counts[i].size
        netml_add_squares(sums.squares, sorted_counts[i].size, n)
        for j in range(6):
            if n_below <= (n_packets - 1) * (1 + j // 2) // 4 + j % 2 < n_below + n:
                found[j] = sorted_counts[i].size
        n_below += n
    for j in range(3):
        sums.quarters[j] = interpolate_quarter(n_packets, 1 + j, found[2 * j], found[2 * j + 1])


cdef inline void list_entries(const uint32_t *entries, size_t n, SizeCount *listed) noexcept nogil:
    """List entries as counts, in the same order; a size may occur several times."""
    cdef size_t i
    memset(listed, 0, n * sizeof(SizeCount))
    for i in range(n):
        listed[i].size = entries[i] >> 16
        listed[i].n_packets[entries[i] >> COUNT_BITS & 1] = entries[i] & LARGEST_FEW_COUNT


cdef inline void list_slots(
    const SizeCounts *counts, const SizeMemory *memory, uint32_t *sizes, SizeCount *listed,
) noexcept nogil:
    """List the slots of a hash table in order of size; `sizes` is scratch for twice as many as there are."""
    cdef SizeCount *slots = <SizeCount *> counts.more
    cdef uint32_t largest = 0
    cdef size_t i, n_found = 0
    for i in range(counts.n_slots):
        if not is_free(&slots[i]):
            sizes[n_found] = slots[i].size
            largest = max(largest, slots[i].size)
            n_found += 1
    sort_values(sizes, sizes + n_found, n_found, largest)
    for i in range(n_found):
        listed[i] = find_slot(slots, counts.n_slots, sizes[i], memory.secret)[0]


cdef inline Status sum_counts(const SizeCounts *counts, const SizeMemory *memory, SizeSums *sums) noexcept nogil:
    """Compute the sums of all three ways, as `sum_all_sizes` does from the sizes themselves."""
    cdef size_t n = counts.n_entries, i
    cdef SizeCount few[N_FEW]
    cdef SizeCount *listed = few
    cdef uint32_t entries[2 * N_FEW]
    if counts.more != NULL:
        listed = <SizeCount *> netml_allocate_plain(n * (sizeof(SizeCount) + 2 * sizeof(uint32_t)))
        if listed == NULL:
            return STATUS_NO_MEMORY
    if counts.is_hashed:
        list_slots(counts, memory, <uint32_t *> (listed + n), listed)
    elif counts.more != NULL:
        list_entries(find_entries(counts), n, listed)
    else:
        memcpy(entries, counts.few, n * sizeof(uint32_t))
        sort_values(entries, entries + N_FEW, n, 0xFFFFFFFF)
        list_entries(entries, n, listed)
    for i in range(3):
        sum_way_counts(listed, n, i, &sums[i])
    if listed != few:
        free(listed)
    return STATUS_OK
