"""IPv4 (RFC 791): addresses, TTL, protocol, where the payload lies. Options are stepped over, not read."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from netml._core.octets cimport read_be16, read_u32
from netml._core.packet cimport NetworkHeader, Packet
from netml._core.status cimport KEPT, SKIP_BAD_IP, SKIP_FRAGMENT, SKIP_TRUNCATED_IP, Reason


cdef inline Reason decode_ipv4(
    const uint8_t *frame, uint32_t caplen, uint32_t at, NetworkHeader *header, Packet *packet,
) noexcept nogil:
    """Decode the header at `at` (<= caplen); `payload_end` is then at most `caplen`, also of a later fragment."""
    cdef const uint8_t *ip = frame + at
    cdef uint32_t available = caplen - at, header_bytes, total_bytes
    if available < 20:
        return SKIP_TRUNCATED_IP
    header_bytes = (ip[0] & 0x0F) * 4
    total_bytes = read_be16(ip + 2)
    if ip[0] >> 4 != 4 or header_bytes < 20:
        return SKIP_BAD_IP
    if header_bytes > available:
        return SKIP_TRUNCATED_IP
    # A total length of 0 is written by hosts that leave segmentation to the network card: to the frame's end.
    if total_bytes and total_bytes < header_bytes:
        return SKIP_BAD_IP
    header.ip_at = at
    header.payload_at = at + header_bytes
    header.payload_end = at + total_bytes if total_bytes and total_bytes < available else caplen
    header.fragment_at = at
    header.protocol = ip[9]
    packet.ttl = ip[8]
    packet.key.source[0] = read_u32(ip + 12)
    packet.key.source[1] = 0
    packet.key.destination[0] = read_u32(ip + 16)
    packet.key.destination[1] = 0
    packet.key.transport = <uint64_t> 4 << 40
    if read_be16(ip + 6) & 0x1FFF:
        return SKIP_FRAGMENT
    return KEPT
