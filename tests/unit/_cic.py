"""Packets and columns for the tests of the CIC oracle."""

from reference.biflow_packet import BiflowPacket

EXTRA = (
    *("Fwd RST Flags", "Bwd RST Flags", "Bwd Act Data Pkts", "Bwd Seg Size Min", "ICMP Code", "ICMP Type"),
    *("Fwd TCP Retrans. Count", "Bwd TCP Retrans. Count", "Total TCP Retrans. Count", "Total Connection Flow Time"),
)


def fwd(time_ns, payload_bytes=0, **fields):
    return BiflowPacket(time_ns, True, payload_bytes, **({"transport_header_bytes": 20} | fields))


def bwd(time_ns, payload_bytes=0, **fields):
    return BiflowPacket(time_ns, False, payload_bytes, **({"transport_header_bytes": 32} | fields))


def pick(row, *names):
    return tuple(row[name] for name in names)


def bulk(row, side):
    return pick(row, f"{side} Bytes/Bulk Avg", f"{side} Packet/Bulk Avg", f"{side} Bulk Rate Avg")
