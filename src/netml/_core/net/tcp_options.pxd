"""The options of a TCP header (RFC 9293, section 3.1), as far as features ask for them, in one uint32.

Bits 0-15 MSS, 16-23 window scale (RFC 7323: more than 14 counts as 14), 24 there is an MSS, 25 there is a window scale,
26 SACK is permitted (RFC 2018). An option that is cut off, or a length that cannot be, ends the walk; of an option that
is there twice the first counts.
"""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.octets cimport read_be16
from netml._core.packet cimport TCP_HAS_MSS, TCP_HAS_SACK_PERMITTED, TCP_HAS_WINDOW_SCALE


cdef enum:
    FIXED_BYTES = 20             # of the header, before its options
    OPTION_END = 0
    OPTION_NONE = 1              # padding, of one octet
    OPTION_MSS = 2
    OPTION_WINDOW_SCALE = 3
    OPTION_SACK_PERMITTED = 4
    LARGEST_SCALE = 14


cdef inline uint32_t read_tcp_options(const uint8_t *tcp, uint32_t n_octets) noexcept nogil:
    """Read the options of the header at `tcp`, of which `n_octets` were captured; more octets may follow it."""
    cdef uint32_t found = 0, at = FIXED_BYTES, length, end
    cdef uint8_t kind
    if n_octets < FIXED_BYTES:
        return 0
    end = min(n_octets, <uint32_t> (tcp[12] >> 4) * 4)
    while at < end and tcp[at] != OPTION_END:
        kind = tcp[at]
        if kind == OPTION_NONE:
            at += 1
            continue
        if at + 1 >= end:
            break
        length = tcp[at + 1]
        if length < 2 or length > end - at:
            break
        if kind == OPTION_MSS and length == 4 and not found & TCP_HAS_MSS:
            found |= <uint32_t> read_be16(tcp + at + 2) | TCP_HAS_MSS
        elif kind == OPTION_WINDOW_SCALE and length == 3 and not found & TCP_HAS_WINDOW_SCALE:
            found |= <uint32_t> min(tcp[at + 2], LARGEST_SCALE) << 16 | TCP_HAS_WINDOW_SCALE
        elif kind == OPTION_SACK_PERMITTED and length == 2:
            found |= TCP_HAS_SACK_PERMITTED
        at += length
    return found
