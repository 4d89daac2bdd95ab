"""Sorted values and their quantiles."""
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset


cdef enum:
    INSERTION_SORT_UP_TO = 32    # values


cdef inline void sort_by_insertion(uint32_t *values, size_t n) noexcept nogil:
    """Sort in place."""
    cdef size_t i, place
    cdef uint32_t value
    for i in range(1, n):
        value = values[i]
        place = i
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


cdef inline void sort_by_octets(uint32_t *values, uint32_t *spare, size_t n, uint32_t largest) noexcept nogil:
    """Sort by radix, least significant octet first, as many octets as the largest value has."""
    cdef size_t counts[256]
    cdef size_t i, place, below
    cdef uint32_t *source = values
    cdef uint32_t *target = spare
    cdef int shift = 0
    while shift < 32 and largest >> shift:
        memset(counts, 0, sizeof(counts))
        for i in range(n):
            counts[(source[i] >> shift) & 0xFF] += 1
        below = 0
        for i in range(256):
            place = counts[i]
            counts[i] = below
            below += place
        for i in range(n):
            target[counts[(source[i] >> shift) & 0xFF]] = source[i]
            counts[(source[i] >> shift) & 0xFF] += 1
        source, target = target, source
        shift += 8
    if source != values:
        memcpy(values, source, n * sizeof(uint32_t))


cdef inline void sort_values(uint32_t *values, uint32_t *spare, size_t n, uint32_t largest) noexcept nogil:
    """Sort in place; `spare` has room for as many values, and `largest` is at least the largest one."""
    if n <= INSERTION_SORT_UP_TO:
        sort_by_insertion(values, n)
    else:
        sort_by_octets(values, spare, n, largest)


cdef inline void merge_sorted(
    const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *merged,
) noexcept nogil:
    """Merge two sorted sequences into a third."""
    cdef size_t i = 0, j = 0
    while i < n_a and j < n_b:
        if a[i] <= b[j]:
            merged[i + j] = a[i]
            i += 1
        else:
            merged[i + j] = b[j]
            j += 1
    memcpy(merged + i + j, a + i, (n_a - i) * sizeof(uint32_t))
    memcpy(merged + n_a + j, b + j, (n_b - j) * sizeof(uint32_t))


cdef inline double interpolate_quarter(uint64_t n, uint64_t quarters, uint32_t lower, uint32_t upper) noexcept nogil:
    """Interpolate the quantile quarters / 4 of n values, between places (n - 1) * quarters // 4 and one on: exact."""
    cdef double fraction = ((n - 1) * quarters % 4) / 4.0
    if fraction == 0:
        return lower
    return lower + (<double> upper - <double> lower) * fraction


cdef inline double find_quarter(const uint32_t *values, size_t n, size_t quarters) noexcept nogil:
    """Find the linear quantile quarters / 4 of sorted values."""
    cdef size_t place = (n - 1) * quarters // 4
    return interpolate_quarter(n, quarters, values[place], values[min(place + 1, n - 1)])
