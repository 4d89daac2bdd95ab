"""The record of an idle key: times, ports, protocol and addresses, octet by octet, without gaps."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from netml._core.packet cimport FlowKey


cdef enum:
    # First the time of its last packet and the origin of its anchors, 8 octets each.
    TRANSPORT_AT = 16            # ports, in 4 octets
    PROTOCOL_AT = 20
    ADDRESSES_AT = 21
    TRANSPORT_BYTES = 5


cdef inline size_t record_width(size_t address_bytes) noexcept nogil:
    """Return the octets of a record."""
    return ADDRESSES_AT + 2 * address_bytes


cdef inline int64_t read_last(const uint8_t *record) noexcept nogil:
    """Read the time of the key's last packet."""
    cdef int64_t last_ns
    memcpy(&last_ns, record, sizeof(int64_t))
    return last_ns


cdef inline int64_t read_origin(const uint8_t *record) noexcept nogil:
    """Read the origin of the key's anchors: never after its last packet, unless the key was reactivated."""
    cdef int64_t origin_ns
    memcpy(&origin_ns, record + sizeof(int64_t), sizeof(int64_t))
    return origin_ns


cdef inline bint has_gone(const uint8_t *record) noexcept nogil:
    """Return True if the key was reactivated, so that the record is unused."""
    return read_origin(record) > read_last(record)


cdef inline void write_times(uint8_t *record, int64_t last_ns, int64_t origin_ns) noexcept nogil:
    """Write the first 16 octets."""
    memcpy(record, &last_ns, sizeof(int64_t))
    memcpy(record + sizeof(int64_t), &origin_ns, sizeof(int64_t))


cdef inline void read_key(const uint8_t *record, size_t address_bytes, FlowKey *key) noexcept nogil:
    """Read the key of a record."""
    memset(key, 0, sizeof(FlowKey))
    memcpy(&key.transport, record + TRANSPORT_AT, TRANSPORT_BYTES)
    key.transport |= <uint64_t> (6 if address_bytes == 16 else 4) << 40
    memcpy(key.source, record + ADDRESSES_AT, address_bytes)
    memcpy(key.destination, record + ADDRESSES_AT + address_bytes, address_bytes)


cdef inline bint is_key_of(const uint8_t *record, size_t address_bytes, const FlowKey *key) noexcept nogil:
    """Return True if the record has this key."""
    return (
        memcmp(record + TRANSPORT_AT, &key.transport, TRANSPORT_BYTES) == 0
        and memcmp(record + ADDRESSES_AT, key.source, address_bytes) == 0
        and memcmp(record + ADDRESSES_AT + address_bytes, key.destination, address_bytes) == 0
    )


cdef inline void write_idle_key(uint8_t *record, size_t address_bytes, const FlowKey *key) noexcept nogil:
    """Write ports, protocol and addresses."""
    memcpy(record + TRANSPORT_AT, &key.transport, TRANSPORT_BYTES)
    memcpy(record + ADDRESSES_AT, key.source, address_bytes)
    memcpy(record + ADDRESSES_AT + address_bytes, key.destination, address_bytes)
