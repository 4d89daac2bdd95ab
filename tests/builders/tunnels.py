"""Headers of tunnels; each takes what is inside as bytes and gives the payload of the IP or UDP packet around it.

IP in IP needs no header of its own: `ipv4(ipv6(...), protocol=41)`.
"""

import struct

from builders.frames import ETHERTYPE_IPV6, ethertype_of

IPV4_IN_IP, IPV6_IN_IP, GRE = 4, 41, 47
BRIDGED, GRE_PPP, ERSPAN_I_OR_II, ERSPAN_III = 0x6558, 0x880B, 0x88BE, 0x22EB
PORTS = {"vxlan": 4789, "vxlan-gpe": 4790, "geneve": 6081, "gtp-u": 2152, "teredo": 3544, "l2tp": 1701}


def ip_protocol_of(packet):
    """Protocol number of an IP packet inside another, by its version."""
    return IPV6_IN_IP if packet[:1] and packet[0] >> 4 == 6 else IPV4_IN_IP


def gre(payload, *, protocol=None, checksum=False, key=False, sequence=False, routing=False, version=0):
    """RFC 2784 and 2890."""
    protocol = ethertype_of(payload) if protocol is None else protocol
    flags = checksum << 15 | routing << 14 | key << 13 | sequence << 12 | version
    return struct.pack("!HH", flags, protocol) + b"\xaa\xbb\xcc\xdd" * (checksum + key + sequence) + payload


def pptp(ppp_frame, *, sequence=True, acknowledge=False, protocol=GRE_PPP):
    """GRE of version 1 (RFC 2637): the key is there, and holds the payload's length and the call."""
    flags = 0x2000 | sequence << 12 | acknowledge << 7 | 1
    head = struct.pack("!HHHH", flags, protocol, len(ppp_frame), 7)
    return head + b"\0\0\0\5" * (sequence + acknowledge) + ppp_frame


def erspan_1(frame):
    """GRE without a sequence number, and the mirrored frame."""
    return gre(frame, protocol=ERSPAN_I_OR_II)


def erspan_2(frame, *, version=1):
    """GRE with a sequence number, 8 bytes, and the mirrored frame."""
    return gre(struct.pack("!HHI", version << 12 | 100, 0x0801, 3) + frame, protocol=ERSPAN_I_OR_II, sequence=True)


def erspan_3(frame, *, version=2, frame_type=0, has_platform_header=False):
    """GRE with a sequence number, 12 or 20 bytes, and the mirrored frame (type 0) or IP packet (type 2)."""
    last_word = 0x5555 << 16 | frame_type << 10 | 0x03F0 | has_platform_header
    head = struct.pack("!HHII", version << 12 | 100, 0x0801, 0x12345678, last_word)
    return gre(head + b"\x77" * 8 * has_platform_header + frame, protocol=ERSPAN_III, sequence=True)


def vxlan(frame, *, flags=0x08):
    """RFC 7348 around an Ethernet frame."""
    return struct.pack("!B3xI", flags, 100 << 8) + frame


def vxlan_gpe(payload, *, next_protocol=None, flags=0x0C):
    """VXLAN-GPE, by default around an IP packet."""
    if next_protocol is None:
        next_protocol = 2 if ethertype_of(payload) == ETHERTYPE_IPV6 else 1
    return struct.pack("!B2xBI", flags, next_protocol, 100 << 8) + payload


def geneve(payload, *, protocol=BRIDGED, n_option_words=0, version=0, is_control=False):
    """RFC 8926."""
    head = struct.pack("!BBHI", version << 6 | n_option_words, is_control << 7, protocol, 100 << 8)
    return head + b"\1\2\3\4" * n_option_words + payload


def gtp_u(packet, *, sequence=False, n_pdu=False, extensions=(), message_type=255, flags=0x30, length=None):
    """3GPP TS 29.281: `extensions` are (type, number of 4-byte units)."""
    flags |= bool(extensions) << 2 | sequence << 1 | n_pdu
    chain = b""
    if flags & 7:
        kinds = [kind for kind, _ in extensions] + [0]
        chain = struct.pack("!HBB", 9, 8, kinds[0])
        for (_, n_units), following in zip(extensions, kinds[1:], strict=True):
            chain += bytes([n_units]) + b"\x66" * (4 * n_units - 2) + bytes([following])
    length = len(chain) + len(packet) if length is None else length
    return struct.pack("!BBHI", flags, message_type, length, 0x1234) + chain + packet


def teredo(packet, *, n_identifier_bytes=None, n_value_bytes=0, has_origin=False):
    """RFC 4380: an authentication indication if the number of identifier bytes is given, and an origin."""
    head = b""
    if n_identifier_bytes is not None:
        head += struct.pack("!HBB", 1, n_identifier_bytes, n_value_bytes)
        head += b"\x60" * (n_identifier_bytes + n_value_bytes + 9)
    if has_origin:
        head += struct.pack("!HHI", 0, 0x1234, 0x55667788)
    return head + packet


def l2tp(
    ppp_frame, *, has_length=False, has_sequence=False, n_pad_bytes=None, is_control=False, version=2, length=None
):
    """RFC 2661: a data message; with `n_pad_bytes` the offset field and that much padding."""
    has_offset = n_pad_bytes is not None
    flags = is_control << 15 | has_length << 14 | has_sequence << 11 | has_offset << 9 | version
    message = struct.pack("!HH", 3, 4)
    message += struct.pack("!HH", 5, 6) if has_sequence else b""
    message += struct.pack("!H", n_pad_bytes) + b"\x21" * n_pad_bytes if has_offset else b""
    message += ppp_frame
    length = len(message) + 4 if length is None else length
    return struct.pack("!H", flags) + (struct.pack("!H", length) if has_length else b"") + message
