"""What must hold, whatever the input is; and beginning anew."""


cdef void begin(bint enters_tunnels, bint tracks_fragments) noexcept nogil:
    """An empty assembly."""
    cdef Assembly *assembly = &shared
    cdef size_t i
    keep_ring()
    free_columns(&assembly.columns)
    if assembly.table.records.n_chunks > 1:
        free_array(&assembly.table.records)
    assembly.table.n_flows = 0
    empty_slots(&assembly.table.slots)
    for i in range(4):
        assembly.table.seeds[i] = <uint64_t> 0xD1B54A32D192ED03 * (i + 1)
    memset(&assembly.counters, 0, sizeof(assembly.counters))
    assembly.counters.earliest_ns = INT64_MAX
    assembly.counters.latest_ns = INT64_MIN
    memset(&assembly.columns, 0, sizeof(assembly.columns))
    assembly.columns.wants = PLAIN_COLUMNS
    assembly.keeps_packets = True
    assembly.makes_biflows = assembly.reads_details = False
    note_wants(assembly)
    assembly.decoding.takes_all = False
    assembly.n_batch = 0
    set_tunnels(assembly, enters_tunnels)
    memset(&assembly.decoding.fragments, 0, sizeof(ring))
    if tracks_fragments:
        empty_ring(&ring)
        assembly.decoding.fragments = ring


cdef void empty_slots(HashIndex *slots) noexcept nogil:
    """As many as at the beginning, and no flow in them."""
    if slots.slots == NULL or slots.slot_bits != FIRST_SLOT_BITS:
        free_slots(slots)
        fuzz_require(set_slots(slots, FIRST_SLOT_BITS) == STATUS_OK, "memory for the slots")
    memset(slots.slots, 0xFF, (slots.mask + 1) * 8)


cdef void keep_ring() noexcept nogil:
    """What the last execution has stored is what is to be emptied."""
    global ring
    if shared.decoding.fragments.entries != NULL:
        ring = shared.decoding.fragments


cdef void require_counts(const Assembly *assembly) noexcept nogil:
    """Packets read = kept + skipped by named reason."""
    cdef uint64_t n_skipped = 0
    cdef int reason
    for reason in range(16):
        n_skipped += assembly.counters.n_skipped[reason]
        if reason == 0 or reason >= N_REASONS:
            fuzz_require(assembly.counters.n_skipped[reason] == 0, "only named reasons are counted")
    fuzz_require(assembly.counters.n_records == assembly.counters.n_kept + n_skipped, "read = kept + skipped")
    if assembly.counters.n_records:
        fuzz_require(assembly.counters.earliest_ns <= assembly.counters.latest_ns, "earliest <= latest")
    fuzz_require(
        count_packets(&assembly.columns) + assembly.n_batch == assembly.counters.n_kept, "columns hold what was kept")
    fuzz_require(assembly.table.n_flows <= assembly.counters.n_kept, "no flow without a packet")


cdef uint64_t require_subflows(const GroupedColumns *columns, size_t n, const SubflowList *subflows) noexcept nogil:
    """Spans ascend within the columns, and are in order of time; returns how many packets they have."""
    cdef uint64_t n_packets = 0
    cdef uint32_t before = 0
    cdef size_t i, j
    for i in range(subflows.n_subflows):
        fuzz_require(subflows.subflows[i].start >= before, "subflows ascend and do not overlap")
        fuzz_require(subflows.subflows[i].start < subflows.subflows[i].end, "a subflow has packets")
        fuzz_require(subflows.subflows[i].end <= n, "subflows lie within the columns")
        fuzz_require(subflows.subflows[i].flow < shared.table.n_flows, "a subflow's flow is in the table")
        before = subflows.subflows[i].end
        n_packets += subflows.subflows[i].end - subflows.subflows[i].start
        for j in range(subflows.subflows[i].start + 1, subflows.subflows[i].end):
            fuzz_require(columns.time_ns[j - 1] <= columns.time_ns[j], "a subflow is in order of time")
    return n_packets


cdef uint64_t count_dropped(const Dropped *dropped) noexcept nogil:
    """Packets that any rule dropped."""
    cdef uint64_t n_packets = 0
    cdef int reason
    for reason in range(N_DROPS):
        n_packets += dropped.n_packets[reason]
        fuzz_require(dropped.n_flows[reason] <= dropped.n_packets[reason], "a dropped flow has packets")
    return n_packets


cdef GroupedColumns group_all(int64_t **offsets, size_t *n) noexcept nogil:
    """All packets by flow, in memory of just their size."""
    cdef GroupedColumns columns
    cdef size_t n_flows = shared.table.n_flows
    cdef uint32_t *cursors = <uint32_t *> fuzz_allocate((n_flows + 1) * sizeof(uint32_t))
    n[0] = count_packets(&shared.columns)
    offsets[0] = <int64_t *> fuzz_allocate((n_flows + 1) * sizeof(int64_t))
    columns = allocate_grouped(n[0])
    number_packets(&shared.table, offsets[0], cursors)
    fuzz_require(offsets[0][n_flows] == <int64_t> n[0], "the flows' packets are all packets")
    group_columns(&shared.columns, cursors, &columns)
    free(cursors)
    return columns


cdef GroupedColumns allocate_grouped(size_t n) noexcept nogil:
    """Columns for so many packets, of those that are wanted."""
    cdef GroupedColumns columns
    cdef int column
    columns.time_ns = <int64_t *> fuzz_allocate(n * sizeof(int64_t))
    for column in range(N_COLUMNS):
        columns.values[column] = NULL
        if shared.columns.wants >> column & 1:
            columns.values[column] = fuzz_allocate(n * column_width(column))
    return columns


cdef void free_grouped(GroupedColumns *columns) noexcept nogil:
    """Give the memory back."""
    cdef int column
    free(columns.time_ns)
    for column in range(N_COLUMNS):
        free(columns.values[column])


cdef FlowPackets find_packet_columns(const GroupedColumns *columns) noexcept nogil:
    """As `fill_family` finds them; a packet's size is that on the wire."""
    cdef FlowPackets packets
    packets.time_ns = columns.time_ns
    packets.size = <const uint32_t *> columns.values[COLUMN_WIRELEN]
    packets.flags = <const uint8_t *> columns.values[COLUMN_FLAGS]
    packets.ttl = <const uint8_t *> columns.values[COLUMN_TTL]
    packets.is_forward = <const uint8_t *> columns.values[COLUMN_IS_FORWARD]
    packets.payload_bytes = <const uint32_t *> columns.values[COLUMN_PAYLOAD_BYTES]
    packets.header_bytes = <const uint8_t *> columns.values[COLUMN_HEADER_BYTES]
    packets.window = <const uint16_t *> columns.values[COLUMN_WINDOW]
    packets.sequence = <const uint32_t *> columns.values[COLUMN_SEQUENCE]
    packets.acknowledgement = <const uint32_t *> columns.values[COLUMN_ACKNOWLEDGEMENT]
    packets.tcp_options = <const uint32_t *> columns.values[COLUMN_TCP_OPTIONS]
    packets.n_packets = 0
    return packets


cdef void write_texts(const uint8_t *keys, size_t n) noexcept nogil:
    """Addresses of the keys as text."""
    cdef uint8_t *addresses = <uint8_t *> fuzz_allocate(n * 16)
    cdef uint8_t *versions = <uint8_t *> fuzz_allocate(n)
    cdef int32_t *offsets = <int32_t *> fuzz_allocate((n + 1) * sizeof(int32_t))
    cdef uint8_t *text = <uint8_t *> fuzz_allocate(n * LONGEST_ADDRESS)
    cdef size_t i
    for i in range(n):
        memcpy(addresses + 16 * i, keys + i * KEY_BYTES, 16)
        versions[i] = keys[i * KEY_BYTES + 37]
        fuzz_require(versions[i] == 4 or versions[i] == 6, "IP is of version 4 or 6")
    offsets[0] = 0
    write_addresses(addresses, versions, n, offsets, text)
    for i in range(n):
        fuzz_require(2 <= offsets[i + 1] - offsets[i] <= LONGEST_ADDRESS, "a text has an address' length")
    free(addresses)
    free(versions)
    free(offsets)
    free(text)


cdef void fill_families(
    const GroupedColumns *columns, const int64_t *offsets, size_t n_subflows, double rate_ns, size_t width,
) noexcept nogil:
    """Every family of all flows: only finite numbers, none below zero."""
    cdef FlowPackets packets = find_packet_columns(columns)
    cdef FlowAttributes attributes
    cdef FamilyNeeds needs
    cdef int64_t n_most = 0
    cdef int code
    cdef size_t i, n_columns
    cdef double *matrix
    memset(&attributes, 0, sizeof(attributes))
    memset(&needs, 0, sizeof(needs))
    packets.n_packets = offsets[n_subflows]
    fuzz_require(
        find_longest(offsets, n_subflows, offsets[n_subflows], 1, &n_most) == -1, "flows lie within the columns")
    needs.settings.rate_ns = rate_ns
    for code in range(FAMILY_HEADER, FAMILY_SAMP_SIZE + 1):
        n_columns = width + 8 if code == FAMILY_HEADER else 12 if code == FAMILY_STATS else width
        matrix = <double *> calloc(n_subflows * n_columns, sizeof(double))
        needs.scratch = <uint32_t *> fuzz_allocate((2 * n_most if code == FAMILY_STATS else 1) * sizeof(uint32_t))
        fuzz_require(
            fill_rows(
                <FamilyCode> code, &packets, &attributes, offsets, n_subflows, &needs, matrix, n_columns, n_columns)
            == STATUS_OK, "rows are filled")
        for i in range(n_subflows * n_columns):
            fuzz_require(fuzz_is_finite(matrix[i]) and matrix[i] >= 0, "all numbers are finite, none below 0")
        free(needs.scratch)
        free(matrix)


cdef void hand_over(
    GroupedColumns *columns, size_t n, const SubflowList *subflows, double rate_ns, size_t width,
) noexcept nogil:
    """What the bindings do with subflows: keys, times, columns; and all families."""
    cdef size_t n_subflows = subflows.n_subflows, i
    cdef int64_t *offsets
    cdef int64_t *start_ns
    cdef int64_t *end_ns
    cdef uint8_t *keys
    if n_subflows == 0:
        return
    offsets = <int64_t *> fuzz_allocate((n_subflows + 1) * sizeof(int64_t))
    start_ns = <int64_t *> fuzz_allocate(n_subflows * sizeof(int64_t))
    end_ns = <int64_t *> fuzz_allocate(n_subflows * sizeof(int64_t))
    keys = <uint8_t *> fuzz_allocate(n_subflows * KEY_BYTES)
    measure_subflows(columns, subflows, offsets, start_ns, end_ns)
    write_keys(&shared.table, subflows, keys)
    compact_columns(columns, subflows)
    for i in range(n_subflows):
        fuzz_require(columns.time_ns[offsets[i]] == start_ns[i], "a flow begins with its first packet")
        fuzz_require(columns.time_ns[offsets[i + 1] - 1] == end_ns[i], "a flow ends with its last packet")
    sum_flows(<const uint32_t *> columns.values[COLUMN_WIRELEN], offsets, n_subflows, start_ns)
    for i in range(n_subflows):
        fuzz_require(start_ns[i] >= 0, "bytes are counted")
    write_texts(keys, n_subflows)
    fill_families(columns, offsets, n_subflows, rate_ns, width)
    free(offsets)
    free(start_ns)
    free(end_ns)
    free(keys)


cdef void end_batch(const SplitRules *rules, double interval_ns, double rate_ns, size_t width) noexcept nogil:
    """Grouping, end by idle timeouts and by the interval, hand-over."""
    cdef GroupedColumns columns
    cdef SubflowList by_idle, subflows
    cdef Dropped dropped
    cdef int64_t *offsets = NULL
    cdef int64_t *durations_ns
    cdef size_t n = 0, i
    memset(&dropped, 0, sizeof(dropped))
    memset(&by_idle, 0, sizeof(by_idle))
    memset(&subflows, 0, sizeof(subflows))
    fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")
    require_counts(&shared)
    columns = group_all(&offsets, &n)
    fuzz_require(
        split_by_idle(&columns, offsets, &shared.table, rules, &by_idle, &dropped) == STATUS_OK, "cut by idle timeouts")
    fuzz_require(require_subflows(&columns, n, &by_idle) + count_dropped(&dropped) == n, "subflows + dropped = kept")
    durations_ns = <int64_t *> fuzz_allocate(by_idle.n_subflows * sizeof(int64_t))
    measure_durations(columns.time_ns, &by_idle, durations_ns)
    for i in range(by_idle.n_subflows):
        fuzz_require(durations_ns[i] >= 0, "no duration is below 0")
    fuzz_require(
        split_by_interval(columns.time_ns, &by_idle, interval_ns, rules, &subflows, &dropped) == STATUS_OK,
        "cut by the interval")
    fuzz_require(require_subflows(&columns, n, &subflows) + count_dropped(&dropped) == n, "flows + dropped = kept")
    hand_over(&columns, n, &subflows, rate_ns, width)
    free(durations_ns)
    free_subflows(&by_idle)
    free_subflows(&subflows)
    free_grouped(&columns)
    free(offsets)
