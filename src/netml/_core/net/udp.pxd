"""UDP (RFC 768): ports, and where a datagram ends."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport PROTOCOL_UDP, NetworkHeader, Packet
from netml._core.status cimport KEPT, SKIP_TRUNCATED_TRANSPORT, Reason


cdef enum:
    UDP_BYTES = 8


cdef inline Reason decode_udp(const uint8_t *frame, const NetworkHeader *header, Packet *packet) noexcept nogil:
    """Decode the datagram at `header.payload_at`."""
    cdef const uint8_t *udp = frame + header.payload_at
    if header.payload_end - header.payload_at < UDP_BYTES:
        return SKIP_TRUNCATED_TRANSPORT
    packet.key.transport |= (
        <uint64_t> read_be16(udp) | <uint64_t> read_be16(udp + 2) << 16 | <uint64_t> PROTOCOL_UDP << 32
    )
    packet.flags = 0
    return KEPT


cdef inline bint bound_datagram(const uint8_t *frame, uint32_t at, uint32_t *end) noexcept nogil:
    """Lower `end` to the datagram's own length; return False if that does not hold the header.

    0 is segmentation offload, or a jumbogram: the length is not known yet.
    """
    cdef uint16_t n_bytes = read_be16(frame + at + 4)
    if n_bytes:
        end[0] = min(end[0], at + n_bytes)
    return n_bytes == 0 or n_bytes >= UDP_BYTES
