"""Targets below the flows: rows of columns that hold anything, states fed in parts, TCP's options, packets' details."""


cdef enum:
    ROW_HEADER_BYTES = 16
    ROW_PACKET_BYTES = 16
    MOST_ROW_PACKETS = 256


cdef uint8_t *take_column(const uint8_t *packets, size_t n, size_t at, size_t width) noexcept nogil:
    """A column out of packets of ROW_PACKET_BYTES."""
    cdef uint8_t *column = <uint8_t *> fuzz_allocate(n * width)
    cdef size_t i
    for i in range(n):
        memcpy(column + i * width, packets + i * ROW_PACKET_BYTES + at, width)
    return column


cdef GroupedColumns take_columns(const uint8_t *data, size_t n, uint8_t shift) noexcept nogil:
    """All columns; times in order, that may span all that 64 bits can say."""
    cdef GroupedColumns columns
    cdef uint8_t *is_forward
    cdef int64_t *time_ns = <int64_t *> fuzz_allocate(n * sizeof(int64_t))
    cdef uint64_t step, room
    cdef size_t i
    for i in range(N_COLUMNS):
        columns.values[i] = NULL
    for i in range(n):
        step = <uint64_t> read_u16(data + i * ROW_PACKET_BYTES) << (shift & 63) >> (0 if i else 1)
        if i == 0:
            time_ns[i] = <int64_t> (step ^ (<uint64_t> (shift >> 6 & 1) << 63))
        else:
            room = <uint64_t> INT64_MAX
            if time_ns[i - 1] > 0:
                room -= <uint64_t> time_ns[i - 1]
            time_ns[i] = time_ns[i - 1] + <int64_t> min(step, room)
    is_forward = take_column(data, n, 15, 1)
    for i in range(n):
        is_forward[i] &= 1
    columns.time_ns = time_ns
    columns.values[<int> COLUMN_WIRELEN] = take_column(data, n, 2, 4)
    columns.values[<int> COLUMN_FLAGS] = take_column(data, n, 6, 1)
    columns.values[<int> COLUMN_TTL] = take_column(data, n, 7, 1)
    columns.values[<int> COLUMN_IS_FORWARD] = is_forward
    columns.values[<int> COLUMN_PAYLOAD_BYTES] = take_column(data, n, 4, 4)
    columns.values[<int> COLUMN_HEADER_BYTES] = take_column(data, n, 8, 1)
    columns.values[<int> COLUMN_WINDOW] = take_column(data, n, 9, 2)
    columns.values[<int> COLUMN_SEQUENCE] = take_column(data, n, 11, 4)
    columns.values[<int> COLUMN_ACKNOWLEDGEMENT] = take_column(data, n, 10, 4)
    columns.values[<int> COLUMN_TCP_OPTIONS] = take_column(data, n, 12, 4)
    return columns


cdef void feed_parts(
    const GroupedColumns *columns, const int64_t *offsets, size_t n_flows, const uint8_t *options,
    const FamilyNeeds *needs,
) noexcept nogil:
    """All packets into the states, the flows' first parts first."""
    cdef FlowPackets packets = find_packet_columns(columns)
    cdef int64_t *starts = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t))
    cdef int64_t *ends = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t))
    cdef size_t i, j
    cdef int part
    for i in range(n_flows):
        starts[i] = offsets[i]
    for part in range(3):
        for i in range(n_flows):
            ends[i] = offsets[i + 1]
            if part < 2:
                ends[i] = min(starts[i] + (options[part] >> (i & 3) & 7), ends[i])
        for j in range(N_SUMMED):
            fuzz_require(
                feed_states(&summed[j], &packets, starts, ends, n_flows, needs) == STATUS_OK, "packets go into sums")
        for i in range(n_flows):
            starts[i] = ends[i]
    free(starts)
    free(ends)


cdef void require_states(
    const GroupedColumns *columns, const int64_t *offsets, const BiflowAttributes *attributes, size_t n_flows,
    const uint8_t *options, const FamilyNeeds *needs,
) noexcept nogil:
    """Packets that come in parts make the rows that they make together; then the odd flows go, and nothing changes."""
    cdef FlowAttributes known = know_attributes(attributes, n_flows)
    cdef double *whole = fill_summed(columns, offsets, attributes, n_flows, needs)
    cdef double *rows = <double *> calloc(n_flows * SUMMED_COLUMNS, sizeof(double))
    cdef uint32_t *numbers = <uint32_t *> fuzz_allocate(n_flows * sizeof(uint32_t))
    cdef size_t i, j
    feed_parts(columns, offsets, n_flows, options, needs)
    for i in range(n_flows):
        numbers[i] = <uint32_t> i
    for j in range(N_SUMMED):
        fuzz_require(
            write_states(&summed[j], numbers, n_flows, &known, needs, rows + find_first_column(j), SUMMED_COLUMNS)
            == STATUS_OK, "rows are written")
    fuzz_require(
        memcmp(whole, rows, n_flows * SUMMED_COLUMNS * sizeof(double)) == 0, "parts make the rows of the whole")
    for i in range(n_flows):
        numbers[i] = <uint32_t> (i // 2) if i & 1 == 0 else 0xFFFFFFFF
    for j in range(N_SUMMED):
        renumber_states(&summed[j], numbers, (n_flows + 1) // 2)
        numbers[0] = 0
        memset(rows, 0, SUMMED_COLUMNS * sizeof(double))
        write_states(&summed[j], numbers, 1, &known, needs, rows, SUMMED_COLUMNS)
        fuzz_require(
            memcmp(whole + find_first_column(j), rows, N_FLOW_COLUMNS * sizeof(double)) == 0,
            "a flow that stays has its row")
        restart_states(&summed[j], numbers, 1)
    free(numbers)
    free(rows)
    free(whole)
    free(<void *> known.protocol)


cdef public int fuzz_rows(const uint8_t *data, size_t size) noexcept nogil:
    """Options, then packets of 16 octets, in flows of up to 64."""
    cdef GroupedColumns columns
    cdef BiflowAttributes attributes
    cdef FamilyNeeds needs
    cdef size_t n, n_flows = 0, i, least
    cdef int64_t offsets[MOST_ROW_PACKETS + 1]
    if size < ROW_HEADER_BYTES + ROW_PACKET_BYTES:
        return -1
    has_marks_none()
    begin_biflows(False, False)
    n = min((size - ROW_HEADER_BYTES) // ROW_PACKET_BYTES, <size_t> MOST_ROW_PACKETS)
    choose_settings(data, &needs)
    columns = take_columns(data + ROW_HEADER_BYTES, n, data[5])
    least = 1 + (data[6] & 63)
    offsets[0] = 0
    while offsets[n_flows] < <int64_t> n:
        offsets[n_flows + 1] = min(offsets[n_flows] + <int64_t> least, <int64_t> n)
        n_flows += 1
    memset(&attributes, 0, sizeof(attributes))
    attributes.keys = <uint8_t *> calloc(n_flows, KEY_BYTES)
    attributes.icmp_type = <int16_t *> fuzz_allocate(n_flows * sizeof(int16_t))
    attributes.icmp_code = <int16_t *> fuzz_allocate(n_flows * sizeof(int16_t))
    attributes.connection_start_ns = <int64_t *> fuzz_allocate(n_flows * sizeof(int64_t))
    for i in range(n_flows):
        attributes.keys[i * KEY_BYTES + 36] = 6 if i % 3 != 2 else data[7]
        attributes.icmp_type[i] = <int16_t> read_u16(data + 8)
        attributes.icmp_code[i] = -1
        # Of flows that an active timeout has made of one connection an earlier one was the first.
        attributes.connection_start_ns[i] = columns.time_ns[offsets[i]] if data[10] & 1 else \
            min(columns.time_ns[offsets[i]], <int64_t> read_u64(data + 8))
    fill_all_families(&columns, offsets, &attributes, n_flows, &needs)
    require_states(&columns, offsets, &attributes, n_flows, data + 11, &needs)
    free_attributes(&attributes)
    free_grouped(&columns)
    return 0


cdef public int fuzz_tcp_options(const uint8_t *data, size_t size) noexcept nogil:
    """A TCP header, cut where the input ends."""
    cdef uint8_t *octets = fuzz_copy(data, size)
    cdef uint32_t found = read_tcp_options(octets, <uint32_t> size)
    free(octets)
    fuzz_require(size > 20 or found == 0, "a header without options has none")
    fuzz_require(
        found >> 27 == 0 and (found & TCP_HAS_MSS or found & 0xFFFF == 0)
        and (found & TCP_HAS_WINDOW_SCALE or found >> 16 & 0xFF == 0) and found >> 16 & 0xFF <= 14,
        "what is not there is 0, and a scale is at most 14")
    return 0


cdef void require_places(const NetworkHeader *network, size_t size) noexcept nogil:
    """Of a frame of so many octets."""
    fuzz_require(network.ip_at < size and network.ip_at <= network.payload_at, "the headers stand one after the other")
    fuzz_require(
        network.payload_at <= network.payload_end and network.payload_end <= size, "what was captured is in the frame")


cdef void require_details(const Packet *packet) noexcept nogil:
    """What may be asked for of any packet."""
    cdef uint8_t protocol = <uint8_t> (packet.key.transport >> 32)
    fuzz_require(packet.payload_bytes <= packet.ip_bytes, "a payload is no longer than its packet")
    fuzz_require(packet.ip_bytes <= 65575, "an IP packet is at most 65,575 octets long")
    fuzz_require(
        packet.header_bytes == 0 or (protocol == 17 and packet.header_bytes == 8)
        or (protocol == 6 and 20 <= packet.header_bytes <= 60), "a transport header has its length")
    fuzz_require(protocol == 6 or (packet.sequence | packet.acknowledgement | packet.window) == 0, "TCP's are TCP's")
    fuzz_require(packet.tcp_options == 0 or packet.flags & 2, "options are a SYN's")
    fuzz_require(
        -1 <= packet.icmp_type <= 255 and -1 <= packet.icmp_code <= 255
        and (packet.icmp_type < 0) == (packet.icmp_code < 0), "ICMP's octets")
    fuzz_require(packet.icmp_type < 0 or protocol == 1 or protocol == 58, "ICMP's are ICMP's")


cdef public int fuzz_details(const uint8_t *data, size_t size) noexcept nogil:
    """An Ethernet frame, every protocol taken, into memory of zeros and of ones; its last octet says which way."""
    cdef Packet first
    cdef NetworkHeader network
    cdef Frame frame
    cdef Packet *packet = &shared.batch[0]
    cdef uint8_t *octets
    if size == 0:
        return -1
    octets = fuzz_copy(data, size)
    begin_biflows(data[size - 1] & 1, False)
    shared.biflows.rules.is_bi = True
    shared.decoding.takes_all = True
    frame.octets = octets
    frame.caplen = <uint32_t> size
    frame.wirelen = <uint32_t> size
    frame.time_ns = 1
    frame.link_type = 1 if data[size - 1] & 2 else 101
    if decode_frame(&shared.decoding, &frame, &network, packet) == KEPT:
        require_places(&network, size)
    memset(packet, 0, sizeof(Packet))
    fuzz_require(take_frame(&shared, &frame, packet) == STATUS_OK, "a frame is taken")
    require_counts(&shared)
    if shared.n_batch:
        first = packet[0]
        require_details(&first)
        memset(packet, 0xFF, sizeof(Packet))
        shared.n_batch = 0
        take_frame(&shared, &frame, packet)
        fuzz_require(
            first.hash == packet.hash and first.vlan_id == packet.vlan_id and first.ip_bytes == packet.ip_bytes
            and first.payload_bytes == packet.payload_bytes and first.sequence == packet.sequence
            and first.acknowledgement == packet.acknowledgement and first.tcp_options == packet.tcp_options
            and first.window == packet.window and first.header_bytes == packet.header_bytes
            and first.icmp_type == packet.icmp_type and first.icmp_code == packet.icmp_code
            and first.flags == packet.flags and first.ttl == packet.ttl and first.is_forward == packet.is_forward,
            "a packet's details are all set")
    shared.n_batch = 0
    free(octets)
    return 0
