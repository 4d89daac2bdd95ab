"""The order of biflows in a table: by their start, then by their first packets' places; those to be dropped last.

A flow's number is the place of its first packet among those of all flows.
"""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free

from netml._core.biflow.key cimport write_forward_key
from netml._core.biflow.record cimport Biflow
from netml._core.biflow.table cimport BiflowTable, find_biflow
from netml._core.flow.end_reason cimport DROP_SHORT_FLOW, Dropped, drop_flow
from netml._core.flow.group cimport GroupedColumns, order_by_time, sort_flow
from netml._core.flow.key cimport KEY_BYTES
from netml._core.octets cimport netml_allocate_plain
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef inline Status order_numbers(
    const BiflowTable *table,    # IN
    const uint8_t *is_chosen,    # IN  [n_flows]: flows that are to be handed out
    uint32_t *order,             # OUT [n_flows]: numbers; those that are not chosen come last
    size_t *n_chosen,            # OUT
) noexcept nogil:
    """Order the flow numbers by start, stable."""
    cdef size_t number, i, n = table.n_flows
    cdef int64_t *start_ns = <int64_t *> netml_allocate_plain(n * sizeof(int64_t) + 1)
    cdef uint32_t *spare = <uint32_t *> netml_allocate_plain(2 * n * sizeof(uint32_t) + 1)
    cdef uint32_t *sorted_numbers = spare + n
    cdef Status status = STATUS_NO_MEMORY
    cdef bint is_sorted = True
    if start_ns != NULL and spare != NULL:
        for number in range(n):
            start_ns[number] = find_biflow(table, number).start_ns
            is_sorted = is_sorted and (number == 0 or start_ns[number - 1] <= start_ns[number])
            sorted_numbers[number] = <uint32_t> number
        if not is_sorted:
            order_by_time(start_ns, n, sorted_numbers, spare)
        n_chosen[0] = 0
        for i in range(n):
            if is_chosen[sorted_numbers[i]]:
                order[n_chosen[0]] = sorted_numbers[i]
                n_chosen[0] += 1
        number = n_chosen[0]
        for i in range(n):
            if not is_chosen[sorted_numbers[i]]:
                order[number] = sorted_numbers[i]
                number += 1
        status = STATUS_OK
    free(start_ns)
    free(spare)
    return status


cdef inline void place_packets(
    const BiflowTable *table,    # IN
    const uint32_t *order,       # IN  [n_flows]; NULL: by number
    int64_t *offsets,            # OUT [n_flows + 1]: where each place's packets begin
    uint32_t *cursors,           # OUT [n_flows], by number: for `group_columns`
) noexcept nogil:
    """Compute where the packets of each flow go, flow after flow in order."""
    cdef size_t place, number
    offsets[0] = 0
    for place in range(table.n_flows):
        number = place if order == NULL else order[place]
        cursors[number] = <uint32_t> offsets[place]
        offsets[place + 1] = offsets[place] + find_biflow(table, number).n_packets


cdef inline Status sort_flows(GroupedColumns *columns, const int64_t *offsets, size_t n_flows) noexcept nogil:
    """Sort every flow's packets by time."""
    cdef size_t flow
    cdef int64_t i
    cdef Status status
    for flow in range(n_flows):
        for i in range(offsets[flow] + 1, offsets[flow + 1]):
            if columns.time_ns[i] < columns.time_ns[i - 1]:
                status = sort_flow(columns, offsets[flow], offsets[flow + 1])
                if status != STATUS_OK:
                    return status
                break
    return STATUS_OK


cdef inline uint32_t count_packets_of(const Biflow *flow) noexcept nogil:
    """Count all packets of a flow, also those that have gone into sums."""
    return flow.n_summed + flow.n_packets


cdef inline void mark_long_flows(
    const BiflowTable *table, uint64_t min_packets, uint8_t *is_long, Dropped *dropped,
) noexcept nogil:
    """Mark the flows that have enough packets; count the others as dropped."""
    cdef size_t number
    cdef uint32_t n_packets
    for number in range(table.n_flows):
        n_packets = count_packets_of(find_biflow(table, number))
        is_long[number] = n_packets >= min_packets
        if not is_long[number]:
            drop_flow(dropped, DROP_SHORT_FLOW, n_packets)


cdef struct BiflowAttributes:    # what is written of each flow
    uint8_t *keys                # KEY_BYTES each
    int64_t *start_ns
    int64_t *end_ns
    int64_t *connection_start_ns
    uint8_t *end_reason
    int16_t *icmp_type
    int16_t *icmp_code
    uint16_t *vlan_id
    int64_t *packets             # that went into sums, as the next one; NULL: not wanted
    int64_t *bytes


cdef inline void write_attributes(
    const BiflowTable *table, const uint32_t *order, size_t n_flows, BiflowAttributes *attributes,
) noexcept nogil:
    """Write the attributes of the first `n_flows` of an order."""
    cdef const Biflow *flow
    cdef size_t place
    for place in range(n_flows):
        flow = find_biflow(table, order[place])
        write_forward_key(attributes.keys + place * KEY_BYTES, &flow.key, flow.is_high)
        attributes.start_ns[place] = flow.start_ns
        attributes.end_ns[place] = flow.latest_ns
        attributes.connection_start_ns[place] = flow.connection_start_ns
        attributes.end_reason[place] = flow.end_reason
        attributes.icmp_type[place] = flow.icmp_type
        attributes.icmp_code[place] = flow.icmp_code
        attributes.vlan_id[place] = flow.vlan_id
        if attributes.packets != NULL:
            attributes.packets[place] = flow.n_summed
            attributes.bytes[place] = flow.n_summed_bytes
