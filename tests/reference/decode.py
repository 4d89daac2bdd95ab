"""A frame becomes a packet, or the reason why it does not: the rules of the decoder, written to be read.

`Decoder.decode(link_type, frame)` walks link headers (`links`) to an IP header, and from there through tunnels
(`tunnels`) to the innermost TCP or UDP packet. With `tunnels="outer"` the outermost IP header decides: what it
carries is TCP, UDP or `other_protocol`. Every check of a length comes before the bytes are read, and an offset only
ever grows, so the walk ends on any input.
"""

import functools
import ipaddress
import struct
from typing import NamedTuple

from reference import links
from reference.fragments import Datagram, Fragments
from reference.links import IPV4, IPV6, LINK_DECODERS, Skip
from reference.tunnels import (
    GRE,
    IPV4_IN_IP,
    IPV6_IN_IP,
    MAX_DEPTH,
    NotATunnel,
    kind_by_port,
    open_gre,
    open_udp_tunnel,
)

SKIP_REASONS = (
    "unsupported_link_type",
    "truncated_link_header",
    "not_ip",
    "truncated_ip_header",
    "bad_ip_header",
    "fragment",
    "other_protocol",
    "truncated_transport_header",
    "truncated_tunnel_header",
    "tunnel_depth",
)
# Inside a UDP tunnel: there is an IP packet, and its ports are not here. So it is not the outer packet either.
FINAL_REASONS = ("truncated_ip_header", "truncated_transport_header", "fragment")

TCP, UDP = 6, 17
MIN_TRANSPORT_BYTES = {TCP: 20, UDP: 8}
FRAGMENT, AUTHENTICATION = 44, 51
EXTENSION_HEADERS = (0, 43, FRAGMENT, AUTHENTICATION, 60)  # and hop-by-hop, routing, destination options
MOST_PADDING = 6  # bytes that Ethernet adds to an IPv6 header, to make a frame of 60


class Decoded(NamedTuple):
    """What one frame says: the flow key, and the two header fields that features use."""

    key: tuple[str, str, int, int, int]  # source, destination, source port, destination port, protocol
    flags: int  # FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128; 0 for UDP and later fragments
    ttl: int  # TTL or hop limit of the IP header whose ports these are


class IpHeader(NamedTuple):
    """What one IP header says of what it carries."""

    level: int  # 1 is the outermost
    source: bytes
    destination: bytes
    ttl: int
    protocol: int  # of the payload, behind all extension headers
    datagram: Datagram | None  # of a first fragment with more to come
    payload: int  # offset
    start: int  # offset of the header itself
    length: int  # of the whole packet in bytes by the header's own field; 0 where that leaves it open


def is_supported(link_type):
    """Whether a capture (or a pcapng interface) of this link type can be decoded."""
    return link_type in LINK_DECODERS


def decode_frame(link_type, frame, **options):
    """Return the `Decoded` packet of one frame, or one of `SKIP_REASONS`; options as those of `Decoder`."""
    return Decoder(**options).decode(link_type, frame)


class Decoder:
    """Decodes the frames of one capture; remembers the datagrams of which there were first fragments.

    `tunnels` is "inner" or "outer"; `fragments` is "first" or "track"; `tunnel_ports` maps kinds of tunnels to
    ports, and replaces those that it names.
    """

    def __init__(self, tunnels="inner", fragments="first", tunnel_ports=None):
        self._opens_tunnels = {"inner": True, "outer": False}[tunnels]
        self._fragments = {"first": None, "track": Fragments()}[fragments]
        self._kind_by_port = kind_by_port(tunnel_ports)
        self._time_ns = 0
        self._vlan_id = 0

    def decode(self, link_type, frame, time_ns=0):
        """Return the `Decoded` packet of a frame, or one of `SKIP_REASONS`."""
        self._time_ns, self._vlan_id = time_ns, 0
        try:
            version, offset = self._enter(links.find_network_header(link_type, frame))
            decoded, datagrams = self._decode_ip(version, frame, offset, 1)
        except Skip as skip:
            return skip.reason
        for datagram in datagrams:
            self._fragments.remember(datagram, decoded.key, time_ns)
        return decoded

    def _enter(self, found):
        """Take what a link layer or a tunnel led to; the last VLAN tag on the way is the innermost."""
        version, offset, *vlan_ids = found
        self._vlan_id = vlan_ids[-1] if vlan_ids else self._vlan_id
        return version, offset

    def _decode_ip(self, version, packet, offset, level):
        """Return the packet, and the datagrams whose first fragments it came in: from this level inwards."""
        if level > MAX_DEPTH:
            raise Skip("tunnel_depth")
        read_header = {IPV4: _read_ipv4, IPV6: _read_ipv6}[version]
        try:
            header, end = read_header(packet, offset, level)
        except LaterFragment as later:
            return self._find_flow(later), []
        decoded, datagrams = self._decode_payload(header, packet[:end])
        if header.datagram is not None and self._fragments is not None:
            datagrams = [header.datagram, *datagrams]
        return decoded, datagrams

    def _find_flow(self, later):
        """Decode a fragment that is not the first of its datagram: it has no ports."""
        key = self._fragments and self._fragments.find(later.datagram, self._time_ns)
        if key is None:
            raise Skip("fragment")
        return Decoded(key, 0, later.ttl)

    def _decode_payload(self, header, packet):
        if header.protocol == TCP:
            return self._read_transport(header, packet), []
        if header.protocol == UDP:
            return self._decode_udp(header, packet)
        if not self._opens_tunnels:
            raise Skip("other_protocol")
        if header.protocol == GRE:
            version, inner = self._enter(open_gre(packet, header.payload))
        elif header.protocol in (IPV4_IN_IP, IPV6_IN_IP):
            version, inner = {IPV4_IN_IP: IPV4, IPV6_IN_IP: IPV6}[header.protocol], header.payload
        else:
            raise Skip("other_protocol")
        return self._decode_ip(version, packet, inner, header.level + 1)

    def _decode_udp(self, header, packet):
        """Return what is in the tunnel, if the ports say that this is one and what it carries agrees."""
        decoded = self._read_transport(header, packet)
        source_port, destination_port = decoded.key[2:4]
        kind = self._kind_by_port.get(destination_port) or self._kind_by_port.get(source_port)
        if self._opens_tunnels and kind is not None:
            try:
                found, end = open_udp_tunnel(kind, packet, header.payload)
                version, inner = self._enter(found)
                return self._decode_ip(version, packet[:end], inner, header.level + 1)
            except NotATunnel:
                pass
            except Skip as skip:
                if skip.reason in FINAL_REASONS:
                    raise
        return decoded, []

    def _read_transport(self, header, packet):
        """Ports and flags; the TCP data offset and the UDP length are not looked at."""
        if len(packet) - header.payload < MIN_TRANSPORT_BYTES[header.protocol]:
            raise Skip("truncated_transport_header")
        ports = struct.unpack_from("!HH", packet, header.payload)
        flags = packet[header.payload + 13] if header.protocol == TCP else 0
        key = (format_address(header.source), format_address(header.destination), *ports, header.protocol)
        return Decoded(key, flags, header.ttl)


class LaterFragment(Exception):
    """An IP header whose payload is not the beginning of a datagram's."""

    def __init__(self, datagram, ttl, header):
        super().__init__(datagram)
        self.datagram = datagram
        self.ttl = ttl
        self.header = header


def _read_ipv4(packet, offset, level):
    """RFC 791; return the header and the end of its payload, as far as that was captured.

    The order of the checks decides the reason: 20 bytes there; version 4 and a header of at least 20 bytes;
    the options there; a total length that covers the header; a fragment other than the first (`fragment`,
    whatever its protocol: it has no ports).
    """
    if len(packet) - offset < 20:
        raise Skip("truncated_ip_header")
    n_header_bytes = (packet[offset] & 0x0F) * 4
    total_length, identification, fragment, ttl, protocol = struct.unpack_from("!HHHBB", packet, offset + 2)
    # 0 is segmentation offload: the card fills the length in after the capture has seen the packet.
    is_offloaded = total_length == 0
    if packet[offset] >> 4 != 4 or n_header_bytes < 20:
        raise Skip("bad_ip_header")
    if len(packet) - offset < n_header_bytes:
        raise Skip("truncated_ip_header")
    if total_length < n_header_bytes and not is_offloaded:
        raise Skip("bad_ip_header")
    source, destination = packet[offset + 12 : offset + 16], packet[offset + 16 : offset + 20]
    datagram = Datagram(source, destination, identification, protocol, IPV4)
    span = (offset, total_length)
    if fragment & 0x1FFF:
        later = IpHeader(level, source, destination, ttl, protocol, None, offset + n_header_bytes, *span)
        raise LaterFragment(datagram, ttl, later)
    # Bytes past the total length are Ethernet padding or a frame check sequence, not payload.
    end = len(packet) if is_offloaded else min(len(packet), offset + total_length)
    offset += n_header_bytes
    while protocol == AUTHENTICATION:
        protocol, offset = _step_over_extension(packet[:end], offset, protocol)
    has_more = bool(fragment & 0x2000)
    return IpHeader(level, source, destination, ttl, protocol, datagram if has_more else None, offset, *span), end


def _read_ipv6(packet, offset, level):
    """RFC 8200; return the header and the end of its payload, as far as that was captured.

    Extension headers are walked in any order and number. One that does not lie wholly inside the captured IP
    payload is `truncated_ip_header`. ESP (50), no next header (59), mobility (135) and the rest are
    `other_protocol`. A payload length of 0 means "to the end of the frame": a jumbogram or segmentation
    offload; where at most 6 bytes follow there is none, and they are padding.
    """
    if len(packet) - offset < 40:
        raise Skip("truncated_ip_header")
    if packet[offset] >> 4 != 6:
        raise Skip("bad_ip_header")
    payload_length, next_header, ttl = struct.unpack_from("!HBB", packet, offset + 4)
    source, destination = packet[offset + 8 : offset + 24], packet[offset + 24 : offset + 40]
    span = (offset, 40 + payload_length if payload_length else 0)
    offset += 40
    is_offloaded = payload_length == 0 and len(packet) - offset > MOST_PADDING
    end = len(packet) if is_offloaded else min(len(packet), offset + payload_length)
    first_of = None
    while next_header in EXTENSION_HEADERS:
        if next_header == FRAGMENT and end - offset >= 8:
            place, identification = struct.unpack_from("!HI", packet, offset + 2)
            datagram = Datagram(source, destination, identification, 0, IPV6)
            if place >> 3:
                later = IpHeader(level, source, destination, ttl, packet[offset], None, offset + 8, *span)
                raise LaterFragment(datagram, ttl, later)
            first_of = datagram if place & 1 else first_of
        next_header, offset = _step_over_extension(packet[:end], offset, next_header)
    return IpHeader(level, source, destination, ttl, next_header, first_of, offset, *span), end


def _step_over_extension(packet, offset, kind):
    """Return what follows an extension header of this kind, and its offset."""
    if len(packet) - offset < 8:
        raise Skip("truncated_ip_header")
    if kind == FRAGMENT:
        n_header_bytes = 8
    elif kind == AUTHENTICATION:
        n_header_bytes = (packet[offset + 1] + 2) * 4  # RFC 4302 counts in 4-byte units, minus 2
    else:
        n_header_bytes = (packet[offset + 1] + 1) * 8
    if len(packet) - offset < n_header_bytes:
        raise Skip("truncated_ip_header")
    return packet[offset], offset + n_header_bytes


@functools.cache
def format_address(address):
    """Text of an address (4 or 16 bytes) by RFC 5952; ::ffff:0:0/96 in the mixed form of its section 5."""
    parsed = ipaddress.ip_address(bytes(address))
    mapped = getattr(parsed, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped is not None else str(parsed)
