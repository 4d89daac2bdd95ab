"""One biflow and the rules that end it: timeouts, and TCP's flags (docs: flow definitions `uni` and `bi`).

Packets come in order of arrival. A flow starts with its earliest packet and is idle since its latest, so that a late
packet exceeds no timeout.
"""
from libc.stdint cimport INT64_MAX, int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from netml._core.biflow.key cimport BiflowKey
from netml._core.flow.end_reason cimport END_ACTIVE, END_IDLE, END_OF_FLOW, END_OF_INPUT, END_UNKNOWN
from netml._core.octets cimport netml_gap
from netml._core.packet cimport PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Packet


cdef enum:
    FIN_OF_FORWARD = 1           # bits of `Biflow.fins`
    FIN_OF_REVERSE = 2
    FIN_OF_BOTH = 3


cdef enum TcpEnd:                # what of TCP ends a flow
    TCP_END_NONE = 0
    TCP_END_RST                  # RST
    TCP_END_FIN                  # RST, or a FIN of each side; data after that begin another flow, as a SYN does
    TCP_END_REOPEN               # the same; only a SYN begins another flow


cdef struct BiflowRules:         # from a dict
    bint is_bi                   # False: each direction is a flow of its own
    bint has_vlan_key
    bint turns_by_syn            # a SYN-ACK that comes first was sent in reverse
    int64_t idle_ns              # inclusive; INT64_MAX is never
    int64_t active_ns            # inclusive; INT64_MAX is never
    int tcp_end                  # TcpEnd


cdef struct Biflow:
    BiflowKey key
    int64_t start_ns             # its earliest packet
    int64_t latest_ns            # its latest packet
    int64_t connection_start_ns  # start of the first of the flows that active timeouts made of one
    uint64_t n_summed_bytes      # of the packets that have gone into sums, in a stream
    uint32_t n_summed            # those packets
    uint32_t n_packets           # that are held
    int16_t icmp_type            # of the earliest packet; -1 if it is not ICMP
    int16_t icmp_code
    uint16_t vlan_id             # of the earliest packet
    uint8_t is_high              # the higher end has begun
    uint8_t fins                 # FIN_OF_ bits
    uint8_t is_closed            # by TCP
    uint8_t end_reason           # EndReason; END_UNKNOWN while it is open
    uint8_t is_out               # handed out by a flush; only its number is left


cdef inline bint is_tcp(const BiflowKey *key) noexcept nogil:
    """Return True if the key's protocol is TCP, whose flags end flows."""
    return <uint8_t> (key.transport >> 32) == PROTOCOL_TCP


cdef inline bint exceeds(int64_t time_ns, int64_t since_ns, int64_t timeout_ns) noexcept nogil:
    """Return True if the timeout has passed between two times."""
    return time_ns > since_ns and timeout_ns != INT64_MAX and netml_gap(time_ns, since_ns) >= timeout_ns


cdef inline uint8_t find_timeout(const Biflow *flow, int64_t time_ns, const BiflowRules *rules) noexcept nogil:
    """Return the timeout that has passed at a time, idle first; END_UNKNOWN if none has."""
    if exceeds(time_ns, flow.latest_ns, rules.idle_ns):
        return END_IDLE
    if exceeds(time_ns, flow.start_ns, rules.active_ns):
        return END_ACTIVE
    return END_UNKNOWN


cdef inline bint begins_anew(
    const Biflow *flow, const Packet *packet, bint sender_is_high, const BiflowRules *rules,
) noexcept nogil:
    """Return True if this packet, after TCP's close, begins the next connection.

    Last ACKs do not, nor does a FIN or RST that comes again, with the last data or without, nor another answer to the
    SYN of this flow. In `uni` a SYN-ACK begins its direction of the next connection.
    """
    if packet.flags & TCP_SYN:
        return not (packet.flags & TCP_ACK and rules.is_bi and sender_is_high != flow.is_high)
    return rules.tcp_end != TCP_END_REOPEN and packet.payload_bytes > 0 and not packet.flags & (TCP_FIN | TCP_RST)


cdef inline uint8_t find_end(
    const Biflow *flow, const Packet *packet, bint sender_is_high, const BiflowRules *rules,
) noexcept nogil:
    """Return why a flow is over before this packet of its key; END_UNKNOWN if the packet belongs to it."""
    cdef uint8_t timeout = find_timeout(flow, packet.time_ns, rules)
    if flow.is_closed and (timeout != END_UNKNOWN or begins_anew(flow, packet, sender_is_high, rules)):
        return END_OF_FLOW
    return timeout


cdef inline uint8_t find_last_end(const Biflow *flow, int64_t latest_ns, const BiflowRules *rules) noexcept nogil:
    """Return why a flow has ended if no packet comes any more."""
    cdef uint8_t timeout = find_timeout(flow, latest_ns, rules)
    if flow.is_closed:
        return END_OF_FLOW
    return timeout if timeout != END_UNKNOWN else END_OF_INPUT


cdef inline void begin_biflow(
    Biflow *flow, const BiflowKey *key, const Packet *packet, bint sender_is_high, const BiflowRules *rules,
) noexcept nogil:
    """Initialise a flow that begins with this packet; `add_to_biflow` then adds the packet."""
    flow.key = key[0]
    flow.start_ns = flow.latest_ns = flow.connection_start_ns = packet.time_ns
    flow.n_summed_bytes = 0
    flow.n_summed = flow.n_packets = 0
    flow.icmp_type = packet.icmp_type
    flow.icmp_code = packet.icmp_code
    flow.vlan_id = packet.vlan_id
    flow.is_high = sender_is_high
    if rules.is_bi and rules.turns_by_syn and is_tcp(key) and packet.flags & TCP_SYN and packet.flags & TCP_ACK:
        flow.is_high = not sender_is_high
    flow.fins = 0
    flow.is_closed = False
    flow.end_reason = END_UNKNOWN
    flow.is_out = False


cdef inline void add_to_biflow(
    Biflow *flow, Packet *packet, bint sender_is_high, const BiflowRules *rules,
) noexcept nogil:
    """Add a packet to a flow, and write its direction into the packet."""
    packet.is_forward = sender_is_high == flow.is_high
    flow.n_packets += 1
    if packet.time_ns > flow.latest_ns:
        flow.latest_ns = packet.time_ns
    elif packet.time_ns < flow.start_ns:
        flow.start_ns = packet.time_ns
        flow.connection_start_ns = min(flow.connection_start_ns, packet.time_ns)
        flow.icmp_type = packet.icmp_type
        flow.icmp_code = packet.icmp_code
        flow.vlan_id = packet.vlan_id
    if rules.tcp_end == TCP_END_NONE or not packet.flags & (TCP_FIN | TCP_RST) or not is_tcp(&flow.key):
        return
    if packet.flags & TCP_FIN:
        flow.fins |= FIN_OF_FORWARD if packet.is_forward else FIN_OF_REVERSE
    if packet.flags & TCP_RST:
        flow.is_closed = True
    elif rules.tcp_end != TCP_END_RST and flow.fins == (FIN_OF_BOTH if rules.is_bi else FIN_OF_FORWARD):
        flow.is_closed = True
