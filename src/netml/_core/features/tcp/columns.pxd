"""TCP: handshake; of each direction what was sent again or late, windows and options; the end (docs/tcp.md)."""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from netml._core.features.base.family cimport FlowPackets
from netml._core.features.tcp.handshake cimport HANDSHAKE_COLUMNS, Handshake, fill_handshake, see_handshake
from netml._core.features.tcp.ranges cimport SentRanges
from netml._core.features.tcp.segment cimport Placement, Segment, find_originator, is_plain, place_segment, read_segment
from netml._core.features.tcp.state cimport (
    STATE_NOT_TCP, Connection, ConnectionState, clear_connection, name_state, see_connection,
)
from netml._core.packet cimport PROTOCOL_TCP, TCP_HAS_MSS, TCP_HAS_SACK_PERMITTED, TCP_HAS_WINDOW_SCALE, TCP_SYN


cdef enum:
    SIDE_COLUMNS = 11
    TCP_COLUMNS = HANDSHAKE_COLUMNS + 2 * SIDE_COLUMNS + 1


cdef struct Side:                # what one direction has sent
    int64_t payload_bytes
    uint64_t n_retransmitted
    int64_t retransmitted_bytes
    uint64_t n_out_of_order
    int64_t out_of_order_bytes
    uint64_t n_keep_alives
    uint64_t n_zero_windows
    int64_t initial_window       # of its first segment
    uint32_t options             # of its first SYN
    bint has_segment
    bint has_syn


cdef inline void see_side(Side *side, const Segment *segment, const Placement *placement) noexcept nogil:
    """Add the next segment of the direction."""
    if not side.has_segment:
        side.has_segment = True
        side.initial_window = segment.window
    if segment.flags & TCP_SYN and not side.has_syn:
        side.has_syn = True
        side.options = segment.options
    side.payload_bytes += segment.payload_bytes
    side.n_retransmitted += placement.is_retransmitted
    side.retransmitted_bytes += placement.retransmitted_bytes
    side.n_out_of_order += placement.is_out_of_order
    side.out_of_order_bytes += placement.out_of_order_bytes
    side.n_keep_alives += placement.is_keep_alive
    side.n_zero_windows += segment.window == 0 and is_plain(segment)


cdef inline void fill_side(const Side *side, double *row) noexcept nogil:
    """Fill the columns of one direction; -1 for what is absent."""
    cdef uint32_t options = side.options
    row[0] = <double> side.payload_bytes
    row[1] = <double> side.n_retransmitted
    row[2] = <double> side.retransmitted_bytes
    row[3] = <double> side.n_out_of_order
    row[4] = <double> side.out_of_order_bytes
    row[5] = <double> side.n_keep_alives
    row[6] = <double> side.n_zero_windows
    row[7] = <double> side.initial_window if side.has_segment else -1
    row[8] = options & 0xFFFF if options & TCP_HAS_MSS else -1
    row[9] = options >> 16 & 0xFF if options & TCP_HAS_WINDOW_SCALE else -1
    row[10] = options & TCP_HAS_SACK_PERMITTED != 0


cdef inline void fill_tcp(const FlowPackets *flow, double *row) noexcept nogil:
    """Fill TCP_COLUMNS columns; a flow of another protocol has no segments."""
    cdef SentRanges sent[2]
    cdef Side sides[2]
    cdef Handshake handshake
    cdef Connection connection
    cdef Segment segment
    cdef Placement placement
    cdef bint is_tcp = flow.protocol == PROTOCOL_TCP, originator = is_tcp and find_originator(flow), is_originator
    cdef ConnectionState state = STATE_NOT_TCP
    cdef size_t i
    sent[0].n = sent[1].n = 0
    memset(sides, 0, sizeof(sides))
    memset(&handshake, 0, sizeof(handshake))
    clear_connection(&connection)
    for i in range(flow.n_packets if is_tcp else 0):
        if not read_segment(flow, i, &segment):
            continue
        is_originator = segment.is_forward == originator
        place_segment(&sent[segment.is_forward], &segment, &placement)
        see_side(&sides[segment.is_forward], &segment, &placement)
        see_handshake(&handshake, &segment, is_originator)
        see_connection(&connection, &segment, is_originator)
    fill_handshake(&handshake, row)
    fill_side(&sides[1], row + HANDSHAKE_COLUMNS)
    fill_side(&sides[0], row + HANDSHAKE_COLUMNS + SIDE_COLUMNS)
    if is_tcp:
        state = name_state(&connection)
    row[HANDSHAKE_COLUMNS + 2 * SIDE_COLUMNS] = <int> state
