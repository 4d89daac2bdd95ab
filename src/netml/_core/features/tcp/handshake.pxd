"""The times of a TCP handshake: the originator's latest SYN, the first SYN-ACK that answers it, the ACK of that."""
from libc.stdint cimport int32_t, int64_t, uint32_t

from netml._core.features.tcp.segment cimport Segment
from netml._core.octets cimport netml_add_clamped, netml_gap
from netml._core.packet cimport TCP_ACK, TCP_RST, TCP_SYN


cdef enum:
    HANDSHAKE_COLUMNS = 3


cdef struct Handshake:
    Segment syn
    Segment answer               # the latest SYN-ACK
    Segment other                # the latest one before it that has another number
    int64_t answer_ns            # from SYN to the first SYN-ACK
    int64_t ack_ns               # from the SYN-ACK to its ACK
    bint has_syn
    bint has_answer
    bint has_other
    bint has_answer_ns
    bint has_ack_ns              # nothing is left to see


cdef inline bint answers_syn(const Segment *answer, const Segment *syn) noexcept nogil:
    """Return True if a SYN-ACK acknowledges the SYN, with or without the data in it (RFC 7413)."""
    cdef uint32_t n_acknowledged = answer.acknowledgement - syn.sequence
    return 1 <= n_acknowledged <= 1 + <int64_t> syn.payload_bytes


cdef inline uint32_t count_acknowledged(const Segment *segment, const Segment *answer) noexcept nogil:
    """Count the numbers behind the SYN-ACK's own that a segment acknowledges; 2^31 and more: not even that one."""
    return segment.acknowledgement - answer.sequence - 1


cdef inline const Segment *find_answer(const Handshake *seen, const Segment *segment) noexcept nogil:
    """Find the SYN-ACK that a segment acknowledges, alone if there is one; NULL if it acknowledges none."""
    cdef uint32_t n_latest = count_acknowledged(segment, &seen.answer), n_other = 0xFFFFFFFF
    if seen.has_other:
        n_other = count_acknowledged(segment, &seen.other)
    if <int32_t> n_latest >= 0 and (n_latest == 0 or n_other != 0):
        return &seen.answer
    return &seen.other if <int32_t> n_other >= 0 else NULL


cdef inline void see_handshake(Handshake *seen, const Segment *segment, bint is_originator) noexcept nogil:
    """Add the next segment."""
    cdef int kind = segment.flags & (TCP_SYN | TCP_RST | TCP_ACK)
    cdef const Segment *answer
    if seen.has_ack_ns:
        return
    if is_originator and kind == TCP_SYN and not seen.has_answer_ns:
        seen.syn = segment[0]
        seen.has_syn = True
    elif is_originator and kind == TCP_ACK and seen.has_answer:
        answer = find_answer(seen, segment)
        if answer != NULL:
            seen.ack_ns = netml_gap(segment.time_ns, answer.time_ns)
            seen.has_ack_ns = True
    elif not is_originator and kind == TCP_SYN | TCP_ACK and (not seen.has_syn or answers_syn(segment, &seen.syn)):
        if seen.has_answer and seen.answer.sequence != segment.sequence:
            seen.other = seen.answer
            seen.has_other = True
        seen.answer = segment[0]
        seen.has_answer = True
        if seen.has_syn and not seen.has_answer_ns:
            seen.answer_ns = netml_gap(segment.time_ns, seen.syn.time_ns)
            seen.has_answer_ns = True


cdef inline void fill_handshake(const Handshake *seen, double *row) noexcept nogil:
    """Fill SYN to SYN-ACK, SYN-ACK to ACK and their sum, s; -1 where not seen."""
    row[0] = <double> seen.answer_ns / 1e9 if seen.has_answer_ns else -1
    row[1] = <double> seen.ack_ns / 1e9 if seen.has_ack_ns else -1
    row[2] = -1
    if seen.has_answer_ns and seen.has_ack_ns:
        row[2] = <double> netml_add_clamped(seen.answer_ns, seen.ack_ns) / 1e9
