"""NFStream 6.6.0's biflows, how ours are held against them, and for each capture that differs, why.

Where the two read a capture differently, `READ_OTHERWISE` says how NFStream reads it: read that way the flows are the
same again, which proves the reason. Of the captures left, `DIFFERENT` has the number of flows that differ.
"""

import csv
import ipaddress
from collections import defaultdict

from reference.decode import format_address

N_CAPTURES = 178
N_AS_WRITTEN = 164  # equal with the options as they are
N_EQUAL = 170  # at least, with those of another definition read as NFStream does, and without copying a defect
MAX_SIZE_ERROR = 1e-6
MAX_TIME_ERROR_MS = 1.0 + 1e-6  # NFStream cuts times to whole milliseconds
MAX_STD_ERROR_MS = 2**0.5  # what the cut does to the standard deviation of two gaps, at most

# Definitions that differ.
IP_IN_IP = "NFStream opens IP in IP also where it is asked to leave tunnels alone"
SCTP_PORTS = "NFStream reads no ports of SCTP"
DEFINITIONS = (IP_IN_IP, SCTP_PORTS)
# Defects of NFStream.
LATE = "NFStream gives a packet that comes late the latest time that it has seen, of whichever flow"
ANY_TYPE = "NFStream takes any EtherType for that of IPv4, here Cisco FabricPath's; and " + LATE
OFFLOAD = "NFStream drops a packet whose total length is 0, as segmentation offload leaves it"
FUZZED = "NFStream takes any EtherType for that of IPv4, and IPv4 headers of 4 bytes"
NO_TCP_HEADER = "NFStream takes 16 bytes of a TCP header, of a first fragment, for a flow with ports 0"

# Capture -> (why its flows differ, how NFStream reads it).
READ_OTHERWISE = {
    "4in4tunnel.pcap": (IP_IN_IP, "opened"),
    "4in6tunnel.pcap": (IP_IN_IP, "opened"),
    "6in4tunnel.pcap": (IP_IN_IP, "opened"),
    "6in6tunnel.pcap": (IP_IN_IP, "opened"),
    "syslog.pcap": (IP_IN_IP, "opened"),
    "sctp.cap": (SCTP_PORTS, "without SCTP ports"),
    "ajp.pcap": (ANY_TYPE, "never back in time"),
    "avast_securedns.pcapng": (LATE, "never back in time"),
    "ipsec_isakmp_esp.pcap": (LATE, "never back in time"),
    "netease_games.pcapng": (LATE, "never back in time"),
    "trdp.pcapng": (LATE, "never back in time"),
}
# Capture -> (flows that only NFStream has or has otherwise, those of ours, why).
DIFFERENT = {
    "ajp.pcap": (2, 0, ANY_TYPE),
    "anydesk.pcapng": (1, 1, OFFLOAD),
    "fuzz-2006-06-26-2594.pcap": (20, 12, FUZZED),
    "ip_fragmented_garbage.pcap": (1, 0, NO_TCP_HEADER),
}

IDENTITY = ("src_ip", "dst_ip", "src_port", "dst_port", "protocol", "ip_version", "vlan_id")
DIRECTIONS = {"bi": "bidirectional", "fwd": "src2dst", "rev": "dst2src"}
STATISTICS = {"min": "min", "mean": "mean", "stddev": "std", "max": "max"}
FLAGS = ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")


def read_golden(path):
    """Flows of one capture: NFStream's names -> numbers, and addresses in our spelling."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        for name, text in row.items():
            is_address = name in ("src_ip", "dst_ip")
            row[name] = format_address(ipaddress.ip_address(text).packed) if is_address else float(text)
    return rows


def under_golden_names(five_tuple, vlan_id, start_ns, end_ns, features):
    """One flow of ours as NFStream has it; `features` are those of FLOW, name -> value, with sizes on the wire."""
    ip_version = 6 if ":" in five_tuple[0] else 4
    row = dict(zip(IDENTITY, (*five_tuple, ip_version, vlan_id), strict=True))
    row |= {
        "bidirectional_first_seen_ms": start_ns / 1e6,
        "bidirectional_last_seen_ms": end_ns / 1e6,
        "bidirectional_duration_ms": features["bi_duration_s"] * 1e3,
    }
    for ours, theirs in DIRECTIONS.items():
        row |= {f"{theirs}_{name}": features[f"{ours}_{name}"] for name in ("packets", "bytes")}
        row |= {f"{theirs}_{flag}_packets": features[f"{ours}_{flag}"] for flag in FLAGS}
        for statistic, name in STATISTICS.items():
            row[f"{theirs}_{statistic}_ps"] = features[f"{ours}_size_{name}"]
            row[f"{theirs}_{statistic}_piat_ms"] = features[f"{ours}_iat_{name}_s"] * 1e3
    return row


def is_same_flow(ours, theirs):
    """Whether all of a flow's columns agree, each within what NFStream's own rounding leaves open."""
    for name, value in theirs.items():
        if name in IDENTITY:
            if ours[name] != value:
                return False
        elif name.endswith("_ms"):
            if abs(ours[name] - value) > (MAX_STD_ERROR_MS if "stddev" in name else MAX_TIME_ERROR_MS):
                return False
        elif abs(ours[name] - value) > MAX_SIZE_ERROR * max(1.0, abs(value)):
            return False
    return True


def count_differences(ours, golden):
    """Flows that have no equal on the other side: (NFStream's, ours)."""
    left = defaultdict(list)
    for flow in ours:
        left[tuple(flow[name] for name in IDENTITY)].append(flow)
    n_theirs = 0
    for flow in golden:
        candidates = left[tuple(flow[name] for name in IDENTITY)]
        found = next((place for place, one in enumerate(candidates) if is_same_flow(one, flow)), None)
        if found is None:
            n_theirs += 1
        else:
            del candidates[found]
    return n_theirs, sum(map(len, left.values()))
