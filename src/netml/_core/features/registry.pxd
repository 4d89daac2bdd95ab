"""The families and the one place that chooses between them.

A new family: its file, its lines here, and one in families.py.
"""
from libc.stdint cimport int64_t

from netml._core.features.family cimport FamilyNeeds, FlowPackets
from netml._core.features.header cimport fill_header
from netml._core.features.iat cimport fill_iat
from netml._core.features.samp cimport fill_samp
from netml._core.features.size cimport fill_iat_size, fill_size
from netml._core.features.stats cimport fill_stats


cdef enum FamilyCode:
    FAMILY_HEADER
    FAMILY_IAT
    FAMILY_SIZE
    FAMILY_IAT_SIZE
    FAMILY_STATS
    FAMILY_SAMP_NUM
    FAMILY_SAMP_SIZE


cdef inline void fill_row(
    FamilyCode family, const FlowPackets *flow, const FamilyNeeds *needs, double *row, size_t width,
) noexcept nogil:
    """Fill one flow's row of one family; `row` comes zeroed, `width` is the family's."""
    if family == FAMILY_IAT:
        fill_iat(flow, row, width)
    elif family == FAMILY_SIZE:
        fill_size(flow, row, width)
    elif family == FAMILY_IAT_SIZE:
        fill_iat_size(flow, row, width)
    elif family == FAMILY_STATS:
        fill_stats(flow, needs, row)
    elif family == FAMILY_SAMP_NUM:
        fill_samp(flow, needs, False, row, width)
    elif family == FAMILY_SAMP_SIZE:
        fill_samp(flow, needs, True, row, width)
    elif family == FAMILY_HEADER:
        fill_header(flow, row, width)


cdef inline void fill_rows(
    FamilyCode family,
    const FlowPackets *packets,  # IN: the columns of all flows
    const int64_t *offsets,      # IN  [n_flows + 1]
    size_t n_flows,
    const FamilyNeeds *needs,
    double *X,                   # OUT: the family's first column of the first row, zeroed
    size_t n_columns,            # of the whole matrix: from row to row
    size_t width,
) noexcept nogil:
    """Fill one family's columns of all rows."""
    cdef FlowPackets flow
    cdef size_t i
    for i in range(n_flows):
        flow.time_ns = packets.time_ns + offsets[i]
        flow.size = packets.size + offsets[i]
        flow.flags = packets.flags + offsets[i] if packets.flags != NULL else NULL
        flow.ttl = packets.ttl + offsets[i] if packets.ttl != NULL else NULL
        flow.n_packets = offsets[i + 1] - offsets[i]
        fill_row(family, &flow, needs, X + i * n_columns, width)
