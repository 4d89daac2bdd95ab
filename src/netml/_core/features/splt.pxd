"""SPLT: the first packets' signed sizes (reverse below 0), then their times since the packet before, s, then flags."""
from netml._core.features.base.family cimport FlowPackets
from netml._core.octets cimport netml_gap


cdef inline void fill_splt(const FlowPackets *flow, double *row, size_t width) noexcept nogil:
    """Fill three blocks of width / 3; the first packet's time is 0."""
    cdef size_t i, n_room = width // 3
    for i in range(min(n_room, flow.n_packets)):
        row[i] = flow.size[i]
        if flow.is_forward != NULL and not flow.is_forward[i]:
            row[i] = 0.0 - row[i]  # not -0 for a size of 0
        if i > 0:
            row[n_room + i] = <double> netml_gap(flow.time_ns[i], flow.time_ns[i - 1]) / 1e9
        row[2 * n_room + i] = flow.flags[i]
