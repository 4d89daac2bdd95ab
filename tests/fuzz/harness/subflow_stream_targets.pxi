"""The target whose input is a plan of a stream: which packets come, and which watermark each flush has."""


cdef enum:
    STREAM_HEADER_BYTES = 8
    EVENT_BYTES = 4
    MOST_FLUSHES = 10
    MOST_BURST = 520             # new flows at once: beyond 1,024 forgotten ones the table is packed


cdef void enter_packet(uint16_t number, int64_t time_ns, uint8_t size) noexcept nogil:
    """A packet of a made-up flow, as decoding would leave it."""
    cdef Packet *packet = &shared.batch[shared.n_batch]
    memset(packet, 0, sizeof(Packet))
    packet.key.source[0] = number
    packet.key.transport = <uint64_t> (6 if number & 2 else 4) << 40 | <uint64_t> (6 if number & 1 else 17) << 32 | 53
    packet.time_ns = time_ns
    packet.caplen = packet.wirelen = <uint32_t> size * size
    packet.flags = size
    packet.ttl = size ^ 0x40
    packet.hash = hash_key(&packet.key, shared.table.seeds)
    shared.n_batch += 1
    if shared.n_batch == 64:
        fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")


cdef void require_reasons(const SubflowList *subflows, bint is_last) noexcept nogil:
    """Every subflow that is handed out has ended for a reason; that the input ends is one in the last flush only."""
    cdef uint8_t *reasons = <uint8_t *> fuzz_allocate(subflows.n_subflows)
    cdef size_t i
    write_end_reasons(subflows, reasons)
    for i in range(subflows.n_subflows):
        fuzz_require(
            reasons[i] == END_IDLE or reasons[i] == END_ACTIVE or reasons[i] == END_LACK_OF_RESOURCES
            or (is_last and reasons[i] == END_OF_INPUT), "a subflow ends for a reason")
    free(reasons)


cdef uint64_t flush_once(const FlushRules *rules, Dropped *dropped) noexcept nogil:
    """A flush as `FlowAssembler.advance_watermark` runs it; returns the packets that it hands out."""
    cdef GroupedColumns columns
    cdef SubflowList subflows
    cdef int64_t *offsets = NULL
    cdef size_t n = 0, i, j
    cdef uint64_t n_out, n_dropped = count_dropped(dropped)
    memset(&subflows, 0, sizeof(subflows))
    fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")
    if rules.is_last:
        free_slots(&shared.table.slots)
    columns = group_all(&offsets, &n)
    fuzz_require(
        flush_flows(&columns, offsets, rules, &shared.table, &opened, &subflows, dropped, &shared.columns) == STATUS_OK,
        "a flush")
    n_out = require_subflows(&columns, n, &subflows)
    n_dropped = count_dropped(dropped) - n_dropped
    fuzz_require(n_out + n_dropped + count_packets(&shared.columns) == n, "out + dropped + pending = there before")
    fuzz_require(opened.n_packets == count_packets(&shared.columns), "what waits is counted")
    fuzz_require(opened.n_flows == shared.table.n_flows, "flows have their state")
    fuzz_require(opened.n_pending <= opened.n_flows, "flows wait once")
    fuzz_require(opened.n_pending + count_idle_keys(&opened.idle_keys) <= rules.max_flows, "flows are bounded")
    fuzz_require(
        opened.n_packets * rules.packet_bytes + opened.n_pending * rules.flow_bytes
        + count_idle_keys(&opened.idle_keys) * rules.key_bytes <= rules.max_memory_bytes, "memory is bounded")
    fuzz_require(not rules.is_last or count_idle_keys(&opened.idle_keys) == 0, "nothing is idle_keys at the end")
    require_reasons(&subflows, rules.is_last)
    hand_over(&columns, n, &subflows, 1e6, N_SIZE)
    free_subflows(&subflows)
    free_grouped(&columns)
    free(offsets)
    fuzz_require(pack_flows(&opened, &shared.table, &shared.columns) == STATUS_OK, "flows are forgotten")
    fuzz_require(opened.n_flows == shared.table.n_flows, "flows have their state after packing")
    for i in range(shared.columns.n_chunks):
        for j in range(shared.columns.chunks[i].n_packets):
            fuzz_require(shared.columns.chunks[i].flow[j] < shared.table.n_flows, "a pending packet's flow is there")
    if rules.is_last:
        fuzz_require(count_packets(&shared.columns) == 0, "nothing is pending after the last flush")
    return n_out


cdef public int fuzz_stream(const uint8_t *data, size_t size) noexcept nogil:
    """Events of 4 octets: (kind, flow or number of flows, time, size); kinds are packet, burst, flush."""
    cdef FlushRules rules
    cdef Dropped dropped
    cdef int64_t time_ns, longest_ns = <int64_t> 3 << 60
    cdef uint64_t n_in = 0, n_out = 0, n_burst = 0, n_flushes = 0
    cdef uint32_t i
    cdef uint8_t kind
    cdef bint may_burst
    if size < STREAM_HEADER_BYTES:
        return -1
    begin(True, False)
    free_open(&opened)
    memset(&opened, 0, sizeof(opened))
    memset(&dropped, 0, sizeof(dropped))
    rules.interval_ns = max(choose_interval(data[0]), 1.0)
    rules.tcp_timeout_ns = <int64_t> choose_interval(data[1] & 0xDF)
    rules.udp_timeout_ns = <int64_t> choose_interval(data[2] & 0xDF)
    rules.tcp_timeout_ns = min(rules.tcp_timeout_ns, longest_ns)
    rules.udp_timeout_ns = min(rules.udp_timeout_ns, longest_ns)
    rules.min_packets = 2 + (data[3] & 3)
    rules.max_flow_packets = 2 + (data[4] & 63)
    rules.max_flows = 1 + (<uint64_t> data[3] >> 2) * (data[3] >> 2)
    rules.packet_bytes = 22
    rules.flow_bytes = 100
    rules.key_bytes = 40
    rules.max_memory_bytes = 300 + (<uint64_t> 22 << (data[5] & 15))
    rules.latest_ns = INT64_MIN
    rules.allowed_lateness_ns = <int64_t> choose_interval(data[6] & 31)
    rules.allowed_lateness_ns = min(rules.allowed_lateness_ns, longest_ns // 4)
    rules.is_last = False
    may_burst = data[7] >= 0xE0  # such an execution takes a hundred times as long
    time_ns = <int64_t> read_u64(data) >> (data[7] & 63)
    if time_ns == INT64_MIN:
        time_ns += 1
    data += STREAM_HEADER_BYTES
    size -= STREAM_HEADER_BYTES
    while size >= EVENT_BYTES:
        kind = data[0] & 7
        # Steps of up to 2**62 ns, forwards and backwards, that never leave the clock's range.
        if data[0] & 8:
            time_ns -= min(<int64_t> data[2] << (data[0] >> 4) * 3, time_ns // 2 + longest_ns)
        else:
            time_ns += min(<int64_t> data[2] << (data[0] >> 4) * 3, longest_ns - time_ns // 2)
        if kind < 5:
            enter_packet(data[1], time_ns, data[3])
            rules.latest_ns = max(rules.latest_ns, time_ns)
            n_in += 1
        elif kind == 5 and may_burst and n_burst < 3:
            n_burst += 1
            for i in range(min(<uint32_t> data[1] * 4, <uint32_t> MOST_BURST)):
                rules.latest_ns = max(rules.latest_ns, time_ns + (i & data[3]))
                enter_packet(<uint16_t> (256 + n_burst * 1024 + i), time_ns + (i & data[3]), data[3])
                n_in += 1
        elif n_flushes < MOST_FLUSHES:
            n_flushes += 1
            rules.watermark_ns = time_ns
            n_out += flush_once(&rules, &dropped)
        data += EVENT_BYTES
        size -= EVENT_BYTES
    rules.is_last = True
    n_out += flush_once(&rules, &dropped)
    fuzz_require(n_out + count_dropped(&dropped) == n_in, "all packets are out or were dropped")
    return 0
