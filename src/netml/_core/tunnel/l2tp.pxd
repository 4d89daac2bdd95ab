"""L2TP version 2 over UDP (RFC 2661, section 3.1): PPP frames.

Data messages of version 3 do not say themselves what they carry, nor how long their cookie is.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport ETHER_PPP, LinkHeader


cdef enum:
    L2TP_IS_CONTROL = 0x8000
    L2TP_HAS_LENGTH = 0x4000
    L2TP_HAS_SEQUENCE = 0x0800
    L2TP_HAS_OFFSET = 0x0200
    L2TP_VERSION = 0x000F


cdef inline bint decode_l2tp(const uint8_t *frame, uint32_t *bound, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode the header of a data message before a PPP frame; return False if this is none.

    `bound` is the end of the datagram, then that of the message, where it has a length: of all of it.
    """
    cdef uint32_t size = 6, end = bound[0]
    cdef uint16_t flags
    if end - at < size:
        return False
    flags = read_be16(frame + at)
    if flags & L2TP_IS_CONTROL or flags & L2TP_VERSION != 2:
        return False
    if flags & L2TP_HAS_LENGTH:
        size += 2
        bound[0] = end = min(end, at + read_be16(frame + at + 2))
    size += 4 if flags & L2TP_HAS_SEQUENCE else 0
    if flags & L2TP_HAS_OFFSET:
        if end - at < size + 2:
            return False
        size += 2 + read_be16(frame + at + size)
    if end - at < size:
        return False
    header.payload_at = at + size
    header.ether_type = ETHER_PPP
    return True
