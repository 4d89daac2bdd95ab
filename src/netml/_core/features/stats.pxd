"""STATS: twelve statistics of a flow (the original): duration s, packets/s, bytes/s; mean, population standard
deviation, quartiles (linear), min and max of packet size; packets, bytes. Rates are 0 where the duration is 0.
"""
from libc.math cimport sqrt
from libc.stdint cimport uint32_t, uint64_t

from netml._core.features.base.family cimport FamilyNeeds, FlowPackets
from netml._core.features.base.quantiles cimport find_quarter, sort_values
from netml._core.octets cimport netml_gap


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
        sort_values(sorted_size, sorted_size + n, n, largest)
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
