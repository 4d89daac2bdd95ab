"""Integers from packet bytes at any alignment; the caller has checked the length."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef extern from "native.h" nogil:
    void netml_prefetch_read(const void *address) noexcept
    void netml_prefetch_write(const void *address) noexcept
    uint16_t netml_swap16(uint16_t value) noexcept
    uint32_t netml_swap32(uint32_t value) noexcept
    uint64_t netml_swap64(uint64_t value) noexcept
    uint32_t netml_count_bits(uint32_t value) noexcept
    bint netml_likely(bint condition) noexcept
    uint64_t netml_fold_multiply(uint64_t a, uint64_t b) noexcept
    int64_t netml_find_time(
        uint64_t ticks, uint64_t multiplier, uint64_t divisor, uint32_t shift, int64_t offset_s) noexcept
    int64_t netml_add_clamped(int64_t a, int64_t b) noexcept
    int64_t netml_gap(int64_t a, int64_t b) noexcept
    void netml_add_squares(uint64_t *sum, uint64_t x, uint64_t n) noexcept
    double netml_sample_std(const uint64_t *squares, uint64_t total, uint64_t n) noexcept
    double netml_floor_quotient(double x, double d) noexcept
    bint netml_exceeds(double x, double k, double d) noexcept
    double netml_spread(uint64_t value, uint64_t total, uint64_t n) noexcept
    double netml_spread_between(uint64_t total, uint64_t n, uint64_t other_total, uint64_t other_n) noexcept
    void netml_populate(const void *start, size_t size) noexcept
    void *netml_allocate(size_t size) noexcept
    void *netml_allocate_plain(size_t size) noexcept
    void *netml_reallocate(void *start, size_t size) noexcept
    bint netml_fail_allocations(int64_t n) noexcept


cdef enum:
    LINE_BYTES = 64              # of the cache


cdef inline uint16_t read_u16(const uint8_t *at) noexcept nogil:
    """Read two octets in the machine's (little-endian) order."""
    cdef uint16_t value
    memcpy(&value, at, 2)
    return value


cdef inline uint32_t read_u32(const uint8_t *at) noexcept nogil:
    """Read four octets in the machine's (little-endian) order."""
    cdef uint32_t value
    memcpy(&value, at, 4)
    return value


cdef inline uint64_t read_u64(const uint8_t *at) noexcept nogil:
    """Read eight octets in the machine's (little-endian) order."""
    cdef uint64_t value
    memcpy(&value, at, 8)
    return value


cdef inline uint16_t read_be16(const uint8_t *at) noexcept nogil:
    """Read two octets in network order."""
    return netml_swap16(read_u16(at))


cdef inline uint32_t read_be32(const uint8_t *at) noexcept nogil:
    """Read four octets in network order."""
    return netml_swap32(read_u32(at))


cdef inline uint16_t read_file16(const uint8_t *at, bint is_swapped) noexcept nogil:
    """Read two octets in a capture file's order."""
    return read_be16(at) if is_swapped else read_u16(at)


cdef inline uint32_t read_file32(const uint8_t *at, bint is_swapped) noexcept nogil:
    """Read four octets in a capture file's order."""
    return read_be32(at) if is_swapped else read_u32(at)


cdef inline uint64_t read_file64(const uint8_t *at, bint is_swapped) noexcept nogil:
    """Read eight octets in a capture file's order."""
    return netml_swap64(read_u64(at)) if is_swapped else read_u64(at)


cdef inline void prefetch_octets(const uint8_t *at, size_t size) noexcept nogil:
    """Prefetch the cache lines of octets that will be read soon; no effect beyond the block."""
    cdef size_t i = 0
    while i < size:
        netml_prefetch_read(at + i)
        i += LINE_BYTES
