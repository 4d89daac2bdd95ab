"""BSD loopback: an address family of 4 octets, in the capturing host's order (NULL, 0) or network order (LOOP, 108)."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.octets cimport read_be32, read_u32
from netml._core.packet cimport ETHER_IPV4, ETHER_IPV6, LinkHeader
from netml._core.status cimport KEPT, SKIP_NOT_IP, SKIP_TRUNCATED_LINK, Reason


cdef inline Reason decode_null(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Decode the address family: AF_INET 2, AF_INET6 10, 23, 24, 28 or 30. Small values tell the byte order."""
    cdef uint32_t family
    if caplen < 4:
        return SKIP_TRUNCATED_LINK
    family = read_u32(frame)
    if family > 0xFFFF:
        family = read_be32(frame)
    header.payload_at = 4
    if family == 2:
        header.ether_type = ETHER_IPV4
        return KEPT
    if family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
        header.ether_type = ETHER_IPV6
        return KEPT
    return SKIP_NOT_IP
