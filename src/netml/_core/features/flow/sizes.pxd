"""FLOW's statistics of packet sizes, of both directions together and of each: sums, least, most, quartiles."""
from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t
from libc.string cimport memset

from netml._core.features.base.family cimport FlowPackets
from netml._core.features.base.quantiles cimport find_quarter, merge_sorted, sort_values
from netml._core.octets cimport netml_add_squares


cdef enum:                       # ways; what only the directions have stands at way - 1
    WAY_BOTH = 0
    WAY_FORWARD
    WAY_REVERSE
    N_WAYS


cdef struct SizeSums:            # sizes of one way's packets
    uint64_t n_bytes
    uint64_t squares[2]
    double quarters[3]
    uint32_t least
    uint32_t most


cdef inline void sum_sizes(const uint32_t *values, size_t n, SizeSums *sums) noexcept nogil:
    """Sum sizes that are in order."""
    cdef size_t i
    cdef uint64_t n_bytes = 0, squares = 0
    memset(sums, 0, sizeof(SizeSums))
    if n == 0:
        return
    sums.least = values[0]
    sums.most = values[n - 1]
    if sums.most <= 0xFFFF and n <= UINT32_MAX:  # then 64 bits are enough
        for i in range(n):
            n_bytes += values[i]
            squares += <uint64_t> values[i] * values[i]
        sums.n_bytes = n_bytes
        sums.squares[0] = squares
    else:
        for i in range(n):
            sums.n_bytes += values[i]
            netml_add_squares(sums.squares, values[i], 1)
    find_quarters(values, n, sums)


cdef inline void find_quarters(const uint32_t *values, size_t n, SizeSums *sums) noexcept nogil:
    """Find the quartiles of sizes that are in order, at least one."""
    cdef size_t i
    for i in range(3):
        sums.quarters[i] = find_quarter(values, n, 1 + i)


cdef inline void join_sizes(const SizeSums *a, const SizeSums *b, SizeSums *both) noexcept nogil:
    """Join the sums of both directions."""
    both.n_bytes = a.n_bytes + b.n_bytes
    both.squares[0] = a.squares[0] + b.squares[0]
    both.squares[1] = a.squares[1] + b.squares[1] + (both.squares[0] < a.squares[0])


cdef inline void sum_all_sizes(const FlowPackets *flow, uint32_t *scratch, SizeSums *sums) noexcept nogil:
    """Sum all packets' sizes by way. `scratch` has room for twice the packets."""
    cdef size_t i, n_forward = 0, n = flow.n_packets, n_reverse
    cdef uint32_t *reverse
    cdef uint32_t largest = 0, is_forward
    # Forward from the left, reverse from the right end of one column; into both, as no processor can guess which.
    for i in range(n):
        is_forward = flow.is_forward == NULL or flow.is_forward[i] != 0
        scratch[n_forward] = flow.size[i]
        scratch[n - 1 - (i - n_forward)] = flow.size[i]
        n_forward += is_forward
        largest = max(largest, flow.size[i])
    n_reverse = n - n_forward
    reverse = scratch + n_forward
    sort_values(scratch, scratch + n, n_forward, largest)
    sort_values(reverse, scratch + n, n_reverse, largest)
    sum_sizes(scratch, n_forward, &sums[WAY_FORWARD])
    sum_sizes(reverse, n_reverse, &sums[WAY_REVERSE])
    if n_forward == 0 or n_reverse == 0:
        sums[WAY_BOTH] = sums[WAY_REVERSE if n_forward == 0 else WAY_FORWARD]
        return
    merge_sorted(scratch, n_forward, reverse, n_reverse, scratch + n)
    join_sizes(&sums[WAY_FORWARD], &sums[WAY_REVERSE], &sums[WAY_BOTH])
    sums[WAY_BOTH].least = scratch[n]
    sums[WAY_BOTH].most = largest
    find_quarters(scratch + n, n, &sums[WAY_BOTH])
