"""No link layer: the frame is an IP packet (LINKTYPE 12, 14, 101: its version nibble decides; 228, 229: known)."""
from libc.stdint cimport uint16_t

from netml._core.packet cimport LinkHeader
from netml._core.status cimport KEPT, Reason


cdef inline Reason decode_raw_ip(uint16_t ether_type, LinkHeader *header) noexcept nogil:
    """Set the payload to offset 0."""
    header.payload_at = 0
    header.ether_type = ether_type
    return KEPT
