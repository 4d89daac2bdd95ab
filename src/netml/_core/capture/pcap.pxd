"""Records of a pcap file (draft-ietf-opsawg-pcap): a header of 16 octets (24 in the modified format) and the frame.

Reads only what lies between `at` and `end`; never steps past a record whose end it has not seen.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t

from netml._core.octets cimport read_file32
from netml._core.packet cimport Frame
from netml._core.status cimport STATUS_BAD_LENGTH, STATUS_FRAME, STATUS_NEED_MORE, Status


cdef enum:
    MAX_RECORD_BYTES = 1 << 24   # no link layer comes near; libpcap writes at most 256 kB


cdef struct PcapClock:
    bint is_swapped              # the file's byte order is not the machine's
    uint32_t header_bytes        # size of a record header: 16, or 24 in the modified format
    uint32_t fraction_ns         # ns a unit of the fraction: 1000 or 1
    uint32_t link_type           # LINKTYPE_ value of every record


cdef inline Status next_pcap_record(
    const PcapClock *clock, const uint8_t *at, const uint8_t *end, Frame *frame, size_t *n_used,
) noexcept nogil:
    """Frame the record at `at`; `n_used` is its whole length."""
    cdef size_t available = end - at
    cdef uint32_t caplen
    if available < clock.header_bytes:
        return STATUS_NEED_MORE
    caplen = read_file32(at + 8, clock.is_swapped)
    n_used[0] = <size_t> clock.header_bytes + caplen
    if caplen > MAX_RECORD_BYTES:
        return STATUS_BAD_LENGTH
    if n_used[0] > available:
        return STATUS_NEED_MORE
    frame.time_ns = (
        <int64_t> read_file32(at, clock.is_swapped) * 1000000000
        + <int64_t> read_file32(at + 4, clock.is_swapped) * clock.fraction_ns
    )
    frame.caplen = caplen
    frame.wirelen = read_file32(at + 12, clock.is_swapped)
    frame.octets = at + clock.header_bytes
    frame.link_type = clock.link_type
    return STATUS_FRAME
