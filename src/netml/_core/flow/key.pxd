"""The directional flow key: equality and a keyed hash.

The hash folds 64 x 64 bit products with secret seeds, so that nobody can choose five-tuples that collide;
nothing but speed depends on the seeds.
"""
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy

from netml._core.octets cimport netml_fold_multiply
from netml._core.packet cimport FlowKey


cdef enum:
    KEY_BYTES = 38               # a key as `FLOW_KEY` lays it out: addresses, ports, protocol, IP version


cdef inline bint is_same_key(const FlowKey *a, const FlowKey *b) noexcept nogil:
    """Return True if all five words are equal."""
    return (
        (a.source[0] ^ b.source[0]) | (a.destination[0] ^ b.destination[0]) | (a.transport ^ b.transport)
        | (a.source[1] ^ b.source[1]) | (a.destination[1] ^ b.destination[1])
    ) == 0


cdef inline uint64_t hash_key(const FlowKey *key, const uint64_t *seeds) noexcept nogil:
    """Compute the keyed hash of a flow key; `seeds` are four random words."""
    cdef uint64_t mixed = netml_fold_multiply(key.source[0] ^ seeds[0], key.destination[0] ^ seeds[1])
    if key.transport >> 40 == 6:
        mixed ^= netml_fold_multiply(key.source[1] ^ seeds[2] ^ mixed, key.destination[1] ^ seeds[3])
    return netml_fold_multiply(mixed ^ seeds[2], key.transport ^ seeds[3])


cdef inline void write_key(uint8_t *out, const FlowKey *key) noexcept nogil:
    """Write a key in the layout of `FLOW_KEY`."""
    cdef uint16_t version_and_protocol = <uint16_t> (key.transport >> 32)
    memcpy(out, key.source, 16)
    memcpy(out + 16, key.destination, 16)
    memcpy(out + 32, &key.transport, 4)
    memcpy(out + 36, &version_and_protocol, 2)
