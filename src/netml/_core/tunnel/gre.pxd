"""GRE (RFC 2784, 2890; version 1 of PPTP: RFC 2637) and the mirrored frames of ERSPAN in it.

GRE says what it carries by an EtherType, so that its header is a link header. ERSPAN: draft-foschiano-erspan-03; type I
has no header of its own and no sequence number in GRE.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport ETHER_ANY_IP, ETHER_BRIDGED, LARGEST_LENGTH, LinkHeader
from netml._core.status cimport KEPT, SKIP_NOT_IP, SKIP_OTHER_PROTOCOL, SKIP_TRUNCATED_TUNNEL, Reason


cdef enum:
    GRE_CHECKSUM = 0x8000
    GRE_ROUTING = 0x4000         # withdrawn by RFC 2784
    GRE_KEY = 0x2000
    GRE_SEQUENCE = 0x1000
    GRE_ACKNOWLEDGMENT = 0x0080  # version 1 only
    GRE_VERSION = 0x0007
    ETHER_ERSPAN = 0x88BE        # types I and II
    ETHER_ERSPAN_3 = 0x22EB


cdef inline Reason decode_gre(const uint8_t *frame, uint32_t end, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode the header at `at` (<= end); what follows is at `header.payload_at`."""
    cdef uint16_t flags
    cdef uint32_t size = 4
    if end - at < 4:
        return SKIP_TRUNCATED_TUNNEL
    flags = read_be16(frame + at)
    if flags & GRE_VERSION > 1 or flags & GRE_ROUTING:
        return SKIP_OTHER_PROTOCOL
    size += 4 if flags & GRE_CHECKSUM else 0
    size += 4 if flags & GRE_KEY else 0
    size += 4 if flags & GRE_SEQUENCE else 0
    size += 4 if flags & GRE_VERSION == 1 and flags & GRE_ACKNOWLEDGMENT else 0
    if end - at < size:
        return SKIP_TRUNCATED_TUNNEL
    header.ether_type = read_be16(frame + at + 2)
    header.payload_at = at + size
    if header.ether_type == ETHER_ERSPAN:
        return decode_erspan(frame, end, flags & GRE_SEQUENCE != 0, header)
    if header.ether_type == ETHER_ERSPAN_3:
        return decode_erspan_3(frame, end, header)
    if header.ether_type <= LARGEST_LENGTH:
        return SKIP_NOT_IP
    return KEPT


cdef inline Reason decode_erspan(
    const uint8_t *frame, uint32_t end, bint has_sequence, LinkHeader *header,
) noexcept nogil:
    """Decode type I, the frame itself, or type II, 8 octets before it."""
    header.ether_type = ETHER_BRIDGED
    if not has_sequence:
        return KEPT
    if end - header.payload_at < 8:
        return SKIP_TRUNCATED_TUNNEL
    if frame[header.payload_at] >> 4 != 1:
        return SKIP_OTHER_PROTOCOL
    header.payload_at += 8
    return KEPT


cdef inline Reason decode_erspan_3(const uint8_t *frame, uint32_t end, LinkHeader *header) noexcept nogil:
    """Decode 12 octets, 8 more with the O bit; the frame type tells a frame from an IP packet."""
    cdef const uint8_t *erspan = frame + header.payload_at
    cdef uint32_t size = 12, frame_type
    if end - header.payload_at < size:
        return SKIP_TRUNCATED_TUNNEL
    if erspan[0] >> 4 != 2:
        return SKIP_OTHER_PROTOCOL
    frame_type = read_be16(erspan + 10) >> 10 & 31
    if erspan[11] & 1:
        size += 8
        if end - header.payload_at < size:
            return SKIP_TRUNCATED_TUNNEL
    header.payload_at += size
    if frame_type == 0:
        header.ether_type = ETHER_BRIDGED
        return KEPT
    if frame_type == 2:
        header.ether_type = ETHER_ANY_IP
        return KEPT
    return SKIP_NOT_IP
