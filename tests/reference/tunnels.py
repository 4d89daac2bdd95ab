"""Tunnels: what stands behind a GRE or UDP header, and where.

A function that opens a tunnel takes the frame up to the end of the enclosing IP payload, and the offset of the
tunnel's own header, and returns what `links.find_network_header` does: the version and the offset of the IP header
inside. Behind UDP, a port is only a hint: what does not look like the tunnel raises `NotATunnel`, and the packet
stays the UDP packet that it is. GRE is a protocol of its own, so what is wrong there is a reason to skip.
"""

import struct

from reference import links
from reference.links import IPV4, IPV6, Skip

MAX_DEPTH = 8  # IP headers, one in another
GRE, IPV4_IN_IP, IPV6_IN_IP = 47, 4, 41

# Those registered at IANA.
DEFAULT_PORTS = {"vxlan": 4789, "vxlan-gpe": 4790, "geneve": 6081, "gtp-u": 2152, "teredo": 3544, "l2tp": 1701}

GRE_CHECKSUM, GRE_ROUTING, GRE_KEY, GRE_SEQUENCE, GRE_ACKNOWLEDGE, GRE_VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 0x80, 7
GRE_PPP, ERSPAN_I_OR_II, ERSPAN_III = 0x880B, 0x88BE, 0x22EB
ETHERNET_BRIDGED = 0x6558  # "transparent Ethernet bridging", in GRE and in Geneve
ETHERTYPES_OF_IP = {0x0800: IPV4, 0x86DD: IPV6}


class NotATunnel(Exception):
    """This port carries something else."""


def kind_by_port(tunnel_ports):
    """What a user chose (kind -> ports, none to switch it off), and what is registered for the others: port -> kind.

    A port that was chosen for one kind is not another kind's, though it be registered for that.
    """
    chosen = tunnel_ports or {}
    found = {}
    for kind in DEFAULT_PORTS:
        for port in chosen.get(kind, ()):
            found.setdefault(port, kind)
    for kind, port in DEFAULT_PORTS.items():
        if kind not in chosen:
            found.setdefault(port, kind)
    return found


def _require(packet, offset, n_bytes):
    if len(packet) - offset < n_bytes:
        raise Skip("truncated_tunnel_header")


def _u16(packet, offset):
    return struct.unpack_from("!H", packet, offset)[0]


def open_gre(packet, offset):
    """RFC 2784 with the key and sequence number of RFC 2890; version 1 is PPTP's (RFC 2637).

    The routing of RFC 1701, which nobody sends any more, is not followed.
    """
    _require(packet, offset, 4)
    flags, protocol = struct.unpack_from("!HH", packet, offset)
    version = flags & GRE_VERSION
    if version > 1 or flags & GRE_ROUTING:
        raise Skip("other_protocol")
    n_header_bytes = 4
    for bit in (GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE):
        n_header_bytes += 4 if flags & bit else 0
    if version == 1 and flags & GRE_ACKNOWLEDGE:
        n_header_bytes += 4
    _require(packet, offset, n_header_bytes)
    inner = offset + n_header_bytes
    if protocol == ETHERNET_BRIDGED:
        return links.find_in_ethernet(packet, inner)
    if protocol == GRE_PPP:
        return links.find_in_ppp(packet, inner)
    if protocol == ERSPAN_I_OR_II:
        # Type I has no header of its own, and no sequence number; type II always has one.
        return _open_erspan_2(packet, inner) if flags & GRE_SEQUENCE else links.find_in_ethernet(packet, inner)
    if protocol == ERSPAN_III:
        return _open_erspan_3(packet, inner)
    if protocol <= links.MAX_802_3_LENGTH:
        raise Skip("not_ip")  # behind Ethernet that would be a length
    return links.find_behind_ethertype(packet, inner, protocol)


def _open_erspan_2(packet, offset):
    """draft-foschiano-erspan, section 4.2: version 1, 8 bytes."""
    _require(packet, offset, 8)
    if packet[offset] >> 4 != 1:
        raise Skip("other_protocol")
    return links.find_in_ethernet(packet, offset + 8)


def _open_erspan_3(packet, offset):
    """draft-foschiano-erspan, section 4.3: version 2, 12 bytes, and 8 more with the O bit.

    The frame type says what was mirrored: 0 Ethernet, 2 an IP packet without link layer.
    """
    _require(packet, offset, 12)
    if packet[offset] >> 4 != 2:
        raise Skip("other_protocol")
    frame_type = _u16(packet, offset + 10) >> 10 & 31
    n_header_bytes = 20 if packet[offset + 11] & 1 else 12
    _require(packet, offset, n_header_bytes)
    if frame_type == 0:
        return links.find_in_ethernet(packet, offset + n_header_bytes)
    if frame_type == 2:
        return links.find_ip_of_any_version(packet, offset + n_header_bytes)
    raise Skip("not_ip")


def open_udp_tunnel(kind, packet, offset):
    """Open a tunnel of this kind, whose header is the UDP payload of the datagram at `offset`.

    Returns what is inside, and where that ends at the latest: as the lengths of UDP (0: not known yet), of GTP-U and
    of L2TP say. Whatever is there behind that end is not looked at.
    """
    n_udp_bytes = _u16(packet, offset + 4)
    _demand(n_udp_bytes == 0 or n_udp_bytes >= 8)
    end = offset + n_udp_bytes if n_udp_bytes else len(packet)
    offset += 8
    if kind == "gtp-u" and min(end, len(packet)) - offset >= 8:
        end = min(end, offset + 8 + _u16(packet, offset + 2))
    if kind == "l2tp" and min(end, len(packet)) - offset >= 6 and packet[offset] & 0x40:
        end = min(end, offset + _u16(packet, offset + 2))
    packet = packet[:end]
    return _OPENERS[kind](packet, offset), len(packet)


def _demand(is_so):
    if not is_so:
        raise NotATunnel


def _open_vxlan(packet, offset):
    """RFC 7348: the I flag is set, and Ethernet follows."""
    _demand(len(packet) - offset >= 8)
    _demand(packet[offset] & 0x08)
    return links.find_in_ethernet(packet, offset + 8)


def _open_vxlan_gpe(packet, offset):
    """draft-ietf-nvo3-vxlan-gpe: flags R R Ver I P B O; with P the last byte of the first word names what follows."""
    _demand(len(packet) - offset >= 8)
    flags, next_protocol = packet[offset], packet[offset + 3]
    _demand(flags & 0x30 == 0 and flags & 0x08 and not flags & 0x01)
    if not flags & 0x04 or next_protocol == 3:
        return links.find_in_ethernet(packet, offset + 8)
    _demand(next_protocol in (1, 2))
    return {1: IPV4, 2: IPV6}[next_protocol], offset + 8


def _open_geneve(packet, offset):
    """RFC 8926: version 0; options of whole words; with the O bit it is a control packet."""
    _demand(len(packet) - offset >= 8)
    n_header_bytes = 8 + 4 * (packet[offset] & 0x3F)
    protocol = _u16(packet, offset + 2)
    _demand(packet[offset] >> 6 == 0 and not packet[offset + 1] & 0x80)
    _demand(len(packet) - offset >= n_header_bytes)
    if protocol == ETHERNET_BRIDGED:
        return links.find_in_ethernet(packet, offset + n_header_bytes)
    _demand(protocol in ETHERTYPES_OF_IP)
    return ETHERTYPES_OF_IP[protocol], offset + n_header_bytes


def _open_gtp_u(packet, offset):
    """3GPP TS 29.281, section 5: a G-PDU of version 1; any of E, S, PN brings four more bytes; extension headers."""
    _demand(len(packet) - offset >= 8)
    flags, message_type = packet[offset], packet[offset + 1]
    _demand(flags >> 5 == 1 and flags & 0x10 and message_type == 255)
    inner = offset + 8
    if flags & 0x07:
        inner += 4
        _demand(len(packet) >= inner)
    if flags & 0x04:
        while packet[inner - 1] != 0:  # the type of the extension header that follows
            _demand(len(packet) > inner)
            n_extension_bytes = packet[inner] * 4
            _demand(n_extension_bytes > 0)
            inner += n_extension_bytes
            _demand(len(packet) >= inner)
    return _ip_by_nibble(packet, inner)


def _ip_by_nibble(packet, offset):
    _demand(len(packet) > offset and packet[offset] >> 4 in (IPV4, IPV6))
    return packet[offset] >> 4, offset


def _open_teredo(packet, offset):
    """RFC 4380, section 5.1.1: an authentication and an origin indication, in that order, may precede IPv6."""
    if packet[offset : offset + 2] == b"\0\1":
        _demand(len(packet) - offset >= 4)
        n_identifier_bytes, n_value_bytes = packet[offset + 2], packet[offset + 3]
        offset += 4 + n_identifier_bytes + n_value_bytes + 9  # nonce and confirmation
    if packet[offset : offset + 2] == b"\0\0":
        offset += 8
    _demand(len(packet) - offset >= 40)
    _demand(packet[offset] >> 4 == 6)
    return IPV6, offset


def _open_l2tp(packet, offset):
    """RFC 2661, section 3.1: flags, [length], tunnel, session, [Ns, Nr], [offset size, padding], then PPP."""
    _demand(len(packet) - offset >= 6)
    flags = _u16(packet, offset)
    has_length, has_sequence, has_offset = flags & 0x4000, flags & 0x0800, flags & 0x0200
    _demand(not flags & 0x8000 and flags & 0x000F == 2)
    inner = offset + 6 + (2 if has_length else 0) + (4 if has_sequence else 0)
    if has_offset:
        _demand(len(packet) - inner >= 2)
        inner += 2 + _u16(packet, inner)
    _demand(len(packet) >= inner)
    return links.find_in_ppp(packet, inner)


_OPENERS = {
    "vxlan": _open_vxlan,
    "vxlan-gpe": _open_vxlan_gpe,
    "geneve": _open_geneve,
    "gtp-u": _open_gtp_u,
    "teredo": _open_teredo,
    "l2tp": _open_l2tp,
}
