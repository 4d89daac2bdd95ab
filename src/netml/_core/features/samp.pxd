"""SAMP_NUM and SAMP_SIZE: packets, or bytes, per window of `rate` seconds (the original).

A window opens with a packet, starts a whole number of rates after the first packet, and takes what comes within `rate`
of its start, ends included. At most 500 empty windows a gap and 500 windows a row.
"""
from netml._core.features.base.family cimport FamilyNeeds, FlowPackets
from netml._core.octets cimport netml_exceeds, netml_floor_quotient, netml_gap


cdef enum:
    MAX_WINDOWS = 500


cdef inline void fill_samp(
    const FlowPackets *flow, const FamilyNeeds *needs, bint sums_bytes, double *row, size_t width,
) noexcept nogil:
    """Fill row[i] = packets or bytes of window i. A rate of 0 makes a window of every time that occurs."""
    cdef double rate = needs.settings.rate_ns, elapsed, window = 0, later_window, start = 0, n_empty
    cdef bint is_outside
    cdef double value = flow.size[0] if sums_bytes else 1
    cdef size_t i, out = 0
    for i in range(1, flow.n_packets):
        elapsed = <double> netml_gap(flow.time_ns[i], flow.time_ns[0])
        is_outside = netml_exceeds(elapsed, window + 1, rate) if rate > 0 else elapsed > start
        if is_outside:
            if out >= width or out >= MAX_WINDOWS:
                return
            row[out] = value
            out += 1
            if rate > 0:
                later_window = netml_floor_quotient(elapsed, rate)
                n_empty = later_window - window - 1
                window = later_window
                out += <size_t> min(n_empty, <double> MAX_WINDOWS)
            else:
                start = elapsed
            # Beyond 500 values the row ends, this packet's window with it.
            if out > MAX_WINDOWS:
                return
            value = 0
        value += flow.size[i] if sums_bytes else 1
    if out < width:
        row[out] = value
