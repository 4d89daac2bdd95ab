"""IAT: times between successive packets, s (the original)."""
from netml._core.features.base.family cimport FlowPackets
from netml._core.octets cimport netml_gap


cdef inline void fill_iat(const FlowPackets *flow, double *row, size_t width) noexcept nogil:
    """Fill row[i] = time[i + 1] - time[i], s, from exact integer differences."""
    cdef size_t i
    for i in range(min(width, flow.n_packets - 1)):
        row[i] = <double> netml_gap(flow.time_ns[i + 1], flow.time_ns[i]) / 1e9
