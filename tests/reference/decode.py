"""A frame becomes a packet, or the reason why it does not: the rules of the decoder, written to be read.

`decode_frame(link_type, frame)` walks link headers (`links`), then one IP header, then looks at the transport
header. Every check of a length comes before the bytes are read, and an offset only ever grows, so the walk
ends on any input. The outermost IP header decides: what it carries is TCP, UDP or `other_protocol`; tunnels
are not opened.
"""

import functools
import ipaddress
import struct
from typing import NamedTuple

from reference import links
from reference.links import IPV4, LINK_DECODERS, Skip

SKIP_REASONS = (
    "unsupported_link_type",
    "truncated_link_header",
    "not_ip",
    "truncated_ip_header",
    "bad_ip_header",
    "fragment",
    "other_protocol",
    "truncated_transport_header",
)

TCP, UDP = 6, 17
MIN_TRANSPORT_BYTES = {TCP: 20, UDP: 8}
FRAGMENT, AUTHENTICATION = 44, 51
EXTENSION_HEADERS = (0, 43, FRAGMENT, AUTHENTICATION, 60)  # and hop-by-hop, routing, destination options


class Decoded(NamedTuple):
    """What one frame says: the flow key, and the two header fields that features use."""

    key: tuple[str, str, int, int, int]  # source, destination, source port, destination port, protocol
    flags: int  # FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128; 0 for UDP
    ttl: int  # TTL or hop limit


def is_supported(link_type):
    """Whether a capture (or a pcapng interface) of this link type can be decoded."""
    return link_type in LINK_DECODERS


def decode_frame(link_type, frame):
    """Return the `Decoded` packet of a frame, or one of `SKIP_REASONS`."""
    try:
        version, offset = links.find_network_header(link_type, frame)
        return _decode_ipv4(frame, offset) if version == IPV4 else _decode_ipv6(frame, offset)
    except Skip as skip:
        return skip.reason


def _decode_ipv4(frame, offset):
    """RFC 791.

    The order of the checks decides the reason: 20 bytes there; version 4 and a header of at least 20 bytes;
    the options there; a total length that covers the header; a fragment other than the first (`fragment`,
    whatever its protocol: it has no ports). AH inside IPv4 is `other_protocol`; only in IPv6 is it an
    extension header.
    """
    if len(frame) - offset < 20:
        raise Skip("truncated_ip_header")
    n_header_bytes = (frame[offset] & 0x0F) * 4
    total_length, _, fragment, ttl, protocol = struct.unpack_from("!HHHBB", frame, offset + 2)
    # 0 is segmentation offload: the card fills the length in after the capture has seen the packet.
    is_offloaded = total_length == 0
    if frame[offset] >> 4 != 4 or n_header_bytes < 20:
        raise Skip("bad_ip_header")
    if len(frame) - offset < n_header_bytes:
        raise Skip("truncated_ip_header")
    if total_length < n_header_bytes and not is_offloaded:
        raise Skip("bad_ip_header")
    if fragment & 0x1FFF:
        raise Skip("fragment")
    # Bytes past the total length are Ethernet padding or a frame check sequence, not payload.
    end = len(frame) if is_offloaded else min(len(frame), offset + total_length)
    source, destination = frame[offset + 12 : offset + 16], frame[offset + 16 : offset + 20]
    return _decode_transport(frame, offset + n_header_bytes, end, protocol, ttl, source, destination)


def _decode_ipv6(frame, offset):
    """RFC 8200.

    Extension headers are walked in any order and number. One that does not lie wholly inside the captured IP
    payload is `truncated_ip_header`. ESP (50), no next header (59), mobility (135) and the rest are
    `other_protocol`. A payload length of 0 means "to the end of the frame": a jumbogram or segmentation
    offload.
    """
    if len(frame) - offset < 40:
        raise Skip("truncated_ip_header")
    if frame[offset] >> 4 != 6:
        raise Skip("bad_ip_header")
    payload_length, next_header, ttl = struct.unpack_from("!HBB", frame, offset + 4)
    source, destination = frame[offset + 8 : offset + 24], frame[offset + 24 : offset + 40]
    offset += 40
    end = len(frame) if payload_length == 0 else min(len(frame), offset + payload_length)
    while next_header in EXTENSION_HEADERS:
        if end - offset < 8:
            raise Skip("truncated_ip_header")
        if next_header == FRAGMENT:
            if struct.unpack_from("!H", frame, offset + 2)[0] >> 3:
                raise Skip("fragment")
            n_header_bytes = 8
        elif next_header == AUTHENTICATION:
            n_header_bytes = (frame[offset + 1] + 2) * 4  # RFC 4302 counts in 4-byte units, minus 2
        else:
            n_header_bytes = (frame[offset + 1] + 1) * 8
        if end - offset < n_header_bytes:
            raise Skip("truncated_ip_header")
        next_header = frame[offset]
        offset += n_header_bytes
    return _decode_transport(frame, offset, end, next_header, ttl, source, destination)


def _decode_transport(frame, offset, end, protocol, ttl, source, destination):
    """Ports and flags; the TCP data offset and the UDP length are not looked at."""
    if protocol not in MIN_TRANSPORT_BYTES:
        raise Skip("other_protocol")
    if end - offset < MIN_TRANSPORT_BYTES[protocol]:
        raise Skip("truncated_transport_header")
    source_port, destination_port = struct.unpack_from("!HH", frame, offset)
    flags = frame[offset + 13] if protocol == TCP else 0
    key = (format_address(source), format_address(destination), source_port, destination_port, protocol)
    return Decoded(key, flags, ttl)


@functools.cache
def format_address(address):
    """Text of an address (4 or 16 bytes) by RFC 5952; ::ffff:0:0/96 in the mixed form of its section 5."""
    parsed = ipaddress.ip_address(bytes(address))
    mapped = getattr(parsed, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped is not None else str(parsed)
