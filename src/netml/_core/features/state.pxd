"""The state of one open flow: a family's struct, to which packets are added, and that gives the row when the flow ends.

A family plugs in here: a member of `State`, its size, its pointers, and its lines in `add_to_state`, `write_state` and
`free_state`. All zeros is a state without packets. Of a flow that has all its packets, a state writes the row that
`fill_row` makes, to the last bit.
"""
from libc.stdint cimport UINT32_MAX, uint8_t, uint32_t

from netml._core.features.base.family cimport FamilyNeeds, FlowPackets
from netml._core.features.cic.rows cimport sum_flow, write_cic_row
from netml._core.features.cic.sums cimport CIC_POINTERS, CicSums, end_cic
from netml._core.features.flow.columns cimport FlowSums, add_flow_packets, write_flow_row
from netml._core.features.flow.size_counts cimport SizeCounts, SizeMemory, add_size, free_counts
from netml._core.features.flow.size_quartiles cimport sum_counts
from netml._core.features.flow.sizes cimport SizeSums
from netml._core.features.packed cimport MOST_UNPACKED
from netml._core.features.registry cimport FAMILY_CIC, FAMILY_CIC_2017, FAMILY_FLOW, FamilyCode
from netml._core.status cimport STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    FLOW_POINTERS = 0b1          # groups of the struct (packed.pxd) that begin with a pointer: the sizes' slots


cdef struct FlowState:           # of FLOW
    SizeCounts sizes
    FlowSums sums


cdef union State:
    FlowState flow
    CicSums cic
    uint8_t octets[MOST_UNPACKED]


cdef inline size_t measure_state(FamilyCode family) noexcept nogil:
    """Return the octets of a state; 0 for a family that has none."""
    if family == FAMILY_FLOW:
        return sizeof(FlowState)
    return sizeof(CicSums) if family == FAMILY_CIC or family == FAMILY_CIC_2017 else 0


cdef inline uint32_t find_pointers(FamilyCode family) noexcept nogil:
    """Return the mask of the groups that begin with a pointer."""
    return FLOW_POINTERS if family == FAMILY_FLOW else CIC_POINTERS


cdef inline Status add_to_state(
    FamilyCode family, State *state, const FlowPackets *flow, const FamilyNeeds *needs, SizeMemory *memory,
) noexcept nogil:
    """Add packets of a flow, in order of time. After a fault the state is of no use."""
    if family == FAMILY_FLOW:
        return add_flow_state(&state.flow, flow, memory)
    return sum_flow(&state.cic, flow, needs)


cdef inline Status write_state(
    FamilyCode family, const State *state, const FlowPackets *attributes, const FamilyNeeds *needs,
    const SizeMemory *memory, double *row,
) noexcept nogil:
    """Fill a zeroed row; `attributes` has no packets."""
    cdef SizeSums sizes[3]
    cdef Status status = STATUS_OK
    if family == FAMILY_FLOW:
        status = sum_counts(&state.flow.sizes, memory, sizes)
        if status == STATUS_OK:
            write_flow_row(&state.flow.sums, sizes, row)
    else:
        write_cic_row(&state.cic, attributes, needs, family == FAMILY_CIC_2017, row)
    return status


cdef inline void free_state(FamilyCode family, State *state, SizeMemory *memory) noexcept nogil:
    """Free what the state owns."""
    if family == FAMILY_FLOW:
        free_counts(&state.flow.sizes, memory)
    else:
        end_cic(&state.cic)


cdef inline Status add_flow_state(FlowState *state, const FlowPackets *flow, SizeMemory *memory) noexcept nogil:
    """Add packets to FLOW's state, as `add_to_state`."""
    cdef size_t i
    cdef Status status
    if flow.n_packets + state.sums.n_packets[0] + state.sums.n_packets[1] > UINT32_MAX:
        return STATUS_TOO_MANY
    add_flow_packets(&state.sums, flow)
    for i in range(flow.n_packets):
        status = add_size(
            &state.sizes, flow.size[i], flow.is_forward != NULL and not flow.is_forward[i], memory)
        if status != STATUS_OK:
            return status
    return STATUS_OK
