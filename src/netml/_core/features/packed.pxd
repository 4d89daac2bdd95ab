"""Words packed without the octets that are 0: the form of states while no packet comes.

Most counts are small, and most flows lack something (a direction, bulks, pauses): packed, a state takes half of the
struct or less. Four words are a group. First a mask of the groups that have anything, 32 bits; then an octet for each
of those, two bits a word: 0, 1, 2 or 4 octets are kept of it; then these octets. Pointers among them lie at any octet:
leak checkers, which look at aligned words, do not see what a packed state owns.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from netml._core.octets cimport netml_count_bits, read_u32, read_u64


cdef enum:
    GROUP_BYTES = 16
    MOST_GROUPS = 32             # as many as the mask has bits
    MASK_BYTES = 4
    MOST_UNPACKED = MOST_GROUPS * GROUP_BYTES
    SPARE_BYTES = 4              # words are read and written as 4 octets, also those of which none is kept


cdef struct Packed:              # on its way to where it rests
    uint32_t mask
    size_t n_codes
    size_t n_octets
    uint8_t codes[MOST_GROUPS]
    uint8_t octets[MOST_UNPACKED + SPARE_BYTES]


cdef inline size_t count_groups(size_t n_bytes) noexcept nogil:
    """Count the groups of a struct."""
    return (n_bytes + GROUP_BYTES - 1) // GROUP_BYTES


cdef inline uint32_t find_code(uint32_t word) noexcept nogil:
    """Return the code of a word, 0 to 3 for 0, 1, 2, 4 octets."""
    return (word > 0) + (word > 0xFF) + (word > 0xFFFF)


cdef inline size_t count_octets(uint32_t code) noexcept nogil:
    """Count the octets that are kept of a word."""
    return 0x4210 >> (4 * code) & 7


cdef inline void pack_groups(
    const uint8_t *groups, size_t n_groups,
    uint32_t pointers,           # mask of the groups that begin with a pointer
    Packed *packed,              # OUT
) noexcept nogil:
    """Pack groups without what is 0. A pointer is kept whole, so that no length depends on where memory lies."""
    cdef const uint8_t *group
    cdef uint8_t *at = packed.octets
    cdef uint32_t codes, code, word, whole
    cdef size_t i, j
    packed.mask = 0
    packed.n_codes = 0
    for i in range(n_groups):
        group = groups + GROUP_BYTES * i
        if (read_u64(group) | read_u64(group + 8)) == 0:
            continue
        whole = 2 if pointers >> i & 1 and read_u64(group) else 0
        codes = 0
        for j in range(4):
            word = read_u32(group + 4 * j)
            code = 3 if j < whole else find_code(word)
            codes |= code << (2 * j)
            memcpy(at, &word, 4)
            at += count_octets(code)
        packed.codes[packed.n_codes] = <uint8_t> codes
        packed.n_codes += 1
        packed.mask |= <uint32_t> 1 << i
    packed.n_octets = at - packed.octets


cdef inline size_t measure_packed(const Packed *packed) noexcept nogil:
    """Return the packed length, without spare octets."""
    return MASK_BYTES + packed.n_codes + packed.n_octets


cdef inline void lay_down(const Packed *packed, uint8_t *out) noexcept nogil:
    """Write the packed form: `measure_packed` octets."""
    memcpy(out, &packed.mask, MASK_BYTES)
    memcpy(out + MASK_BYTES, packed.codes, packed.n_codes)
    memcpy(out + MASK_BYTES + packed.n_codes, packed.octets, packed.n_octets)


cdef inline size_t unpack_groups(const uint8_t *packed, size_t n_groups, uint8_t *groups) noexcept nogil:
    """Unpack all groups; return the packed length."""
    cdef const uint8_t *codes = packed + MASK_BYTES
    cdef uint32_t mask = read_u32(packed), word, code
    cdef const uint8_t *at = codes + netml_count_bits(mask)
    cdef size_t i, j, n
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
