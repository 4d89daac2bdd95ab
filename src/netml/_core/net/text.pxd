"""Addresses as text: dotted quads, and IPv6 as RFC 5952 writes it (the longest run of zero groups as ::)."""
from libc.stdint cimport int32_t, uint8_t, uint16_t

from netml._core.octets cimport read_be16


cdef enum:
    LONGEST_ADDRESS = 45         # characters of ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255


cdef inline size_t write_decimal(uint8_t *out, uint8_t value) noexcept nogil:
    """Write an octet in decimal; return the number of characters."""
    cdef size_t n = 0
    if value >= 100:
        out[n] = 48 + value // 100
        n += 1
    if value >= 10:
        out[n] = 48 + value // 10 % 10
        n += 1
    out[n] = 48 + value % 10
    return n + 1


cdef inline size_t write_hexadecimal(uint8_t *out, uint16_t value) noexcept nogil:
    """Write a group in lower-case hexadecimal without leading zeros; return the number of characters."""
    cdef size_t n = 0
    cdef int shift = 12
    cdef uint8_t digit
    while shift > 0 and not value >> shift:
        shift -= 4
    while shift >= 0:
        digit = (value >> shift) & 0xF
        out[n] = digit + (48 if digit < 10 else 87)
        n += 1
        shift -= 4
    return n


cdef inline size_t write_ipv4(uint8_t *out, const uint8_t *address) noexcept nogil:
    """Write 4 octets as a dotted quad; return the number of characters."""
    cdef size_t n = 0, i
    for i in range(4):
        if i:
            out[n] = 46
            n += 1
        n += write_decimal(out + n, address[i])
    return n


cdef inline bint is_ipv4_mapped(const uint8_t *address) noexcept nogil:
    """Return True for ::ffff:0:0/96, whose last 4 octets are written as a dotted quad (RFC 5952, section 5)."""
    cdef size_t i
    for i in range(10):
        if address[i]:
            return False
    return address[10] == 0xFF and address[11] == 0xFF


cdef inline size_t write_ipv6(uint8_t *out, const uint8_t *address) noexcept nogil:
    """Write 16 octets as an IPv6 address; return the number of characters."""
    cdef int run_at = -1, run_length = 1, group = 0, length
    cdef size_t n = 0
    cdef bint is_mapped = is_ipv4_mapped(address)
    cdef int n_groups = 6 if is_mapped else 8
    while group < n_groups:
        length = 0
        while group + length < n_groups and read_be16(address + 2 * (group + length)) == 0:
            length += 1
        if length > run_length:
            run_at = group
            run_length = length
        group += length + 1
    group = 0
    while group < n_groups:
        if group == run_at:
            out[n] = out[n + 1] = 58
            n += 2
            group += run_length
            continue
        if group and out[n - 1] != 58:
            out[n] = 58
            n += 1
        n += write_hexadecimal(out + n, read_be16(address + 2 * group))
        group += 1
    if is_mapped:
        out[n] = 58
        n += 1 + write_ipv4(out + n + 1, address + 12)
    return n


cdef inline void write_addresses(
    const uint8_t *addresses,    # IN  [n, 16]: network order, IPv4 in the first 4 octets
    const uint8_t *ip_version,   # IN  [n]
    size_t n,
    int32_t *offsets,            # OUT [n + 1]; the first is there
    uint8_t *text,               # OUT [n * LONGEST_ADDRESS] at most
) noexcept nogil:
    """Write addresses one after the other; text i is text[offsets[i]:offsets[i + 1]]."""
    cdef size_t i, at = 0
    for i in range(n):
        if ip_version[i] == 6:
            at += write_ipv6(text + at, addresses + 16 * i)
        else:
            at += write_ipv4(text + at, addresses + 16 * i)
        offsets[i + 1] = <int32_t> at
