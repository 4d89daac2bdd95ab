"""A pcapng interface: its link type, snaplen and clock (draft-ietf-opsawg-pcapng, section 4.2)."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from netml._core.octets cimport netml_find_time, read_file16, read_file32, read_file64
from netml._core.status cimport STATUS_BAD_BLOCK, STATUS_OK, Status


cdef enum:
    OPTION_TSRESOL = 9
    OPTION_TSOFFSET = 14


cdef struct Interface:
    uint32_t link_type           # LINKTYPE_ value
    uint32_t snaplen             # bytes; 0 = no limit
    uint64_t multiplier          # ns = ticks * multiplier / divisor >> shift + offset_s * 10**9
    uint64_t divisor
    uint32_t shift               # bits
    int64_t offset_s             # if_tsoffset


cdef inline int64_t find_time_ns(const Interface *interface, uint64_t ticks) noexcept nogil:
    """Convert a packet's ticks to ns since 1970, clamped."""
    return netml_find_time(
        ticks, interface.multiplier, interface.divisor, interface.shift, interface.offset_s)


cdef inline void read_resolution(Interface *interface, uint8_t resolution) noexcept nogil:
    """Read `if_tsresol`: units of 10**-n s, or of 2**-n s with the top bit set."""
    cdef uint32_t exponent = resolution & 0x7F
    cdef uint32_t _power
    interface.multiplier = 1
    interface.divisor = 1
    interface.shift = 0
    if resolution & 0x80:
        # 2**-n s in ns, by 10**9 / 2**n; from 2**-94 on nothing of 64 bits of ticks is left.
        interface.multiplier = 1000000000
        interface.shift = exponent if exponent < 94 else 94
    elif exponent <= 9:
        for _power in range(9 - exponent):
            interface.multiplier *= 10
    else:
        for _power in range((exponent if exponent < 28 else 28) - 9):
            interface.divisor *= 10
        if exponent > 28:
            interface.multiplier = 0  # less than a nanosecond in all 64 bits of ticks


cdef inline Status read_interface(
    Interface *interface, const uint8_t *body, size_t length, bint is_swapped,
) noexcept nogil:
    """Read an interface description block: link type, snaplen, then options."""
    cdef size_t at = 8
    cdef uint16_t code, size
    if length < 8:
        return STATUS_BAD_BLOCK
    interface.link_type = read_file16(body, is_swapped)
    interface.snaplen = read_file32(body + 4, is_swapped)
    interface.offset_s = 0
    read_resolution(interface, 6)
    while at + 4 <= length:
        code = read_file16(body + at, is_swapped)
        size = read_file16(body + at + 2, is_swapped)
        at += 4
        if code == 0 or size > length - at:
            break
        if code == OPTION_TSRESOL and size == 1:
            read_resolution(interface, body[at])
        elif code == OPTION_TSOFFSET and size == 8:
            interface.offset_s = <int64_t> read_file64(body + at, is_swapped)
        at += (<size_t> size + 3) & ~<size_t> 3
    return STATUS_OK
