"""The ranges of sequence numbers that one direction of a TCP connection has sent, with their holes.

Numbers are unwrapped: each is taken as the one nearest to the highest end so far, by a signed distance of 32 bits.
At most MOST_RANGES: captures with losses leave holes that nothing ever fills. Of more, the lowest two become one.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t


cdef enum:
    MOST_RANGES = 64


cdef struct SentRanges:          # sorted, half open; none touches the next
    int64_t first[MOST_RANGES + 1]
    int64_t stop[MOST_RANGES + 1]
    size_t n


cdef inline int64_t unwrap_sequence(const SentRanges *sent, uint32_t sequence) noexcept nogil:
    """Unwrap a 32-bit sequence number."""
    cdef int64_t end
    if sent.n == 0:
        return sequence
    end = sent.stop[sent.n - 1]
    return end + <int32_t> (sequence - <uint32_t> end)


cdef inline int64_t count_sent(const SentRanges *sent, int64_t start, int64_t stop) noexcept nogil:
    """Count the numbers of start..stop that were sent before."""
    cdef int64_t n_sent = 0
    cdef size_t i = sent.n
    while i > 0 and sent.stop[i - 1] > start:
        i -= 1
        if sent.first[i] < stop:
            n_sent += min(stop, sent.stop[i]) - max(start, sent.first[i])
    return n_sent


cdef inline int64_t count_late(const SentRanges *sent, int64_t start, int64_t stop) noexcept nogil:
    """Count the numbers of start..stop that were not sent before, and lie below the highest end so far."""
    if sent.n == 0:
        return 0
    stop = min(stop, sent.stop[sent.n - 1])
    return stop - start - count_sent(sent, start, stop) if stop > start else 0


cdef inline void add_range(SentRanges *sent, int64_t start, int64_t stop) noexcept nogil:
    """Note start..stop as sent."""
    cdef size_t i, low = sent.n, high
    while low > 0 and sent.stop[low - 1] >= start:
        low -= 1
    high = low
    while high < sent.n and sent.first[high] <= stop:
        high += 1
    # The ranges low..high touch it: they become one with it. Without any, there is one more.
    if low == high:
        for i in range(sent.n, low, -1):
            sent.first[i] = sent.first[i - 1]
            sent.stop[i] = sent.stop[i - 1]
        sent.first[low] = start
        sent.stop[low] = stop
        sent.n += 1
    else:
        sent.first[low] = min(start, sent.first[low])
        sent.stop[low] = max(stop, sent.stop[high - 1])
        drop_ranges(sent, low + 1, high)
    if sent.n > MOST_RANGES:
        sent.stop[0] = sent.stop[1]
        drop_ranges(sent, 1, 2)


cdef inline void drop_ranges(SentRanges *sent, size_t low, size_t high) noexcept nogil:
    """Remove the ranges low..high."""
    cdef size_t i
    if low == high:
        return
    for i in range(high, sent.n):
        sent.first[low + i - high] = sent.first[i]
        sent.stop[low + i - high] = sent.stop[i]
    sent.n -= high - low
