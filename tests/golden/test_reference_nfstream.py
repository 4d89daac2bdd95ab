"""The reference's biflows against NFStream 6.6.0: counts, bytes, flags, sizes and times of each flow of each capture.

Where the two read a capture differently, the table says why, and how NFStream reads it. Read that way, the flows are
the same again, which proves the reason; of the few captures left, the table has the number of flows that differ.
"""

import csv
import ipaddress
from itertools import pairwise

import pytest
from reference.biflows import BiflowOptions, assemble_biflows
from reference.capture import read_capture
from reference.decode import format_address
from reference.flow_family import DIRECTIONS, FLOW_COLUMNS, row_of_flow
from reference.headers import SCTP, decode_headers

OPTIONS = BiflowOptions(flow="bi", idle_timeout=120, active_timeout=1800, tcp_end="none")
N_CAPTURES, N_EQUAL = 178, 170

# Definitions that differ.
IP_IN_IP = "NFStream always opens IP in IP, also where it is asked to leave tunnels alone"
NO_SCTP_PORTS = "NFStream reads no ports of SCTP"
# Defects of NFStream.
CLAMPED = "NFStream gives a packet that comes late the latest time of any flow before it"
FABRIC_PATH = "NFStream takes Cisco FabricPath for IP"

# Capture -> (why its flows differ, how to read it as NFStream does).
READ_OTHERWISE = {
    "4in4tunnel.pcap": (IP_IN_IP, "opened"),
    "4in6tunnel.pcap": (IP_IN_IP, "opened"),
    "6in4tunnel.pcap": (IP_IN_IP, "opened"),
    "6in6tunnel.pcap": (IP_IN_IP, "opened"),
    "syslog.pcap": (IP_IN_IP, "opened"),
    "sctp.cap": (NO_SCTP_PORTS, "without ports"),
}
NAMES = {"bi": "bidirectional", "fwd": "src2dst", "rev": "dst2src"}
EXACT = ("min_ps", "max_ps")
FLAGS = ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")


def read_nfstream(path):
    """Rows of NFStream, in the order of `identity`."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        for end in ("src_ip", "dst_ip"):
            row[end] = format_address(ipaddress.ip_address(row[end]).packed)
        for name in row.keys() - {"src_ip", "dst_ip"}:
            row[name] = float(row[name])
    return rows


def as_nfstream(flow):
    """Our flow under NFStream's names, times as exact milliseconds."""
    key, values = flow.key, dict(zip(FLOW_COLUMNS, row_of_flow(flow, "wire"), strict=True))
    row = {
        "src_ip": key.source.address,
        "src_port": key.source.port,
        "dst_ip": key.destination.address,
        "dst_port": key.destination.port,
        "protocol": key.protocol,
        "ip_version": 6 if ":" in key.source.address else 4,
        "vlan_id": key.vlan_id,
        "bidirectional_first_seen_ms": flow.start_ns / 1e6,
        "bidirectional_last_seen_ms": flow.end_ns / 1e6,
        "bidirectional_duration_ms": (flow.end_ns - flow.start_ns) / 1e6,
    }
    for ours in DIRECTIONS:
        theirs = NAMES[ours]
        row |= {f"{theirs}_{name}": values[f"{ours}_{name}"] for name in ("packets", "bytes")}
        row |= {f"{theirs}_{name}_packets": values[f"{ours}_{name}"] for name in FLAGS}
        for statistic, name in {"min": "min", "mean": "mean", "stddev": "std", "max": "max"}.items():
            row[f"{theirs}_{statistic}_ps"] = values[f"{ours}_size_{name}"]
            row[f"{theirs}_{statistic}_piat_ms"] = values[f"{ours}_iat_{name}_s"] * 1e3
    return row
