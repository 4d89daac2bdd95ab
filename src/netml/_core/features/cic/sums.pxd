"""The sums that CIC keeps of a flow; packets are added one by one in time order.

Whatever follows from other sums is not kept: all packets from the two sides, the sums of gaps from the first and the
last time. Sums are exact integers, spreads (sums of squared distances from the mean) are made of terms that are never
negative: no digit is lost to cancellation. Times are counted from the flow's first packet: small numbers, which take
little where states lie packed, and what a flow lacks (a direction, bulks, pauses, --cic-extra) takes nothing there.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from netml._core.features.base.family cimport FamilySettings
from netml._core.features.cic.activity cimport Activity, add_idle_gap
from netml._core.features.cic.bulks cimport BulkRun, Bulks, add_to_bulk, extend_run
from netml._core.features.cic.sequence_space cimport SequenceSpace, clear_space, send_range
from netml._core.features.cic.side cimport CIC_BWD, CIC_FWD, CicPacket, CicSide, add_to_side
from netml._core.octets cimport netml_spread
from netml._core.packet cimport TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_RST, TCP_SYN
from netml._core.status cimport STATUS_OK, Status


cdef enum:
    CIC_POINTERS = 0b101         # groups of the struct (packed.pxd) that begin with a pointer: each of the spaces


cdef struct CicSums:
    SequenceSpace spaces[2]      # of --cic-extra
    int64_t start_ns             # the first packet; all other times are since then
    CicSide sides[2]
    double gap_spread            # of all packets, ns^2
    uint64_t gap_min_ns
    uint64_t gap_max_ns
    BulkRun run
    Bulks bulks[2]
    Activity activity
    uint32_t n_fin               # packets of both directions; PSH and URG are the sides'
    uint32_t n_syn
    uint32_t n_rst
    uint32_t n_ack
    uint32_t n_cwr
    uint32_t n_ece
    uint32_t n_long_gaps         # that begin a subflow
    uint8_t last_side            # whose the last packet is
    uint32_t n_again[2]          # of --cic-extra: packets whose numbers had all been sent before
    uint32_t n_fwd_rst           # of --cic-extra


cdef inline void begin_cic(CicSums *sums) noexcept nogil:
    """Initialise the sums of a flow without packets."""
    memset(sums, 0, sizeof(CicSums))


cdef inline void end_cic(CicSums *sums) noexcept nogil:
    """Free what `add_cic` has allocated, in whatever state it has left the sums."""
    clear_space(&sums.spaces[CIC_FWD])
    clear_space(&sums.spaces[CIC_BWD])


cdef inline uint64_t count_cic(const CicSums *sums) noexcept nogil:
    """Count the packets so far."""
    return <uint64_t> sums.sides[CIC_FWD].n_packets + sums.sides[CIC_BWD].n_packets


cdef inline uint64_t find_last_time(const CicSums *sums) noexcept nogil:
    """Return the time of the last packet since the first."""
    return sums.sides[sums.last_side].last_ns


cdef inline void add_gap(CicSums *sums, const CicPacket *packet, const FamilySettings *settings) noexcept nogil:
    """Add the time since the flow's previous packet."""
    cdef uint64_t last_ns = find_last_time(sums), gap_ns = packet.time_ns - last_ns, n_gaps = count_cic(sums) - 1
    sums.gap_spread += netml_spread(gap_ns, last_ns, n_gaps)
    if n_gaps == 0 or gap_ns < sums.gap_min_ns:
        sums.gap_min_ns = gap_ns
    sums.gap_max_ns = max(sums.gap_max_ns, gap_ns)
    sums.n_long_gaps += gap_ns > settings.subflow_gap_ns
    if gap_ns > settings.activity_timeout_ns:
        add_idle_gap(&sums.activity, last_ns, packet.time_ns)


cdef inline void add_data(CicSums *sums, const CicPacket *packet, const FamilySettings *settings) noexcept nogil:
    """Add a packet with payload to the bulks."""
    cdef uint64_t gap_ns
    if extend_run(&sums.run, settings, packet.time_ns, packet.side, packet.payload_bytes, &gap_ns):
        add_to_bulk(&sums.bulks[packet.side], &sums.run, settings.bulk_packets, packet.payload_bytes, gap_ns)


cdef inline Status add_extra(CicSums *sums, const CicPacket *packet) noexcept nogil:
    """Add a packet to the counts of --cic-extra."""
    cdef int64_t n_numbers = packet.payload_bytes
    cdef bint was_sent = False
    cdef Status status
    n_numbers += ((packet.flags & TCP_SYN) != 0) + ((packet.flags & TCP_FIN) != 0)
    sums.n_fwd_rst += packet.side == CIC_FWD and (packet.flags & TCP_RST) != 0
    if not packet.is_tcp or n_numbers == 0:
        return STATUS_OK
    status = send_range(&sums.spaces[packet.side], packet.sequence, n_numbers, &was_sent)
    sums.n_again[packet.side] += was_sent
    return status


cdef inline Status add_cic(CicSums *sums, const CicPacket *packet, const FamilySettings *settings) noexcept nogil:
    """Add a packet, which is not earlier than those before it. Without memory the sums are of no use."""
    cdef uint8_t flags = packet.flags
    if count_cic(sums) > 0:
        add_gap(sums, packet, settings)
    add_to_side(&sums.sides[packet.side], packet)
    sums.last_side = packet.side
    sums.n_fin += (flags & TCP_FIN) != 0
    sums.n_syn += (flags & TCP_SYN) != 0
    sums.n_rst += (flags & TCP_RST) != 0
    sums.n_ack += (flags & TCP_ACK) != 0
    sums.n_ece += (flags & TCP_ECE) != 0
    sums.n_cwr += (flags & TCP_CWR) != 0
    if packet.payload_bytes > 0:
        add_data(sums, packet, settings)
    return add_extra(sums, packet) if settings.cic_extra else STATUS_OK
