"""The sequence numbers that one direction of a TCP connection has sent: exact, with all holes (RFC 9293, 3.4).

Numbers are unwrapped: each is the one nearest to the end of what was sent so far, at a signed 32-bit distance. Ranges
are half-open, sorted, and none touches the next. Traffic in order has one, which needs no memory of its own; each hole
costs 16 octets, and beyond `MOST_RANGES` the lower half of the holes counts as sent.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memmove, memset

from netml._core.octets cimport netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, Status


cdef enum:
    MOST_RANGES = 16384          # before the last one: bounds memory and time where a capture is hostile


cdef struct SequenceRange:
    int64_t start
    int64_t end                  # one more than the last number


cdef struct SequenceSpace:
    SequenceRange *earlier       # apart from the last one and from each other; in front, see sums.pxd
    uint32_t n_earlier
    uint32_t n_room
    SequenceRange last           # that with the highest numbers; empty before anything was sent


cdef inline void clear_space(SequenceSpace *space) noexcept nogil:
    """Free the memory: nothing was sent. A space that was never used has all its bits 0."""
    free(space.earlier)
    memset(space, 0, sizeof(SequenceSpace))


cdef inline Status insert_range(SequenceSpace *space, uint32_t place, int64_t start, int64_t end) noexcept nogil:
    """Insert a range before number `place` of the earlier ones."""
    cdef SequenceRange *moved
    if space.n_earlier == space.n_room:
        moved = <SequenceRange *> netml_reallocate(space.earlier, (2 * space.n_room + 4) * sizeof(SequenceRange))
        if moved == NULL:
            return STATUS_NO_MEMORY
        space.earlier = moved
        space.n_room = 2 * space.n_room + 4
    memmove(
        space.earlier + place + 1, space.earlier + place, (space.n_earlier - place) * sizeof(SequenceRange))
    space.earlier[place].start = start
    space.earlier[place].end = end
    space.n_earlier += 1
    return STATUS_OK


cdef inline void remove_ranges(SequenceSpace *space, uint32_t first, uint32_t end) noexcept nogil:
    """Remove numbers first .. end of the earlier ranges."""
    memmove(space.earlier + first, space.earlier + end, (space.n_earlier - end) * sizeof(SequenceRange))
    space.n_earlier -= end - first


cdef inline void close_lowest_holes(SequenceSpace *space) noexcept nogil:
    """Join the lower half into one range: many at a time, so that it costs little."""
    cdef uint32_t n_half = space.n_earlier // 2
    space.earlier[n_half].start = space.earlier[0].start
    remove_ranges(space, 0, n_half)


cdef inline uint32_t find_range(const SequenceSpace *space, int64_t start) noexcept nogil:
    """Find the first earlier range that ends at `start` or later; `n_earlier` if none does."""
    cdef uint32_t low = 0, high = space.n_earlier, middle
    while low < high:
        middle = low + (high - low) // 2
        if space.earlier[middle].end < start:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline Status send_earlier(
    SequenceSpace *space, int64_t start, int64_t end, bint *was_sent,  # OUT
) noexcept nogil:
    """Note a range as sent that ends before the last one begins."""
    cdef uint32_t first = find_range(space, start), beyond = first
    cdef SequenceRange *found
    while beyond < space.n_earlier and space.earlier[beyond].start <= end:
        beyond += 1
    if first == beyond:
        return insert_range(space, first, start, end)
    found = &space.earlier[first]
    was_sent[0] = found.start <= start and end <= found.end
    if was_sent[0]:
        return STATUS_OK
    found.start = min(found.start, start)
    found.end = max(space.earlier[beyond - 1].end, end)
    remove_ranges(space, first + 1, beyond)
    return STATUS_OK


cdef inline Status send_range(
    SequenceSpace *space,
    uint32_t sequence,           # as in the header
    int64_t n_numbers,           # at least 1
    bint *was_sent,              # OUT: all of it, before
) noexcept nogil:
    """Note the numbers of one packet as sent."""
    cdef Status status
    cdef SequenceRange *last = &space.last
    cdef int64_t start, end
    was_sent[0] = False
    if last.start == last.end:
        last.start = sequence
        last.end = sequence + n_numbers
        return STATUS_OK
    start = last.end + <int32_t> (sequence - <uint32_t> last.end)
    end = start + n_numbers
    if last.start <= start <= last.end:
        was_sent[0] = end <= last.end
        last.end = max(last.end, end)
        return STATUS_OK
    if space.n_earlier == MOST_RANGES:
        close_lowest_holes(space)
    if start < last.start and end < last.start:
        return send_earlier(space, start, end, was_sent)
    if start > last.end:
        status = insert_range(space, space.n_earlier, last.start, last.end)
        if status != STATUS_OK:
            return status
        last.start = start
        last.end = end
        return STATUS_OK
    last.start = start
    last.end = max(last.end, end)
    while space.n_earlier > 0 and space.earlier[space.n_earlier - 1].end >= last.start:
        space.n_earlier -= 1
        last.start = min(last.start, space.earlier[space.n_earlier].start)
    return STATUS_OK
