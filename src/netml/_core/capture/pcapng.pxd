"""Blocks of a pcapng file (draft-ietf-opsawg-pcapng): type, length, body, length again.

Sections and interfaces are kept as they are met; unknown blocks are passed over. Owns `interfaces` until
`free_pcapng`. A block's lengths are checked against each other before its body is read.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free

from netml._core.capture.interface cimport Interface, find_time_ns, read_interface
from netml._core.octets cimport netml_reallocate, read_file16, read_file32, read_u32
from netml._core.packet cimport Frame
from netml._core.status cimport (
    STATUS_BAD_BLOCK, STATUS_BAD_LENGTH, STATUS_BAD_SECTION, STATUS_FRAME, STATUS_NEED_MORE, STATUS_NO_FRAME,
    STATUS_NO_INTERFACE, STATUS_NO_MEMORY, STATUS_OK, Status,
)


cdef enum:
    MAX_LINK_TYPES = 16
    MAX_BLOCK_BYTES = (1 << 24) + 1024
    BLOCK_SECTION = 0x0A0D0D0A
    BLOCK_INTERFACE = 1
    BLOCK_PACKET = 2             # obsolete
    BLOCK_SIMPLE_PACKET = 3
    BLOCK_ENHANCED_PACKET = 6
    BYTE_ORDER_MAGIC = 0x1A2B3C4D


cdef struct Pcapng:
    bint is_swapped              # the section's byte order is not the machine's
    Interface *interfaces        # of this section, owned
    size_t n_interfaces
    size_t room                  # interfaces allocated
    size_t n_interfaces_seen     # of all sections
    uint32_t link_types[16]      # different LINKTYPE_ values of all interfaces; beyond 16 no more are noted
    size_t n_link_types
    size_t n_sections
    int64_t last_time_ns         # of the last packet with a time: simple packets have none


cdef inline void free_pcapng(Pcapng *state) noexcept nogil:
    """Free the interfaces."""
    free(state.interfaces)
    state.interfaces = NULL


cdef inline Status add_interface(Pcapng *state, const uint8_t *body, size_t length) noexcept nogil:
    """Add an interface description block to the section."""
    cdef Interface *grown
    cdef size_t room
    cdef Status status
    if state.n_interfaces == state.room:
        room = state.room * 2 + 8
        grown = <Interface *> netml_reallocate(state.interfaces, room * sizeof(Interface))
        if grown == NULL:
            return STATUS_NO_MEMORY
        state.interfaces = grown
        state.room = room
    status = read_interface(&state.interfaces[state.n_interfaces], body, length, state.is_swapped)
    if status != STATUS_OK:
        return status
    note_link_type(state, state.interfaces[state.n_interfaces].link_type)
    state.n_interfaces += 1
    state.n_interfaces_seen += 1
    return STATUS_OK


cdef inline void note_link_type(Pcapng *state, uint32_t link_type) noexcept nogil:
    """Add a link type to those that the capture has."""
    cdef size_t i
    for i in range(state.n_link_types):
        if state.link_types[i] == link_type:
            return
    if state.n_link_types < MAX_LINK_TYPES:
        state.link_types[state.n_link_types] = link_type
        state.n_link_types += 1


cdef inline Status open_section(Pcapng *state, const uint8_t *at, size_t available) noexcept nogil:
    """Read a section header block: set the byte order, clear the interfaces."""
    cdef uint32_t magic
    if available < 16:
        return STATUS_NEED_MORE
    magic = read_u32(at + 8)
    if magic == BYTE_ORDER_MAGIC:
        state.is_swapped = False
    elif read_file32(at + 8, True) == BYTE_ORDER_MAGIC:
        state.is_swapped = True
    else:
        return STATUS_BAD_SECTION
    if read_file16(at + 12, state.is_swapped) != 1:
        return STATUS_BAD_SECTION
    return STATUS_OK


cdef inline Status frame_packet(
    Pcapng *state, uint32_t kind, const uint8_t *body, size_t length, Frame *frame,
) noexcept nogil:
    """Frame an enhanced, obsolete or simple packet block."""
    cdef bint swapped = state.is_swapped
    cdef size_t number = 0, header = 20
    cdef uint64_t ticks
    cdef Interface *interface
    if kind == BLOCK_SIMPLE_PACKET:
        header = 4
    if length < header:
        return STATUS_BAD_BLOCK
    if kind == BLOCK_ENHANCED_PACKET:
        number = read_file32(body, swapped)
    elif kind == BLOCK_PACKET:
        number = read_file16(body, swapped)
    if number >= state.n_interfaces:
        return STATUS_NO_INTERFACE
    interface = &state.interfaces[number]
    frame.link_type = interface.link_type
    frame.octets = body + header
    if kind == BLOCK_SIMPLE_PACKET:
        frame.wirelen = read_file32(body, swapped)
        frame.caplen = frame.wirelen
        if interface.snaplen and frame.caplen > interface.snaplen:
            frame.caplen = interface.snaplen
        if frame.caplen > length - header:
            frame.caplen = <uint32_t> (length - header)
        frame.time_ns = state.last_time_ns
        return STATUS_FRAME
    frame.caplen = read_file32(body + 12, swapped)
    frame.wirelen = read_file32(body + 16, swapped)
    if frame.caplen > length - header:
        return STATUS_BAD_BLOCK
    ticks = (<uint64_t> read_file32(body + 4, swapped) << 32) | read_file32(body + 8, swapped)
    frame.time_ns = find_time_ns(interface, ticks)
    state.last_time_ns = frame.time_ns
    return STATUS_FRAME


cdef inline Status next_pcapng_block(
    Pcapng *state, const uint8_t *at, const uint8_t *end, Frame *frame, size_t *n_used,
) noexcept nogil:
    """Read the block at `at`; STATUS_FRAME if it held a packet, STATUS_NO_FRAME if it was passed over."""
    cdef size_t available = end - at
    cdef uint32_t kind, length
    cdef Status status
    if available < 12:
        return STATUS_NEED_MORE
    kind = read_file32(at, state.is_swapped)
    if kind == BLOCK_SECTION:
        status = open_section(state, at, available)
        if status != STATUS_OK:
            return status
    length = read_file32(at + 4, state.is_swapped)
    n_used[0] = length
    # The length may be any multiple of 4; some writers forget to pad, and the two copies still agree.
    if length < 12 or length > MAX_BLOCK_BYTES or (kind == BLOCK_SECTION and length < 28):
        return STATUS_BAD_LENGTH
    if length > available:
        return STATUS_NEED_MORE
    if read_file32(at + length - 4, state.is_swapped) != length:
        return STATUS_BAD_BLOCK
    if kind == BLOCK_ENHANCED_PACKET or kind == BLOCK_SIMPLE_PACKET or kind == BLOCK_PACKET:
        return frame_packet(state, kind, at + 8, length - 12, frame)
    if kind == BLOCK_SECTION:
        state.n_interfaces = 0
        state.n_sections += 1
    elif kind == BLOCK_INTERFACE:
        status = add_interface(state, at + 8, length - 12)
        if status != STATUS_OK:
            return status
    return STATUS_NO_FRAME
