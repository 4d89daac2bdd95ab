"""The TCP family: one biflow gives one row; see tcp.md for what its columns mean."""

from reference.decode import TCP
from reference.flows import gap_ns
from reference.tcp_options import HAS_MSS, HAS_SACK_PERMITTED, HAS_WINDOW_SCALE
from reference.tcp_segments import ACK, FIN, RST, SYN, place_segments, segments_of
from reference.tcp_state import CONN_STATES, conn_state, history, is_forward_originator

ABSENT = -1
SIDES = {"fwd": True, "rev": False}
SIDE_COLUMNS = (
    *("payload_bytes", "retransmitted_packets", "retransmitted_bytes", "out_of_order_packets", "out_of_order_bytes"),
    *("keep_alive_packets", "zero_window_packets", "initial_window_bytes", "mss_bytes", "window_scale"),
    "sack_permitted",
)
TCP_COLUMNS = (
    *("syn_synack_rtt_s", "synack_ack_rtt_s", "handshake_rtt_s"),
    *(f"{side}_{name}" for side in SIDES for name in SIDE_COLUMNS),
    "conn_state",
)
WRAP = 2**32


def tcp_row(segments, is_tcp=True):
    """Segments in time order -> {name: number}; a flow that is not TCP has no segments."""
    sides = {f"{side}_{name}": value for side in SIDES for name, value in side_features(segments, SIDES[side]).items()}
    state = CONN_STATES.index(conn_state(segments)) if is_tcp else 0
    row = {**handshake_of(segments), **sides, "conn_state": state}
    return {name: float(row[name]) for name in TCP_COLUMNS}


def flow_row(flow):
    """`tcp_row` of a `biflows.Flow`."""
    return tcp_row(segments_of(flow) if flow.key.protocol == TCP else [], flow.key.protocol == TCP)


def flow_texts(flow):
    """(connection state, history) of a `biflows.Flow`; not TCP: "-" and nothing."""
    if flow.key.protocol != TCP:
        return "-", ""
    return conn_state(segments_of(flow)), history(segments_of(flow))


def distance(later, earlier):
    """How far a 32-bit number is after another one."""
    return (later - earlier) % WRAP


def handshake_of(segments):
    """The three times of the handshake, s."""
    times_ns = _find_handshake(segments)
    answer_ns, ack_ns = (None if pair is None else gap_ns(*pair) for pair in times_ns)
    sum_ns = None if answer_ns is None or ack_ns is None else min(answer_ns + ack_ns, 2**63 - 1)
    gaps_ns = {"syn_synack_rtt_s": answer_ns, "synack_ack_rtt_s": ack_ns, "handshake_rtt_s": sum_ns}
    return {name: ABSENT if gap is None else gap / 1e9 for name, gap in gaps_ns.items()}


def _find_handshake(segments):
    """((SYN, its SYN-ACK), (SYN-ACK, its ACK)) as times in ns; None for a pair that was not seen."""
    originator = is_forward_originator(segments)
    syn = first_answer = None
    latest = []  # SYN-ACKs, the latest of each number, in order; the ACK is of one of the last two
    for segment in segments:
        kind = segment.flags & (SYN | RST | ACK)
        if segment.is_forward == originator:
            if kind == SYN and first_answer is None:
                syn = segment
            known = [answer for answer in latest[:-3:-1] if acknowledges(segment, answer)] if kind == ACK else []
            alone = [answer for answer in known if segment.acknowledgement == (answer.sequence + 1) % WRAP]
            for answer in [*alone, *known][:1]:
                return first_answer, (answer.time_ns, segment.time_ns)
        elif kind == SYN | ACK and (syn is None or answers(segment, syn)):
            if latest and latest[-1].sequence == segment.sequence:
                latest.pop()
            latest.append(segment)
            if first_answer is None and syn is not None:
                first_answer = syn.time_ns, segment.time_ns
    return first_answer, None


def acknowledges(segment, syn_ack):
    """Whether a segment acknowledges a SYN-ACK, and perhaps what came behind it."""
    return distance(segment.acknowledgement, syn_ack.sequence + 1) < WRAP // 2


def answers(syn_ack, syn):
    """Whether it acknowledges the SYN, with or without the data in it (RFC 7413)."""
    return 1 <= distance(syn_ack.acknowledgement, syn.sequence) <= 1 + syn.payload_bytes


def side_features(segments, is_forward):
    """The columns of one direction, without their prefix."""
    both = place_segments(segments)
    placed = [place for segment, place in both if segment.is_forward == is_forward]
    own = [segment for segment, _ in both if segment.is_forward == is_forward]
    options = next((segment.tcp_options for segment in own if segment.flags & SYN), 0)
    return {
        "payload_bytes": sum(segment.payload_bytes for segment in own),
        "retransmitted_packets": sum(place.is_retransmitted for place in placed),
        "retransmitted_bytes": sum(place.retransmitted_bytes for place in placed),
        "out_of_order_packets": sum(place.is_out_of_order for place in placed),
        "out_of_order_bytes": sum(place.out_of_order_bytes for place in placed),
        "keep_alive_packets": sum(place.is_keep_alive for place in placed),
        "zero_window_packets": sum(segment.window == 0 and not segment.flags & (SYN | FIN | RST) for segment in own),
        "initial_window_bytes": own[0].window if own else ABSENT,
        "mss_bytes": options & 0xFFFF if options & HAS_MSS else ABSENT,
        "window_scale": options >> 16 & 0xFF if options & HAS_WINDOW_SCALE else ABSENT,
        "sack_permitted": bool(options & HAS_SACK_PERMITTED),
    }
