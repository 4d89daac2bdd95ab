"""PPP (LINKTYPE 9), PPP in HDLC-like framing (50; RFC 1662) and Cisco HDLC (104)."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.link.ethernet cimport decode_ppp_protocol, skip_ether_tags
from netml._core.octets cimport read_be16
from netml._core.packet cimport LinkHeader
from netml._core.status cimport SKIP_CUT_LINK, Reason


cdef enum:
    HDLC_UNICAST = 0x0F          # first octet of Cisco HDLC; 0xFF starts PPP
    HDLC_MULTICAST = 0x8F


cdef inline Reason decode_ppp(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """PPP with its address and control octets (FF 03) or without; Cisco HDLC where the first octet says so."""
    if caplen < 1:
        return SKIP_CUT_LINK
    if frame[0] == HDLC_UNICAST or frame[0] == HDLC_MULTICAST:
        return decode_cisco_hdlc(frame, caplen, header)
    if caplen >= 2 and frame[0] == 0xFF and frame[1] == 0x03:
        return decode_ppp_protocol(frame, caplen, 2, header)
    return decode_ppp_protocol(frame, caplen, 0, header)


cdef inline Reason decode_cisco_hdlc(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Address, control, EtherType."""
    if caplen < 4:
        return SKIP_CUT_LINK
    return skip_ether_tags(frame, caplen, 4, read_be16(frame + 2), header)
