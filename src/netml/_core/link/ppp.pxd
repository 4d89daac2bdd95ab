"""PPP (LINKTYPE 9), PPP in HDLC-like framing (50; RFC 1662) and Cisco HDLC (104)."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.link.ethernet cimport decode_ppp_protocol, skip_ether_tags
from netml._core.octets cimport read_be16
from netml._core.packet cimport LinkHeader
from netml._core.status cimport SKIP_TRUNCATED_LINK, Reason


cdef enum:
    HDLC_UNICAST = 0x0F          # first octet of Cisco HDLC; 0xFF starts PPP
    HDLC_MULTICAST = 0x8F


cdef inline Reason decode_ppp(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Decode PPP with or without address and control octets (FF 03), or Cisco HDLC if the first octet says so."""
    if caplen < 1:
        return SKIP_TRUNCATED_LINK
    if frame[0] == HDLC_UNICAST or frame[0] == HDLC_MULTICAST:
        return decode_cisco_hdlc(frame, caplen, header)
    return decode_ppp_frame(frame, caplen, 0, header)


cdef inline Reason decode_ppp_frame(
    const uint8_t *frame, uint32_t caplen, uint32_t at, LinkHeader *header,
) noexcept nogil:
    """Decode a PPP frame at `at` (<= caplen), with or without address and control octets."""
    if caplen - at >= 2 and frame[at] == 0xFF and frame[at + 1] == 0x03:
        at += 2
    return decode_ppp_protocol(frame, caplen, at, header)


cdef inline Reason decode_cisco_hdlc(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Decode address, control and EtherType."""
    if caplen < 4:
        return SKIP_TRUNCATED_LINK
    return skip_ether_tags(frame, caplen, 4, read_be16(frame + 2), header)
