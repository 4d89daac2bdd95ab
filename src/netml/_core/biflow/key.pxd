"""The canonical key of a biflow (RFC 5103): what the packets of both directions share.

A `FlowKey` tells the sender, a `BiflowKey` does not. The lower end stands first, in an arbitrary total order, so that
both directions make the same key.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from netml._core.octets cimport netml_fold_multiply
from netml._core.packet cimport FlowKey, Packet


cdef struct BiflowKey:
    uint64_t low[2]              # address of the lower end, network order
    uint64_t high[2]             # address of the higher end
    uint64_t transport           # low port | high port << 16 | protocol << 32 | IP version << 40 | VLAN id << 48


cdef inline bint is_turned(const FlowKey *key) noexcept nogil:
    """Return True if the sender is the higher end."""
    if key.source[0] != key.destination[0]:
        return key.source[0] > key.destination[0]
    if key.source[1] != key.destination[1]:
        return key.source[1] > key.destination[1]
    return <uint16_t> key.transport > <uint16_t> (key.transport >> 16)


cdef inline void share_key(const Packet *packet, bint is_high, bint has_vlan, BiflowKey *shared) noexcept nogil:
    """Make the key of both directions; with `is_high` the sender is the second end, otherwise the first."""
    cdef const FlowKey *key = &packet.key
    cdef uint64_t ports = <uint32_t> key.transport
    if is_high:
        shared.low[0] = key.destination[0]
        shared.low[1] = key.destination[1]
        shared.high[0] = key.source[0]
        shared.high[1] = key.source[1]
        ports = ports >> 16 | <uint64_t> <uint16_t> ports << 16
    else:
        shared.low[0] = key.source[0]
        shared.low[1] = key.source[1]
        shared.high[0] = key.destination[0]
        shared.high[1] = key.destination[1]
    shared.transport = <uint64_t> (key.transport >> 32) << 32 | ports
    if has_vlan:
        shared.transport |= <uint64_t> packet.vlan_id << 48


cdef inline bint is_same_biflow(const BiflowKey *a, const BiflowKey *b) noexcept nogil:
    """Return True if all five words are equal."""
    return (
        (a.low[0] ^ b.low[0]) | (a.high[0] ^ b.high[0]) | (a.transport ^ b.transport)
        | (a.low[1] ^ b.low[1]) | (a.high[1] ^ b.high[1])
    ) == 0


cdef inline uint64_t hash_biflow(const BiflowKey *key, const uint64_t *seeds) noexcept nogil:
    """Compute the keyed hash of a biflow key; `seeds` are four random words."""
    cdef uint64_t mixed = netml_fold_multiply(key.low[0] ^ seeds[0], key.high[0] ^ seeds[1])
    if key.transport >> 40 & 0xFF == 6:
        mixed ^= netml_fold_multiply(key.low[1] ^ seeds[2] ^ mixed, key.high[1] ^ seeds[3])
    return netml_fold_multiply(mixed ^ seeds[2], key.transport ^ seeds[3])


cdef inline void write_forward_key(uint8_t *out, const BiflowKey *key, bint is_high) noexcept nogil:
    """Write the forward direction's key in the layout of `FLOW_KEY`; with `is_high` the higher end has begun."""
    cdef uint16_t ports[2]
    cdef uint16_t version_and_protocol = <uint16_t> (key.transport >> 32)
    ports[0] = <uint16_t> (key.transport >> 16 if is_high else key.transport)
    ports[1] = <uint16_t> (key.transport if is_high else key.transport >> 16)
    memcpy(out + (16 if is_high else 0), key.low, 16)
    memcpy(out + (0 if is_high else 16), key.high, 16)
    memcpy(out + 32, ports, 4)
    memcpy(out + 36, &version_and_protocol, 2)
