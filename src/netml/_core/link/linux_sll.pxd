"""Linux cooked captures: LINKTYPE_LINUX_SLL (113), 16 octets, and LINKTYPE_LINUX_SLL2 (276), 20 octets."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.link.ethernet cimport skip_ether_tags
from netml._core.octets cimport read_be16
from netml._core.packet cimport LinkHeader
from netml._core.status cimport SKIP_TRUNCATED_LINK, Reason


cdef inline Reason decode_linux_sll(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Decode version 1, whose last field is the EtherType."""
    if caplen < 16:
        return SKIP_TRUNCATED_LINK
    return skip_ether_tags(frame, caplen, 16, read_be16(frame + 14), header)


cdef inline Reason decode_linux_sll2(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Decode version 2, whose first field is the EtherType."""
    if caplen < 20:
        return SKIP_TRUNCATED_LINK
    return skip_ether_tags(frame, caplen, 20, read_be16(frame), header)
