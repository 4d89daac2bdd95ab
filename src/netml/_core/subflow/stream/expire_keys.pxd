"""The expiry of idle keys: sweeps remove those that were idle for longer than the timeout, and others beyond a limit.

The next packet of an expired key begins a new flow, whether a sweep has removed the key or not: sweeps only free
memory. A sweep comes when there are an eighth more records than the last one left.
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
    FEW_KEYS = 1 << 10           # up to this many new records are not worth a sweep


cdef struct KeyExpiry:           # which keys a sweep removes
    int64_t watermark_ns         # those that were idle for longer than the timeout at this time
    int64_t tcp_timeout_ns
    int64_t udp_timeout_ns
    int64_t allowed_lateness_ns  # added to the timeout, twice, if the clock was set back
    int64_t cutoff_ns            # those seen last before this time
    size_t n_at_cutoff           # and this many of those seen last right at it


cdef inline bint is_beyond(int64_t now_ns, int64_t last_ns, double limit_ns, double back_ns) noexcept nogil:
    """Return True if `last_ns` is further back than the limit or, the clock set back, further ahead than `back_ns`."""
    if now_ns >= last_ns:
        return <double> netml_gap(now_ns, last_ns) > limit_ns
    return <double> netml_gap(last_ns, now_ns) > back_ns


cdef inline bint is_expired(const uint8_t *record, KeyExpiry *expiry) noexcept nogil:
    """Return True if a sweep removes this record; count down `n_at_cutoff` for one that was seen last at the cutoff."""
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
    """Choose the size of an index that does not grow before the next sweep."""
    cdef uint32_t bits = FIRST_PLACE_BITS
    while <size_t> 3 << bits < 4 * (n_records + n_records // 8 + FEW_KEYS):
        bits += 1
    return bits


cdef inline Status sweep_memory(
    KeyMemory *memory, size_t address_bytes, const uint64_t *seeds, KeyExpiry *expiry,
) noexcept nogil:
    """Remove expired records, and move the others together."""
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
    """Remove the expired records of both IP versions."""
    cdef Status status = sweep_memory(&keys.ipv4, 4, seeds, expiry)
    if status == STATUS_OK:
        status = sweep_memory(&keys.ipv6, 16, seeds, expiry)
    return status


cdef inline bint is_worth_sweeping(const KeyMemory *memory) noexcept nogil:
    """Return True if there are an eighth more records than the last sweep left."""
    return memory.n_records > memory.n_swept + memory.n_swept // 8 + FEW_KEYS


cdef inline size_t count_later(
    const KeyMemory *memory, size_t address_bytes, int64_t time_ns,
) noexcept nogil:
    """Count the records of keys that were seen after a time; reactivated keys count as seen before all."""
    cdef size_t number, n = 0
    for number in range(memory.n_records):
        n += read_last(find_idle_record(memory, number, address_bytes)) > time_ns
    return n


cdef inline size_t count_idle_keys_later(const IdleKeys *keys, int64_t time_ns) noexcept nogil:
    """Count the idle keys of both IP versions that were seen after a time."""
    return count_later(&keys.ipv4, 4, time_ns) + count_later(&keys.ipv6, 16, time_ns)
