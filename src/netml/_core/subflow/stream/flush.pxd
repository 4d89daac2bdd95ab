"""The flush of a stream: subflows that have ended leave, packets of open flows stay pending, others' keys become idle.

Flows without pending packets keep their numbers until they are a fifth of the table: then it is packed.
"""
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free

from netml._core.flow.columns cimport PacketColumns
from netml._core.flow.end_reason cimport Dropped
from netml._core.flow.group cimport GroupedColumns
from netml._core.flow.hash_index cimport NO_FLOW
from netml._core.flow.pending cimport append_pending, renumber_pending
from netml._core.octets cimport netml_allocate_plain
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status
from netml._core.subflow.stream.evict cimport evict_flows, expire_by_timeouts, expire_keys
from netml._core.subflow.stream.expire_keys cimport KeyExpiry, is_worth_sweeping
from netml._core.subflow.stream.idle_keys cimport free_idle_keys
from netml._core.subflow.stream.open_flow cimport FlushRules, OpenFlows, shrink_flows
from netml._core.subflow.stream.split_open cimport split_open_flows
from netml._core.subflow.subflow_list cimport SubflowList
from netml._core.subflow.table cimport FlowTable, find_record, renumber_flows


cdef enum:
    FEW_FLOWS = 1 << 10          # up to this many flows without pending packets are not worth packing the table


cdef inline Status keep_pending(
    const GroupedColumns *grouped,   # IN
    const int64_t *offsets,          # IN  [n_flows + 1]
    const OpenFlows *opened,         # IN
    FlowTable *table,                # OUT: packets of each flow
    PacketColumns *columns,          # OUT: was empty
) noexcept nogil:
    """Append the pending packets of open flows: they come first in the next flush."""
    cdef size_t number
    cdef uint32_t n_open
    cdef Status status = STATUS_OK
    for number in range(table.n_flows):
        n_open = opened.flows[number].n_open
        find_record(table, number).n_packets = n_open
        if n_open and status == STATUS_OK:
            status = append_pending(columns, grouped, offsets[number + 1], n_open, <uint32_t> number)
    return status


cdef inline Status pack_flows(OpenFlows *opened, FlowTable *table, PacketColumns *columns) noexcept nogil:
    """Pack the table if many of its flows have no pending packets."""
    cdef uint32_t *numbers
    cdef size_t number, n_kept = 0
    cdef Status status
    if opened.n_flows < opened.n_pending + opened.n_pending // 4 + FEW_FLOWS or table.slots.slots == NULL:
        return STATUS_OK
    numbers = <uint32_t *> netml_allocate_plain(opened.n_flows * sizeof(uint32_t))
    if numbers == NULL:
        return STATUS_NO_MEMORY
    for number in range(opened.n_flows):
        numbers[number] = NO_FLOW
        if opened.flows[number].n_open:
            numbers[number] = <uint32_t> n_kept
            opened.flows[n_kept] = opened.flows[number]
            n_kept += 1
    status = renumber_flows(table, numbers, n_kept)
    shrink_flows(opened, n_kept)
    renumber_pending(columns, numbers)
    free(numbers)
    return status


cdef inline Status flush_flows(
    GroupedColumns *grouped,         # IN, OUT: sorted by time within each flow
    const int64_t *offsets,          # IN  [n_flows + 1]
    const FlushRules *rules,
    FlowTable *table,                # IN, OUT
    OpenFlows *opened,               # IN, OUT
    SubflowList *subflows,           # OUT: what is handed out
    Dropped *dropped,                # OUT
    PacketColumns *columns,          # OUT: pending packets
) noexcept nogil:
    """End the flows that have ended and evict those beyond the limits; keep the rest."""
    cdef KeyExpiry expiry = expire_by_timeouts(rules)
    cdef Status status = split_open_flows(grouped, offsets, table, rules, opened, subflows, dropped)
    if rules.is_last:
        free_idle_keys(&opened.idle_keys)
    if status == STATUS_OK and (
        is_worth_sweeping(&opened.idle_keys.ipv4) or is_worth_sweeping(&opened.idle_keys.ipv6)
    ):
        status = expire_keys(opened, table.seeds, &expiry)
    if status == STATUS_OK:
        status = evict_flows(offsets, rules, table.seeds, opened, subflows, dropped)
    if status == STATUS_OK:
        status = keep_pending(grouped, offsets, opened, table, columns)
    return status
