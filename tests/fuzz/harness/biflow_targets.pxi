"""The target whose input is a capture that becomes biflows; its last octets are the options."""


cdef enum:
    BIFLOW_OPTION_BYTES = 16
    MOST_PARTS = 8


cdef int64_t choose_timeout(uint8_t choice) noexcept nogil:
    """From a nanosecond to 146 years, or never."""
    return INT64_MAX if choice & 31 == 0 else <int64_t> choose_interval(choice & 0xDF)


cdef void choose_settings(const uint8_t *options, FamilyNeeds *needs) noexcept nogil:
    """Of families; 5 octets."""
    memset(needs, 0, sizeof(FamilyNeeds))
    needs.settings.rate_ns = choose_interval(options[0])
    needs.settings.cic_extra = options[1] >> 7
    needs.settings.bulk_packets = 1 + (options[1] & 7)
    needs.settings.bulk_gap_ns = <uint64_t> choose_interval(options[2] & 0xDF)
    needs.settings.subflow_gap_ns = <uint64_t> choose_interval(options[3] & 0xDF)
    needs.settings.activity_timeout_ns = <uint64_t> choose_interval(options[4] & 0xDF)


cdef void choose_biflow_rules(const uint8_t *options) noexcept nogil:
    """What makes a flow; 3 octets."""
    shared.biflows.rules.is_bi = options[0] & 1
    shared.biflows.rules.has_vlan_key = options[0] >> 1 & 1
    shared.biflows.rules.turns_by_syn = options[0] >> 2 & 1
    shared.biflows.rules.tcp_end = options[0] >> 3 & 3
    shared.biflows.rules.idle_ns = choose_timeout(options[1])
    shared.biflows.rules.active_ns = choose_timeout(options[2])


cdef void choose_flush_rules(const uint8_t *options, BiflowFlushRules *rules) noexcept nogil:
    """What may be held; 4 octets, each of which can say that there is no bound."""
    rules.min_packets = 1 + (options[0] & 3)
    rules.max_flow_packets = 1 + (options[1] & 31) if options[1] > 0xC0 else 0xFFFFFFFF
    rules.max_flows = 1 + (options[2] & 63) if options[2] > 0xA0 else 0x7FFFFFFF
    rules.packet_bytes = 22
    rules.flow_bytes = 100
    rules.max_memory_bytes = <uint64_t> 1 << 40
    if options[3] > 0xA0:
        rules.max_memory_bytes = 300 + (<uint64_t> 22 << (options[3] & 15))
    rules.is_last = False
    rules.latest_ns = rules.watermark_ns = INT64_MIN


cdef void begin_capture(const uint8_t *options) noexcept nogil:
    """An empty assembly with the options' rules."""
    begin_biflows(options[0] >> 5 & 1, options[0] >> 6 & 1)
    shared.decoding.takes_all = options[0] >> 7
    choose_biflow_rules(options)


cdef bint come_in_order(const uint8_t *data, size_t size) noexcept nogil:
    """Does no record come before an earlier one? Packets that are skipped tell the time, too."""
    cdef Framing framing
    cdef Frame frame
    cdef Status status = STATUS_NO_FRAME
    cdef int64_t latest_ns = INT64_MIN
    cdef size_t header = 0, length = 0
    cdef bint is_ordered = True
    probe_capture(data, size, &framing, &header)
    while is_ordered and (status == STATUS_FRAME or status == STATUS_NO_FRAME):
        header += length
        length = 0
        status = next_frame(&framing, data + header, data + size, &frame, &length)
        if status == STATUS_FRAME:
            is_ordered = frame.time_ns >= latest_ns
            latest_ns = frame.time_ns
    free_pcapng(&framing.pcapng)
    return is_ordered


cdef void run_capture_stream(
    const uint8_t *data, size_t size, const uint8_t *options, bint is_incremental, const FamilyNeeds *needs, Outcome *outcome,
) noexcept nogil:
    """The capture in parts, a flush after each."""
    cdef Framing framing
    cdef BiflowFlushRules rules
    cdef Status status = STATUS_NEED_MORE
    cdef size_t header = 0, n_used = 0, n_wanted = 0, end, part, n_parts = 1 + (options[12] & (MOST_PARTS - 1))
    cdef uint8_t *block
    memset(outcome, 0, sizeof(Outcome))
    begin_capture(options)
    choose_flush_rules(options + 8, &rules)
    probe_capture(data, size, &framing, &header)
    block = fuzz_copy(data + header, size - header)
    header = size - header
    size = 0                     # octets that are done with
    for part in range(n_parts):
        end = header * (part + 1) // n_parts
        if status == STATUS_NEED_MORE and end > size:
            status = assemble_block(&shared, &framing, block + size, end - size, &n_used, &n_wanted)
            size += n_used
        fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")
        rules.is_last = part + 1 == n_parts
        rules.latest_ns = rules.watermark_ns = shared.counters.latest_ns
        flush_biflows(&rules, needs, is_incremental, outcome)
    free(block)
    free_pcapng(&framing.pcapng)
    fuzz_require(
        outcome.n_packets + count_dropped(&outcome.dropped) == shared.counters.n_kept, "flows + dropped = kept")


cdef public int fuzz_biflows(const uint8_t *data, size_t size) noexcept nogil:
    """A whole capture: biflows at once, and as a stream, with and without sums; its last octets are the options."""
    cdef Framing framing
    cdef FamilyNeeds needs
    cdef Outcome whole, stream
    cdef size_t header = 0, n_used = 0, n_wanted = 0
    cdef const uint8_t *options
    cdef uint8_t *block
    cdef bint is_ordered
    cdef int is_incremental
    if size < PCAP_HEADER_BYTES + BIFLOW_OPTION_BYTES or not probe_capture(data, size, &framing, &header):
        return -1
    options = data + size - BIFLOW_OPTION_BYTES
    has_marks_none()
    begin_capture(options)
    choose_settings(options + 3, &needs)
    block = fuzz_copy(data + header, size - header)
    assemble_block(&shared, &framing, block, size - header, &n_used, &n_wanted)
    free(block)
    free_pcapng(&framing.pcapng)
    fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")
    require_counts(&shared)
    fuzz_require(shared.biflows.n_keys <= shared.biflows.n_flows <= shared.counters.n_kept, "no flow without a packet")
    is_ordered = come_in_order(data, size)
    take_all_biflows(shared.counters.latest_ns, 1 + (options[8] & 3), &needs, &whole)
    for is_incremental in range(2):
        run_capture_stream(data, size, options, is_incremental, &needs, &stream)
        if is_ordered and count_ended_early(&stream.early) == 0:
            require_same(&whole, &stream, is_incremental)
    return 0


cdef void has_marks_none() noexcept nogil:
    """Packets that were decoded have the lengths of their own."""
    global has_marks
    has_marks = False
