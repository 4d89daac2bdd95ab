"""VXLAN (RFC 7348), its generic protocol extension (draft-ietf-nvo3-vxlan-gpe) and Geneve (RFC 8926)."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport ETHER_BRIDGED, ETHER_IPV4, ETHER_IPV6, LinkHeader


cdef enum:
    VXLAN_BYTES = 8
    VXLAN_HAS_NETWORK = 0x08     # bits of the first octet: a network identifier is there
    VXLAN_HAS_PROTOCOL = 0x04    # GPE: the fourth octet says what follows
    VXLAN_IS_MANAGEMENT = 0x01   # GPE: not traffic
    VXLAN_VERSION = 0x30
    GENEVE_BYTES = 8
    GENEVE_IS_CONTROL = 0x80     # bit of the second octet


cdef inline bint decode_vxlan(const uint8_t *frame, uint32_t end, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode 8 octets before an Ethernet frame; return False if this is not VXLAN."""
    if end - at < VXLAN_BYTES or not frame[at] & VXLAN_HAS_NETWORK:
        return False
    header.payload_at = at + VXLAN_BYTES
    header.ether_type = ETHER_BRIDGED
    return True


cdef inline bint decode_vxlan_gpe(const uint8_t *frame, uint32_t end, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode 8 octets before Ethernet, IPv4 or IPv6; return False if this is not VXLAN-GPE with one of them."""
    if not decode_vxlan(frame, end, at, header) or frame[at] & (VXLAN_VERSION | VXLAN_IS_MANAGEMENT):
        return False
    if frame[at] & VXLAN_HAS_PROTOCOL:
        if frame[at + 3] == 1:
            header.ether_type = ETHER_IPV4
        elif frame[at + 3] == 2:
            header.ether_type = ETHER_IPV6
        elif frame[at + 3] != 3:
            return False
    return True


cdef inline bint decode_geneve(const uint8_t *frame, uint32_t end, uint32_t at, LinkHeader *header) noexcept nogil:
    """Decode 8 octets and options before a payload; return False if this is not Geneve with a known EtherType."""
    cdef uint32_t size
    cdef uint16_t ether_type
    if end - at < GENEVE_BYTES or frame[at] >> 6 != 0 or frame[at + 1] & GENEVE_IS_CONTROL:
        return False
    size = GENEVE_BYTES + 4 * (frame[at] & 0x3F)
    ether_type = read_be16(frame + at + 2)
    if end - at < size or (
        ether_type != ETHER_BRIDGED and ether_type != ETHER_IPV4 and ether_type != ETHER_IPV6
    ):
        return False
    header.payload_at = at + size
    header.ether_type = ether_type
    return True
