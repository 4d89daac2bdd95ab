"""Ethernet II and 802.3 with any stack of VLAN tags, MPLS labels and a PPPoE session on top.

`skip_ether_tags` serves every link layer that ends in an EtherType. Offsets only grow, so a stack of tags ends
with the frame. RFC 3032 (MPLS), RFC 2516 (PPPoE), IEEE 802.1Q, IEEE 802.2 (LLC and SNAP).
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from netml._core.octets cimport netml_likely, read_be16
from netml._core.packet cimport (
    ETHER_ANY_IP, ETHER_IPV4, ETHER_IPV6, ETHER_MPLS, ETHER_MPLS_UPSTREAM, ETHER_PPPOE, ETHER_QINQ, ETHER_QINQ_OLD,
    ETHER_VLAN, LARGEST_LENGTH, LinkHeader,
)
from netml._core.status cimport KEPT, SKIP_NOT_IP, SKIP_TRUNCATED_IP, SKIP_TRUNCATED_LINK, Reason


cdef enum:
    ETHERNET_BYTES = 14
    LLC_SNAP_BYTES = 8
    PPP_IPV4 = 0x0021
    PPP_IPV6 = 0x0057
    PPP_MPLS = 0x0281
    PPP_MPLS_UPSTREAM = 0x0283


cdef inline bint leads_to_ip(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Return True, with `header` decoded, if the frame starts with Ethernet and IP right behind it, as most do."""
    if caplen < ETHERNET_BYTES:
        return False
    header.payload_at = ETHERNET_BYTES
    header.ether_type = read_be16(frame + 12)
    return netml_likely(header.ether_type == ETHER_IPV4 or header.ether_type == ETHER_IPV6)


cdef inline Reason decode_ethernet(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Decode Ethernet at the frame's start."""
    if caplen < ETHERNET_BYTES:
        return SKIP_TRUNCATED_LINK
    if leads_to_ip(frame, caplen, header):
        return KEPT
    return skip_ether_tags(frame, caplen, ETHERNET_BYTES, header.ether_type, header)


cdef inline Reason skip_ether_tags(
    const uint8_t *frame, uint32_t caplen, uint32_t at, uint16_t ether_type, LinkHeader *header,
) noexcept nogil:
    """Step from an EtherType past tags, labels and sessions to an IP header."""
    cdef Reason reason
    while True:
        if ether_type == ETHER_IPV4 or ether_type == ETHER_IPV6:
            header.ether_type = ether_type
            header.payload_at = at
            return KEPT
        if ether_type == ETHER_VLAN or ether_type == ETHER_QINQ or ether_type == ETHER_QINQ_OLD:
            if caplen - at < 4:
                return SKIP_TRUNCATED_LINK
            header.vlan_id = read_be16(frame + at) & 0x0FFF
            ether_type = read_be16(frame + at + 2)
            at += 4
        elif ether_type == ETHER_MPLS or ether_type == ETHER_MPLS_UPSTREAM:
            return skip_mpls_labels(frame, caplen, at, header)
        elif ether_type == ETHER_PPPOE:
            return decode_pppoe(frame, caplen, at, header)
        elif ether_type <= LARGEST_LENGTH:
            reason = decode_llc(frame, caplen, at, &ether_type)
            if reason != KEPT:
                return reason
            at += LLC_SNAP_BYTES
        else:
            return SKIP_NOT_IP


cdef inline Reason find_version(const uint8_t *frame, uint32_t end, LinkHeader *header) noexcept nogil:
    """Choose IPv6 or IPv4 by the version nibble where a header only promises IP; all but 6 is decoded as IPv4."""
    if header.ether_type == ETHER_ANY_IP:
        if header.payload_at == end:
            return SKIP_TRUNCATED_IP
        header.ether_type = ETHER_IPV6 if frame[header.payload_at] >> 4 == 6 else ETHER_IPV4
    return KEPT


cdef inline Reason decode_llc(const uint8_t *frame, uint32_t caplen, uint32_t at, uint16_t *ether_type) noexcept nogil:
    """Decode LLC with SNAP and the EtherType of organisation 0 (RFC 1042): AA AA 03 00 00 00 type."""
    if caplen - at < 3:
        return SKIP_TRUNCATED_LINK
    if read_be16(frame + at) != 0xAAAA or frame[at + 2] != 0x03:
        return SKIP_NOT_IP
    if caplen - at < LLC_SNAP_BYTES:
        return SKIP_TRUNCATED_LINK
    if frame[at + 3] or frame[at + 4] or frame[at + 5]:
        return SKIP_NOT_IP
    ether_type[0] = read_be16(frame + at + 6)
    return KEPT


cdef inline Reason skip_mpls_labels(
    const uint8_t *frame, uint32_t caplen, uint32_t at, LinkHeader *header,
) noexcept nogil:
    """Step over labels to the bottom of the stack; the version nibble tells the payload (RFC 4928)."""
    cdef bint is_bottom = False
    while not is_bottom:
        if caplen - at < 4:
            return SKIP_TRUNCATED_LINK
        is_bottom = frame[at + 2] & 1
        at += 4
    header.payload_at = at
    header.ether_type = ETHER_ANY_IP
    if at < caplen and frame[at] >> 4 != 4 and frame[at] >> 4 != 6:
        return SKIP_NOT_IP
    return KEPT


cdef inline Reason decode_pppoe(const uint8_t *frame, uint32_t caplen, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode a PPPoE session header (6 octets; code 0 is session traffic) and the PPP protocol field."""
    if caplen - at < 6:
        return SKIP_TRUNCATED_LINK
    if frame[at + 1] != 0:
        return SKIP_NOT_IP
    return decode_ppp_protocol(frame, caplen, at + 6, header)


cdef inline Reason decode_ppp_protocol(
    const uint8_t *frame, uint32_t caplen, uint32_t at, LinkHeader *header,
) noexcept nogil:
    """Decode a PPP protocol field of two octets, or of one if its lowest bit is set (RFC 1661, section 2)."""
    cdef uint16_t protocol
    if caplen - at < 1:
        return SKIP_TRUNCATED_LINK
    protocol = frame[at]
    at += 1
    if not protocol & 1:
        if caplen - at < 1:
            return SKIP_TRUNCATED_LINK
        protocol = <uint16_t> (protocol << 8 | frame[at])
        at += 1
    header.payload_at = at
    if protocol == PPP_IPV4:
        header.ether_type = ETHER_IPV4
        return KEPT
    if protocol == PPP_IPV6:
        header.ether_type = ETHER_IPV6
        return KEPT
    if protocol == PPP_MPLS or protocol == PPP_MPLS_UPSTREAM:
        return skip_mpls_labels(frame, caplen, at, header)
    return SKIP_NOT_IP
