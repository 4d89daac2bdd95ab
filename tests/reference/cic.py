"""The CIC family: one biflow gives one row; names, order and definitions are those of CICFlowMeter, corrected.

Everything is an integer or a fraction until the row is filled. Times are in microseconds, lengths in bytes.
"""

from fractions import Fraction

from reference.biflow_packet import ACK, CWR, ECE, FIN, ICMP, ICMPV6, NONE, PSH, RST, SYN, TCP, URG, in_time_order
from reference.bulks import CicOptions, activity_of, bulks_of, count_subflows, gaps_ns
from reference.sequence_space import retransmitted
from reference.summary import ratio, summarise

NS_PER_US, NS_PER_S = 1000, 10**9
SIDES = {"Fwd": True, "Bwd": False}
FLAGS = {"FIN": FIN, "SYN": SYN, "RST": RST, "PSH": PSH, "ACK": ACK, "URG": URG, "CWR": CWR, "ECE": ECE}


def cic_row(packets, options=None):
    """Packets of a biflow -> {name: float}, the 76 features in their order."""
    options = options or CicOptions()
    packets = in_time_order(packets)
    duration_ns = packets[-1].time_ns - packets[0].time_ns
    parts = (
        *(volume_of(packets, duration_ns), interarrivals_of(packets), headers_of(packets, duration_ns)),
        *(lengths_of(packets), flag_counts_of(packets), averages_of(packets)),
        *(bulk_features_of(packets, options), subflows_of(packets, options)),
        *(openings_of(packets), activity_features_of(packets, options)),
    )
    return {name: float(value) for part in parts for name, value in part.items()}


def cic_extra_row(packets, connection_start_ns=None):
    """Packets of a biflow -> {name: float}, the ten columns of `--cic-extra`.

    `connection_start_ns` is the time of the first packet of the connection's first piece, where an active timeout has
    cut the flow out of a longer connection: the last column then counts from there to the end of this piece.
    """
    packets = in_time_order(packets)
    forward, backward = side_of(packets, "Fwd"), side_of(packets, "Bwd")
    start_ns = packets[0].time_ns if connection_start_ns is None else connection_start_ns
    again = retransmitted(packets)
    is_icmp = packets[0].protocol in (ICMP, ICMPV6)
    row = {
        "Fwd RST Flags": count_flag(forward, RST),
        "Bwd RST Flags": count_flag(backward, RST),
        "Bwd Act Data Pkts": count_payload(backward),
        "Bwd Seg Size Min": smallest_header(backward),
        "ICMP Code": packets[0].icmp_code if is_icmp else NONE,
        "ICMP Type": packets[0].icmp_type if is_icmp else NONE,
        "Fwd TCP Retrans. Count": len(side_of(again, "Fwd")),
        "Bwd TCP Retrans. Count": len(side_of(again, "Bwd")),
        "Total TCP Retrans. Count": len(again),
        "Total Connection Flow Time": in_us(packets[-1].time_ns - start_ns),
    }
    return {name: float(value) for name, value in row.items()}


def side_of(packets, side):
    """Packets of "Fwd" or "Bwd", in order."""
    return [packet for packet in packets if packet.is_forward == SIDES[side]]


def count_flag(packets, flag):
    """Packets that have the flag."""
    return sum(bool(packet.flags & flag) for packet in packets)


def count_payload(packets):
    """Packets that have a payload."""
    return sum(packet.payload_bytes >= 1 for packet in packets)


def smallest_header(packets):
    """Bytes of the smallest transport header; 0 without packets."""
    return min((packet.transport_header_bytes for packet in packets), default=0)


def payloads_of(packets):
    """Length of each packet."""
    return summarise(packet.payload_bytes for packet in packets)


def in_us(time_ns):
    """Nanoseconds, whole or not, as microseconds."""
    return Fraction(time_ns) / NS_PER_US


def per_second(count, duration_ns):
    """A rate; 0 where no time passed."""
    return ratio(Fraction(count) * NS_PER_S, duration_ns)


def times_of(prefix, lengths_ns, *, has_total=False):
    """Mean, Std, Max and Min of times, after their Total if wanted."""
    found = summarise(lengths_ns)
    row = {f"{prefix} Total": in_us(found.total)} if has_total else {}
    return row | {
        f"{prefix} Mean": in_us(found.mean),
        f"{prefix} Std": found.std / NS_PER_US,
        f"{prefix} Max": in_us(found.maximum),
        f"{prefix} Min": in_us(found.minimum),
    }


def volume_of(packets, duration_ns):
    """Features 1 to 15."""
    forward, backward = side_of(packets, "Fwd"), side_of(packets, "Bwd")
    row = {
        "Flow Duration": in_us(duration_ns),
        "Total Fwd Packet": len(forward),
        "Total Bwd packets": len(backward),
        "Total Length of Fwd Packet": payloads_of(forward).total,
        "Total Length of Bwd Packet": payloads_of(backward).total,
    }
    for side in SIDES:
        lengths = payloads_of(side_of(packets, side))
        row |= {
            f"{side} Packet Length Max": lengths.maximum,
            f"{side} Packet Length Min": lengths.minimum,
            f"{side} Packet Length Mean": lengths.mean,
            f"{side} Packet Length Std": lengths.std,
        }
    row["Flow Bytes/s"] = per_second(payloads_of(packets).total, duration_ns)
    row["Flow Packets/s"] = per_second(len(packets), duration_ns)
    return row


def interarrivals_of(packets):
    """Features 16 to 29."""
    row = times_of("Flow IAT", gaps_ns(packets))
    for side in SIDES:
        row |= times_of(f"{side} IAT", gaps_ns(side_of(packets, side)), has_total=True)
    return row


def headers_of(packets, duration_ns):
    """Features 30 to 37."""
    sides = {side: side_of(packets, side) for side in SIDES}
    row = {f"{side} PSH Flags": count_flag(sides[side], PSH) for side in sides}
    row |= {f"{side} URG Flags": count_flag(sides[side], URG) for side in sides}
    row |= {f"{side} Header Length": sum(packet.transport_header_bytes for packet in sides[side]) for side in sides}
    return row | {f"{side} Packets/s": per_second(len(sides[side]), duration_ns) for side in sides}


def lengths_of(packets):
    """Features 38 to 42."""
    lengths = payloads_of(packets)
    return {
        "Packet Length Min": lengths.minimum,
        "Packet Length Max": lengths.maximum,
        "Packet Length Mean": lengths.mean,
        "Packet Length Std": lengths.std,
        "Packet Length Variance": lengths.variance,
    }


def flag_counts_of(packets):
    """Features 43 to 50."""
    return {f"{name} Flag Count": count_flag(packets, flag) for name, flag in FLAGS.items()}


def averages_of(packets):
    """Features 51 to 54."""
    forward, backward = side_of(packets, "Fwd"), side_of(packets, "Bwd")
    return {
        "Down/Up Ratio": ratio(len(backward), len(forward)),
        "Average Packet Size": payloads_of(packets).mean,
        "Fwd Segment Size Avg": payloads_of(forward).mean,
        "Bwd Segment Size Avg": payloads_of(backward).mean,
    }


def bulk_features_of(packets, options):
    """Features 55 to 60."""
    row = {}
    for side, is_forward in SIDES.items():
        bulks = bulks_of(packets, is_forward, options)
        row[f"{side} Bytes/Bulk Avg"] = ratio(bulks.payload_bytes, bulks.count)
        row[f"{side} Packet/Bulk Avg"] = ratio(bulks.packets, bulks.count)
        row[f"{side} Bulk Rate Avg"] = per_second(bulks.payload_bytes, bulks.time_ns)
    return row


def subflows_of(packets, options):
    """Features 61 to 64."""
    n_subflows = count_subflows(packets, options.subflow_gap)
    row = {}
    for side in SIDES:
        own = side_of(packets, side)
        row[f"Subflow {side} Packets"] = Fraction(len(own), n_subflows)
        row[f"Subflow {side} Bytes"] = Fraction(payloads_of(own).total, n_subflows)
    return row


def window_of(packets):
    """Window of the first packet; -1 if there is none or if it is not TCP's."""
    return packets[0].window if packets and packets[0].protocol == TCP else NONE


def openings_of(packets):
    """Features 65 to 68."""
    forward, backward = side_of(packets, "Fwd"), side_of(packets, "Bwd")
    return {
        "FWD Init Win Bytes": window_of(forward),
        "Bwd Init Win Bytes": window_of(backward),
        "Fwd Act Data Pkts": count_payload(forward),
        "Fwd Seg Size Min": smallest_header(forward),
    }


def activity_features_of(packets, options):
    """Features 69 to 76."""
    active_ns, idle_ns = activity_of(packets, options.activity_timeout)
    return times_of("Active", active_ns) | times_of("Idle", idle_ns)
