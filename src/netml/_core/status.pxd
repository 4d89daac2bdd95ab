"""Outcomes: of a capture's framing (`Status`, at most one ends a read) and of a packet (`Reason`, counted).

The order of `Reason` is the order of `Counters.n_skipped`, of the summary and of `_flowcore.SKIP_REASONS`.
"""
from libc.stdint cimport int64_t, uint64_t


cdef enum Status:
    STATUS_OK = 0
    STATUS_FRAME             # a record was framed: look at it
    STATUS_NO_FRAME          # a block without a packet was passed over
    STATUS_NEED_MORE         # the record goes on beyond these bytes
    STATUS_BAD_LENGTH        # a record or block length that cannot be
    STATUS_BAD_BLOCK         # a pcapng block that contradicts itself
    STATUS_BAD_SECTION       # a pcapng section header with an unknown byte order or version
    STATUS_NO_INTERFACE      # a pcapng packet of an interface that was not described
    STATUS_UNREADABLE        # a mapped file shrank, or its disk failed
    STATUS_NO_MEMORY
    STATUS_TOO_MANY          # more flows or packets than 32 bits count


cdef enum Reason:
    KEPT = 0
    SKIP_LINK_TYPE           # an interface whose link type is not decoded
    SKIP_TRUNCATED_LINK      # ends inside a link-layer header
    SKIP_NOT_IP              # ARP, LLDP, management frames ...
    SKIP_TRUNCATED_IP        # ends inside an IP header
    SKIP_BAD_IP              # version or header length contradict
    SKIP_FRAGMENT            # a fragment after the first: no ports
    SKIP_OTHER_PROTOCOL      # IP, but neither TCP nor UDP
    SKIP_TRUNCATED_TRANSPORT  # ends inside the TCP or UDP header
    SKIP_TRUNCATED_TUNNEL    # ends inside the header of a tunnel
    SKIP_DEEP_TUNNEL         # more tunnels in tunnels than are entered
    N_REASONS


cdef struct Counters:
    uint64_t n_records           # records framed = n_kept + sum(n_skipped)
    uint64_t n_kept              # packets that entered the table
    uint64_t n_skipped[16]       # by Reason; N_REASONS are used
    uint64_t n_captured_bytes    # sum of caplen of all records
    int64_t earliest_ns          # of all records, since 1970; of no use if there are none
    int64_t latest_ns
