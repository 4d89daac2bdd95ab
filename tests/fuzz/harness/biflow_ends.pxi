"""Rounds of biflows as the face runs them, what must hold after each, and the comparison with one batch."""


cdef void require_round(const BiflowFlushRules *rules) noexcept nogil:
    """What is held after a flush."""
    cdef const Biflow *flow
    cdef uint64_t n_open = 0, n_packets = 0
    cdef size_t i, j
    for i in range(shared.biflows.n_flows):
        flow = find_biflow(&shared.biflows, i)
        n_open += flow.end_reason == END_UNKNOWN
        n_packets += flow.n_packets
        fuzz_require((flow.end_reason == END_UNKNOWN) != flow.is_out, "a flow is open or out")
        fuzz_require(not flow.is_out or flow.n_packets == 0, "what is out holds nothing")
    fuzz_require(n_packets == count_packets(&shared.columns), "what waits is of open flows")
    fuzz_require(n_open <= rules.max_flows, "flows are bounded")
    fuzz_require(
        n_packets * rules.packet_bytes + n_open * rules.flow_bytes <= rules.max_memory_bytes, "memory is bounded")
    fuzz_require(not rules.is_last or n_open == 0, "nothing is open after the last flush")
    for i in range(shared.columns.n_chunks):
        for j in range(shared.columns.chunks[i].n_packets):
            fuzz_require(shared.columns.chunks[i].flow[j] < shared.biflows.n_flows, "a pending packet's flow is there")


cdef void flush_biflows(
    const BiflowFlushRules *rules, const FamilyNeeds *needs, bint is_incremental, Outcome *outcome,
) noexcept nogil:
    """As `BiflowAssembler.advance_watermark` and `take_expired`."""
    cdef GroupedColumns columns
    cdef size_t n_flows, n_chosen = 0, n, i
    cdef uint32_t *order
    cdef uint8_t *is_chosen
    cdef int64_t *offsets
    cdef int64_t *ends
    fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")
    n_flows = shared.biflows.n_flows
    n = count_packets(&shared.columns)
    order = <uint32_t *> fuzz_allocate((n_flows + 1) * sizeof(uint32_t))
    offsets = <int64_t *> fuzz_allocate((n_flows + 1) * sizeof(int64_t))
    ends = <int64_t *> fuzz_allocate((n_flows + 1) * sizeof(int64_t))
    is_chosen = <uint8_t *> fuzz_allocate(n_flows + 1)
    columns = allocate_grouped(n)
    place_packets(&shared.biflows, NULL, offsets, order)
    fuzz_require(offsets[n_flows] == <int64_t> n, "the flows' packets are all packets")
    group_columns(&shared.columns, order, &columns)
    fuzz_require(sort_flows(&columns, offsets, n_flows) == STATUS_OK, "flows are sorted")
    fuzz_require(
        expire_biflows(&shared.biflows, rules, is_chosen, &outcome.dropped, &outcome.early) == STATUS_OK,
        "a flush ends")
    fuzz_require(order_numbers(&shared.biflows, is_chosen, order, &n_chosen) == STATUS_OK, "flows are ordered")
    find_due(&shared.biflows, &columns, offsets, rules.watermark_ns, ends)
    if is_incremental:
        hand_over_sums(&columns, offsets, ends, order, n_chosen, needs, outcome)
    else:
        hand_over_packets(&columns, offsets, order, n_chosen, needs, outcome)
    fuzz_require(keep_open(&shared.biflows, &columns, offsets, &shared.columns) == STATUS_OK, "open flows wait")
    require_round(rules)
    if is_worth_packing(&shared.biflows):
        fuzz_require(pack_biflows(&shared.biflows, &shared.columns, order) == STATUS_OK, "flows are forgotten")
        for i in range(N_SUMMED if is_incremental else 0):
            renumber_states(&summed[i], order, shared.biflows.n_flows)
        require_round(rules)
    free_grouped(&columns)
    free(order)
    free(offsets)
    free(ends)
    free(is_chosen)


cdef void hand_over_packets(
    const GroupedColumns *columns, const int64_t *offsets, const uint32_t *order, size_t n_chosen,
    const FamilyNeeds *needs, Outcome *outcome,
) noexcept nogil:
    """What leaves: copies of the packets."""
    cdef GroupedColumns out
    cdef BiflowAttributes attributes = take_facts(order, n_chosen, False)
    cdef int64_t *places = <int64_t *> fuzz_allocate((n_chosen + 1) * sizeof(int64_t))
    place_chosen(offsets, order, n_chosen, places)
    out = allocate_grouped(places[n_chosen])
    copy_chosen(columns, offsets, order, n_chosen, &out, places)
    add_outcome(&out, places, &attributes, n_chosen, needs, outcome)
    free_attributes(&attributes)
    free_grouped(&out)
    free(places)


cdef void hand_over_sums(
    const GroupedColumns *columns, const int64_t *offsets, const int64_t *ends, const uint32_t *order, size_t n_chosen,
    const FamilyNeeds *needs, Outcome *outcome,
) noexcept nogil:
    """What leaves: rows; packets that are due go into the states."""
    cdef FlowPackets packets = find_packet_columns(columns)
    cdef BiflowAttributes attributes
    cdef FlowAttributes known
    cdef double *rows = <double *> calloc(n_chosen * SUMMED_COLUMNS + 1, sizeof(double))
    cdef uint64_t digest
    cdef size_t i
    for i in range(N_SUMMED):
        fuzz_require(
            feed_states(&summed[i], &packets, offsets, ends, shared.biflows.n_flows, needs) == STATUS_OK,
            "packets go into sums")
    note_summed(&shared.biflows, packets.size, offsets, ends)
    attributes = take_facts(order, n_chosen, True)
    known = know_attributes(&attributes, n_chosen)
    for i in range(N_SUMMED if n_chosen else 0):
        fuzz_require(
            write_states(&summed[i], order, n_chosen, &known, needs, rows + find_first_column(i), SUMMED_COLUMNS)
            == STATUS_OK, "rows are written")
    require_finite(rows, n_chosen * SUMMED_COLUMNS)
    require_gaps(rows, &attributes, n_chosen)
    for i in range(n_chosen):
        digest = digest_attributes(&attributes, i, attributes.packets[i], attributes.bytes[i])
        outcome.rows_digest += fuzz_mix(digest, rows + i * SUMMED_COLUMNS, SUMMED_COLUMNS * sizeof(double))
        outcome.n_packets += attributes.packets[i]
    outcome.n_flows += n_chosen
    free(<void *> known.protocol)
    free_attributes(&attributes)
    free(rows)


cdef uint64_t count_ended_early(const EarlyEnds *early) noexcept nogil:
    """Flows that a bound has ended."""
    cdef uint64_t n_flows = 0
    cdef int bound
    for bound in range(N_EARLY_ENDS):
        n_flows += early.n_flows[bound]
        fuzz_require(early.n_flows[bound] <= early.n_packets[bound], "what ends early has packets")
    return n_flows


cdef void require_same(const Outcome *whole, const Outcome *stream, bint is_incremental) noexcept nogil:
    """In time order, and where no limit was met, a stream gives what one batch does."""
    fuzz_require(whole.n_flows == stream.n_flows, "a stream has the flows of a batch")
    fuzz_require(whole.n_packets == stream.n_packets, "a stream has the packets of a batch")
    fuzz_require(memcmp(&whole.dropped, &stream.dropped, sizeof(Dropped)) == 0, "a stream drops what a batch does")
    fuzz_require(whole.rows_digest == stream.rows_digest, "a stream has the rows of a batch, to the last bit")
    fuzz_require(is_incremental or whole.packets_digest == stream.packets_digest, "a stream has the same packets by flow")
