"""Network and transport layers, and the links of plain Ethernet; other links are in `links`.

Layers nest as calls: `ethernet(ipv4(tcp(1, 2), protocol=6))`. Lengths and checksums are filled in unless they
are given, so that a wrong one can be built on purpose.
"""

import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
ICMP, TCP, UDP, IPV6_IN_IP, GRE, ESP, AH, ICMPV6, NO_NEXT = 1, 6, 17, 41, 47, 50, 51, 58, 59
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION, MOBILITY = 0, 43, 44, 60, 135
ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x86DD
ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD = 0x8100, 0x88A8, 0x9100
ETHERTYPE_MPLS, ETHERTYPE_PPPOE = 0x8847, 0x8864


def checksum(content):
    """Internet checksum (RFC 1071)."""
    content += b"\0" * (len(content) % 2)
    total = sum(struct.unpack(f"!{len(content) // 2}H", content))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    """Bytes of an address, 4 or 16."""
    return ipaddress.ip_address(text).packed


def tcp(source_port, destination_port, payload=b"", *, flags=ACK, data_offset=None, options=b"", sequence=0):
    """A TCP segment; `options` is padded to a multiple of 4 bytes."""
    options += b"\0" * (-len(options) % 4)
    data_offset = 5 + len(options) // 4 if data_offset is None else data_offset
    fixed = (source_port, destination_port, sequence, 0, data_offset << 4, flags, 8192, 0, 0)
    return struct.pack("!HHIIBBHHH", *fixed) + options + payload


def udp(source_port, destination_port, payload=b"", *, length=None):
    """A UDP datagram."""
    length = 8 + len(payload) if length is None else length
    return struct.pack("!HHHH", source_port, destination_port, length, 0) + payload


def icmp(kind=8, code=0, payload=b""):
    """An ICMP message."""
    return struct.pack("!BBHI", kind, code, 0, 0) + payload


def ipv4(
    payload=b"",
    *,
    source="10.0.0.1",
    destination="10.0.0.2",
    protocol=UDP,
    ttl=64,
    options=b"",
    more_fragments=False,
    fragment_offset=0,
    identification=0,
    total_length=None,
    header_words=None,
    version=4,
):
    """An IPv4 packet; `fragment_offset` in units of 8 bytes, `header_words` in units of 4."""
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4 if header_words is None else header_words
    total_length = 20 + len(options) + len(payload) if total_length is None else total_length
    fragment = (0x2000 if more_fragments else 0) | fragment_offset
    fixed = (version << 4 | words, 0, total_length & 0xFFFF, identification, fragment, ttl, protocol)
    head = struct.pack("!BBHHHBB", *fixed)
    tail = address(source) + address(destination) + options
    return head + struct.pack("!H", checksum(head + b"\0\0" + tail)) + tail + payload


def ipv6(
    payload=b"",
    *,
    source="2001:db8::1",
    destination="2001:db8::2",
    next_header=UDP,
    hop_limit=64,
    extensions=(),
    payload_length=None,
    version=6,
):
    """An IPv6 packet; `extensions` is its chain, as `extension`, `authentication` and `fragment` make it."""
    chain = b""
    numbers = [number for number, _ in extensions] + [next_header]
    for (_, body), following in zip(extensions, numbers[1:], strict=True):
        chain += bytes([following]) + body
    payload_length = len(chain) + len(payload) if payload_length is None else payload_length
    head = struct.pack("!IHBB", version << 28, payload_length & 0xFFFF, numbers[0], hop_limit)
    return head + address(source) + address(destination) + chain + payload


def extension(number, n_units=0):
    """A hop-by-hop, routing or destination options header of (n_units + 1) * 8 bytes, as (number, body)."""
    return number, bytes([n_units]) + b"\0" * (6 + 8 * n_units)


def authentication(n_check_bytes=12):
    """An authentication header (RFC 4302) with a check value of a multiple of 4 bytes, as (number, body)."""
    n_words = (12 + n_check_bytes) // 4
    return AH, bytes([n_words - 2]) + b"\0" * (10 + n_check_bytes)


def fragment(offset=0, more=True, identification=1):
    """A fragment header, `offset` in units of 8 bytes, as (number, body)."""
    return FRAGMENT, struct.pack("!BHI", 0, offset << 3 | more, identification)


def ip(payload, *, source="10.0.0.1", destination="10.0.0.2", protocol=UDP, ttl=64):
    """An IP packet of whichever version the source address is."""
    if ":" in source:
        return ipv6(payload, source=source, destination=destination, next_header=protocol, hop_limit=ttl)
    return ipv4(payload, source=source, destination=destination, protocol=protocol, ttl=ttl)


def ethertype_of(packet):
    """Ethertype of an IP packet, by its version."""
    return ETHERTYPE_IPV6 if packet[:1] and packet[0] >> 4 == 6 else ETHERTYPE_IPV4


def ethernet(payload, *, ethertype=None, tags=(), pad_to=0):
    """An Ethernet II frame.

    `tags` are VLAN tags from the outermost in, each an (ethertype, VLAN number) or just the ethertype;
    `pad_to` fills the frame with zeros, as an Ethernet card does to 60 bytes.
    """
    ethertype = ethertype_of(payload) if ethertype is None else ethertype
    frame = b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01"
    for tag in tags:
        kind, number = tag if isinstance(tag, tuple) else (tag, 100)
        frame += struct.pack("!HH", kind, number)
    return (frame + struct.pack("!H", ethertype) + payload).ljust(pad_to, b"\0")


def ethernet_802_3(payload, *, length=None):
    """An Ethernet frame with a length instead of a type, for LLC."""
    return ethernet(payload, ethertype=len(payload) if length is None else length)


def llc_snap(payload, *, ethertype=None, organisation=b"\0\0\0"):
    """LLC with SNAP."""
    ethertype = ethertype_of(payload) if ethertype is None else ethertype
    return b"\xaa\xaa\x03" + organisation + struct.pack("!H", ethertype) + payload


def arp():
    """An ARP request, to go into `ethernet(..., ethertype=ETHERTYPE_ARP)`."""
    hardware = b"\x02\0\0\0\0\x01"
    return struct.pack("!HHBBH", 1, ETHERTYPE_IPV4, 6, 4, 1) + hardware + address("10.0.0.1") + b"\0" * 10


def mpls(payload, labels=(16,)):
    """Labels from the outermost in, the last with the bottom-of-stack bit."""
    stack = b""
    for i, label in enumerate(labels):
        stack += struct.pack("!I", label << 12 | (i == len(labels) - 1) << 8 | 64)
    return stack + payload


def pppoe(payload, *, protocol=None, is_compressed=False, code=0):
    """A PPPoE session packet."""
    inner = ppp_protocol(payload, protocol=protocol, is_compressed=is_compressed)
    return struct.pack("!BBHH", 0x11, code, 1, len(inner)) + inner


def ppp_protocol(payload, *, protocol=None, is_compressed=False):
    """PPP's protocol field (one byte if it is compressed) and the payload."""
    if protocol is None:
        protocol = 0x0057 if ethertype_of(payload) == ETHERTYPE_IPV6 else 0x0021
    return (bytes([protocol]) if is_compressed else struct.pack("!H", protocol)) + payload
