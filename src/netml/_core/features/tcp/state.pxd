"""The states in which TCP connections end, in the words of Zeek's conn_state, as docs/tcp.md defines them."""
from netml._core.features.tcp.segment cimport Segment, is_asking
from netml._core.packet cimport TCP_FIN, TCP_RST, TCP_SYN


cdef enum ConnectionState:       # CONN_STATES in families/tcp.py names them, in this order
    STATE_NOT_TCP
    STATE_S0
    STATE_S1
    STATE_SF
    STATE_REJ
    STATE_S2
    STATE_S3
    STATE_RSTO
    STATE_RSTR
    STATE_RSTOS0
    STATE_RSTRH
    STATE_SH
    STATE_SHR
    STATE_OTH


cdef enum Ending:
    NOT_ENDED
    RESET_BY_ORIGINATOR
    RESET_BY_RESPONDER
    CLOSED_BY_BOTH


cdef struct Connection:          # the last one of the flow
    bint is_asked                # by a SYN of the originator
    bint is_answered             # by a SYN of the responder
    bint has_responder           # any segment of it
    bint has_fin                 # of the originator
    bint has_responder_fin
    Ending ending


cdef inline void clear_connection(Connection *connection) noexcept nogil:
    """Initialise a connection without segments."""
    connection.is_asked = connection.is_answered = connection.has_responder = False
    connection.has_fin = connection.has_responder_fin = False
    connection.ending = NOT_ENDED


cdef inline void see_connection(Connection *connection, const Segment *segment, bint is_originator) noexcept nogil:
    """Add the next segment: what ends the connection first counts, until the originator asks anew."""
    if connection.ending != NOT_ENDED and is_originator and is_asking(segment):
        clear_connection(connection)
    if is_originator:
        connection.is_asked |= is_asking(segment)
    else:
        connection.has_responder = True
        connection.is_answered |= segment.flags & TCP_SYN != 0
    if connection.ending != NOT_ENDED:
        return
    if segment.flags & TCP_RST:
        connection.ending = RESET_BY_ORIGINATOR if is_originator else RESET_BY_RESPONDER
    elif segment.flags & TCP_FIN:
        if is_originator:
            connection.has_fin = True
        else:
            connection.has_responder_fin = True
        if connection.has_fin and connection.has_responder_fin:
            connection.ending = CLOSED_BY_BOTH


cdef inline ConnectionState name_state(const Connection *connection) noexcept nogil:
    """Return the state of the segments so far."""
    cdef bint is_asked = connection.is_asked, is_answered = connection.is_answered
    if not is_asked and not is_answered:
        return STATE_OTH
    if connection.ending == CLOSED_BY_BOTH:
        return STATE_SF
    if connection.ending == RESET_BY_ORIGINATOR:
        return STATE_RSTO if is_answered else STATE_RSTOS0
    if connection.ending == RESET_BY_RESPONDER:
        if not is_answered:
            return STATE_REJ
        return STATE_RSTR if is_asked else STATE_RSTRH
    if connection.has_fin:
        return STATE_S2 if is_answered else STATE_SH
    if connection.has_responder_fin:
        return STATE_S3 if is_asked else STATE_SHR
    if is_asked and is_answered:
        return STATE_S1
    return STATE_S0 if is_asked and not connection.has_responder else STATE_OTH
