"""Frames, byte by byte: Ethernet, 802.1Q, ARP, IPv4, IPv6, ICMP, UDP and TCP, with right checksums.

Only the standard library: nothing here may depend on the packages whose example this is.
"""

import ipaddress
import struct
from dataclasses import dataclass

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MIN_FRAME_BYTES = 60  # what a switch pads a short frame to (its check sequence is not captured)
GATEWAY_MAC = bytes.fromhex("020000002001")


@dataclass(frozen=True)
class Host:
    """An interface as the capture sees it: behind the gateway, its MAC address is the gateway's."""

    mac: bytes
    ip: bytes  # 4 or 16 bytes, network order
    hop_limit: int = 64  # left when its packets pass the capture point
    vlan: int | None = None

    @property
    def text(self):
        """The address as text, RFC 5952."""
        return str(ipaddress.ip_address(self.ip))


def make_host(address, mac=GATEWAY_MAC, hop_limit=64, vlan=None):
    """Make a `Host` from an address as text."""
    return Host(mac, ipaddress.ip_address(address).packed, hop_limit, vlan)


def checksum(octets):
    """Compute the Internet checksum, RFC 1071."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def transport_checksum(src, dst, protocol, segment):
    """Compute the checksum over pseudo header and segment, whose own checksum field must be 0."""
    length = len(segment)
    pseudo = (
        struct.pack("!IHBB", length, 0, 0, protocol) if len(src.ip) == 16 else struct.pack("!BBH", 0, protocol, length)
    )
    return checksum(src.ip + dst.ip + pseudo + segment)


def ethernet(src, dst, ethertype, body):
    """Put a frame around `body`, tagged (802.1Q) if either end is on a VLAN, and padded."""
    vlan = src.vlan if src.vlan is not None else dst.vlan
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    frame = dst.mac + src.mac + tag + struct.pack("!H", ethertype) + body
    return frame.ljust(MIN_FRAME_BYTES, b"\0")


def internet(src, dst, protocol, body, identification=0, fragment=0x4000):
    """Put an IP header and a frame around `body`; `fragment` is IPv4's flags and offset field."""
    if len(src.ip) == 16:
        header = struct.pack("!IHBB", 6 << 28, len(body), protocol, src.hop_limit) + src.ip + dst.ip
        return ethernet(src, dst, 0x86DD, header + body)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), identification, fragment, src.hop_limit, protocol, 0)
    header += src.ip + dst.ip
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return ethernet(src, dst, 0x0800, header + body)


def udp_datagram(src, src_port, dst, dst_port, payload):
    """Make a UDP header and payload."""
    header = struct.pack("!HHHH", src_port, dst_port, 8 + len(payload), 0)
    # A computed 0 is sent as 0xFFFF, because 0 stands for "no checksum" (RFC 768).
    value = transport_checksum(src, dst, UDP, header + payload) or 0xFFFF
    return header[:6] + struct.pack("!H", value) + payload


def tcp_segment(src, src_port, dst, dst_port, seq, ack, flags, payload=b"", options=b"", window=502):
    """Make a TCP header, options (a multiple of 4 bytes) and payload."""
    offset_flags = (5 + len(options) // 4) << 12 | flags
    header = struct.pack("!HHIIHHHH", src_port, dst_port, seq, ack, offset_flags, window, 0, 0) + options
    value = transport_checksum(src, dst, TCP, header + payload)
    return header[:16] + struct.pack("!H", value) + header[18:] + payload


def arp(operation, src, dst):
    """Make an ARP request (1) or reply (2) frame; a request goes to everybody."""
    asks = operation == 1
    target = Host(b"\xff" * 6, dst.ip) if asks else dst
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + src.mac + src.ip
    return ethernet(src, target, 0x0806, body + (bytes(6) if asks else dst.mac) + dst.ip)


def echo(src, dst, is_request, identifier, sequence):
    """Make an ICMP or ICMPv6 echo frame with ping's 56 bytes."""
    kind = ((128 if is_request else 129) if len(src.ip) == 16 else (8 if is_request else 0)) << 8
    rest = struct.pack("!HH", identifier, sequence) + bytes(range(56))
    if len(src.ip) == 16:
        value = transport_checksum(src, dst, ICMPV6, struct.pack("!HH", kind, 0) + rest)
        return internet(src, dst, ICMPV6, struct.pack("!HH", kind, value) + rest)
    value = checksum(struct.pack("!HH", kind, 0) + rest)
    return internet(src, dst, ICMP, struct.pack("!HH", kind, value) + rest, identifier)


def dns_name(name):
    """Encode a name in DNS wire form."""
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def dns_message(identification, name, kind, answers=None, ttl_s=300):
    """Make a DNS query, or with `answers` (rdata), the response; `kind`: 1 A, 16 TXT, 28 AAAA, 48 DNSKEY."""
    flags = 0x0100 if answers is None else 0x8180
    message = struct.pack("!HHHHHH", identification, flags, 1, len(answers or ()), 0, 0)
    message += dns_name(name) + struct.pack("!HH", kind, 1)
    for rdata in answers or ():
        message += struct.pack("!HHHIH", 0xC00C, kind, 1, ttl_s, len(rdata)) + rdata
    return message
