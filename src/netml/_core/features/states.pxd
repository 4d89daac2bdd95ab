"""The states of open flows by number: each takes packets as they come and keeps none of them.

Between two flushes states lie packed, each in memory of its own. `state.pxd` has the state of each family.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from netml._core.features.base.family cimport FamilyNeeds, FlowAttributes, FlowPackets, find_attributes, find_packets
from netml._core.features.flow.size_counts cimport SizeMemory
from netml._core.features.packed cimport (
    SPARE_BYTES, Packed, lay_down, measure_packed, pack_groups, unpack_groups,
)
from netml._core.features.registry cimport FamilyCode
from netml._core.features.state cimport State, add_to_state, find_pointers, free_state, write_state
from netml._core.octets cimport netml_allocate_plain, netml_prefetch_write, netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    CHUNK_BITS = 10              # states of a chunk
    NO_STATE = 0xFFFFFFFF        # the number of a flow that goes
    BLOCK_BYTES = 16             # steps of the memory of a packed state, with what the allocator takes of it
    HEADER_BYTES = 8             # which is so much
    AHEAD = 4                    # flows: distance at which a packed state is prefetched


cdef struct FlowStates:
    FamilyCode family
    size_t n_groups              # of the family's state
    uint8_t ***chunks            # owned, as what they hold: packed states, NULL of a flow without packets
    size_t n_chunks
    size_t n_flows
    SizeMemory memory            # of packed states and sizes


cdef inline size_t find_room(size_t packed_bytes) noexcept nogil:
    """Return the octets to allocate for a packed state: as many as the allocator takes for it anyway."""
    cdef size_t n_bytes = packed_bytes + SPARE_BYTES + HEADER_BYTES
    return (n_bytes + BLOCK_BYTES - 1) // BLOCK_BYTES * BLOCK_BYTES - HEADER_BYTES


cdef inline uint8_t **find_packed(const FlowStates *states, size_t number) noexcept nogil:
    """Return where the pointer to a flow's packed state lies."""
    return &states.chunks[number >> CHUNK_BITS][number & ((1 << CHUNK_BITS) - 1)]


cdef inline size_t unpack_state(const FlowStates *states, size_t number, State *state) noexcept nogil:
    """Unpack a flow's state; return its packed length, 0 for a flow without packets."""
    cdef const uint8_t *packed = find_packed(states, number)[0]
    if packed != NULL:
        return unpack_groups(packed, states.n_groups, state.octets)
    memset(state, 0, sizeof(State))
    return 0


cdef inline Status pack_state(FlowStates *states, size_t number, const State *state, size_t length) noexcept nogil:
    """Pack a state again, whose packed length was `length`. Without memory the old one stays."""
    cdef Packed packed
    cdef size_t room
    cdef uint8_t **place = find_packed(states, number)
    cdef uint8_t *moved
    pack_groups(state.octets, states.n_groups, find_pointers(states.family), &packed)
    room = find_room(measure_packed(&packed))
    if place[0] == NULL or room != find_room(length):
        moved = <uint8_t *> netml_reallocate(place[0], room)
        if moved == NULL:
            return STATUS_NO_MEMORY
        if place[0] != NULL:
            states.memory.n_bytes -= find_room(length) + HEADER_BYTES
        states.memory.n_bytes += room + HEADER_BYTES
        place[0] = moved
    lay_down(&packed, place[0])
    return STATUS_OK


cdef inline void drop_state(FlowStates *states, size_t number, State *state, size_t length) noexcept nogil:
    """Free a flow's unpacked state: the flow has no packets any more."""
    cdef uint8_t **place = find_packed(states, number)
    free_state(states.family, state, &states.memory)
    if place[0] != NULL:
        states.memory.n_bytes -= find_room(length) + HEADER_BYTES
    free(place[0])
    place[0] = NULL


cdef inline void forget_state(FlowStates *states, size_t number) noexcept nogil:
    """Free a flow's state: the flow has no packets any more."""
    cdef State state
    drop_state(states, number, &state, unpack_state(states, number, &state))


cdef inline Status grow_states(FlowStates *states, size_t n_flows) noexcept nogil:
    """Grow to at least that many flows; new ones have no packets."""
    cdef uint8_t ***grown
    while states.n_flows < n_flows:
        if states.n_flows >> CHUNK_BITS == states.n_chunks:
            grown = <uint8_t ***> netml_reallocate(states.chunks, (states.n_chunks + 1) * sizeof(uint8_t **))
            if grown == NULL:
                return STATUS_NO_MEMORY
            states.chunks = grown
            grown[states.n_chunks] = <uint8_t **> netml_allocate_plain(sizeof(uint8_t *) << CHUNK_BITS)
            if grown[states.n_chunks] == NULL:
                return STATUS_NO_MEMORY
            states.n_chunks += 1
        find_packed(states, states.n_flows)[0] = NULL
        states.n_flows += 1
    return STATUS_OK


cdef inline Status feed_state(
    FlowStates *states, size_t number, const FlowPackets *flow, const FamilyNeeds *needs,
) noexcept nogil:
    """Add packets of one flow. After a fault it has none."""
    cdef State state
    cdef size_t length = unpack_state(states, number, &state)
    cdef Status status = add_to_state(states.family, &state, flow, needs, &states.memory)
    if status == STATUS_OK:
        status = pack_state(states, number, &state, length)
    if status != STATUS_OK:
        drop_state(states, number, &state, length)
    return status


cdef inline Status feed_states(
    FlowStates *states,
    const FlowPackets *packets,  # IN: the columns of all flows
    const int64_t *starts,       # IN  [n_flows]: flow i has more packets, starts[i] .. ends[i], or none
    const int64_t *ends,         # IN  [n_flows]
    size_t n_flows,
    const FamilyNeeds *needs,
) noexcept nogil:
    """Add packets of all flows. After a fault no state is of use."""
    cdef FlowPackets flow
    cdef size_t i
    cdef Status status = grow_states(states, n_flows)
    for i in range(n_flows):
        if status != STATUS_OK:
            break
        if i + AHEAD < n_flows and starts[i + AHEAD] < ends[i + AHEAD]:
            netml_prefetch_write(find_packed(states, i + AHEAD)[0])
        if starts[i] < ends[i]:
            find_packets(packets, starts[i], ends[i], &flow)
            status = feed_state(states, i, &flow, needs)
    return status


cdef inline Status write_states(
    const FlowStates *states,
    const uint32_t *numbers,     # IN: of the flows that are written, row by row
    size_t n_rows,
    const FlowAttributes *attributes,  # IN: row by row
    const FamilyNeeds *needs,
    double *X,                   # OUT: the family's first column of the first row, zeroed
    size_t n_columns,            # of the whole matrix
) noexcept nogil:
    """Write rows of some flows, whose states stay as they are."""
    cdef FlowPackets flow
    cdef State state
    cdef size_t i
    cdef Status status = STATUS_OK
    flow.n_packets = 0
    for i in range(n_rows):
        if status != STATUS_OK:
            break
        find_attributes(attributes, i, &flow)
        unpack_state(states, numbers[i], &state)
        status = write_state(states.family, &state, &flow, needs, &states.memory, X + i * n_columns)
    return status


cdef inline void restart_states(FlowStates *states, const uint32_t *numbers, size_t n) noexcept nogil:
    """Restart some flows without packets."""
    cdef size_t i
    for i in range(n):
        forget_state(states, numbers[i])


cdef inline void renumber_states(FlowStates *states, const uint32_t *numbers, size_t n_kept) noexcept nogil:
    """Renumber flow i to numbers[i], which is not greater and rises with i, or remove it (NO_STATE); `n_kept` stay."""
    cdef size_t i, j, n_chunks = (n_kept + (1 << CHUNK_BITS) - 1) >> CHUNK_BITS
    for i in range(states.n_flows):
        if numbers[i] == NO_STATE:
            forget_state(states, i)
        elif numbers[i] != i:
            find_packed(states, numbers[i])[0] = find_packed(states, i)[0]
    for j in range(n_chunks, states.n_chunks):
        free(states.chunks[j])
    states.n_chunks = min(states.n_chunks, n_chunks)
    states.n_flows = n_kept


cdef inline void free_states(FlowStates *states) noexcept nogil:
    """Free all memory."""
    cdef size_t i
    for i in range(states.n_flows):
        forget_state(states, i)
    for i in range(states.n_chunks):
        free(states.chunks[i])
    free(states.chunks)
    states.chunks = NULL
    states.n_chunks = states.n_flows = 0
