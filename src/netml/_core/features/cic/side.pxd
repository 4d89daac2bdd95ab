"""One direction of a flow as CIC sees it: times between its packets, lengths, flags, headers, first window."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from netml._core.octets cimport netml_spread
from netml._core.packet cimport TCP_PSH, TCP_URG


cdef enum:
    CIC_FWD
    CIC_BWD


cdef struct CicPacket:
    uint64_t time_ns             # since the flow's first packet, as all times of the sums
    uint32_t payload_bytes
    uint32_t sequence            # of no use unless it is TCP, as are flags and window
    uint16_t window
    uint8_t header_bytes         # of the transport: 0 where there is none
    uint8_t flags
    uint8_t side                 # CIC_FWD or CIC_BWD
    bint is_tcp                  # has a TCP header: a later fragment has none


cdef struct CicSide:             # one direction
    uint64_t first_ns
    uint64_t last_ns
    uint64_t payload_bytes
    double payload_spread
    double gap_spread            # ns^2
    uint64_t gap_min_ns
    uint64_t gap_max_ns
    uint64_t header_bytes
    uint32_t payload_min
    uint32_t payload_max
    uint32_t n_packets
    uint32_t n_data              # with payload
    uint32_t n_psh
    uint32_t n_urg
    uint16_t window              # of the first packet
    uint8_t header_min
    uint8_t has_window           # the first packet is TCP


cdef inline void add_to_side(CicSide *side, const CicPacket *packet) noexcept nogil:
    """Add a packet's times, lengths and flags to its direction."""
    cdef uint64_t gap_ns = packet.time_ns - side.last_ns
    side.payload_spread += netml_spread(packet.payload_bytes, side.payload_bytes, side.n_packets)
    if side.n_packets == 0:
        side.first_ns = packet.time_ns
        side.payload_min = packet.payload_bytes
        side.header_min = packet.header_bytes
        side.window = packet.window
        side.has_window = packet.is_tcp
    else:
        side.gap_spread += netml_spread(gap_ns, side.last_ns - side.first_ns, side.n_packets - 1)
        if side.n_packets == 1 or gap_ns < side.gap_min_ns:
            side.gap_min_ns = gap_ns
        side.gap_max_ns = max(side.gap_max_ns, gap_ns)
    side.last_ns = packet.time_ns
    side.n_packets += 1
    side.payload_bytes += packet.payload_bytes
    side.payload_min = min(side.payload_min, packet.payload_bytes)
    side.payload_max = max(side.payload_max, packet.payload_bytes)
    side.n_data += packet.payload_bytes > 0
    side.n_psh += (packet.flags & TCP_PSH) != 0
    side.n_urg += (packet.flags & TCP_URG) != 0
    side.header_bytes += packet.header_bytes
    side.header_min = min(side.header_min, packet.header_bytes)
