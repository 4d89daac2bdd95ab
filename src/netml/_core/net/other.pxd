"""Protocols other than TCP and UDP: SCTP has ports (RFC 9260), the rest have none."""
from libc.stdint cimport uint8_t, uint64_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport PROTOCOL_SCTP, NetworkHeader, Packet
from netml._core.status cimport KEPT, SKIP_TRUNCATED_TRANSPORT, Reason


cdef enum:
    SCTP_BYTES = 12


cdef inline Reason decode_other(const uint8_t *frame, const NetworkHeader *header, Packet *packet) noexcept nogil:
    """Decode the ports at `header.payload_at`, if the protocol has any."""
    cdef const uint8_t *sctp = frame + header.payload_at
    packet.key.transport |= <uint64_t> header.protocol << 32
    packet.flags = 0
    if header.protocol == PROTOCOL_SCTP:
        if header.payload_end - header.payload_at < SCTP_BYTES:
            return SKIP_TRUNCATED_TRANSPORT
        packet.key.transport |= <uint64_t> read_be16(sctp) | <uint64_t> read_be16(sctp + 2) << 16
    return KEPT
