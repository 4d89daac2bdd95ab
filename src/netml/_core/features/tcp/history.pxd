"""The histories of TCP connections, in the letters of Zeek's history, as docs/tcp.md defines them."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from netml._core.features.base.family cimport FlowAttributes, FlowPackets, find_packets
from netml._core.features.tcp.ranges cimport SentRanges
from netml._core.features.tcp.segment cimport Placement, Segment, find_originator, is_plain, place_segment, read_segment
from netml._core.features.tcp.state cimport (
    STATE_NOT_TCP, Connection, clear_connection, name_state, see_connection,
)
from netml._core.packet cimport PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN


cdef enum:
    MOST_REPEATS = 9             # of s, h, f, r from one side
    LETTERS_A_SEGMENT = 3        # at most
    LONGEST_HISTORY = 121        # ^, and of each side: 9 of s h f r, one of d a q i, 10 of t w, as 10**10 > 2**32
    N_LETTERS = 26
    FIRST_LETTER = 97            # a


cdef struct Events:              # of one letter, from one side
    uint64_t n_seen
    uint64_t next_at             # of t and w: events that are written next
    uint32_t n_written
    uint32_t sequence            # of the latest event


cdef struct History:
    Events events[2][N_LETTERS]  # by side (1: the originator), and by letter
    uint8_t *text
    size_t n


cdef inline void begin_history(History *history, bint is_turned, uint8_t *text) noexcept nogil:
    """Begin an empty history, to be written to `text`; `is_turned`: reverse is the originator."""
    memset(history, 0, sizeof(History))
    history.text = text
    if is_turned:
        text[0] = b"^"
        history.n = 1


cdef inline void write_letter(History *history, uint8_t letter, bint is_originator) noexcept nogil:
    """Write a letter, the originator's in upper case."""
    history.text[history.n] = letter - 32 if is_originator else letter
    history.n += 1


cdef inline void see_once(History *history, uint8_t letter, bint is_originator) noexcept nogil:
    """Write an event the first time."""
    cdef Events *events = &history.events[is_originator][letter - FIRST_LETTER]
    if events.n_seen == 0:
        write_letter(history, letter, is_originator)
    events.n_seen = 1


cdef inline void see_tenfold(History *history, uint8_t letter, bint is_originator) noexcept nogil:
    """Write an event the 1st, 10th, 100th ... time."""
    cdef Events *events = &history.events[is_originator][letter - FIRST_LETTER]
    if events.n_seen == 0:
        events.next_at = 1
    events.n_seen += 1
    if events.n_seen == events.next_at:
        write_letter(history, letter, is_originator)
        events.next_at *= 10


cdef inline void see_number(
    History *history, uint8_t letter, const Segment *segment, bint is_originator,
) noexcept nogil:
    """Write an event if its sequence number is another one than the last time."""
    cdef Events *events = &history.events[is_originator][letter - FIRST_LETTER]
    if events.n_written < MOST_REPEATS and (events.n_written == 0 or segment.sequence != events.sequence):
        write_letter(history, letter, is_originator)
        events.n_written += 1
    events.sequence = segment.sequence


cdef inline void see_history(
    History *history, const Segment *segment, const Placement *placement, bint is_originator,
) noexcept nogil:
    """Write the letters of the next segment."""
    cdef int flags = segment.flags
    if flags & TCP_SYN:
        if flags & (TCP_FIN | TCP_RST):
            see_once(history, b"q", is_originator)
        else:
            see_number(history, b"h" if flags & TCP_ACK else b"s", segment, is_originator)
    if segment.payload_bytes:
        see_once(history, b"d", is_originator)
        if placement.is_retransmitted:
            see_tenfold(history, b"t", is_originator)
    elif flags & TCP_ACK and is_plain(segment):
        see_once(history, b"a", is_originator)
    if segment.window == 0 and is_plain(segment):
        see_tenfold(history, b"w", is_originator)
    if flags & TCP_SYN or not flags & (TCP_FIN | TCP_RST):
        return
    if flags & TCP_FIN and flags & TCP_RST:
        see_once(history, b"i", is_originator)
    else:
        see_number(history, b"f" if flags & TCP_FIN else b"r", segment, is_originator)


cdef inline uint8_t trace_flow(const FlowPackets *flow, History *history, uint8_t *text, size_t *n) noexcept nogil:
    """Trace one TCP flow: return its state, write its history to `text`, its length to `n`."""
    cdef SentRanges sent[2]
    cdef Connection connection
    cdef Segment segment
    cdef Placement placement
    cdef bint originator = find_originator(flow), is_originator
    cdef size_t i
    sent[0].n = sent[1].n = 0
    clear_connection(&connection)
    begin_history(history, not originator, text)
    for i in range(flow.n_packets):
        if not read_segment(flow, i, &segment):
            continue
        is_originator = segment.is_forward == originator
        place_segment(&sent[segment.is_forward], &segment, &placement)
        see_connection(&connection, &segment, is_originator)
        see_history(history, &segment, &placement, is_originator)
    n[0] = history.n
    return name_state(&connection)


cdef inline size_t measure_histories(const int64_t *offsets, size_t n_flows) noexcept nogil:
    """Return the room that the histories of these flows need at most, octets."""
    cdef size_t i, n_octets = 0
    for i in range(n_flows):
        n_octets += min(<size_t> LONGEST_HISTORY, 1 + LETTERS_A_SEGMENT * <size_t> (offsets[i + 1] - offsets[i]))
    return n_octets


cdef inline void trace_flows(
    const FlowPackets *packets,  # IN: the columns of all flows
    const FlowAttributes *attributes,  # IN
    const int64_t *offsets,      # IN  [n_flows + 1]
    size_t n_flows,
    uint8_t *states,             # OUT [n_flows]
    int32_t *ends,               # OUT [n_flows + 1]; the first is there
    uint8_t *text,               # OUT: as `measure_histories` says
) noexcept nogil:
    """Trace state and history of each flow; history i is text[ends[i]:ends[i + 1]]."""
    cdef FlowPackets flow
    cdef History history
    cdef size_t i, n, at = 0
    for i in range(n_flows):
        n = 0
        states[i] = STATE_NOT_TCP
        if attributes.protocol != NULL and attributes.protocol[i] == PROTOCOL_TCP:
            find_packets(packets, offsets[i], offsets[i + 1], &flow)
            states[i] = trace_flow(&flow, &history, text + at, &n)
        at += n
        ends[i + 1] = <int32_t> at
