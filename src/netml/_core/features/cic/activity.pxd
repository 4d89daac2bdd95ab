"""Active periods and idle gaps of CIC: a gap of more than the threshold ends a period, and is an idle value.

Before the first such gap all is 0: the one period began with the flow. Sums are not kept where others tell
them: what is active is what is not idle, and the longest idle gap is the longest gap.
"""
from libc.stdint cimport uint32_t, uint64_t

from netml._core.octets cimport netml_spread


cdef struct Activity:
    uint64_t start_ns            # of the open period, since the flow's first packet, with which the first one begins
    double active_spread         # sum of squared distances from the mean, ns^2; of periods that lasted
    uint64_t active_min_ns
    uint64_t active_max_ns
    double idle_spread
    uint64_t idle_min_ns
    uint64_t idle_total_ns
    uint32_t n_active
    uint32_t n_idle


cdef inline uint64_t end_period(Activity *activity, uint64_t last_ns) noexcept nogil:
    """End the open period; return the sum of all."""
    cdef uint64_t length_ns = last_ns - activity.start_ns
    cdef uint64_t total_ns = activity.start_ns - activity.idle_total_ns
    if length_ns > 0:
        activity.active_spread += netml_spread(length_ns, total_ns, activity.n_active)
        if activity.n_active == 0 or length_ns < activity.active_min_ns:
            activity.active_min_ns = length_ns
        activity.active_max_ns = max(activity.active_max_ns, length_ns)
        activity.n_active += 1
    return total_ns + length_ns


cdef inline void add_idle_gap(Activity *activity, uint64_t last_ns, uint64_t time_ns) noexcept nogil:
    """Add the idle gap from `last_ns` to `time_ns`: it ends a period, and the next begins after it."""
    cdef uint64_t gap_ns = time_ns - last_ns
    end_period(activity, last_ns)
    activity.idle_spread += netml_spread(gap_ns, activity.idle_total_ns, activity.n_idle)
    if activity.n_idle == 0 or gap_ns < activity.idle_min_ns:
        activity.idle_min_ns = gap_ns
    activity.idle_total_ns += gap_ns
    activity.n_idle += 1
    activity.start_ns = time_ns
