"""The way between open flows and idle keys: keys are reactivated by new packets, and retire when none are pending.

Each key would miss the cache for its place in the index and for its record: so N_TOGETHER are looked up at a time, and
the memory of one is prefetched while the others are looked at.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from netml._core.flow.key cimport hash_key
from netml._core.packet cimport FlowKey
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.stream.idle_keys cimport (
    NO_RECORD, add_idle_key, find_record_of, prefetch_idle_record, prefetch_place, reactivate_record, restore_idle_key,
)
from netml._core.subflow.stream.open_flow cimport OpenFlow, OpenFlows
from netml._core.subflow.table cimport FlowTable, find_record


cdef enum:
    N_TOGETHER = 64


cdef struct Retiring:            # flows without pending packets: `out_ns` is their last packet
    uint32_t numbers[N_TOGETHER]
    size_t n_flows


cdef inline void reactivate_some(
    const FlowTable *table, OpenFlows *opened, const uint32_t *numbers, size_t n,
) noexcept nogil:
    """Reactivate the keys of at most N_TOGETHER flows."""
    cdef uint64_t hashes[N_TOGETHER]
    cdef const FlowKey *key
    cdef OpenFlow *flow
    cdef size_t i
    for i in range(n):
        key = &find_record(table, numbers[i]).key
        hashes[i] = hash_key(key, table.seeds)
        prefetch_place(&opened.idle_keys, key, hashes[i])
    for i in range(n):
        prefetch_idle_record(&opened.idle_keys, &find_record(table, numbers[i]).key, hashes[i])
    for i in range(n):
        key = &find_record(table, numbers[i]).key
        flow = &opened.flows[numbers[i]]
        flow.record = find_record_of(&opened.idle_keys, key, hashes[i])
        flow.has_out = flow.record != NO_RECORD and reactivate_record(
            &opened.idle_keys, key, flow.record, &flow.out_ns, &flow.origin_ns)


cdef inline void reactivate_flows(
    const FlowTable *table,      # IN
    const int64_t *offsets,      # IN  [n_flows + 1]
    OpenFlows *opened,           # IN, OUT
) noexcept nogil:
    """Reactivate the idle keys of flows that have new packets."""
    cdef uint32_t numbers[N_TOGETHER]
    cdef size_t number, n = 0
    for number in range(table.n_flows):
        if opened.flows[number].n_open == 0 and offsets[number] < offsets[number + 1]:
            numbers[n] = <uint32_t> number
            n += 1
            if n == N_TOGETHER:
                reactivate_some(table, opened, numbers, n)
                n = 0
    reactivate_some(table, opened, numbers, n)


cdef inline Status add_retiring(Retiring *retiring, OpenFlows *opened, const FlowTable *table) noexcept nogil:
    """Make the keys of retiring flows idle."""
    cdef uint64_t hashes[N_TOGETHER]
    cdef const FlowKey *key
    cdef const OpenFlow *flow
    cdef size_t i, n = retiring.n_flows
    cdef Status status = STATUS_OK
    retiring.n_flows = 0
    for i in range(n):
        key = &find_record(table, retiring.numbers[i]).key
        hashes[i] = hash_key(key, table.seeds)
        prefetch_place(&opened.idle_keys, key, hashes[i])
    for i in range(n):
        key = &find_record(table, retiring.numbers[i]).key
        flow = &opened.flows[retiring.numbers[i]]
        if flow.record != NO_RECORD:
            restore_idle_key(&opened.idle_keys, key, flow.record, flow.out_ns, flow.origin_ns)
        elif status == STATUS_OK:
            status = add_idle_key(&opened.idle_keys, key, hashes[i], table.seeds, flow.out_ns, flow.origin_ns)
    return status


cdef inline Status retire_flow(
    Retiring *retiring, OpenFlows *opened, const FlowTable *table, uint32_t number,
) noexcept nogil:
    """Retire a flow; its state stays until `add_retiring`."""
    retiring.numbers[retiring.n_flows] = number
    retiring.n_flows += 1
    return add_retiring(retiring, opened, table) if retiring.n_flows == N_TOGETHER else STATUS_OK
