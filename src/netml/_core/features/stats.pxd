"""STATS: twelve statistics of a flow (the seed): duration s, packets/s, bytes/s; mean, population standard deviation,
quartiles (linear), min and max of packet size; packets, bytes. Rates are 0 where the duration is 0.
"""
from libc.math cimport sqrt
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from netml._core.features.family cimport FamilyNeeds, FlowPackets
from netml._core.octets cimport netml_gap


cdef enum:
    INSERTION_SORT_UP_TO = 32    # values


cdef inline void sort_by_insertion(uint32_t *values, size_t n) noexcept nogil:
    """In place."""
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
    """Radix sort, least significant octet first, as many octets as the largest value has."""
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


cdef inline double find_quarter(const uint32_t *values, size_t n, size_t quarters) noexcept nogil:
    """Linear quantile quarters / 4 of sorted values: exact, as quarters are."""
    cdef size_t place = (n - 1) * quarters // 4
    cdef double fraction = ((n - 1) * quarters % 4) / 4.0
    if fraction == 0:
        return values[place]
    return values[place] + (<double> values[place + 1] - <double> values[place]) * fraction


cdef inline void fill_stats(const FlowPackets *flow, const FamilyNeeds *needs, double *row) noexcept nogil:
    """Fill twelve values."""
    cdef size_t i, n = flow.n_packets
    cdef uint32_t *sorted_size = needs.scratch
    cdef uint32_t smallest = flow.size[0], largest = flow.size[0]
    cdef uint64_t n_bytes = 0
    cdef double duration_s = <double> netml_gap(flow.time_ns[n - 1], flow.time_ns[0]) / 1e9
    cdef double mean, squares = 0
    for i in range(n):
        sorted_size[i] = flow.size[i]
        n_bytes += flow.size[i]
        smallest = min(smallest, flow.size[i])
        largest = max(largest, flow.size[i])
    mean = <double> n_bytes / n
    for i in range(n):
        squares += (flow.size[i] - mean) * (flow.size[i] - mean)
    if smallest != largest:
        if n <= INSERTION_SORT_UP_TO:
            sort_by_insertion(sorted_size, n)
        else:
            sort_by_octets(sorted_size, sorted_size + n, n, largest)
    row[0] = duration_s
    row[1] = n / duration_s if duration_s > 0 else 0
    row[2] = n_bytes / duration_s if duration_s > 0 else 0
    row[3] = mean
    row[4] = sqrt(squares / n)
    row[5] = find_quarter(sorted_size, n, 1)
    row[6] = find_quarter(sorted_size, n, 2)
    row[7] = find_quarter(sorted_size, n, 3)
    row[8] = smallest
    row[9] = largest
    row[10] = n
    row[11] = n_bytes
