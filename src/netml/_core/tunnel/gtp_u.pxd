"""GTP-U (3GPP TS 29.281, section 5): the user plane of mobile networks."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport ETHER_ANY_IP, LinkHeader


cdef enum:
    GTP_BYTES = 8
    GTP_IS_GTP = 0x10            # bits of the first octet; without: GTP', which is charging
    GTP_HAS_EXTENSION = 0x04
    GTP_OPTIONAL = 0x07          # any of extension, sequence number, N-PDU number: 4 octets more
    GTP_PACKET = 255             # message type of user traffic


cdef inline bint decode_gtp_u(const uint8_t *frame, uint32_t *bound, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode 8 octets, or 12 and extension headers, before an IP packet; return False if this is no user traffic.

    `bound` is the end of the datagram, then that of the message: its length counts from the ninth octet on.
    """
    cdef uint32_t size = GTP_BYTES, end = bound[0], extension_bytes
    if end - at < size or frame[at] >> 5 != 1 or not frame[at] & GTP_IS_GTP or frame[at + 1] != GTP_PACKET:
        return False
    bound[0] = end = min(end, at + GTP_BYTES + read_be16(frame + at + 2))
    if frame[at] & GTP_OPTIONAL:
        size += 4
        if end - at < size:
            return False
        if frame[at] & GTP_HAS_EXTENSION:
            while frame[at + size - 1] != 0:  # type of the next extension header
                if end - at == size:
                    return False
                extension_bytes = 4 * <uint32_t> frame[at + size]
                if extension_bytes == 0 or end - at - size < extension_bytes:
                    return False
                size += extension_bytes
    if end - at == size or (frame[at + size] >> 4 != 4 and frame[at + size] >> 4 != 6):
        return False
    header.payload_at = at + size
    header.ether_type = ETHER_ANY_IP
    return True
