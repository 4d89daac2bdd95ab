"""Teredo (RFC 4380, section 5.1.1): IPv6 over UDP, with optional authentication and origin in front."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport ETHER_IPV6, LinkHeader


cdef enum:
    TEREDO_ORIGIN = 0
    TEREDO_AUTHENTICATION = 1
    IPV6_HEADER_BYTES = 40


cdef inline bint decode_teredo(const uint8_t *frame, uint32_t end, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode the indications before an IPv6 packet; return False if this is not Teredo."""
    cdef uint32_t size
    if end - at >= 4 and read_be16(frame + at) == TEREDO_AUTHENTICATION:
        size = 13 + <uint32_t> frame[at + 2] + frame[at + 3]  # identifier, value, nonce, confirmation
        if end - at < size:
            return False
        at += size
    if end - at >= 8 and read_be16(frame + at) == TEREDO_ORIGIN:
        at += 8
    if end - at < IPV6_HEADER_BYTES or frame[at] >> 4 != 6:
        return False
    header.payload_at = at
    header.ether_type = ETHER_IPV6
    return True
