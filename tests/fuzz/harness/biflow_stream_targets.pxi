"""The target whose input is a plan of biflows: packets, bursts of new flows, ends of stream."""


cdef enum:
    PLAN_HEADER_BYTES = 16
    PLAN_EVENT_BYTES = 6
    MOST_PLAN_EVENTS = 200


cdef struct Plan:
    const uint8_t *options       # as of the target `biflows`, but for the number of parts
    const uint8_t *events
    size_t n_events
    int64_t allowed_lateness_ns  # how late a packet may be
    bint is_ordered              # but for that; else time goes anywhere


cdef uint32_t find_mark(
    const uint8_t *event, uint8_t protocol, uint32_t burst, bint is_high, bint is_loop,
) noexcept nogil:
    """What packets of one key share: bits 2 and up; bit 0 is the sender's end, bit 1 says that both ends are one."""
    cdef uint32_t mark = burst << 16
    if not burst:
        mark |= <uint32_t> protocol << 12 | (event[5] & 8) << 8
        mark |= <uint32_t> (event[5] >> 1 & 3) << 8 if shared.biflows.rules.has_vlan_key else 0
        mark |= (event[1] & 3) << 4 | (event[1] >> 2 & 3) << 6 if not is_high else \
            (event[1] >> 2 & 3) << 4 | (event[1] & 3) << 6
    return mark << 2 | <uint32_t> is_loop << 1 | (is_high and not is_loop)


cdef void enter_plan_packet(const uint8_t *event, int64_t time_ns, uint32_t burst) noexcept nogil:
    """A packet as decoding and `read_details` would leave it."""
    cdef Packet *packet = &shared.batch[shared.n_batch]
    cdef uint32_t ends[2]
    cdef uint8_t protocol = event[1] >> 5
    cdef bint is_high, is_loop
    ends[0] = event[1] & 3
    ends[1] = event[1] >> 2 & 3
    is_high = shared.biflows.rules.is_bi and ends[0] > ends[1]
    is_loop = shared.biflows.rules.is_bi and ends[0] == ends[1]
    memset(packet, 0, sizeof(Packet))
    protocol = 6 if protocol < 4 else 17 if protocol == 4 else 132 if protocol == 5 else 1 if protocol == 6 else 47
    packet.key.source[0] = burst + 1 if burst else 1 + (ends[0] >> 1)
    packet.key.destination[0] = 0 if burst else 1 + (ends[1] >> 1)
    packet.key.transport = (<uint64_t> (6 if event[5] & 8 else 4) << 40) | (<uint64_t> protocol << 32)
    if protocol == 6 or protocol == 17 or protocol == 132:
        packet.key.transport |= <uint64_t> (40000 + (ends[0] & 1)) | <uint64_t> (40000 + (ends[1] & 1)) << 16
    else:
        # Without ports only the addresses tell: both ends of the mark are hosts.
        packet.key.source[1] = ends[0] & 1
        packet.key.destination[1] = ends[1] & 1
    packet.time_ns = time_ns
    packet.caplen = packet.wirelen = <uint32_t> event[4] * event[4]
    packet.flags = event[3] if protocol == 6 else 0
    packet.ttl = event[4] ^ 0x40
    packet.vlan_id = event[5] >> 1 & 3
    packet.is_forward = True
    packet.ip_bytes = find_mark(event, protocol, burst, is_high, is_loop)
    packet.payload_bytes = event[4] if event[4] & 3 else 0
    packet.header_bytes = 20 + (event[3] & 40) if protocol == 6 else 8 if protocol == 17 else 0
    packet.icmp_type = event[3] if protocol == 1 else -1
    packet.icmp_code = event[4] if protocol == 1 else -1
    if protocol == 6:
        packet.sequence = (<uint32_t> event[4] << 24 if event[4] & 1 else 0) + event[2] * <uint32_t> 16
        packet.acknowledgement = packet.sequence ^ event[3]
        packet.window = event[4] * 257
        packet.tcp_options = <uint32_t> event[2] * 0x01010101 if event[3] & 2 else 0
    share_packet(&shared, packet)
    shared.n_batch += 1
    if shared.n_batch == 64:
        fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")


cdef int64_t step_clock(const uint8_t *event, bint is_ordered, int64_t time_ns) noexcept nogil:
    """Up to 9 minutes on, or up to 2**62 ns in any direction; never out of the clock's range."""
    cdef int64_t longest_ns = <int64_t> 3 << 60, shift = event[0] >> 3
    if is_ordered:
        return min(time_ns, longest_ns) + min(<int64_t> event[2] << shift, longest_ns - min(time_ns, longest_ns))
    if event[5] & 1:
        return time_ns - min(<int64_t> event[2] << shift * 54 // 31, time_ns // 2 + longest_ns)
    return time_ns + min(<int64_t> event[2] << shift * 54 // 31, longest_ns - time_ns // 2)


cdef uint64_t run_plan(
    const Plan *plan, bint is_stream, bint is_incremental, const FamilyNeeds *needs, Outcome *outcome,
) noexcept nogil:
    """All events, then the end; returns how many packets there were."""
    cdef BiflowFlushRules rules
    cdef const uint8_t *event
    cdef int64_t time_ns = <int64_t> read_u64(plan.options) >> (1 + (plan.options[13] & 31) * 2), at_ns
    cdef uint64_t n_in = 0
    cdef uint32_t n_flushes = 0, n_bursts = 0, j
    cdef size_t i
    memset(outcome, 0, sizeof(Outcome))
    begin_biflows(False, False)
    choose_biflow_rules(plan.options)
    choose_flush_rules(plan.options + 8, &rules)
    for i in range(plan.n_events):
        event = plan.events + i * PLAN_EVENT_BYTES
        time_ns = step_clock(event, plan.is_ordered, time_ns)
        at_ns = time_ns
        if plan.is_ordered:
            at_ns -= plan.allowed_lateness_ns // 16 * (event[5] >> 4)
        if event[0] & 7 < 6:
            rules.latest_ns = max(rules.latest_ns, at_ns)
            enter_plan_packet(event, at_ns, 0)
            n_in += 1
        elif event[0] & 7 == 6 and plan.options[13] >= 0xF0 and n_bursts < 3:
            n_bursts += 1
            rules.latest_ns = max(rules.latest_ns, at_ns)
            for j in range(min(<uint32_t> event[1] * 4, <uint32_t> MOST_BURST)):
                enter_plan_packet(event, at_ns, n_bursts * 1024 + j)
                n_in += 1
        elif n_flushes < MOST_FLUSHES:
            n_flushes += 1
            rules.watermark_ns = time_ns
            if plan.is_ordered and rules.latest_ns != INT64_MIN:
                rules.watermark_ns = rules.latest_ns - plan.allowed_lateness_ns  # the time that packets tell
            if is_stream:
                flush_biflows(&rules, needs, is_incremental, outcome)
    if is_stream:
        rules.is_last = True
        rules.watermark_ns = time_ns
        flush_biflows(&rules, needs, is_incremental, outcome)
    else:
        take_all_biflows(rules.latest_ns, rules.min_packets, needs, outcome)
    fuzz_require(outcome.n_packets + count_dropped(&outcome.dropped) == n_in, "all packets are out or were dropped")
    return n_in


cdef public int fuzz_biflow_stream(const uint8_t *data, size_t size) noexcept nogil:
    """Options, then events of 6 octets: kind and step, ends and protocol, time, flags, size, the rest."""
    cdef Plan plan
    cdef FamilyNeeds needs
    cdef Outcome whole, stream
    cdef int is_incremental
    if size < PLAN_HEADER_BYTES:
        return -1
    set_marks()
    plan.options = data
    plan.events = data + PLAN_HEADER_BYTES
    plan.n_events = min((size - PLAN_HEADER_BYTES) // PLAN_EVENT_BYTES, <size_t> MOST_PLAN_EVENTS)
    plan.is_ordered = data[12] & 3 != 0
    plan.allowed_lateness_ns = <int64_t> choose_interval(data[12] >> 2 & 15) if plan.is_ordered else 0
    choose_settings(data + 3, &needs)
    run_plan(&plan, False, False, &needs, &whole)
    for is_incremental in range(2):
        run_plan(&plan, True, is_incremental, &needs, &stream)
        if plan.is_ordered and count_ended_early(&stream.early) == 0:
            require_same(&whole, &stream, is_incremental)
    return 0


cdef void set_marks() noexcept nogil:
    """Packets carry a mark of their key in place of the length of their IP packet."""
    global has_marks
    has_marks = True
