"""Reasons why flows end and why some are dropped, and the counts by reason."""
from libc.stdint cimport int64_t, uint64_t


cdef enum EndReason:             # IPFIX flowEndReason (RFC 5102, 5.11.3)
    END_UNKNOWN = 0              # batch mode tells none
    END_IDLE = 1
    END_ACTIVE = 2
    END_OF_FLOW = 3              # by TCP
    END_OF_INPUT = 4             # "forced end"
    END_LACK_OF_RESOURCES = 5


cdef enum Drop:
    DROP_SHORT_FLOW = 0          # a key with fewer packets than a flow needs
    DROP_IDLE_TAIL               # the last subflow of a flow split by the idle timeout
    DROP_SHORT_SUBFLOW           # a subflow with fewer packets than a flow needs
    DROP_INTERVAL_TAIL           # the last subflow of a flow split by the interval
    N_DROPS


cdef struct Dropped:
    uint64_t n_packets[N_DROPS]  # by Drop
    uint64_t n_flows[N_DROPS]    # by Drop


cdef enum EarlyEnd:
    EARLY_LONG_FLOW = 0          # a subflow of too many packets
    EARLY_MEMORY                 # too many bytes were held
    EARLY_FLOWS                  # too many flow keys were held
    N_EARLY_ENDS


cdef struct EarlyEnds:
    uint64_t n_packets[N_EARLY_ENDS]  # by EarlyEnd
    uint64_t n_flows[N_EARLY_ENDS]    # by EarlyEnd


cdef inline void drop_flow(Dropped *dropped, Drop reason, int64_t n_packets) noexcept nogil:
    """Count a flow or subflow that is dropped."""
    dropped.n_packets[<int> reason] += n_packets
    dropped.n_flows[<int> reason] += 1


cdef inline void count_early(EarlyEnds *early, EarlyEnd limit, uint64_t n_packets) noexcept nogil:
    """Count a flow or subflow that a limit has ended."""
    early.n_packets[<int> limit] += n_packets
    early.n_flows[<int> limit] += 1
