"""IPv6 (RFC 8200) and its extension headers: addresses, hop limit, protocol, where the payload lies.

Each extension header is at least 8 octets long, so a chain ends with the frame.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from netml._core.net.authentication cimport skip_authentication
from netml._core.octets cimport read_be16, read_u64
from netml._core.packet cimport NO_FRAGMENT, PROTOCOL_AUTHENTICATION, NetworkHeader, Packet
from netml._core.status cimport KEPT, SKIP_BAD_IP, SKIP_FRAGMENT, SKIP_TRUNCATED_IP, Reason


cdef enum:
    IPV6_BYTES = 40
    MOST_PADDING = 6             # octets that Ethernet adds to an IPv6 header, to make a frame of 60
    NEXT_HOP_BY_HOP = 0
    NEXT_ROUTING = 43
    NEXT_FRAGMENT = 44
    NEXT_DESTINATION = 60


cdef inline Reason decode_ipv6(
    const uint8_t *frame, uint32_t caplen, uint32_t at, NetworkHeader *header, Packet *packet,
) noexcept nogil:
    """Decode the header at `at` (<= caplen) and walk its extensions; on KEPT `payload_end` is at most `caplen`."""
    cdef const uint8_t *ip = frame + at
    cdef uint32_t available = caplen - at, payload_bytes
    if available < IPV6_BYTES:
        return SKIP_TRUNCATED_IP
    if ip[0] >> 4 != 6:
        return SKIP_BAD_IP
    payload_bytes = read_be16(ip + 4)
    header.payload_end = caplen
    # A payload length of 0 is a jumbogram or segmentation left to the network card: to the frame's end. Where hardly
    # anything follows there is no payload, and that is padding.
    if payload_bytes < available - IPV6_BYTES and (payload_bytes or available - IPV6_BYTES <= MOST_PADDING):
        header.payload_end = at + IPV6_BYTES + payload_bytes
    header.ip_at = at
    header.payload_at = at + IPV6_BYTES
    header.fragment_at = NO_FRAGMENT
    header.protocol = ip[6]
    packet.ttl = ip[7]
    packet.key.source[0] = read_u64(ip + 8)
    packet.key.source[1] = read_u64(ip + 16)
    packet.key.destination[0] = read_u64(ip + 24)
    packet.key.destination[1] = read_u64(ip + 32)
    packet.key.transport = <uint64_t> 6 << 40
    return walk_extensions(frame, header)


cdef inline bint is_extension(uint8_t protocol) noexcept nogil:
    """Return True for headers that may precede TCP or UDP and have a next-header field in the clear."""
    return (
        protocol == NEXT_HOP_BY_HOP or protocol == NEXT_ROUTING or protocol == NEXT_FRAGMENT
        or protocol == PROTOCOL_AUTHENTICATION or protocol == NEXT_DESTINATION
    )


cdef inline Reason walk_extensions(const uint8_t *frame, NetworkHeader *header) noexcept nogil:
    """Move `payload_at` and `protocol` past the extension headers."""
    cdef const uint8_t *extension
    cdef uint32_t available, size
    cdef Reason reason
    while is_extension(header.protocol):
        if header.protocol == PROTOCOL_AUTHENTICATION:
            reason = skip_authentication(frame, header)
            if reason != KEPT:
                return reason
            continue
        extension = frame + header.payload_at
        available = header.payload_end - header.payload_at
        if available < 8:
            return SKIP_TRUNCATED_IP
        if header.protocol == NEXT_FRAGMENT:
            size = 8
            header.fragment_at = header.payload_at
            if read_be16(extension + 2) & 0xFFF8:
                header.payload_at += size
                return SKIP_FRAGMENT
        else:
            size = (<uint32_t> extension[1] + 1) * 8
        if size > available:
            return SKIP_TRUNCATED_IP
        header.protocol = extension[0]
        header.payload_at += size
    return KEPT
