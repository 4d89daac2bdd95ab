"""TCP (RFC 9293): ports and flags. The whole fixed header must have been captured."""
from libc.stdint cimport uint8_t, uint64_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport PROTOCOL_TCP, NetworkHeader, Packet
from netml._core.status cimport KEPT, SKIP_TRUNCATED_TRANSPORT, Reason


cdef enum:
    TCP_BYTES = 20


cdef inline Reason decode_tcp(const uint8_t *frame, const NetworkHeader *header, Packet *packet) noexcept nogil:
    """Decode the segment at `header.payload_at`."""
    cdef const uint8_t *tcp = frame + header.payload_at
    if header.payload_end - header.payload_at < TCP_BYTES:
        return SKIP_TRUNCATED_TRANSPORT
    packet.key.transport |= (
        <uint64_t> read_be16(tcp) | <uint64_t> read_be16(tcp + 2) << 16 | <uint64_t> PROTOCOL_TCP << 32
    )
    packet.flags = tcp[13]
    return KEPT
