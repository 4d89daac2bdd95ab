"""Bulks of CIC: runs of packets with payload of one direction, which neither a long gap nor the other's payload breaks.

A run is counted as it grows: when it has enough packets with all of them, later one by one. So nothing is left to do
where it or the flow ends, and a flow has one open run.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from netml._core.features.base.family cimport FamilySettings


cdef struct BulkRun:             # the run that is open
    uint64_t start_ns            # since the flow's first packet
    uint64_t last_ns
    uint64_t payload_bytes
    uint32_t n_packets           # 0: none is open
    uint8_t side                 # whose it is


cdef struct Bulks:               # all bulks of one direction
    uint64_t payload_bytes
    uint64_t time_ns             # first to last packet of each
    uint32_t n_bulks
    uint32_t n_packets


cdef inline bint extend_run(
    BulkRun *run, const FamilySettings *settings, uint64_t time_ns, uint8_t side, uint32_t payload_bytes,
    uint64_t *gap_ns,            # OUT: time since the run's packet before
) noexcept nogil:
    """Extend the run by a packet with payload, or begin another one; return True if it is part of a bulk now."""
    gap_ns[0] = time_ns - run.last_ns
    if run.n_packets == 0 or run.side != side or gap_ns[0] > settings.bulk_gap_ns:
        run.start_ns = time_ns
        run.payload_bytes = 0
        run.n_packets = 0
        run.side = side
    run.last_ns = time_ns
    run.payload_bytes += payload_bytes
    run.n_packets += 1
    return run.n_packets >= settings.bulk_packets


cdef inline void add_to_bulk(
    Bulks *bulks, const BulkRun *run, uint64_t bulk_packets, uint32_t payload_bytes, uint64_t gap_ns,
) noexcept nogil:
    """Count what the latest packet of a run adds: with the packet that makes it a bulk, all that came before."""
    if run.n_packets == bulk_packets:
        bulks.n_bulks += 1
        bulks.n_packets += run.n_packets
        bulks.payload_bytes += run.payload_bytes
        bulks.time_ns += run.last_ns - run.start_ns
    else:
        bulks.n_packets += 1
        bulks.payload_bytes += payload_bytes
        bulks.time_ns += gap_ns
