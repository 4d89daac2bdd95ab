"""Rows of flows that are open: a state for each flow, which takes packets as they come and keeps none of them.

A family whose state is a struct plugs in here: its size, and its lines in `begin_state`, `add_to_state`, `write_state`
and `free_state`. Of a flow that has all its packets, a state writes the row that `fill_row` makes, to the last bit.
"""
from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from netml._core.features.cic_rows cimport sum_flow, write_cic_row
from netml._core.features.cic_sums cimport CicSums, begin_cic, end_cic
from netml._core.features.family cimport FamilyNeeds, FlowFacts, FlowPackets
from netml._core.features.flow_family cimport FlowSums, add_flow_packets, begin_flow_sums, write_flow_row
from netml._core.features.flow_sizes cimport SizeSums
from netml._core.features.registry cimport (
    FAMILY_CIC, FAMILY_CIC_2017, FAMILY_FLOW, FamilyCode, find_facts, find_packets,
)
from netml._core.features.size_counts cimport SizeCounts, SizeMemory, add_size, begin_counts, free_counts
from netml._core.features.size_quartiles cimport sum_counts
from netml._core.octets cimport netml_allocate_plain, netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    CHUNK_BITS = 10              # states of a chunk
    NO_STATE = 0xFFFFFFFF        # the number of a flow that goes


cdef struct FlowState:           # of FLOW
    FlowSums sums
    SizeCounts sizes


cdef struct FlowStates:
    FamilyCode family
    size_t state_bytes
    uint8_t **chunks             # owned
    size_t n_chunks
    size_t n_flows
    SizeMemory memory            # of the sizes


cdef inline size_t measure_state(FamilyCode family) noexcept nogil:
    """Octets of a state; 0 of a family that has none."""
    if family == FAMILY_FLOW:
        return sizeof(FlowState)
    return sizeof(CicSums) if family == FAMILY_CIC or family == FAMILY_CIC_2017 else 0


cdef inline void begin_state(FamilyCode family, void *state) noexcept nogil:
    """No packets yet."""
    if family == FAMILY_FLOW:
        begin_flow_sums(&(<FlowState *> state).sums)
        begin_counts(&(<FlowState *> state).sizes)
    else:
        begin_cic(<CicSums *> state)


cdef inline Status add_to_state(
    FlowStates *states, void *state, const FlowPackets *flow, const FamilyNeeds *needs,
) noexcept nogil:
    """More packets of a flow, in order of time. After a fault it is of no use."""
    cdef Status status = STATUS_OK
    if states.family == FAMILY_FLOW:
        status = add_flow_state(<FlowState *> state, flow, &states.memory)
    else:
        status = sum_flow(<CicSums *> state, flow, needs)
    return status


cdef inline Status write_state(
    const FlowStates *states, const void *state, const FlowPackets *facts, const FamilyNeeds *needs, double *row,
) noexcept nogil:
    """Fill a zeroed row; `facts` has no packets."""
    cdef SizeSums sizes[3]
    cdef Status status = STATUS_OK
    if states.family == FAMILY_FLOW:
        status = sum_counts(&(<const FlowState *> state).sizes, &states.memory, sizes)
        if status == STATUS_OK:
            write_flow_row(&(<const FlowState *> state).sums, sizes, row)
    else:
        write_cic_row(<const CicSums *> state, facts, needs, states.family == FAMILY_CIC_2017, row)
    return status


cdef inline void free_state(FlowStates *states, void *state) noexcept nogil:
    """Give back what the state owns."""
    if states.family == FAMILY_FLOW:
        free_counts(&(<FlowState *> state).sizes, &states.memory)
    else:
        end_cic(<CicSums *> state)


cdef inline Status add_flow_state(FlowState *state, const FlowPackets *flow, SizeMemory *memory) noexcept nogil:
    """FLOW's `add_to_state`."""
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


cdef inline void *find_state(const FlowStates *states, size_t number) noexcept nogil:
    """State of a flow."""
    return states.chunks[number >> CHUNK_BITS] + (number & ((1 << CHUNK_BITS) - 1)) * states.state_bytes


cdef inline Status grow_states(FlowStates *states, size_t n_flows) noexcept nogil:
    """At least so many flows; new ones have no packets."""
    cdef uint8_t **grown
    while states.n_flows < n_flows:
        if states.n_flows >> CHUNK_BITS == states.n_chunks:
            grown = <uint8_t **> netml_reallocate(states.chunks, (states.n_chunks + 1) * sizeof(uint8_t *))
            if grown == NULL:
                return STATUS_NO_MEMORY
            states.chunks = grown
            grown[states.n_chunks] = <uint8_t *> netml_allocate_plain(states.state_bytes << CHUNK_BITS)
            if grown[states.n_chunks] == NULL:
                return STATUS_NO_MEMORY
            states.n_chunks += 1
        begin_state(states.family, find_state(states, states.n_flows))
        states.n_flows += 1
    return STATUS_OK


cdef inline Status feed_states(
    FlowStates *states,
    const FlowPackets *packets,  # IN: the columns of all flows
    const int64_t *starts,       # IN  [n_flows]: flow i has more packets, starts[i] .. ends[i], or none
    const int64_t *ends,         # IN  [n_flows]
    size_t n_flows,
    const FamilyNeeds *needs,
) noexcept nogil:
    """More packets of all flows. After a fault nothing of it is of use."""
    cdef FlowPackets flow
    cdef size_t i
    cdef Status status = grow_states(states, n_flows)
    for i in range(n_flows):
        if status != STATUS_OK:
            break
        if starts[i] < ends[i]:
            find_packets(packets, starts[i], ends[i], &flow)
            status = add_to_state(states, find_state(states, i), &flow, needs)
    return status


cdef inline Status write_states(
    const FlowStates *states,
    const uint32_t *numbers,     # IN: of the flows that are written, row by row
    size_t n_rows,
    const FlowFacts *facts,      # IN: row by row
    const FamilyNeeds *needs,
    double *X,                   # OUT: the family's first column of the first row, zeroed
    size_t n_columns,            # of the whole matrix
) noexcept nogil:
    """Write rows of some flows, which stay as they are."""
    cdef FlowPackets flow
    cdef size_t i
    cdef Status status = STATUS_OK
    flow.n_packets = 0
    for i in range(n_rows):
        if status != STATUS_OK:
            break
        find_facts(facts, i, &flow)
        status = write_state(states, find_state(states, numbers[i]), &flow, needs, X + i * n_columns)
    return status


cdef inline void restart_states(FlowStates *states, const uint32_t *numbers, size_t n) noexcept nogil:
    """These flows have no packets any more."""
    cdef size_t i
    for i in range(n):
        free_state(states, find_state(states, numbers[i]))
        begin_state(states.family, find_state(states, numbers[i]))


cdef inline void renumber_states(FlowStates *states, const uint32_t *numbers, size_t n_kept) noexcept nogil:
    """Flow i becomes flow numbers[i], which is not greater and rises with i, or goes (NO_STATE); `n_kept` stay."""
    cdef size_t i, j, n_chunks = (n_kept + (1 << CHUNK_BITS) - 1) >> CHUNK_BITS
    for i in range(states.n_flows):
        if numbers[i] == NO_STATE:
            free_state(states, find_state(states, i))
        elif numbers[i] != i:
            memcpy(find_state(states, numbers[i]), find_state(states, i), states.state_bytes)
    for j in range(n_chunks, states.n_chunks):
        free(states.chunks[j])
    states.n_chunks = min(states.n_chunks, n_chunks)
    states.n_flows = n_kept


cdef inline void free_states(FlowStates *states) noexcept nogil:
    """Give all memory back."""
    cdef size_t i
    for i in range(states.n_flows):
        free_state(states, find_state(states, i))
    for i in range(states.n_chunks):
        free(states.chunks[i])
    free(states.chunks)
    states.chunks = NULL
    states.n_chunks = states.n_flows = 0
