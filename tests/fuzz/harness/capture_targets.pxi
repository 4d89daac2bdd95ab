"""Targets whose input is a capture, or one frame."""


cdef bint probe_capture(const uint8_t *data, size_t size, Framing *framing, size_t *header_bytes) noexcept nogil:
    """Set up the framing by the first octets, as `netml.capture.probe` does; return False if it is no capture."""
    cdef uint32_t magic, swapped
    memset(framing, 0, sizeof(Framing))
    if size < PCAP_HEADER_BYTES:
        return False
    magic = read_u32(data)
    swapped = read_be32(data)
    header_bytes[0] = 0
    if magic == 0x0A0D0D0A:
        framing.format = FORMAT_PCAPNG
        return True
    framing.format = FORMAT_PCAP
    framing.pcap.is_swapped = swapped == MAGIC_US or swapped == MAGIC_NS or swapped == MAGIC_MODIFIED
    if framing.pcap.is_swapped:
        magic = swapped
    if magic != MAGIC_US and magic != MAGIC_NS and magic != MAGIC_MODIFIED:
        return False
    framing.pcap.header_bytes = 24 if magic == MAGIC_MODIFIED else 16
    framing.pcap.fraction_ns = 1 if magic == MAGIC_NS else 1000
    framing.pcap.link_type = read_be32(data + 20) if framing.pcap.is_swapped else read_u32(data + 20)
    framing.pcap.link_type &= 0x03FFFFFF
    header_bytes[0] = PCAP_HEADER_BYTES
    return True


cdef uint64_t frame_all(
    Framing *framing, const uint8_t *block, size_t size, size_t *n_used, Status *ended,
) noexcept nogil:
    """Frame a block; gives a sum of what was found, for comparison."""
    cdef const uint8_t *end = block + size
    cdef Frame frame
    cdef size_t length
    cdef uint64_t found = 0
    cdef uint32_t i
    while True:
        length = 0
        ended[0] = next_frame(framing, block + n_used[0], end, &frame, &length)
        if ended[0] != STATUS_FRAME and ended[0] != STATUS_NO_FRAME:
            break
        fuzz_require(length >= 12, "every record is passed")
        fuzz_require(length <= size - n_used[0], "a record lies within its block")
        if ended[0] == STATUS_FRAME:
            fuzz_require(
                frame.octets >= block + n_used[0] and frame.caplen <= length
                and frame.octets + frame.caplen <= block + n_used[0] + length, "a frame lies within its record")
            found = found * 31 + <uint64_t> frame.time_ns + frame.wirelen + (<uint64_t> frame.link_type << 32)
            for i in range(frame.caplen):
                found += frame.octets[i]
        n_used[0] += length
    fuzz_require(
        ended[0] == STATUS_NEED_MORE or ended[0] == STATUS_BAD_LENGTH or ended[0] == STATUS_BAD_BLOCK
        or ended[0] == STATUS_BAD_SECTION or ended[0] == STATUS_NO_INTERFACE, "framing ends by a named status")
    return found


cdef public int fuzz_framing(const uint8_t *data, size_t size) noexcept nogil:
    """A capture is framed whole, then in two blocks as a slow source gives it: both must find the same."""
    cdef Framing framing
    cdef Status status = STATUS_OK, part_status = STATUS_OK
    cdef size_t header = 0, n_used = 0, n_part = 0, middle
    cdef uint64_t found, found_first
    cdef uint8_t *block
    if not probe_capture(data, size, &framing, &header):
        return -1
    data += header
    size -= header
    block = fuzz_copy(data, size)
    found = frame_all(&framing, block, size, &n_used, &status)
    free(block)
    free_pcapng(&framing.pcapng)
    # Up to the middle, then on from there: what the first part leaves behind is in front of the second.
    probe_capture(data - header, size + header, &framing, &header)
    middle = size // 2
    block = fuzz_copy(data, middle)
    found_first = frame_all(&framing, block, middle, &n_part, &part_status)
    free(block)
    fuzz_require(n_part <= n_used, "a part has no more records than the whole")
    if part_status == STATUS_NEED_MORE:
        block = fuzz_copy(data + n_part, size - n_part)
        middle = 0
        frame_all(&framing, block, size - n_part, &middle, &part_status)
        free(block)
        fuzz_require(n_part + middle == n_used, "two blocks have the records of one")
    elif part_status == STATUS_BAD_LENGTH or part_status == STATUS_BAD_BLOCK:
        fuzz_require(n_part == n_used and found_first == found, "damage is found where it is")
    fuzz_require(part_status == status, "two blocks end as one does")
    free_pcapng(&framing.pcapng)
    return 0


cdef void decode_twice(uint32_t link_type, const uint8_t *data, size_t size) noexcept nogil:
    """A frame alone, decoded into memory of zeros and into memory of ones: what it says must be its own."""
    cdef Packet first
    cdef Frame frame
    cdef bint is_kept
    cdef uint64_t protocol
    cdef uint8_t *octets = fuzz_copy(data, size)
    frame.octets = octets
    frame.caplen = <uint32_t> size
    frame.wirelen = <uint32_t> size + 3
    frame.time_ns = 1
    frame.link_type = link_type
    memset(&shared.batch[0], 0, sizeof(Packet))
    fuzz_require(take_frame(&shared, &frame, &shared.batch[shared.n_batch]) == STATUS_OK, "a frame is taken")
    is_kept = shared.n_batch == 1
    require_counts(&shared)
    if is_kept:
        first = shared.batch[0]
        memset(&shared.batch[0], 0xFF, sizeof(Packet))
        shared.n_batch = 0
        fuzz_require(take_frame(&shared, &frame, &shared.batch[0]) == STATUS_OK, "a frame is taken again")
        fuzz_require(shared.n_batch == 1, "and kept again")
        fuzz_require(
            memcmp(&first.key, &shared.batch[0].key, sizeof(first.key)) == 0 and first.hash == shared.batch[0].hash
            and first.time_ns == shared.batch[0].time_ns and first.caplen == shared.batch[0].caplen
            and first.wirelen == shared.batch[0].wirelen and first.flags == shared.batch[0].flags
            and first.ttl == shared.batch[0].ttl, "a packet's fields are all set")
        fuzz_require(first.caplen == size and first.wirelen == size + 3 and first.time_ns == 1, "sizes are the frame's")
        fuzz_require(first.key.transport >> 40 == 4 or first.key.transport >> 40 == 6, "IP is of version 4 or 6")
        protocol = first.key.transport >> 32 & 0xFF
        fuzz_require(protocol == 6 or protocol == 17, "the protocol is TCP or UDP")
    shared.n_batch = 0
    free(octets)


cdef public int fuzz_frame(const uint8_t *data, size_t size, uint32_t link_type, bint enters_tunnels) noexcept nogil:
    """One frame of a link type."""
    begin(enters_tunnels, False)
    decode_twice(link_type, data, size)
    return 0


cdef public int fuzz_fragments(const uint8_t *data, size_t size) noexcept nogil:
    """IP packets one after the other, fragments tracked: (gap in s, length of 2 octets, packet)."""
    cdef Frame frame
    cdef SplitRules rules
    cdef size_t at = 0
    cdef uint8_t *octets
    begin(True, True)
    if size and data[0] == 0xFE and data[size - 1] == 0xFE:
        fill_ring(&shared.decoding.fragments)
    frame.time_ns = 0
    frame.link_type = 101
    while size - at >= 3:
        frame.time_ns += (<int64_t> data[at] - 20) * 1000000000
        frame.caplen = read_u16(data + at + 1)
        at += 3
        if frame.caplen > size - at:
            frame.caplen = <uint32_t> (size - at)
        frame.wirelen = frame.caplen
        octets = fuzz_copy(data + at, frame.caplen)
        frame.octets = octets
        memset(&shared.batch[shared.n_batch], 0x55, sizeof(Packet))
        fuzz_require(take_frame(&shared, &frame, &shared.batch[shared.n_batch]) == STATUS_OK, "a frame is taken")
        free(octets)
        at += frame.caplen
    rules.min_packets = 2
    rules.tcp_timeout_ns = rules.udp_timeout_ns = 600000000000
    rules.keeps_tail = False
    end_batch(&rules, 1e9, 1e8, N_SIZE)
    return 0


cdef double choose_interval(uint8_t choice) noexcept nogil:
    """From a nanosecond to 30 years, and 0."""
    cdef double interval_ns = 1
    cdef int _step
    if choice == 0:
        return 0
    for _step in range(choice & 31):
        interval_ns *= 4
    return interval_ns + (choice >> 5)


cdef public int fuzz_pipeline(const uint8_t *data, size_t size) noexcept nogil:
    """A whole capture: framing, decoding, table, the end of flows, every family; its last octets are the options."""
    cdef Framing framing
    cdef SplitRules rules
    cdef size_t header = 0, n_used = 0, n_wanted = 0
    cdef const uint8_t *options
    cdef uint8_t *block
    cdef Status status
    if not probe_capture(data, size, &framing, &header):
        return -1
    options = data + size - OPTION_BYTES
    begin(options[0] & 1, options[0] & 2 != 0)
    block = fuzz_copy(data + header, size - header)
    status = assemble_block(&shared, &framing, block, size - header, &n_used, &n_wanted)
    free(block)
    free_pcapng(&framing.pcapng)
    fuzz_require(status != STATUS_OK and status != STATUS_FRAME and status != STATUS_NO_FRAME, "a block ends")
    fuzz_require(n_used <= size - header, "no more is used than there is")
    rules.min_packets = options[0] >> 2 & 3
    rules.keeps_tail = options[0] >> 4 & 1
    rules.tcp_timeout_ns = <int64_t> choose_interval(options[1] & 0xDF)
    rules.udp_timeout_ns = <int64_t> choose_interval(options[2] & 0xDF)
    end_batch(&rules, choose_interval(options[3]), choose_interval(options[4]), options[5] & 31)
    return 0
