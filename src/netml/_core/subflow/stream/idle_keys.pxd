"""Idle keys: flows without pending packets whose next packet may still have to know what was before it.

Most keys of a stream are idle, so that their records are small: 29 octets of IPv4, 53 of IPv6, and a place of 4 octets
in an index that is at most three quarters full. The record of a reactivated key is unused until the key is idle again
or a sweep comes (`expire_keys.pxd`). Owns its memory.
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from netml._core.flow.chunked_array cimport CHUNK_BITS, ChunkedArray, find_element, free_array, grow_array
from netml._core.flow.key cimport hash_key
from netml._core.octets cimport netml_prefetch_read, netml_prefetch_write, netml_reallocate
from netml._core.packet cimport FlowKey
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status
from netml._core.subflow.stream.idle_key_record cimport (
    has_gone, is_key_of, read_key, read_last, read_origin, record_width, write_idle_key, write_times,
)


cdef enum:
    N_AT_ONCE = 64               # records that are looked at together
    FIRST_PLACE_BITS = 10
    LARGEST_PLACE_BITS = 31
    NO_PLACE = 0xFFFFFFFF        # a free place: a number never has all its bits set
    NO_RECORD = 0xFFFFFFFF


cdef struct KeyMemory:           # of one IP version
    ChunkedArray records         # in the order in which keys became idle; those of reactivated keys are unused
    uint32_t *places             # 2 ** place_bits of them, owned: number | part of the hash << place_bits
    uint32_t place_bits          # the index doubles
    size_t n_records             # in `records`
    size_t n_gone                # of them unused: reactivated
    size_t n_swept               # records that the last sweep left


cdef struct IdleKeys:
    KeyMemory ipv4
    KeyMemory ipv6


cdef inline size_t count_idle_keys(const IdleKeys *keys) noexcept nogil:
    """Count the idle keys."""
    return keys.ipv4.n_records - keys.ipv4.n_gone + keys.ipv6.n_records - keys.ipv6.n_gone


cdef inline void free_memory(KeyMemory *memory) noexcept nogil:
    """Free the memory; no key is left."""
    free_array(&memory.records)
    free(memory.places)
    memset(memory, 0, sizeof(KeyMemory))


cdef inline void free_idle_keys(IdleKeys *keys) noexcept nogil:
    """Free the memory of both IP versions."""
    free_memory(&keys.ipv4)
    free_memory(&keys.ipv6)


cdef inline KeyMemory *choose_memory(const IdleKeys *keys, const FlowKey *key) noexcept nogil:
    """Return the memory of the key's IP version."""
    return <KeyMemory *> (&keys.ipv6 if key.transport >> 40 == 6 else &keys.ipv4)


cdef inline size_t find_address_bytes(const FlowKey *key) noexcept nogil:
    """Return the length of each address of a key, octets."""
    return 16 if key.transport >> 40 == 6 else 4


cdef inline uint8_t *find_idle_record(const KeyMemory *memory, size_t number, size_t address_bytes) noexcept nogil:
    """Return the record of a number."""
    return <uint8_t *> find_element(&memory.records, number, record_width(address_bytes))


cdef inline void prefetch_place(const IdleKeys *keys, const FlowKey *key, uint64_t hashed) noexcept nogil:
    """Prefetch the place where the search for a key begins."""
    cdef const KeyMemory *memory = choose_memory(keys, key)
    if memory.n_records:
        netml_prefetch_read(&memory.places[hashed >> (64 - memory.place_bits)])


cdef inline void enter_place(KeyMemory *memory, size_t number, uint64_t hashed) noexcept nogil:
    """Enter a record into the index, which has room."""
    cdef uint32_t bits = memory.place_bits
    cdef size_t at = hashed >> (64 - bits), mask = (<size_t> 1 << bits) - 1
    while memory.places[at] != NO_PLACE:
        at = (at + 1) & mask
    memory.places[at] = <uint32_t> hashed << bits | <uint32_t> number


cdef inline Status index_records(
    KeyMemory *memory, size_t address_bytes, uint32_t place_bits, const uint64_t *seeds,
) noexcept nogil:
    """Enter all records into a new index of 2 ** `place_bits` places, which reuses the old one's memory."""
    cdef uint64_t hashes[N_AT_ONCE]
    cdef uint32_t *places
    cdef FlowKey key
    cdef size_t first = 0, number, end
    if place_bits > LARGEST_PLACE_BITS:
        return STATUS_TOO_MANY
    if place_bits != memory.place_bits:
        places = <uint32_t *> netml_reallocate(memory.places, sizeof(uint32_t) << place_bits)
        if places == NULL:
            return STATUS_NO_MEMORY
        memory.places = places
        memory.place_bits = place_bits
    memset(memory.places, 0xFF, sizeof(uint32_t) << place_bits)
    while first < memory.n_records:
        end = min(first + N_AT_ONCE, memory.n_records)
        for number in range(first, end):  # the misses of all of them at once
            read_key(find_idle_record(memory, number, address_bytes), address_bytes, &key)
            hashes[number - first] = hash_key(&key, seeds)
            netml_prefetch_write(&memory.places[hashes[number - first] >> (64 - place_bits)])
        for number in range(first, end):
            enter_place(memory, number, hashes[number - first])
        first = end
    return STATUS_OK


cdef inline uint32_t find_record_in(
    const KeyMemory *memory, size_t address_bytes, const FlowKey *key, uint64_t hashed,
) noexcept nogil:
    """Find a key's record as `find_record_of` does, with the addresses' length known."""
    cdef uint32_t bits = memory.place_bits, numbers = (<uint32_t> 1 << bits) - 1, tag = <uint32_t> hashed << bits
    cdef uint32_t number
    cdef size_t at
    if memory.n_records == 0:
        return NO_RECORD
    at = hashed >> (64 - bits)
    while memory.places[at] != NO_PLACE:
        if (memory.places[at] ^ tag) <= numbers:
            number = memory.places[at] & numbers
            if is_key_of(find_idle_record(memory, number, address_bytes), address_bytes, key):
                return number
        at = (at + 1) & numbers
    return NO_RECORD


cdef inline uint32_t find_record_of(const IdleKeys *keys, const FlowKey *key, uint64_t hashed) noexcept nogil:
    """Find the number of a key's record, also of a reactivated key; NO_RECORD if there is none."""
    if key.transport >> 40 == 6:
        return find_record_in(&keys.ipv6, 16, key, hashed)
    return find_record_in(&keys.ipv4, 4, key, hashed)


cdef inline void prefetch_idle_record(const IdleKeys *keys, const FlowKey *key, uint64_t hashed) noexcept nogil:
    """Prefetch the record that the search for a key will look at first, if there is one."""
    cdef const KeyMemory *memory = choose_memory(keys, key)
    cdef uint32_t bits = memory.place_bits, numbers = (<uint32_t> 1 << bits) - 1, tag = <uint32_t> hashed << bits
    cdef size_t at
    if memory.n_records == 0:
        return
    at = hashed >> (64 - bits)
    while memory.places[at] != NO_PLACE:
        if (memory.places[at] ^ tag) <= numbers:
            netml_prefetch_write(find_idle_record(memory, memory.places[at] & numbers, find_address_bytes(key)))
            return
        at = (at + 1) & numbers


cdef inline bint reactivate_record(
    IdleKeys *keys, const FlowKey *key, uint32_t number, int64_t *last_ns, int64_t *origin_ns,
) noexcept nogil:
    """Move a key's times out of its record; return False if the key was reactivated before."""
    cdef KeyMemory *memory = choose_memory(keys, key)
    cdef uint8_t *record = find_idle_record(memory, number, find_address_bytes(key))
    if has_gone(record):
        return False
    last_ns[0] = read_last(record)
    origin_ns[0] = read_origin(record)
    write_times(record, INT64_MIN, INT64_MAX)
    memory.n_gone += 1
    return True


cdef inline void restore_idle_key(
    IdleKeys *keys, const FlowKey *key, uint32_t number, int64_t last_ns, int64_t origin_ns,
) noexcept nogil:
    """Make a reactivated key idle again, in the record that it still has."""
    cdef KeyMemory *memory = choose_memory(keys, key)
    write_times(find_idle_record(memory, number, find_address_bytes(key)), last_ns, origin_ns)
    memory.n_gone -= 1


cdef inline Status add_idle_key_to(
    KeyMemory *memory, size_t address_bytes, const FlowKey *key, uint64_t hashed, const uint64_t *seeds,
    int64_t last_ns, int64_t origin_ns,
) noexcept nogil:
    """Add an idle key as `add_idle_key` does, with the addresses' length known."""
    cdef Status status
    cdef uint8_t *record
    if 4 * (memory.n_records + 1) > <size_t> 3 << memory.place_bits or memory.places == NULL:
        status = index_records(
            memory, address_bytes, max(memory.place_bits + 1, <uint32_t> FIRST_PLACE_BITS), seeds)
        if status != STATUS_OK:
            return status
    if memory.n_records >> CHUNK_BITS == memory.records.n_chunks:
        status = grow_array(&memory.records, record_width(address_bytes), False)
        if status != STATUS_OK:
            return status
    record = find_idle_record(memory, memory.n_records, address_bytes)
    write_times(record, last_ns, origin_ns)
    write_idle_key(record, address_bytes, key)
    enter_place(memory, memory.n_records, hashed)
    memory.n_records += 1
    return STATUS_OK


cdef inline Status add_idle_key(
    IdleKeys *keys, const FlowKey *key, uint64_t hashed, const uint64_t *seeds, int64_t last_ns,
    int64_t origin_ns,
) noexcept nogil:
    """Add an idle key that has no record."""
    if key.transport >> 40 == 6:
        return add_idle_key_to(&keys.ipv6, 16, key, hashed, seeds, last_ns, origin_ns)
    return add_idle_key_to(&keys.ipv4, 4, key, hashed, seeds, last_ns, origin_ns)
