"""Words without the octets that are 0: how states lie while no packet comes.

Most counts are small, and most flows lack something (a direction, bulks, pauses): packed, a state takes a third of the
struct or less. Four words are a group. First a mask of the groups that have anything, 32 bits; then an octet for each of
those, two bits a word: 0, 1, 2 or 4 octets are kept of it; then these octets.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from netml._core.octets cimport read_u32, read_u64


cdef enum:
    GROUP_BYTES = 16
    MOST_GROUPS = 32             # as many as the mask has bits
    MASK_BYTES = 4
    MOST_UNPACKED = MOST_GROUPS * GROUP_BYTES
    SLACK_BYTES = 3              # words are read and written as 4 octets: so many may lie beyond the end
    MOST_PACKED_STATE = MASK_BYTES + MOST_GROUPS * (1 + GROUP_BYTES) + SLACK_BYTES


cdef inline size_t count_groups(size_t n_bytes) noexcept nogil:
    """Groups of a struct."""
    return (n_bytes + GROUP_BYTES - 1) // GROUP_BYTES


cdef inline uint32_t find_code(uint32_t word) noexcept nogil:
    """0 to 3: for 0, 1, 2, 4 octets."""
    return (word > 0) + (word > 0xFF) + (word > 0xFFFF)


cdef inline size_t count_octets(uint32_t code) noexcept nogil:
    """Of a word."""
    return code + (code == 3)


cdef inline uint32_t find_codes(const uint8_t *group, bint has_pointer) noexcept nogil:
    """The codes of four words. A pointer in front is kept whole, for the size not to depend on where memory lies."""
    cdef uint32_t codes = 0, i
    for i in range(4):
        codes |= find_code(read_u32(group + 4 * i)) << (2 * i)
    if has_pointer and codes & 0xF:
        codes |= 0xF
    return codes


cdef inline size_t pack_groups(
    const uint8_t *groups, size_t n_groups,
    uint32_t pointers,           # mask of the groups that begin with a pointer
    uint8_t *packed,             # OUT: at most MOST_PACKED_STATE
) noexcept nogil:
    """Gives the length, without slack."""
    cdef uint8_t codes[MOST_GROUPS]
    cdef const uint8_t *group
    cdef uint8_t *at
    cdef uint32_t mask = 0, word
    cdef size_t i, j, n = 0
    for i in range(n_groups):
        group = groups + GROUP_BYTES * i
        if read_u64(group) | read_u64(group + 8):
            codes[n] = <uint8_t> find_codes(group, pointers >> i & 1)
            mask |= <uint32_t> 1 << i
            n += 1
    memcpy(packed, &mask, MASK_BYTES)
    memcpy(packed + MASK_BYTES, codes, n)
    at = packed + MASK_BYTES + n
    n = 0
    for i in range(n_groups):
        if mask >> i & 1:
            for j in range(4):
                word = read_u32(groups + GROUP_BYTES * i + 4 * j)
                memcpy(at, &word, 4)
                at += count_octets(codes[n] >> (2 * j) & 3)
            n += 1
    return at - packed


cdef inline size_t unpack_groups(const uint8_t *packed, size_t n_groups, uint8_t *groups) noexcept nogil:
    """Fill all groups; gives the packed length."""
    cdef const uint8_t *codes = packed + MASK_BYTES
    cdef const uint8_t *at = codes
    cdef uint32_t mask = read_u32(packed), word, code
    cdef size_t i, j, n
    for i in range(n_groups):
        at += mask >> i & 1
    memset(groups, 0, n_groups * GROUP_BYTES)
    for i in range(n_groups):
        if mask >> i & 1:
            for j in range(4):
                code = codes[0] >> (2 * j) & 3
                n = count_octets(code)
                word = read_u32(at) & <uint32_t> ((<uint64_t> 1 << (8 * n)) - 1)
                memcpy(groups + GROUP_BYTES * i + 4 * j, &word, 4)
                at += n
            codes += 1
    return at - packed
