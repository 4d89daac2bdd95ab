"""Sums and lengths by flow: flow i has the packets offsets[i] .. offsets[i + 1] of the columns."""
from libc.stdint cimport int64_t, uint32_t


cdef inline void sum_flows(
    const uint32_t *size, const int64_t *offsets, size_t n_flows, int64_t *totals,
) noexcept nogil:
    """Sum a column over each flow."""
    cdef size_t flow
    cdef int64_t i, total
    for flow in range(n_flows):
        total = 0
        for i in range(offsets[flow], offsets[flow + 1]):
            total += size[i]
        totals[flow] = total


cdef inline int64_t find_longest(
    const int64_t *offsets, int64_t n_flows, int64_t n_packets, int64_t n_least, int64_t *n_most,
) noexcept nogil:
    """Find the longest flow; return the first flow that is too short or outside of the columns, -1 if none."""
    cdef int64_t flow
    n_most[0] = 0
    for flow in range(n_flows):
        if not 0 <= offsets[flow] <= offsets[flow + 1] <= n_packets or offsets[flow + 1] - offsets[flow] < n_least:
            return flow
        n_most[0] = max(n_most[0], offsets[flow + 1] - offsets[flow])
    return -1
