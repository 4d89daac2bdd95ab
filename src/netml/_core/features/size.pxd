"""SIZE: packet sizes, bytes; IAT_SIZE: gap, size, gap, size ... and the last packet's size (the original)."""
from netml._core.features.base.family cimport FlowPackets
from netml._core.octets cimport netml_gap


cdef inline void fill_size(const FlowPackets *flow, double *row, size_t width) noexcept nogil:
    """Fill row[i] = size[i]."""
    cdef size_t i
    for i in range(min(width, flow.n_packets)):
        row[i] = flow.size[i]


cdef inline void fill_iat_size(const FlowPackets *flow, double *row, size_t width) noexcept nogil:
    """Fill gap after packet i, s, and size of packet i, in turn; the last size has no gap before it."""
    cdef size_t i, last = flow.n_packets - 1
    for i in range(min((width + 1) // 2, last)):
        row[2 * i] = <double> netml_gap(flow.time_ns[i + 1], flow.time_ns[i]) / 1e9
        if 2 * i + 1 < width:
            row[2 * i + 1] = flow.size[i]
    if 2 * last < width:
        row[2 * last] = flow.size[last]
