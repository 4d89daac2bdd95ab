"""Biflows: beginning anew, both ways to their end, and a digest of what comes out, whatever the order of the flows."""


cdef enum:
    N_SUMMED = 3                 # families that have states: FLOW, CIC, CIC-2017
    SUMMED_COLUMNS = N_FLOW_COLUMNS + 86 + 77


cdef struct Outcome:             # of one way to the end
    uint64_t n_flows
    uint64_t n_packets           # in flows that were handed out
    uint64_t packets_digest      # facts and packets of all flows
    uint64_t rows_digest         # facts and rows of FLOW, CIC and CIC-2017
    Dropped dropped
    EarlyEnds early


cdef FlowStates summed[3]


cdef void begin_biflows(bint enters_tunnels, bint tracks_fragments) noexcept nogil:
    """An empty assembly of biflows with all columns; the rules are the caller's."""
    cdef size_t i
    begin(enters_tunnels, tracks_fragments)
    if shared.biflows.records.n_chunks > 1:
        free_array(&shared.biflows.records)
    shared.biflows.n_flows = shared.biflows.n_keys = 0
    empty_slots(&shared.biflows.slots)
    for i in range(4):
        shared.biflows.seeds[i] = <uint64_t> 0xD1B54A32D192ED03 * (i + 5)
    shared.columns.wants = (1 << N_COLUMNS) - 1
    shared.makes_biflows = shared.reads_details = True
    note_wants(&shared)
    for i in range(N_SUMMED):
        empty_states(&summed[i])
        summed[i].family = find_summed(i)
        summed[i].n_groups = count_groups(measure_state(summed[i].family))
        summed[i].memory.secret = 0x5851F42D4C957F2D


cdef void empty_states(FlowStates *states) noexcept nogil:
    """No flows; the first chunk stays."""
    cdef uint32_t number
    if states.n_chunks > 1:
        free_states(states)
    for number in range(states.n_flows):
        restart_states(states, &number, 1)
    states.n_flows = 0
    fuzz_require(states.memory.n_bytes == 0, "all sizes are given back")


cdef public void fuzz_forget_states() noexcept nogil:
    """No flows in any states."""
    cdef size_t i
    for i in range(N_SUMMED):
        empty_states(&summed[i])


cdef FamilyCode find_summed(size_t i) noexcept nogil:
    """The families that have states."""
    return FAMILY_FLOW if i == 0 else FAMILY_CIC if i == 1 else FAMILY_CIC_2017


cdef size_t find_first_column(size_t i) noexcept nogil:
    """Where their columns begin."""
    return 0 if i == 0 else N_FLOW_COLUMNS if i == 1 else N_FLOW_COLUMNS + 86


cdef BiflowAttributes take_facts(const uint32_t *order, size_t n_flows, bint is_incremental) noexcept nogil:
    """As `BiflowAssembler.write_attributes`; every flow has a reason, an order of times, and IP of version 4 or 6."""
    cdef BiflowAttributes attributes
    cdef size_t i
    attributes.keys = <uint8_t *> fuzz_allocate(n_flows * KEY_BYTES)
    attributes.start_ns = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t))
    attributes.end_ns = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t))
    attributes.connection_start_ns = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t))
    attributes.end_reason = <uint8_t *> fuzz_allocate(n_flows)
    attributes.icmp_type = <int16_t *> fuzz_allocate(n_flows * sizeof(int16_t))
    attributes.icmp_code = <int16_t *> fuzz_allocate(n_flows * sizeof(int16_t))
    attributes.vlan_id = <uint16_t *> fuzz_allocate(n_flows * sizeof(uint16_t))
    attributes.packets = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t)) if is_incremental else NULL
    attributes.bytes = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t)) if is_incremental else NULL
    write_attributes(&shared.biflows, order, n_flows, &attributes)
    for i in range(n_flows):
        fuzz_require(
            attributes.keys[i * KEY_BYTES + 37] == 4 or attributes.keys[i * KEY_BYTES + 37] == 6,
            "IP is of version 4 or 6")
        fuzz_require(END_IDLE <= attributes.end_reason[i] <= END_LACK_OF_RESOURCES, "a flow ends for a reason")
        fuzz_require(
            attributes.connection_start_ns[i] <= attributes.start_ns[i] <= attributes.end_ns[i],
            "times of a flow are in order")
        fuzz_require(-1 <= attributes.icmp_type[i] <= 255 and -1 <= attributes.icmp_code[i] <= 255, "ICMP's octets")
        fuzz_require(i == 0 or attributes.start_ns[i - 1] <= attributes.start_ns[i], "flows are in order of start")
        fuzz_require(not is_incremental or attributes.packets[i] > 0, "a flow has packets")
    return attributes


cdef void free_attributes(BiflowAttributes *attributes) noexcept nogil:
    """Give the memory back."""
    free(attributes.keys)
    free(attributes.start_ns)
    free(attributes.end_ns)
    free(attributes.connection_start_ns)
    free(attributes.end_reason)
    free(attributes.icmp_type)
    free(attributes.icmp_code)
    free(attributes.vlan_id)
    free(attributes.packets)
    free(attributes.bytes)


cdef uint64_t digest_attributes(
    const BiflowAttributes *attributes, size_t i, int64_t n_packets, int64_t n_bytes,
) noexcept nogil:
    """All that is known of a flow besides its packets."""
    cdef uint64_t digest = fuzz_mix(1, attributes.keys + i * KEY_BYTES, KEY_BYTES)
    digest = fuzz_mix(digest, &attributes.start_ns[i], 8)
    digest = fuzz_mix(digest, &attributes.end_ns[i], 8)
    digest = fuzz_mix(digest, &attributes.connection_start_ns[i], 8)
    digest = fuzz_mix(digest, &attributes.end_reason[i], 1)
    digest = fuzz_mix(digest, &attributes.icmp_type[i], 2)
    digest = fuzz_mix(digest, &attributes.icmp_code[i], 2)
    digest = fuzz_mix(digest, &attributes.vlan_id[i], 2)
    digest = fuzz_mix(digest, &n_packets, 8)
    return fuzz_mix(digest, &n_bytes, 8)


cdef void require_biflows(const GroupedColumns *columns, const int64_t *offsets, size_t n_flows) noexcept nogil:
    """Offsets ascend, each flow's times too; packets go forward or not, and a flow has a key (see `find_mark`)."""
    cdef const uint8_t *is_forward = <const uint8_t *> columns.values[COLUMN_IS_FORWARD]
    cdef const uint32_t *mark = <const uint32_t *> columns.values[COLUMN_IP_BYTES]
    cdef size_t i
    cdef int64_t j
    fuzz_require(offsets[0] == 0, "offsets begin at 0")
    for i in range(n_flows):
        fuzz_require(offsets[i] < offsets[i + 1], "offsets ascend")
        for j in range(offsets[i], offsets[i + 1]):
            fuzz_require(is_forward[j] <= 1, "forward or not")
            fuzz_require(j == offsets[i] or columns.time_ns[j - 1] <= columns.time_ns[j], "a flow is in order of time")
            if has_marks:
                fuzz_require(
                    (mark[j] ^ is_forward[j]) | 1 == (mark[offsets[i]] ^ is_forward[offsets[i]]) | 1,
                    "a flow has one key")
                fuzz_require(
                    mark[j] & 2 or (mark[j] ^ mark[offsets[i]] ^ is_forward[j] ^ is_forward[offsets[i]]) & 1 == 0,
                    "a direction is an end's")


cdef bint has_marks              # whether packets carry a mark of their key in place of the length of their IP packet


cdef void add_outcome(
    const GroupedColumns *columns, const int64_t *offsets, const BiflowAttributes *attributes, size_t n_flows,
    const FamilyNeeds *needs, Outcome *outcome,
) noexcept nogil:
    """Flows with their packets: what must hold of them, and their digests."""
    cdef const uint32_t *size = <const uint32_t *> columns.values[COLUMN_WIRELEN]
    cdef double *rows
    cdef uint64_t digest
    cdef int64_t n_bytes, j
    cdef size_t i, start, n
    cdef int column
    require_biflows(columns, offsets, n_flows)
    rows = fill_summed(columns, offsets, attributes, n_flows, needs)
    for i in range(n_flows):
        start = offsets[i]
        n = offsets[i + 1] - start
        fuzz_require(
            columns.time_ns[start] == attributes.start_ns[i] and columns.time_ns[start + n - 1] == attributes.end_ns[i],
            "a flow's times are its packets'")
        n_bytes = 0
        for j in range(offsets[i], offsets[i + 1]):
            n_bytes += size[j]
        digest = digest_attributes(attributes, i, n, n_bytes)
        outcome.rows_digest += fuzz_mix(digest, rows + i * SUMMED_COLUMNS, SUMMED_COLUMNS * sizeof(double))
        digest = fuzz_mix(digest, columns.time_ns + start, n * sizeof(int64_t))
        for column in range(N_COLUMNS):
            digest = fuzz_mix(
                digest, <const uint8_t *> columns.values[column] + start * column_width(column),
                n * column_width(column))
        outcome.packets_digest += digest
        outcome.n_packets += n
    outcome.n_flows += n_flows
    free(rows)


cdef FlowAttributes know_attributes(const BiflowAttributes *attributes, size_t n_flows) noexcept nogil:
    """The same as families ask for them; `protocol` is to be freed."""
    cdef FlowAttributes known
    cdef uint8_t *protocol = <uint8_t *> fuzz_allocate(n_flows)
    cdef size_t i
    for i in range(n_flows):
        protocol[i] = attributes.keys[i * KEY_BYTES + 36]
    known.protocol = protocol
    known.icmp_type = attributes.icmp_type
    known.icmp_code = attributes.icmp_code
    known.connection_start_ns = attributes.connection_start_ns
    return known


cdef double *fill_summed(
    const GroupedColumns *columns, const int64_t *offsets, const BiflowAttributes *attributes, size_t n_flows,
    const FamilyNeeds *needs,
) noexcept nogil:
    """Rows of FLOW, CIC and CIC-2017 side by side."""
    cdef FlowPackets packets = find_packet_columns(columns)
    cdef FlowAttributes known = know_attributes(attributes, n_flows)
    cdef FamilyNeeds wanted = needs[0]
    cdef double *rows = <double *> calloc(n_flows * SUMMED_COLUMNS + 1, sizeof(double))
    cdef int64_t n_most = 0
    cdef size_t i
    fuzz_require(find_longest(offsets, n_flows, offsets[n_flows], 1, &n_most) == -1, "flows lie within the columns")
    wanted.scratch = <uint32_t *> fuzz_allocate(2 * n_most * sizeof(uint32_t))
    for i in range(N_SUMMED if n_flows else 0):
        fuzz_require(
            fill_rows(
                find_summed(i), &packets, &known, offsets, n_flows, &wanted, rows + find_first_column(i),
                SUMMED_COLUMNS, N_FLOW_COLUMNS if i == 0 else 86 if i == 1 else 77) == STATUS_OK, "rows are filled")
    require_finite(rows, n_flows * SUMMED_COLUMNS)
    if attributes.end_ns != NULL:
        require_gaps(rows, attributes, n_flows)
    free(wanted.scratch)
    free(<void *> known.protocol)
    return rows


cdef void require_gaps(const double *rows, const BiflowAttributes *attributes, size_t n_flows) noexcept nogil:
    """No time between packets is longer than their flow, and no duration: FLOW's and CIC's."""
    cdef double duration_s
    cdef size_t i
    for i in range(n_flows):
        duration_s = <double> (<uint64_t> attributes.end_ns[i] - <uint64_t> attributes.start_ns[i]) / 1e9 * (1 + 1e-9)
        fuzz_require(0 <= rows[0] <= duration_s, "a duration of FLOW")
        fuzz_require(0 <= rows[COLUMN_GAPS + 3] <= duration_s, "a time between packets of FLOW")
        fuzz_require(0 <= rows[N_FLOW_COLUMNS] / 1e6 <= duration_s, "a duration of CIC")
        fuzz_require(0 <= rows[N_FLOW_COLUMNS + 17] / 1e6 <= duration_s, "a time between packets of CIC")
        rows += SUMMED_COLUMNS


cdef void require_finite(const double *rows, size_t n) noexcept nogil:
    """Never Infinity or NaN."""
    fuzz_require(fuzz_all_finite(rows, n), "all numbers are finite")


cdef void take_all_biflows(
    int64_t latest_ns, uint64_t min_packets, const FamilyNeeds *needs, Outcome *outcome,
) noexcept nogil:
    """As `BiflowAssembler.take_biflows`; and all families of what it gives."""
    cdef GroupedColumns columns
    cdef BiflowAttributes attributes
    cdef size_t n_flows, n_chosen = 0, n
    cdef uint32_t *order
    cdef uint32_t *cursors
    cdef uint8_t *is_long
    cdef int64_t *offsets
    memset(outcome, 0, sizeof(Outcome))
    fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")
    n_flows = shared.biflows.n_flows
    n = count_packets(&shared.columns)
    order = <uint32_t *> fuzz_allocate((n_flows + 1) * sizeof(uint32_t))
    cursors = <uint32_t *> fuzz_allocate((n_flows + 1) * sizeof(uint32_t))
    offsets = <int64_t *> fuzz_allocate((n_flows + 1) * sizeof(int64_t))
    is_long = <uint8_t *> fuzz_allocate(n_flows + 1)
    columns = allocate_grouped(n)
    end_all(&shared.biflows, latest_ns)
    mark_long_flows(&shared.biflows, min_packets, is_long, &outcome.dropped)
    fuzz_require(order_numbers(&shared.biflows, is_long, order, &n_chosen) == STATUS_OK, "flows are ordered")
    place_packets(&shared.biflows, order, offsets, cursors)
    fuzz_require(offsets[n_flows] == <int64_t> n, "the flows' packets are all packets")
    group_columns(&shared.columns, cursors, &columns)
    fuzz_require(sort_flows(&columns, offsets, n_chosen) == STATUS_OK, "flows are sorted")
    attributes = take_facts(order, n_chosen, False)
    add_outcome(&columns, offsets, &attributes, n_chosen, needs, outcome)
    fuzz_require(outcome.n_packets + count_dropped(&outcome.dropped) == n, "flows + dropped = kept")
    if n_chosen:
        write_texts(attributes.keys, n_chosen)
        fill_all_families(&columns, offsets, &attributes, n_chosen, needs)
    free_attributes(&attributes)
    free_grouped(&columns)
    free(order)
    free(cursors)
    free(offsets)
    free(is_long)


cdef void fill_all_families(
    const GroupedColumns *columns, const int64_t *offsets, const BiflowAttributes *attributes, size_t n_flows,
    const FamilyNeeds *needs,
) noexcept nogil:
    """Every family there is, of flows that may have one packet, in a matrix of just its width."""
    cdef FlowPackets packets = find_packet_columns(columns)
    cdef FlowAttributes known = know_attributes(attributes, n_flows)
    cdef FamilyNeeds wanted = needs[0]
    cdef int64_t n_most = 0
    cdef size_t width
    cdef double *rows
    cdef int code
    packets.n_packets = offsets[n_flows]
    find_longest(offsets, n_flows, offsets[n_flows], 1, &n_most)
    wanted.scratch = <uint32_t *> fuzz_allocate(2 * n_most * sizeof(uint32_t))
    for code in range(N_FAMILIES):
        width = measure_width(<FamilyCode> code, n_most, needs)
        rows = <double *> calloc(n_flows * width, sizeof(double))
        fuzz_require(
            fill_rows(<FamilyCode> code, &packets, &known, offsets, n_flows, &wanted, rows, width, width) == STATUS_OK,
            "rows are filled")
        require_finite(rows, n_flows * width)
        free(rows)
    free(wanted.scratch)
    free(<void *> known.protocol)


cdef size_t measure_width(FamilyCode code, int64_t n_most, const FamilyNeeds *needs) noexcept nogil:
    """The least width of a family that has one; of the others as many packets as the longest flow has, to some more."""
    if code == FAMILY_HEADER:
        return 8 + n_most % 11
    if code == FAMILY_STATS:
        return 12
    if code == FAMILY_FLOW:
        return N_FLOW_COLUMNS
    if code == FAMILY_CIC:
        return 86 if needs.settings.cic_extra else 76
    if code == FAMILY_CIC_2017:
        return 77
    if code == FAMILY_TCP:
        return TCP_COLUMNS
    return 1 + (n_most * 2) % 23
