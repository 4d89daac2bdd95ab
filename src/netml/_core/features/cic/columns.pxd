"""CIC: CICFlowMeter's features with its errors corrected, in the order of its CSV of 2018; docs/cic.md has them all.

Times are in us, lengths are the transport's payload, deviations are of the sample. What there is nothing of is 0, and
nothing is ever divided by 0.
"""
from libc.math cimport sqrt
from libc.stdint cimport uint64_t

from netml._core.features.base.family cimport FlowPackets
from netml._core.features.cic.activity cimport Activity, end_period
from netml._core.features.cic.bulks cimport Bulks
from netml._core.features.cic.side cimport CIC_BWD, CIC_FWD, CicSide
from netml._core.features.cic.sums cimport CicSums, count_cic, find_last_time
from netml._core.octets cimport netml_spread_between


cdef enum:
    N_CIC = 76


cdef inline double divide(double dividend, double divisor) noexcept nogil:
    """Divide; return 0 if the divisor is 0."""
    return dividend / divisor if divisor > 0 else 0


cdef inline double find_variance(double spread, uint64_t n) noexcept nogil:
    """Compute a sample's variance."""
    return spread / <double> (n - 1) if n > 1 else 0


cdef inline double *put(double *at, double value) noexcept nogil:
    """Fill one column; return the next."""
    at[0] = value
    return at + 1


cdef inline double *put_times(
    double *at, uint64_t n, uint64_t total_ns, double spread, uint64_t max_ns, uint64_t min_ns,
) noexcept nogil:
    """Fill Mean, Std, Max, Min."""
    at[0] = divide(<double> total_ns, <double> n) / 1e3
    at[1] = sqrt(find_variance(spread, n)) / 1e3
    at[2] = <double> max_ns / 1e3
    at[3] = <double> min_ns / 1e3
    return at + 4


cdef inline double *put_side_times(double *at, const CicSide *side) noexcept nogil:
    """Fill Total, Mean, Std, Max, Min of the times between packets of one direction."""
    cdef uint64_t total_ns = side.last_ns - side.first_ns
    at[0] = <double> total_ns / 1e3
    return put_times(
        at + 1, side.n_packets - 1 if side.n_packets else 0, total_ns, side.gap_spread, side.gap_max_ns,
        side.gap_min_ns)


cdef inline double *put_side_lengths(double *at, const CicSide *side) noexcept nogil:
    """Fill Max, Min, Mean, Std of one direction's lengths."""
    at[0] = side.payload_max
    at[1] = side.payload_min
    at[2] = divide(<double> side.payload_bytes, side.n_packets)
    at[3] = sqrt(find_variance(side.payload_spread, side.n_packets))
    return at + 4


cdef inline double *put_lengths(double *at, const CicSide *fwd, const CicSide *bwd) noexcept nogil:
    """Fill Min, Max, Mean, Std, Variance of both directions' lengths."""
    cdef uint64_t n = <uint64_t> fwd.n_packets + bwd.n_packets
    cdef double spread = fwd.payload_spread + bwd.payload_spread + netml_spread_between(
        fwd.payload_bytes, fwd.n_packets, bwd.payload_bytes, bwd.n_packets)
    at[0] = min(fwd.payload_min, bwd.payload_min)
    if fwd.n_packets == 0 or bwd.n_packets == 0:
        at[0] = bwd.payload_min if fwd.n_packets == 0 else fwd.payload_min
    at[1] = max(fwd.payload_max, bwd.payload_max)
    at[2] = divide(<double> (fwd.payload_bytes + bwd.payload_bytes), <double> n)
    at[3] = sqrt(find_variance(spread, n))
    at[4] = find_variance(spread, n)
    return at + 5


cdef inline double *put_bulks(double *at, const Bulks *bulks) noexcept nogil:
    """Fill Bytes/Bulk, Packet/Bulk, Bulk Rate."""
    at[0] = divide(<double> bulks.payload_bytes, bulks.n_bulks)
    at[1] = divide(bulks.n_packets, bulks.n_bulks)
    at[2] = divide(bulks.payload_bytes * 1e9, <double> bulks.time_ns)
    return at + 3


cdef inline double *put_activity(
    double *at, const Activity *known, uint64_t last_ns, uint64_t gap_max_ns,
) noexcept nogil:
    """Fill Mean, Std, Max, Min of active, then of idle times. The flow's end ends the last period."""
    cdef Activity activity = known[0]
    cdef uint64_t total_ns = end_period(&activity, last_ns)
    at = put_times(
        at, activity.n_active, total_ns, activity.active_spread, activity.active_max_ns, activity.active_min_ns)
    return put_times(
        at, activity.n_idle, activity.idle_total_ns, activity.idle_spread, gap_max_ns if activity.n_idle else 0,
        activity.idle_min_ns)


cdef inline void write_cic(const CicSums *sums, double *row) noexcept nogil:
    """Fill the 76 columns; the sums stay as they are, of one packet at least."""
    cdef const CicSide *fwd = &sums.sides[CIC_FWD]
    cdef const CicSide *bwd = &sums.sides[CIC_BWD]
    cdef uint64_t duration_ns = find_last_time(sums), n_packets = count_cic(sums)
    cdef uint64_t n_bytes = fwd.payload_bytes + bwd.payload_bytes
    cdef double n_subflows = <double> sums.n_long_gaps + 1
    cdef double *at = row
    at = put(at, <double> duration_ns / 1e3)
    at = put(put(at, fwd.n_packets), bwd.n_packets)
    at = put(put(at, <double> fwd.payload_bytes), <double> bwd.payload_bytes)
    at = put_side_lengths(put_side_lengths(at, fwd), bwd)
    at = put(at, divide(n_bytes * 1e9, <double> duration_ns))
    at = put(at, divide(n_packets * 1e9, <double> duration_ns))
    at = put_times(at, n_packets - 1, duration_ns, sums.gap_spread, sums.gap_max_ns, sums.gap_min_ns)
    at = put_side_times(put_side_times(at, fwd), bwd)
    at = put(put(put(put(at, fwd.n_psh), bwd.n_psh), fwd.n_urg), bwd.n_urg)
    at = put(put(at, <double> fwd.header_bytes), <double> bwd.header_bytes)
    at = put(at, divide(fwd.n_packets * 1e9, <double> duration_ns))
    at = put(at, divide(bwd.n_packets * 1e9, <double> duration_ns))
    at = put_lengths(at, fwd, bwd)
    at = put(put(put(at, sums.n_fin), sums.n_syn), sums.n_rst)
    at = put(at, <double> fwd.n_psh + bwd.n_psh)
    at = put(at, sums.n_ack)
    at = put(at, <double> fwd.n_urg + bwd.n_urg)
    at = put(put(at, sums.n_cwr), sums.n_ece)
    at = put(put(at, divide(bwd.n_packets, fwd.n_packets)), divide(<double> n_bytes, <double> n_packets))
    at = put(at, divide(<double> fwd.payload_bytes, fwd.n_packets))
    at = put(at, divide(<double> bwd.payload_bytes, bwd.n_packets))
    at = put_bulks(put_bulks(at, &sums.bulks[CIC_FWD]), &sums.bulks[CIC_BWD])
    at = put(put(at, fwd.n_packets / n_subflows), <double> fwd.payload_bytes / n_subflows)
    at = put(put(at, bwd.n_packets / n_subflows), <double> bwd.payload_bytes / n_subflows)
    at = put(at, fwd.window if fwd.has_window else -1)
    at = put(at, bwd.window if bwd.has_window else -1)
    at = put(put(at, fwd.n_data), fwd.header_min)
    put_activity(at, &sums.activity, duration_ns, sums.gap_max_ns)


cdef inline void write_cic_extra(const CicSums *sums, const FlowPackets *flow, double *at) noexcept nogil:
    """Fill the ten columns of --cic-extra; of `flow` only the attributes count."""
    cdef const CicSide *bwd = &sums.sides[CIC_BWD]
    cdef uint64_t last_ns = <uint64_t> sums.start_ns + find_last_time(sums)
    if count_cic(sums) == 0:
        return
    at = put(put(at, sums.n_fwd_rst), sums.n_rst - sums.n_fwd_rst)
    at = put(put(at, bwd.n_data), bwd.header_min)
    at = put(put(at, flow.icmp_code), flow.icmp_type)
    at = put(put(at, sums.n_again[CIC_FWD]), sums.n_again[CIC_BWD])
    at = put(at, <double> sums.n_again[CIC_FWD] + sums.n_again[CIC_BWD])
    put(at, <double> (last_ns - <uint64_t> flow.connection_start_ns) / 1e3)
