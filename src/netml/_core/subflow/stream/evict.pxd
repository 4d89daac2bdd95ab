"""Limits of what is held between flushes: beyond them the flows and keys that were not seen for longest are evicted."""
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint32_t, uint64_t
from libc.stdlib cimport qsort

from netml._core.flow.end_reason cimport EARLY_FLOWS, EARLY_MEMORY, END_LACK_OF_RESOURCES, Dropped, EarlyEnd
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.stream.expire_keys cimport KeyExpiry, count_idle_keys_later, sweep_keys
from netml._core.subflow.stream.idle_keys cimport NO_RECORD, count_idle_keys
from netml._core.subflow.stream.open_flow cimport FlushRules, OpenFlow, OpenFlows, end_early
from netml._core.subflow.subflow_list cimport Subflow, SubflowList, keep_subflow


cdef struct Limit:
    EarlyEnd name                # counts of the flows that it ends
    uint64_t packet_weight       # bytes of a packet; 0 where keys are counted
    uint64_t flow_weight         # of an open flow
    uint64_t key_weight          # of an idle key
    uint64_t most                # weight beyond which flows are ended
    uint64_t target              # weight that is left then


cdef inline KeyExpiry expire_by_timeouts(const FlushRules *rules) noexcept nogil:
    """Make the expiry of a sweep that removes only keys that were idle for longer than the timeout."""
    cdef KeyExpiry expiry
    expiry.watermark_ns = rules.watermark_ns
    expiry.tcp_timeout_ns = rules.tcp_timeout_ns
    expiry.udp_timeout_ns = rules.udp_timeout_ns
    expiry.allowed_lateness_ns = rules.allowed_lateness_ns
    expiry.cutoff_ns = INT64_MIN
    expiry.n_at_cutoff = 0
    return expiry


cdef inline Status expire_keys(OpenFlows *opened, const uint64_t *seeds, KeyExpiry *expiry) noexcept nogil:
    """Sweep the idle keys; records of reactivated keys are removed, too."""
    cdef size_t number
    for number in range(opened.n_flows):
        opened.flows[number].record = NO_RECORD
    return sweep_keys(&opened.idle_keys, seeds, expiry)


cdef inline uint64_t weigh_flow(const OpenFlow *flow, const Limit *limit) noexcept nogil:
    """Weigh a flow; 0 if none of its packets are pending."""
    return flow.n_open * limit.packet_weight + (flow.n_open != 0) * limit.flow_weight


cdef inline uint64_t weigh_later(const OpenFlows *opened, int64_t time_ns, const Limit *limit) noexcept nogil:
    """Weigh the flows and keys that were seen after a time."""
    cdef uint64_t weight = count_idle_keys_later(&opened.idle_keys, time_ns) * limit.key_weight
    cdef size_t number
    for number in range(opened.n_flows):
        if opened.flows[number].last_ns > time_ns:
            weight += weigh_flow(&opened.flows[number], limit)
    return weight


cdef inline uint64_t weigh_all(const OpenFlows *opened, const Limit *limit) noexcept nogil:
    """Weigh all that is held."""
    return (
        opened.n_packets * limit.packet_weight + opened.n_pending * limit.flow_weight
        + count_idle_keys(&opened.idle_keys) * limit.key_weight
    )


cdef inline int64_t find_cutoff(const OpenFlows *opened, const Limit *limit) noexcept nogil:
    """Find the earliest time after which flows of at most the target were seen: by bisection, without memory."""
    cdef int64_t low = INT64_MIN, high = INT64_MAX, middle
    while low < high:
        middle = low + <int64_t> ((<uint64_t> high - <uint64_t> low) >> 1)
        if weigh_later(opened, middle, limit) <= limit.target:
            high = middle
        else:
            low = middle + 1
    return low


cdef inline int compare_subflows(const void *a, const void *b) noexcept nogil:
    """Compare the places of two subflows, for `qsort`."""
    cdef uint32_t first = (<const Subflow *> a).start, second = (<const Subflow *> b).start
    return (first > second) - (first < second)


cdef inline Status evict_beyond(
    const Limit *limit,
    const int64_t *offsets,      # IN  [n_flows + 1]
    const FlushRules *rules,
    const uint64_t *seeds,
    OpenFlows *opened,           # IN, OUT
    SubflowList *subflows,       # IN, OUT: no longer in order of their places
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Evict the flows that were not seen for longest until the target is left, if more than the limit is held.

    Of flows and keys that were seen last at the same time, keys go first.
    """
    cdef KeyExpiry expiry = expire_by_timeouts(rules)
    cdef uint64_t left = weigh_all(opened, limit), weight
    cdef OpenFlow *flow
    cdef int64_t cutoff_ns
    cdef size_t number
    cdef int turn
    cdef bint is_chosen
    cdef Status status
    if left <= limit.most:
        return STATUS_OK
    status = expire_keys(opened, seeds, &expiry)
    left = weigh_all(opened, limit)
    if status != STATUS_OK or left <= limit.most:
        return status
    cutoff_ns = find_cutoff(opened, limit)
    if count_idle_keys(&opened.idle_keys):
        expiry.cutoff_ns = cutoff_ns
        weight = weigh_later(opened, cutoff_ns - 1, limit) if cutoff_ns != INT64_MIN else left
        if weight > limit.target:
            expiry.n_at_cutoff = (weight - limit.target + limit.key_weight - 1) // limit.key_weight
        status = expire_keys(opened, seeds, &expiry)
        if status != STATUS_OK:
            return status
        left = weigh_all(opened, limit)
    for turn in range(2):  # of those seen last at the very cutoff, as many as are needed
        for number in range(opened.n_flows):
            flow = &opened.flows[number]
            weight = weigh_flow(flow, limit)
            is_chosen = flow.last_ns < cutoff_ns if turn == 0 else flow.last_ns == cutoff_ns and left > limit.target
            if weight == 0 or not is_chosen:
                continue
            status = keep_subflow(
                subflows, <uint32_t> number, offsets[number + 1] - flow.n_open, offsets[number + 1],
                rules.min_packets, END_LACK_OF_RESOURCES, dropped)
            if status != STATUS_OK:
                return status
            opened.n_packets -= flow.n_open
            opened.n_pending -= 1
            left -= weight
            end_early(opened, flow, limit.name)
    return STATUS_OK


cdef inline Status evict_flows(
    const int64_t *offsets,      # IN  [n_flows + 1]
    const FlushRules *rules,
    const uint64_t *seeds,
    OpenFlows *opened,           # IN, OUT
    SubflowList *subflows,       # IN, OUT: stay in order of their places
    Dropped *dropped,            # OUT
) noexcept nogil:
    """Evict down to the most flows, and down to half of the memory: each eviction looks at every flow."""
    cdef Limit flows, memory
    cdef size_t n_before = subflows.n_subflows
    cdef Status status
    flows.name = EARLY_FLOWS
    flows.packet_weight = 0
    flows.flow_weight = flows.key_weight = 1
    flows.most = flows.target = rules.max_flows
    memory.name = EARLY_MEMORY
    memory.packet_weight = rules.packet_bytes
    memory.flow_weight = rules.flow_bytes
    memory.key_weight = rules.key_bytes
    memory.most = rules.max_memory_bytes
    memory.target = rules.max_memory_bytes // 2
    status = evict_beyond(&flows, offsets, rules, seeds, opened, subflows, dropped)
    if status == STATUS_OK:
        status = evict_beyond(&memory, offsets, rules, seeds, opened, subflows, dropped)
    if subflows.n_subflows > n_before:
        qsort(subflows.subflows, subflows.n_subflows, sizeof(Subflow), compare_subflows)
    return status
