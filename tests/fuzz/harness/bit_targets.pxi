"""The target of header bits: frames as rows of their own, and as the first packets of their flows."""


cdef enum:
    BIT_OPTION_BYTES = 4
    BIT_FRAME_BYTES = 2          # the length in front of each frame
    MOST_BIT_FRAMES = 64


cdef struct BitPlan:             # what the options say
    BitLayout layout
    uint32_t payload_octets      # that are kept: more, or fewer, than there are columns for
    uint32_t n_first             # packets of a flow that are kept
    size_t n_ranks               # packets that a row has room for
    uint32_t link_type
    bint enters_tunnels
    bint tracks_fragments
    bint leaves_out              # whether every third flow has no row
    uint32_t late                # what frames' times are turned round by; 0: they come in order


cdef uint32_t place_block(bint is_wanted, uint32_t n_octets, uint32_t *width) noexcept nogil:
    """The first column of a block, as `lay_bits` has it."""
    cdef uint32_t at = width[0]
    if not is_wanted:
        return NO_BLOCK
    width[0] += 8 * n_octets
    return at


cdef BitPlan choose_plan(const uint8_t *options) noexcept nogil:
    """Four octets."""
    cdef BitPlan plan
    cdef uint32_t width = 0
    plan.layout.ipv4_at = place_block(options[0] & 1, IPV4_OCTETS, &width)
    plan.layout.ipv6_at = place_block(options[0] & 2, IPV6_OCTETS, &width)
    plan.layout.tcp_at = place_block(options[0] & 4, TCP_OCTETS, &width)
    plan.layout.udp_at = place_block(options[0] & 8, UDP_OCTETS, &width)
    plan.layout.icmp_at = place_block(options[0] & 16, ICMP_OCTETS, &width)
    plan.layout.payload_at = width
    plan.layout.payload_octets = options[1] & 15
    plan.layout.width = width + 8 * plan.layout.payload_octets
    plan.payload_octets = options[1] >> 3
    plan.n_first = 1 + (options[2] & 3)
    plan.n_ranks = 1 + (options[2] >> 2 & 3)
    plan.leaves_out = options[2] >> 7
    plan.link_type = 1 if options[3] & 1 else 101
    plan.enters_tunnels = options[3] >> 1 & 1
    plan.tracks_fragments = options[3] >> 2 & 1
    plan.late = options[3] >> 3
    return plan


cdef void begin_bits(const BitPlan *plan, bint has_rows) noexcept nogil:
    """An empty assembly that keeps headers, for rows of packets or of flows; every protocol is taken."""
    begin_biflows(plan.enters_tunnels, plan.tracks_fragments)
    shared.decoding.takes_all = True
    memset(&shared.biflows.rules, 0, sizeof(shared.biflows.rules))
    shared.biflows.rules.is_bi = True
    shared.biflows.rules.has_vlan_key = True
    shared.biflows.rules.idle_ns = shared.biflows.rules.active_ns = INT64_MAX
    shared.rows.is_wanted = has_rows
    shared.rows.payload_octets = plan.payload_octets
    shared.first.n_first = 0 if has_rows else plan.n_first
    shared.first.payload_octets = plan.payload_octets


cdef void end_bits() noexcept nogil:
    """Nothing is kept, and nothing is wanted of other targets."""
    shared.n_batch = 0
    free_rows(&shared.rows)
    free_first(&shared.first)
    memset(&shared.rows, 0, sizeof(shared.rows))
    memset(&shared.first, 0, sizeof(shared.first))


cdef void require_within(const HeaderOctets *headers, const Frame *frame) noexcept nogil:
    """The headers stand one behind the other in the frame."""
    fuzz_require(headers.ip >= frame.octets, "headers are in the frame")
    fuzz_require(headers.ip + headers.n_ip <= headers.transport, "an IP header ends where the next one begins")
    fuzz_require(headers.transport + headers.n_transport == headers.payload, "the payload is behind the headers")
    fuzz_require(headers.payload + headers.n_payload <= frame.octets + frame.caplen, "a payload is in the frame")


cdef void require_block(
    const uint8_t *octets, uint32_t n_octets, uint32_t n_room, const int8_t *columns,
) noexcept nogil:
    """Bit by bit, what `write_bits` does by a product; what is behind the octets is absent."""
    cdef uint32_t i
    for i in range(8 * n_room):
        if i < 8 * n_octets:
            fuzz_require(columns[i] == (octets[i // 8] >> (7 - i % 8) & 1), "a bit is that of its octet")
        else:
            fuzz_require(columns[i] == -1, "what is not there is -1")


cdef void require_row(const BitLayout *layout, const HeaderOctets *headers, const int8_t *row) noexcept nogil:
    """Every block of a packet's row."""
    cdef bint is_v4 = headers.ip[0] >> 4 == 4
    cdef uint32_t n = headers.n_transport
    cdef uint8_t protocol = headers.protocol
    if layout.ipv4_at != NO_BLOCK:
        require_block(headers.ip, headers.n_ip if is_v4 else 0, IPV4_OCTETS, row + layout.ipv4_at)
    if layout.ipv6_at != NO_BLOCK:
        require_block(headers.ip, 0 if is_v4 else headers.n_ip, IPV6_OCTETS, row + layout.ipv6_at)
    if layout.tcp_at != NO_BLOCK:
        require_block(headers.transport, n if protocol == 6 else 0, TCP_OCTETS, row + layout.tcp_at)
    if layout.udp_at != NO_BLOCK:
        require_block(headers.transport, n if protocol == 17 else 0, UDP_OCTETS, row + layout.udp_at)
    if layout.icmp_at != NO_BLOCK:
        require_block(
            headers.transport, n if protocol == 1 or protocol == 58 else 0, ICMP_OCTETS, row + layout.icmp_at)
    require_block(
        headers.payload, min(headers.n_payload, layout.payload_octets), layout.payload_octets, row + layout.payload_at)


cdef void add_bit_row(const BitPlan *plan, const Frame *frame, int8_t *row) noexcept nogil:
    """Take the row of the packet that was just kept, while its frame is still there to be compared."""
    cdef HeaderOctets found, stored
    cdef NetworkHeader network
    cdef Packet packet
    fuzz_require(decode_frame(&shared.decoding, frame, &network, &packet) == KEPT, "what was kept is kept again")
    find_headers(frame.octets, &network, <uint8_t> (packet.key.transport >> 32), plan.payload_octets, &found)
    require_within(&found, frame)
    fuzz_require(next_stored(&shared.rows.store, &shared.rows.cursor, &stored) != NULL, "a kept packet is stored")
    write_headers(&plan.layout, &stored, row)
    require_row(&plan.layout, &found, row)
    fuzz_require(shared.rows.rows[shared.rows.n_taken].caplen == frame.caplen, "a row is its packet's")
    shared.rows.n_taken += 1


cdef size_t take_bit_frames(const BitPlan *plan, const uint8_t *data, size_t size, int8_t *rows) noexcept nogil:
    """Frames with their lengths in front; returns how many were kept. With rows: one of each, in order."""
    cdef Frame frame
    cdef uint8_t *octets
    cdef size_t at = 0, n_frames = 0, n_kept = 0
    frame.link_type = plan.link_type
    while size - at >= BIT_FRAME_BYTES and n_frames < MOST_BIT_FRAMES:
        frame.caplen = frame.wirelen = <uint32_t> min(<size_t> read_u16(data + at), size - at - BIT_FRAME_BYTES)
        frame.time_ns = n_frames ^ plan.late
        octets = fuzz_copy(data + at + BIT_FRAME_BYTES, frame.caplen)
        frame.octets = octets
        fuzz_require(take_frame(&shared, &frame, &shared.batch[shared.n_batch]) == STATUS_OK, "a frame is taken")
        if rows != NULL and shared.counters.n_kept > n_kept:
            add_bit_row(plan, &frame, rows + n_kept * plan.layout.width)
            if n_kept % 7 == 6:
                reuse_taken(&shared.rows)
        n_kept = shared.counters.n_kept
        free(octets)
        at += BIT_FRAME_BYTES + frame.caplen
        n_frames += 1
    return n_kept


cdef uint32_t count_before(const uint32_t *flows, const int64_t *times_ns, size_t n, size_t i) noexcept nogil:
    """Packets of the same flow that go before packet `i`: by time, then by arrival."""
    cdef size_t j
    cdef uint32_t n_before = 0
    for j in range(n):
        n_before += flows[j] == flows[i] and (times_ns[j] < times_ns[i] or (times_ns[j] == times_ns[i] and j < i))
    return n_before


cdef size_t fill_by_time(const BitPlan *plan, const uint32_t *numbers, size_t n_flows, int8_t *X) noexcept nogil:
    """`fill_stored`, with places by time if they are not those of arrival."""
    cdef const HeaderStore *store = &shared.first.store
    cdef uint32_t *flows = <uint32_t *> fuzz_allocate(store.n_packets * sizeof(uint32_t))
    cdef uint32_t *ranks = <uint32_t *> fuzz_allocate(store.n_packets * sizeof(uint32_t))
    cdef int64_t *times_ns = <int64_t *> fuzz_allocate(store.n_packets * sizeof(int64_t))
    cdef size_t i, n_written
    list_stored(store, flows, times_ns)
    for i in range(store.n_packets):
        ranks[i] = count_before(flows, times_ns, store.n_packets, i)
    n_written = fill_stored(
        store, &plan.layout, ranks if store.has_late else NULL, numbers, n_flows, n_flows, plan.n_ranks, X)
    free(flows)
    free(ranks)
    free(times_ns)
    return n_written


cdef void require_flow_rows(const BitPlan *plan, const int8_t *rows, size_t n_kept) noexcept nogil:
    """The rows of flows hold those of their first packets, and nothing else."""
    cdef size_t n_flows = shared.biflows.n_flows, n_written, n_expected = 0, width = plan.layout.width, i, row, rank
    cdef int8_t *X = <int8_t *> fuzz_allocate(n_flows * plan.n_ranks * width)
    cdef uint32_t *numbers = <uint32_t *> fuzz_allocate(n_flows * sizeof(uint32_t))
    cdef const PacketChunk *packets
    cdef uint32_t flow
    for i in range(n_flows):
        numbers[i] = 0xFFFFFFFF if plan.leaves_out and i % 3 == 2 else <uint32_t> (n_flows - 1 - i)
    if n_flows:
        memset(X, -1, n_flows * plan.n_ranks * width)
    n_written = fill_by_time(plan, numbers, n_flows, X)
    fuzz_require(count_packets(&shared.columns) == n_kept, "both ways keep the same packets")
    packets = &shared.columns.chunks[0]
    for i in range(n_kept):
        flow = packets.flow[i]
        rank = count_before(packets.flow, packets.time_ns, n_kept, i)
        if rank < plan.n_first and rank < plan.n_ranks and numbers[flow] < n_flows:
            row = numbers[flow] * plan.n_ranks + rank
            fuzz_require(memcmp(X + row * width, rows + i * width, width) == 0, "a flow's packet has the packet's row")
            memset(X + row * width, -1, width)
            n_expected += 1
    fuzz_require(n_written == n_expected, "the first packets of flows are written")
    for i in range(n_flows * plan.n_ranks * width):
        fuzz_require(X[i] == -1, "what is not there is -1")
    free(X)
    free(numbers)


cdef public int fuzz_bits(const uint8_t *data, size_t size) noexcept nogil:
    """Options, then frames with their lengths in front: rows of packets, then of flows' first packets."""
    cdef BitPlan plan
    cdef int8_t *rows
    cdef size_t n_kept
    if size < BIT_OPTION_BYTES + BIT_FRAME_BYTES:
        return -1
    plan = choose_plan(data)
    data += BIT_OPTION_BYTES
    size -= BIT_OPTION_BYTES
    if plan.layout.width == 0:
        return -1                # the bindings ask for no rows then
    rows = <int8_t *> fuzz_allocate(<size_t> MOST_BIT_FRAMES * plan.layout.width)
    begin_bits(&plan, True)
    n_kept = take_bit_frames(&plan, data, size, rows)
    end_bits()
    begin_bits(&plan, False)
    take_bit_frames(&plan, data, size, NULL)
    fuzz_require(enter_batch(&shared) == STATUS_OK, "packets are entered")
    fuzz_require(shared.first.queue.n_packets == 0, "no packet is left in the queue")
    require_counts(&shared)
    require_flow_rows(&plan, rows, n_kept)
    end_bits()
    free(rows)
    return 0
