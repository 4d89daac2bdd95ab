"""The registry of families.

A new family is a file, its lines here, and a line in netml/families.
"""
from libc.stdint cimport int64_t

from netml._core.features.base.family cimport FamilyNeeds, FlowAttributes, FlowPackets, find_attributes, find_packets
from netml._core.features.cic.rows cimport fill_cic
from netml._core.features.flow.columns cimport fill_flow
from netml._core.features.header cimport fill_header
from netml._core.features.iat cimport fill_iat
from netml._core.features.samp cimport fill_samp
from netml._core.features.size cimport fill_iat_size, fill_size
from netml._core.features.splt cimport fill_splt
from netml._core.features.stats cimport fill_stats
from netml._core.features.tcp.columns cimport fill_tcp
from netml._core.status cimport STATUS_OK, Status


cdef enum FamilyCode:
    FAMILY_HEADER
    FAMILY_IAT
    FAMILY_SIZE
    FAMILY_IAT_SIZE
    FAMILY_STATS
    FAMILY_SAMP_NUM
    FAMILY_SAMP_SIZE
    FAMILY_FLOW
    FAMILY_SPLT
    FAMILY_CIC
    FAMILY_CIC_2017
    FAMILY_TCP
    N_FAMILIES


cdef inline Status fill_row(
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
    elif family == FAMILY_FLOW:
        fill_flow(flow, needs, row)
    elif family == FAMILY_SPLT:
        fill_splt(flow, row, width)
    elif family == FAMILY_TCP:
        fill_tcp(flow, row)
    elif family == FAMILY_HEADER:
        fill_header(flow, row, width)
    elif family == FAMILY_CIC:
        return fill_cic(flow, needs, False, row)
    elif family == FAMILY_CIC_2017:
        return fill_cic(flow, needs, True, row)
    return STATUS_OK


cdef inline Status fill_rows(
    FamilyCode family,
    const FlowPackets *packets,  # IN: the columns of all flows
    const FlowAttributes *attributes,  # IN
    const int64_t *offsets,      # IN  [n_flows + 1]
    size_t n_flows,
    const FamilyNeeds *needs,
    double *X,                   # OUT: the family's first column of the first row, zeroed
    size_t n_columns,            # of the whole matrix: from row to row
    size_t width,
) noexcept nogil:
    """Fill one family's columns of all rows."""
    cdef FlowPackets flow
    cdef Status status
    cdef size_t i
    for i in range(n_flows):
        find_packets(packets, offsets[i], offsets[i + 1], &flow)
        find_attributes(attributes, i, &flow)
        status = fill_row(family, &flow, needs, X + i * n_columns, width)
        if status != STATUS_OK:
            return status
    return STATUS_OK
