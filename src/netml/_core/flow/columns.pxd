"""Packet columns as they arrive: time and flow number of every packet, the others when somebody asked for them.

Owns its memory; all columns grow together, so one bound holds for all.
"""
from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, realloc

from netml._core.octets cimport netml_prefer_huge_pages
from netml._core.packet cimport Packet
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    FIRST_PACKETS = 1 << 16
    WANTS_CAPLEN = 1
    WANTS_WIRELEN = 2
    WANTS_FLAGS = 4
    WANTS_TTL = 8


cdef struct PacketColumns:
    int64_t *time_ns
    uint32_t *flow               # number of the flow in the table
    uint32_t *caplen             # NULL if not wanted, as the three below
    uint32_t *wirelen
    uint8_t *flags
    uint8_t *ttl
    size_t n_packets
    size_t room                  # packets allocated
    int wants                    # WANTS_ bits


cdef inline void free_columns(PacketColumns *columns) noexcept nogil:
    """Give the memory back."""
    free(columns.time_ns)
    free(columns.flow)
    free(columns.caplen)
    free(columns.wirelen)
    free(columns.flags)
    free(columns.ttl)
    columns.time_ns = NULL
    columns.flow = columns.caplen = columns.wirelen = NULL
    columns.flags = columns.ttl = NULL


cdef inline bint grow_column(void **column, size_t room, size_t width) noexcept nogil:
    """One column to `room` values of `width` octets; False if there is no memory."""
    cdef void *grown = realloc(column[0], room * width)
    if grown == NULL:
        return False
    netml_prefer_huge_pages(grown, room * width)
    column[0] = grown
    return True


cdef inline Status grow_columns(PacketColumns *columns) noexcept nogil:
    """Make room for twice the packets; untouched room costs no memory."""
    cdef size_t room = columns.room * 2 if columns.room else FIRST_PACKETS
    if room > <size_t> UINT32_MAX + 1:
        return STATUS_TOO_MANY
    if not grow_column(<void **> &columns.time_ns, room, 8) or not grow_column(<void **> &columns.flow, room, 4):
        return STATUS_NO_MEMORY
    if columns.wants & WANTS_CAPLEN and not grow_column(<void **> &columns.caplen, room, 4):
        return STATUS_NO_MEMORY
    if columns.wants & WANTS_WIRELEN and not grow_column(<void **> &columns.wirelen, room, 4):
        return STATUS_NO_MEMORY
    if columns.wants & WANTS_FLAGS and not grow_column(<void **> &columns.flags, room, 1):
        return STATUS_NO_MEMORY
    if columns.wants & WANTS_TTL and not grow_column(<void **> &columns.ttl, room, 1):
        return STATUS_NO_MEMORY
    columns.room = room
    return STATUS_OK


cdef inline void append_packet(PacketColumns *columns, const Packet *packet, uint32_t flow) noexcept nogil:
    """Add a packet; the caller has made room."""
    cdef size_t at = columns.n_packets
    columns.time_ns[at] = packet.time_ns
    columns.flow[at] = flow
    if columns.caplen != NULL:
        columns.caplen[at] = packet.caplen
    if columns.wirelen != NULL:
        columns.wirelen[at] = packet.wirelen
    if columns.flags != NULL:
        columns.flags[at] = packet.flags
    if columns.ttl != NULL:
        columns.ttl[at] = packet.ttl
    columns.n_packets = at + 1
