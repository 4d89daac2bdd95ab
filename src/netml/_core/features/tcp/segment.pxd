"""One TCP segment of a flow, and its place: sent again, late, or for the first time (docs/tcp.md)."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from netml._core.features.base.family cimport FlowPackets
from netml._core.features.tcp.ranges cimport SentRanges, add_range, count_late, count_sent, unwrap_sequence
from netml._core.packet cimport TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN


cdef struct Segment:
    int64_t time_ns
    uint32_t sequence
    uint32_t acknowledgement
    uint32_t payload_bytes
    uint32_t options             # of a SYN, as `tcp_options.pxd` has them
    uint16_t window              # not scaled
    uint8_t flags
    bint is_forward


cdef struct Placement:           # by the numbers that the direction had sent before
    bint is_retransmitted        # it has numbers, and all were sent before
    bint is_out_of_order         # some were not, and lie below the highest end so far
    bint is_keep_alive
    int64_t retransmitted_bytes  # of the payload
    int64_t out_of_order_bytes   # of the payload


cdef inline bint is_plain(const Segment *segment) noexcept nogil:
    """Return True for a segment without SYN, FIN and RST."""
    return not segment.flags & (TCP_SYN | TCP_FIN | TCP_RST)


cdef inline bint is_asking(const Segment *segment) noexcept nogil:
    """Return True for a SYN that is no answer."""
    return segment.flags & (TCP_SYN | TCP_ACK) == TCP_SYN


cdef inline bint is_answering(const Segment *segment) noexcept nogil:
    """Return True for a SYN-ACK."""
    return segment.flags & (TCP_SYN | TCP_ACK) == TCP_SYN | TCP_ACK


cdef inline bint read_segment(const FlowPackets *flow, size_t i, Segment *segment) noexcept nogil:
    """Read packet i of a flow; return False for a later fragment, which has no TCP header."""
    if flow.header_bytes[i] == 0:
        return False
    segment.time_ns = flow.time_ns[i]
    segment.sequence = flow.sequence[i]
    segment.acknowledgement = flow.acknowledgement[i]
    segment.payload_bytes = flow.payload_bytes[i]
    segment.options = flow.tcp_options[i]
    segment.window = flow.window[i]
    segment.flags = flow.flags[i]
    segment.is_forward = flow.is_forward == NULL or flow.is_forward[i] != 0
    return True


cdef inline bint find_originator(const FlowPackets *flow) noexcept nogil:
    """Find the originator: forward, unless the first segment is its answer, or the other's SYN."""
    cdef Segment segment
    cdef size_t i
    for i in range(flow.n_packets):
        if read_segment(flow, i, &segment):
            return segment.is_forward != is_answering(&segment) or not segment.flags & TCP_SYN
    return True


cdef inline void place_segment(
    SentRanges *sent,            # of the segment's direction; it is sent now
    const Segment *segment,      # IN
    Placement *placement,        # OUT
) noexcept nogil:
    """Classify a segment."""
    cdef int64_t n_syn = 1 if segment.flags & TCP_SYN else 0, n_fin = 1 if segment.flags & TCP_FIN else 0
    cdef int64_t start = unwrap_sequence(sent, segment.sequence), payload_at = start + n_syn
    cdef int64_t payload_end = payload_at + segment.payload_bytes, stop = payload_end + n_fin
    placement.is_retransmitted = placement.is_out_of_order = placement.is_keep_alive = False
    placement.retransmitted_bytes = placement.out_of_order_bytes = 0
    if sent.n and is_plain(segment) and segment.payload_bytes <= 1 and start == sent.stop[sent.n - 1] - 1:
        placement.is_keep_alive = True
        return
    if start == stop:
        return
    # A SYN of a number of its own begins another connection, unless it is the one that belongs in front, and late.
    if n_syn and sent.n and not start < sent.first[0] <= stop and not count_sent(sent, start, start + 1):
        sent.n = 0
    if sent.n and start < sent.stop[sent.n - 1]:
        placement.is_retransmitted = count_sent(sent, start, stop) == stop - start
        placement.is_out_of_order = count_late(sent, start, stop) > 0
        placement.retransmitted_bytes = count_sent(sent, payload_at, payload_end)
        placement.out_of_order_bytes = count_late(sent, payload_at, payload_end)
    add_range(sent, start, stop)
