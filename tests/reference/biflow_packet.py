"""A packet of a biflow, as CIC, SPLT and TCP see it, and the sizes that they take from the IP length fields."""

from typing import NamedTuple

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
NONE = -1  # of a field that this packet does not have


class BiflowPacket(NamedTuple):
    """One packet; what its protocol does not have is at its default."""

    time_ns: int
    is_forward: bool  # sent by the flow's initiator
    payload_bytes: int = 0  # "length" in cic.md: by the IP length fields, not by what was captured
    transport_header_bytes: int = 0  # TCP with its options, UDP 8, else 0
    protocol: int = TCP
    flags: int = 0  # TCP's low 8 flag bits
    window: int = NONE  # TCP, as in the header: not scaled
    sequence: int = NONE  # TCP
    icmp_type: int = NONE
    icmp_code: int = NONE


def in_time_order(packets):
    """Packets by time; equal times stay in the order in which they came."""
    return sorted(packets, key=lambda packet: packet.time_ns)


def ipv4_payload_bytes(total_length, ip_header_bytes, transport_header_bytes):
    """Payload of the transport header in an IPv4 packet (of the IP header where the other has 0 bytes)."""
    return max(total_length - ip_header_bytes - transport_header_bytes, 0)


def ipv6_payload_bytes(payload_length, extension_header_bytes, transport_header_bytes):
    """Likewise in an IPv6 packet, whose length field does not count the fixed header."""
    return max(payload_length - extension_header_bytes - transport_header_bytes, 0)
