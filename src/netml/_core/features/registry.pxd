"""The families and the one place that chooses between them.

A new family: its file, its lines here, and one in families.py.
"""
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
