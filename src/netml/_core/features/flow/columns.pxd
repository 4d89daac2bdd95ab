"""FLOW: counts, sizes, times and flags of a flow and of its two directions, from sums that take packets in turn.

Of each direction, and of both together: duration s; packets; bytes; size min, mean, std, max, quartiles (linear);
times between its packets min, mean, std, max, s; packets with FIN SYN RST PSH ACK URG ECE CWR. Then of the flow
packets/s, bytes/s, packets back per packet forth. Standard deviations are a sample's. What is asked of nothing is 0.

Every sum is an exact integer, so that a row does not depend on how its packets came in, and nothing cancels out. Sizes
stand apart (`SizeSums`): all packets' are there at once, or counted by value (size_counts.pxd).
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from netml._core.features.base.family cimport FamilyNeeds, FlowPackets, find_time_since
from netml._core.features.flow.sizes cimport N_WAYS, WAY_BOTH, SizeSums, sum_all_sizes
from netml._core.octets cimport netml_add_squares, netml_sample_std


cdef enum:
    N_FLAG_BITS = 8
    MOST_LANE_COUNTS = 255       # that an octet holds


cdef enum:                       # where columns stand in those of a way, and of the row
    COLUMN_DURATION = 0
    COLUMN_PACKETS
    COLUMN_BYTES
    COLUMN_SIZES                 # min, mean, std, max, q1, median, q3
    COLUMN_GAPS = COLUMN_SIZES + 7  # min, mean, std, max
    COLUMN_FLAGS = COLUMN_GAPS + 4
    N_WAY_COLUMNS = COLUMN_FLAGS + N_FLAG_BITS
    COLUMN_RATES = N_WAYS * N_WAY_COLUMNS
    N_FLOW_COLUMNS = COLUMN_RATES + 3


cdef struct GapSums:             # times between successive packets; there are as many as packets, less one
    uint64_t last_ns             # the last packet, since the flow's first
    uint64_t total_ns            # below 2^64, as times are int64; at most INT64_MAX is the duration
    uint64_t least_ns            # once there is one
    uint64_t most_ns
    uint64_t squares[2]          # below 2^127: total times most


cdef struct FlowSums:            # but for the sizes
    int64_t start_ns             # the first packet
    GapSums gaps[3]              # by way
    uint32_t n_flags[2][8]       # by direction: forward, reverse
    uint32_t n_packets[2]


cdef inline void begin_flow_sums(FlowSums *sums) noexcept nogil:
    """Initialise the sums of a flow without packets."""
    memset(sums, 0, sizeof(FlowSums))


cdef inline void add_time(GapSums *gaps, uint64_t time_ns, uint64_t n_before) noexcept nogil:
    """Add a packet's time; in a stream one may come too late, and counts as of the last one's time."""
    cdef uint64_t gap_ns
    if n_before > 0:
        time_ns = max(time_ns, gaps.last_ns)
        gap_ns = min(time_ns - gaps.last_ns, <uint64_t> INT64_MAX)
        gaps.total_ns += gap_ns
        if n_before == 1 or gap_ns < gaps.least_ns:
            gaps.least_ns = gap_ns
        gaps.most_ns = max(gaps.most_ns, gap_ns)
        netml_add_squares(gaps.squares, gap_ns, 1)
    gaps.last_ns = time_ns


cdef inline uint64_t spread_flags(uint8_t flags) noexcept nogil:
    """Spread bits to octets, 1 where a bit is set; the lowest bit's is the lowest octet."""
    cdef uint64_t alone = (flags * <uint64_t> 0x0101010101010101) & <uint64_t> 0x8040201008040201
    return ((alone + <uint64_t> 0x7F7F7F7F7F7F7F7F) >> 7) & <uint64_t> 0x0101010101010101


cdef inline void add_flow_packets(FlowSums *sums, const FlowPackets *flow) noexcept nogil:
    """Add packets of the flow, in order of time."""
    cdef uint64_t lanes[2]       # counts of flags, an octet each: only now and then into the sums
    cdef size_t i = 0, stop, bit
    cdef uint32_t way
    cdef uint64_t n_before = <uint64_t> sums.n_packets[0] + sums.n_packets[1], time_ns
    if n_before == 0 and flow.n_packets > 0:
        sums.start_ns = flow.time_ns[0]
    while i < flow.n_packets:
        stop = min(flow.n_packets, i + MOST_LANE_COUNTS)
        lanes[0] = lanes[1] = 0
        while i < stop:
            way = flow.is_forward != NULL and not flow.is_forward[i]
            time_ns = find_time_since(sums.start_ns, flow.time_ns[i])
            add_time(&sums.gaps[WAY_BOTH], time_ns, n_before)
            add_time(&sums.gaps[1 + way], time_ns, sums.n_packets[way])
            n_before += 1
            lanes[way] += spread_flags(flow.flags[i])
            sums.n_packets[way] += 1
            i += 1
        for way in range(2):
            for bit in range(N_FLAG_BITS):
                sums.n_flags[way][bit] += (lanes[way] >> (8 * bit)) & 0xFF


cdef inline void write_way(
    const GapSums *gaps, const uint32_t *n_flags, const SizeSums *sizes, uint64_t n_packets, double *row,
) noexcept nogil:
    """Fill one way's columns; `row` comes zeroed."""
    cdef size_t i
    if n_packets == 0:
        return
    row[COLUMN_DURATION] = <double> min(gaps.total_ns, <uint64_t> INT64_MAX) / 1e9
    row[COLUMN_PACKETS] = <double> n_packets
    row[COLUMN_BYTES] = <double> sizes.n_bytes
    row[COLUMN_SIZES] = sizes.least
    row[COLUMN_SIZES + 1] = <double> sizes.n_bytes / <double> n_packets
    row[COLUMN_SIZES + 2] = netml_sample_std(sizes.squares, sizes.n_bytes, n_packets)
    row[COLUMN_SIZES + 3] = sizes.most
    for i in range(3):
        row[COLUMN_SIZES + 4 + i] = sizes.quarters[i]
    if n_packets > 1:
        row[COLUMN_GAPS] = <double> gaps.least_ns / 1e9
        row[COLUMN_GAPS + 1] = <double> gaps.total_ns / <double> (n_packets - 1) / 1e9
        row[COLUMN_GAPS + 2] = netml_sample_std(gaps.squares, gaps.total_ns, n_packets - 1) / 1e9
        row[COLUMN_GAPS + 3] = <double> gaps.most_ns / 1e9
    for i in range(N_FLAG_BITS):
        row[COLUMN_FLAGS + i] = n_flags[i]


cdef inline void write_flow_row(const FlowSums *sums, const SizeSums *sizes, double *row) noexcept nogil:
    """Fill all columns from the sums and the three ways' sizes; `row` comes zeroed."""
    cdef uint32_t n_flags[8]
    cdef uint64_t n_packets = <uint64_t> sums.n_packets[0] + sums.n_packets[1]
    cdef double duration_s
    cdef size_t i
    for i in range(N_FLAG_BITS):
        n_flags[i] = sums.n_flags[0][i] + sums.n_flags[1][i]
    write_way(&sums.gaps[WAY_BOTH], n_flags, &sizes[WAY_BOTH], n_packets, row)
    for i in range(2):
        write_way(
            &sums.gaps[1 + i], sums.n_flags[i], &sizes[1 + i], sums.n_packets[i], row + (1 + i) * N_WAY_COLUMNS)
    duration_s = row[COLUMN_DURATION]
    if duration_s > 0:
        row[COLUMN_RATES] = <double> n_packets / duration_s
        row[COLUMN_RATES + 1] = <double> sizes[WAY_BOTH].n_bytes / duration_s
    if sums.n_packets[0] > 0:
        row[COLUMN_RATES + 2] = <double> sums.n_packets[1] / <double> sums.n_packets[0]


cdef inline void fill_flow(const FlowPackets *flow, const FamilyNeeds *needs, double *row) noexcept nogil:
    """Fill N_FLOW_COLUMNS values."""
    cdef FlowSums sums
    cdef SizeSums sizes[3]
    begin_flow_sums(&sums)
    add_flow_packets(&sums, flow)
    sum_all_sizes(flow, needs.scratch, sizes)
    write_flow_row(&sums, sizes, row)
