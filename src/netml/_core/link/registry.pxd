"""The registry of link types. A new link type is a file and its lines here.

`LINK_TYPE_NAMES` in netml/source.py names them for people; a test holds the two together.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from netml._core.link.ethernet cimport decode_ethernet, find_version, leads_to_ip
from netml._core.link.linux_sll cimport decode_linux_sll, decode_linux_sll2
from netml._core.link.null cimport decode_null
from netml._core.link.ppp cimport decode_cisco_hdlc, decode_ppp
from netml._core.link.raw_ip cimport decode_raw_ip
from netml._core.link.wlan cimport decode_radiotap, decode_wlan
from netml._core.octets cimport netml_likely, read_u16, read_u32
from netml._core.packet cimport ETHER_ANY_IP, ETHER_IPV4, ETHER_IPV6, LinkHeader
from netml._core.status cimport KEPT, SKIP_LINK_TYPE, SKIP_TRUNCATED_LINK, Reason


cdef enum:
    LINKTYPE_NULL = 0
    LINKTYPE_ETHERNET = 1
    LINKTYPE_PPP = 9
    LINKTYPE_RAW_12 = 12
    LINKTYPE_RAW_14 = 14
    LINKTYPE_PPP_HDLC = 50
    LINKTYPE_RAW = 101
    LINKTYPE_C_HDLC = 104
    LINKTYPE_IEEE802_11 = 105
    LINKTYPE_LOOP = 108
    LINKTYPE_LINUX_SLL = 113
    LINKTYPE_IEEE802_11_RADIOTAP = 127
    LINKTYPE_PPI = 192
    LINKTYPE_IPV4 = 228
    LINKTYPE_IPV6 = 229
    LINKTYPE_LINUX_SLL2 = 276


cdef inline bint is_supported_link_type(uint32_t link_type) noexcept nogil:
    """Return True if `decode_link` supports the link type."""
    cdef LinkHeader header
    return link_type == LINKTYPE_PPI or decode_unwrapped_link(link_type, NULL, 0, &header) != SKIP_LINK_TYPE


cdef inline Reason decode_link(
    uint32_t link_type, const uint8_t *frame, uint32_t caplen, LinkHeader *header,
) noexcept nogil:
    """Decode a frame's link header by its LINKTYPE_ value, down to the version of IP."""
    cdef LinkHeader decoded  # whose address goes further: so `header` of the usual frame can stay in registers
    cdef Reason reason
    header.vlan_id = 0
    if netml_likely(link_type == LINKTYPE_ETHERNET) and leads_to_ip(frame, caplen, header):
        return KEPT
    decoded.vlan_id = 0
    if link_type == LINKTYPE_PPI:
        reason = decode_ppi(frame, caplen, &decoded)
    else:
        reason = decode_unwrapped_link(link_type, frame, caplen, &decoded)
    if reason == KEPT:
        reason = find_version(frame, caplen, &decoded)
    header.payload_at = decoded.payload_at
    header.ether_type = decoded.ether_type
    header.vlan_id = decoded.vlan_id
    return reason


cdef inline Reason decode_unwrapped_link(
    uint32_t link_type, const uint8_t *frame, uint32_t caplen, LinkHeader *header,
) noexcept nogil:
    """Decode the link types that do not wrap another one."""
    if link_type == LINKTYPE_ETHERNET:
        return decode_ethernet(frame, caplen, header)
    if link_type == LINKTYPE_RAW or link_type == LINKTYPE_RAW_12 or link_type == LINKTYPE_RAW_14:
        return decode_raw_ip(ETHER_ANY_IP, header)
    if link_type == LINKTYPE_IPV4:
        return decode_raw_ip(ETHER_IPV4, header)
    if link_type == LINKTYPE_IPV6:
        return decode_raw_ip(ETHER_IPV6, header)
    if link_type == LINKTYPE_LINUX_SLL:
        return decode_linux_sll(frame, caplen, header)
    if link_type == LINKTYPE_LINUX_SLL2:
        return decode_linux_sll2(frame, caplen, header)
    if link_type == LINKTYPE_NULL or link_type == LINKTYPE_LOOP:
        return decode_null(frame, caplen, header)
    if link_type == LINKTYPE_PPP or link_type == LINKTYPE_PPP_HDLC:
        return decode_ppp(frame, caplen, header)
    if link_type == LINKTYPE_C_HDLC:
        return decode_cisco_hdlc(frame, caplen, header)
    if link_type == LINKTYPE_IEEE802_11_RADIOTAP:
        return decode_radiotap(frame, caplen, header)
    if link_type == LINKTYPE_IEEE802_11:
        return decode_wlan(frame, caplen, 0, False, header)
    return SKIP_LINK_TYPE


cdef inline Reason decode_ppi(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Decode Per-Packet Information: its length and the link type of the wrapped frame, both little-endian."""
    cdef uint16_t length
    cdef Reason reason
    if caplen < 8:
        return SKIP_TRUNCATED_LINK
    length = read_u16(frame + 2)
    if length < 8 or length > caplen:
        return SKIP_TRUNCATED_LINK
    reason = decode_unwrapped_link(read_u32(frame + 4), frame + length, caplen - length, header)
    header.payload_at += length
    return reason
