"""The directional flow key: equality and a keyed hash.

The hash folds 64 x 64 bit products with secret seeds, so that nobody can choose five-tuples that collide;
nothing but speed depends on the seeds.
"""
from libc.stdint cimport uint64_t

from netml._core.octets cimport netml_fold_multiply
from netml._core.packet cimport FlowKey


cdef inline bint is_same_key(const FlowKey *a, const FlowKey *b) noexcept nogil:
    """All five words equal."""
    return (
        (a.source[0] ^ b.source[0]) | (a.destination[0] ^ b.destination[0]) | (a.transport ^ b.transport)
        | (a.source[1] ^ b.source[1]) | (a.destination[1] ^ b.destination[1])
    ) == 0


cdef inline uint64_t hash_key(const FlowKey *key, const uint64_t *seeds) noexcept nogil:
    """Keyed hash of a flow key; `seeds` are four random words."""
    cdef uint64_t mixed = netml_fold_multiply(key.source[0] ^ seeds[0], key.destination[0] ^ seeds[1])
    if key.transport >> 40 == 6:
        mixed ^= netml_fold_multiply(key.source[1] ^ seeds[2] ^ mixed, key.destination[1] ^ seeds[3])
    return netml_fold_multiply(mixed ^ seeds[2], key.transport ^ seeds[3])
