"""The header block: counts of FIN SYN RST PSH ACK URG ECE CWR over the flow, then each packet's TTL (the original)."""
from libc.stdint cimport uint32_t

from netml._core.features.base.family cimport FlowPackets


cdef enum:
    N_FLAGS = 8


cdef inline void fill_header(const FlowPackets *flow, double *row, size_t width) noexcept nogil:
    """Fill 8 counts, then `width` - 8 TTLs (hop limits)."""
    cdef uint32_t counts[N_FLAGS]
    cdef size_t i, flag
    for flag in range(N_FLAGS):
        counts[flag] = 0
    for i in range(flow.n_packets):
        for flag in range(N_FLAGS):
            counts[flag] += (flow.flags[i] >> flag) & 1
    for flag in range(N_FLAGS):
        row[flag] = counts[flag]
    for i in range(min(width - N_FLAGS, flow.n_packets)):
        row[N_FLAGS + i] = flow.ttl[i]
