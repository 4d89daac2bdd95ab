"""The authentication header (RFC 4302), the one that IPv4 and IPv6 may both have before TCP and UDP."""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.packet cimport NetworkHeader
from netml._core.status cimport KEPT, SKIP_TRUNCATED_IP, Reason


cdef inline Reason skip_authentication(const uint8_t *frame, NetworkHeader *header) noexcept nogil:
    """Move `payload_at` and `protocol` past the header at `payload_at`."""
    cdef uint32_t available = header.payload_end - header.payload_at, size
    if available < 8:
        return SKIP_TRUNCATED_IP
    size = (<uint32_t> frame[header.payload_at + 1] + 2) * 4
    if size > available:
        return SKIP_TRUNCATED_IP
    header.protocol = frame[header.payload_at]
    header.payload_at += size
    return KEPT
