"""Which remembered keys are forgotten: those that the timeout lies behind, in sweeps; others if there are too many.

Of a forgotten key the next packet begins anew; so it does of one that the timeout lies behind, whether a sweep has come
or not: sweeps are for memory only. One comes when an eighth more is there than the last one left.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from netml._core.flow.chunked_array cimport shrink_array
from netml._core.octets cimport netml_gap
from netml._core.packet cimport PROTOCOL_TCP
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.stream.idle_key_record cimport PROTOCOL_AT, has_gone, read_last, record_width
from netml._core.subflow.stream.idle_keys cimport (
    FIRST_PLACE_BITS, IdleKeys, KeyMemory, find_idle_record, free_memory, index_records,
)


cdef enum:
    FEW_KEYS = 1 << 10           # so many that have gone are never worth a sweep


cdef struct KeyExpiry:           # which keys a sweep forgets
    int64_t watermark_ns         # those that the timeout lies behind, seen from here
    int64_t tcp_timeout_ns
    int64_t udp_timeout_ns
    int64_t allowed_lateness_ns  # added to the timeout where the clock was set back
    int64_t cutoff_ns            # those seen last before it
    size_t n_at_cutoff           # and so many of those seen last right then


cdef inline bint is_beyond(int64_t now_ns, int64_t last_ns, double limit_ns, double back_ns) noexcept nogil:
    """Is `last_ns` further back than the limit? Or, the clock having been set back, further ahead than `back_ns`?"""
    if now_ns >= last_ns:
        return <double> netml_gap(now_ns, last_ns) > limit_ns
    return <double> netml_gap(last_ns, now_ns) > back_ns


cdef inline bint is_expired(const uint8_t *record, KeyExpiry *expiry) noexcept nogil:
    """Does a sweep forget this record? Of those seen last at the cutoff, one that is counts."""
    cdef int64_t last_ns = read_last(record), timeout_ns = expiry.udp_timeout_ns
    if has_gone(record) or last_ns < expiry.cutoff_ns:
        return True
    if record[PROTOCOL_AT] == PROTOCOL_TCP:
        timeout_ns = expiry.tcp_timeout_ns
    if is_beyond(expiry.watermark_ns, last_ns, timeout_ns, timeout_ns + 2.0 * expiry.allowed_lateness_ns):
        return True
    if last_ns == expiry.cutoff_ns and expiry.n_at_cutoff:
        expiry.n_at_cutoff -= 1
        return True
    return False


cdef inline uint32_t choose_place_bits(size_t n_records) noexcept nogil:
    """Of an index that does not grow before the next sweep, if that comes in time."""
    cdef uint32_t bits = FIRST_PLACE_BITS
    while <size_t> 3 << bits < 4 * (n_records + n_records // 8 + FEW_KEYS):
        bits += 1
    return bits


cdef inline Status sweep_memory(
    KeyMemory *memory, size_t address_bytes, const uint64_t *seeds, KeyExpiry *expiry,
) noexcept nogil:
    """Forget, and move what is left together."""
    cdef size_t number, n_left = 0
    cdef uint8_t *record
    for number in range(memory.n_records):
        record = find_idle_record(memory, number, address_bytes)
        if not is_expired(record, expiry):
            if n_left != number:
                memcpy(find_idle_record(memory, n_left, address_bytes), record, record_width(address_bytes))
            n_left += 1
    memory.n_records = memory.n_swept = n_left
    memory.n_gone = 0
    if n_left == 0:
        free_memory(memory)
        return STATUS_OK
    shrink_array(&memory.records, n_left)
    return index_records(memory, address_bytes, choose_place_bits(n_left), seeds)


cdef inline Status sweep_keys(
    IdleKeys *keys, const uint64_t *seeds, KeyExpiry *expiry,
) noexcept nogil:
    """Forget what is to be forgotten, of both versions."""
    cdef Status status = sweep_memory(&keys.ipv4, 4, seeds, expiry)
    if status == STATUS_OK:
        status = sweep_memory(&keys.ipv6, 16, seeds, expiry)
    return status


cdef inline bint is_worth_sweeping(const KeyMemory *memory) noexcept nogil:
    """Has an eighth more come than was left last time?"""
    return memory.n_records > memory.n_swept + memory.n_swept // 8 + FEW_KEYS


cdef inline size_t count_later(
    const KeyMemory *memory, size_t address_bytes, int64_t time_ns,
) noexcept nogil:
    """Records of keys that were seen after a time; those that have come back count as seen before all."""
    cdef size_t number, n = 0
    for number in range(memory.n_records):
        n += read_last(find_idle_record(memory, number, address_bytes)) > time_ns
    return n


cdef inline size_t count_idle_keys_later(const IdleKeys *keys, int64_t time_ns) noexcept nogil:
    """The same of both versions."""
    return count_later(&keys.ipv4, 4, time_ns) + count_later(&keys.ipv6, 16, time_ns)
