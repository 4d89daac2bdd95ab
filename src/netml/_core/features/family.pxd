"""What a family's `fill_` gets: one flow's packets as contiguous columns, and a zeroed row to fill.

Rows are cut to their width; what a flow does not have stays 0. Each family has its own room, and shares only this.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef struct FlowPackets:
    const int64_t *time_ns       # in time order
    const uint32_t *size         # bytes, captured or on the wire as the options say
    const uint8_t *flags         # NULL unless the header block was asked for
    const uint8_t *ttl           # NULL unless the header block was asked for
    size_t n_packets


cdef struct FamilyNeeds:
    double rate_ns               # length of a SAMP window
    uint32_t *scratch            # room for twice the largest flow's packets
