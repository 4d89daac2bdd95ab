"""What CIC keeps of a flow: sums, 280 octets of them, to which packets are added one by one in time order.

What only some flows have (bulks, idle gaps) lies apart, 112 octets, and so does what --cic-extra asks for, 80: each is
allocated when its first value comes. Whatever follows from other sums is not kept: all packets from the two sides, the
sums of gaps from the first and the last time. Sums are exact integers, spreads (sums of squared distances from the
mean) are made of terms that are never negative: no digit is lost to cancellation.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from netml._core.features.activity cimport Activity, add_idle_gap
from netml._core.features.bulks cimport BulkRun, Bulks, add_to_bulk, extend_run
from netml._core.features.cic_side cimport (
    CIC_BWD, CIC_FWD, IS_ACK, IS_CWR, IS_ECE, IS_FIN, IS_RST, IS_SYN, CicPacket, CicSide, add_to_side,
)
from netml._core.features.family cimport FamilySettings
from netml._core.features.sequence_space cimport SequenceSpace, clear_space, send_range
from netml._core.octets cimport netml_allocate_plain, netml_spread
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef struct CicRest:             # what only some flows have
    Activity activity
    Bulks bulks[2]


cdef struct CicExtra:
    SequenceSpace spaces[2]
    uint32_t n_again[2]          # packets whose numbers had all been sent before
    uint32_t n_fwd_rst


cdef struct CicSums:
    CicSide sides[2]
    double gap_spread            # of all packets, ns^2
    uint64_t gap_min_ns
    uint64_t gap_max_ns
    BulkRun run
    CicRest *rest
    CicExtra *extra
    uint32_t n_fin               # packets of both directions; PSH and URG are the sides'
    uint32_t n_syn
    uint32_t n_rst
    uint32_t n_ack
    uint32_t n_cwr
    uint32_t n_ece
    uint32_t n_long_gaps         # that begin a subflow
    uint8_t first_side           # whose the first packet is
    uint8_t last_side
    uint8_t has_window[2]        # whether a side's first packet is TCP


cdef inline void begin_cic(CicSums *sums) noexcept nogil:
    """A flow without packets."""
    memset(sums, 0, sizeof(CicSums))


cdef inline void end_cic(CicSums *sums) noexcept nogil:
    """Free what `add_cic` has allocated, in whatever state it has left the sums."""
    if sums.extra != NULL:
        clear_space(&sums.extra.spaces[CIC_FWD])
        clear_space(&sums.extra.spaces[CIC_BWD])
    free(sums.rest)
    free(sums.extra)
    sums.rest = NULL
    sums.extra = NULL


cdef inline void *allocate_sums(size_t size) noexcept nogil:
    """Zeroed memory, or NULL."""
    cdef void *start = netml_allocate_plain(size)
    if start != NULL:
        memset(start, 0, size)
    return start


cdef inline Status require_rest(CicSums *sums) noexcept nogil:
    """Have a place for bulks and idle gaps."""
    if sums.rest == NULL:
        sums.rest = <CicRest *> allocate_sums(sizeof(CicRest))
    return STATUS_OK if sums.rest != NULL else STATUS_NO_MEMORY


cdef inline Status add_gap(CicSums *sums, const CicPacket *packet, const FamilySettings *settings) noexcept nogil:
    """The time since the flow's packet before this one."""
    cdef int64_t first_ns = sums.sides[sums.first_side].first_ns, last_ns = sums.sides[sums.last_side].last_ns
    cdef uint64_t gap_ns = <uint64_t> packet.time_ns - <uint64_t> last_ns
    cdef uint64_t n_gaps = <uint64_t> sums.sides[CIC_FWD].n_packets + sums.sides[CIC_BWD].n_packets - 1
    sums.gap_spread += netml_spread(gap_ns, <uint64_t> last_ns - <uint64_t> first_ns, n_gaps)
    if n_gaps == 0 or gap_ns < sums.gap_min_ns:
        sums.gap_min_ns = gap_ns
    sums.gap_max_ns = max(sums.gap_max_ns, gap_ns)
    sums.n_long_gaps += gap_ns > settings.subflow_gap_ns
    if gap_ns > settings.activity_timeout_ns:
        if require_rest(sums) != STATUS_OK:
            return STATUS_NO_MEMORY
        add_idle_gap(&sums.rest.activity, first_ns, last_ns, packet.time_ns)
    return STATUS_OK


cdef inline Status add_data(CicSums *sums, const CicPacket *packet, const FamilySettings *settings) noexcept nogil:
    """A packet with payload, for the bulks."""
    cdef uint64_t gap_ns
    if extend_run(&sums.run, settings, packet.time_ns, packet.side, packet.payload_bytes, &gap_ns):
        if require_rest(sums) != STATUS_OK:
            return STATUS_NO_MEMORY
        add_to_bulk(
            &sums.rest.bulks[packet.side], &sums.run, settings.bulk_packets, packet.payload_bytes, gap_ns)
    return STATUS_OK


cdef inline Status add_extra(CicSums *sums, const CicPacket *packet) noexcept nogil:
    """What --cic-extra counts besides."""
    cdef int64_t n_numbers = packet.payload_bytes
    cdef bint was_sent = False
    cdef Status status
    n_numbers += ((packet.flags & IS_SYN) != 0) + ((packet.flags & IS_FIN) != 0)
    if sums.extra == NULL:
        sums.extra = <CicExtra *> allocate_sums(sizeof(CicExtra))
        if sums.extra == NULL:
            return STATUS_NO_MEMORY
    sums.extra.n_fwd_rst += packet.side == CIC_FWD and (packet.flags & IS_RST) != 0
    if not packet.is_tcp or n_numbers == 0:
        return STATUS_OK
    status = send_range(&sums.extra.spaces[packet.side], packet.sequence, n_numbers, &was_sent)
    sums.extra.n_again[packet.side] += was_sent
    return status


cdef inline Status add_cic(CicSums *sums, const CicPacket *packet, const FamilySettings *settings) noexcept nogil:
    """Add a packet; none before it is later than it. Without memory the sums are of no use."""
    cdef uint8_t flags = packet.flags
    cdef CicSide *side = &sums.sides[packet.side]
    if sums.sides[CIC_FWD].n_packets + sums.sides[CIC_BWD].n_packets == 0:
        sums.first_side = packet.side
    elif add_gap(sums, packet, settings) != STATUS_OK:
        return STATUS_NO_MEMORY
    if side.n_packets == 0:
        sums.has_window[packet.side] = packet.is_tcp
    add_to_side(side, packet)
    sums.last_side = packet.side
    sums.n_fin += (flags & IS_FIN) != 0
    sums.n_syn += (flags & IS_SYN) != 0
    sums.n_rst += (flags & IS_RST) != 0
    sums.n_ack += (flags & IS_ACK) != 0
    sums.n_ece += (flags & IS_ECE) != 0
    sums.n_cwr += (flags & IS_CWR) != 0
    if packet.payload_bytes > 0 and add_data(sums, packet, settings) != STATUS_OK:
        return STATUS_NO_MEMORY
    return add_extra(sums, packet) if settings.cic_extra else STATUS_OK
