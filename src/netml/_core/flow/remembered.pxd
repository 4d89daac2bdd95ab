"""Keys of which every packet is out, remembered as long as their next packet may have to know what was before it.

In a stream most keys are such ones, so that they are small: 29 octets of IPv4, 53 of IPv6, and a place of 4 octets in
an index that is three quarters full at most. A key that comes back is taken out, and leaves its record as nobody's
until the next sweep (`forgetting.pxd`). Owns its memory.
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from netml._core.flow.key cimport hash_key
from netml._core.flow.records cimport CHUNK_BITS, Records, find_in_records, free_records, grow_records
from netml._core.octets cimport netml_prefetch_read, netml_reallocate
from netml._core.packet cimport FlowKey
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    # A record: the time of the last packet and the origin of its anchors (8 octets each), ports, protocol, addresses.
    TRANSPORT_AT = 16
    PROTOCOL_AT = 20
    ADDRESSES_AT = 21
    TRANSPORT_BYTES = 5
    FIRST_PLACE_BITS = 10
    LARGEST_PLACE_BITS = 31
    NO_PLACE = 0xFFFFFFFF        # no key: a number never has all its bits set


cdef struct KeyMemory:           # of one IP version
    Records records              # in the order in which their packets went out; none is empty in between
    uint32_t *places             # 2 ** place_bits of them, owned: number | part of the hash << place_bits
    uint32_t place_bits
    size_t n_records
    size_t n_gone                # of them, that came back
    size_t n_swept               # records that the last sweep left


cdef struct RememberedKeys:
    KeyMemory ipv4
    KeyMemory ipv6


cdef inline size_t count_remembered(const RememberedKeys *keys) noexcept nogil:
    """Keys that are remembered."""
    return keys.ipv4.n_records - keys.ipv4.n_gone + keys.ipv6.n_records - keys.ipv6.n_gone


cdef inline void free_memory(KeyMemory *memory) noexcept nogil:
    """Give the memory back; nothing is remembered then."""
    free_records(&memory.records)
    free(memory.places)
    memset(memory, 0, sizeof(KeyMemory))


cdef inline void free_remembered(RememberedKeys *keys) noexcept nogil:
    """The same for both versions."""
    free_memory(&keys.ipv4)
    free_memory(&keys.ipv6)


cdef inline KeyMemory *choose_memory(RememberedKeys *keys, const FlowKey *key) noexcept nogil:
    """Where a key belongs."""
    return &keys.ipv6 if key.transport >> 40 == 6 else &keys.ipv4


cdef inline size_t record_width(size_t address_bytes) noexcept nogil:
    """Octets of a record."""
    return ADDRESSES_AT + 2 * address_bytes


cdef inline uint8_t *find_remembered(const KeyMemory *memory, size_t number, size_t address_bytes) noexcept nogil:
    """The record of a number."""
    return <uint8_t *> find_in_records(&memory.records, number, record_width(address_bytes))


cdef inline int64_t read_last(const uint8_t *record) noexcept nogil:
    """When the key's last packet was."""
    cdef int64_t last_ns
    memcpy(&last_ns, record, sizeof(int64_t))
    return last_ns


cdef inline int64_t read_origin(const uint8_t *record) noexcept nogil:
    """Where its anchors are counted from: never after its last packet, unless the key has come back."""
    cdef int64_t origin_ns
    memcpy(&origin_ns, record + sizeof(int64_t), sizeof(int64_t))
    return origin_ns


cdef inline bint has_gone(const uint8_t *record) noexcept nogil:
    """Has the key come back, so that the record is nobody's?"""
    return read_origin(record) > read_last(record)


cdef inline void write_times(uint8_t *record, int64_t last_ns, int64_t origin_ns) noexcept nogil:
    """The first 16 octets."""
    memcpy(record, &last_ns, sizeof(int64_t))
    memcpy(record + sizeof(int64_t), &origin_ns, sizeof(int64_t))


cdef inline void read_key(const uint8_t *record, size_t address_bytes, FlowKey *key) noexcept nogil:
    """The key of a record."""
    memset(key, 0, sizeof(FlowKey))
    memcpy(&key.transport, record + TRANSPORT_AT, TRANSPORT_BYTES)
    key.transport |= <uint64_t> (6 if address_bytes == 16 else 4) << 40
    memcpy(key.source, record + ADDRESSES_AT, address_bytes)
    memcpy(key.destination, record + ADDRESSES_AT + address_bytes, address_bytes)


cdef inline bint is_key_of(const uint8_t *record, size_t address_bytes, const FlowKey *key) noexcept nogil:
    """Is that the record of this key?"""
    return (
        memcmp(record + TRANSPORT_AT, &key.transport, TRANSPORT_BYTES) == 0
        and memcmp(record + ADDRESSES_AT, key.source, address_bytes) == 0
        and memcmp(record + ADDRESSES_AT + address_bytes, key.destination, address_bytes) == 0
    )


cdef inline void prefetch_place(RememberedKeys *keys, const FlowKey *key, uint64_t hashed) noexcept nogil:
    """Ask for the line where the search for a key begins."""
    cdef const KeyMemory *memory = choose_memory(keys, key)
    if memory.n_records:
        netml_prefetch_read(&memory.places[hashed >> (64 - memory.place_bits)])


cdef inline void enter_place(KeyMemory *memory, size_t number, uint64_t hashed) noexcept nogil:
    """Enter a record into the index, where there is room."""
    cdef uint32_t bits = memory.place_bits
    cdef size_t at = hashed >> (64 - bits), mask = (<size_t> 1 << bits) - 1
    while memory.places[at] != NO_PLACE:
        at = (at + 1) & mask
    memory.places[at] = <uint32_t> hashed << bits | <uint32_t> number


cdef inline Status index_records(
    KeyMemory *memory, size_t address_bytes, uint32_t place_bits, const uint64_t *seeds,
) noexcept nogil:
    """Enter all records anew into an index of 2 ** `place_bits` places; the old one's memory is used for it."""
    cdef uint32_t *places
    cdef const uint8_t *record
    cdef FlowKey key
    cdef size_t number
    if place_bits > LARGEST_PLACE_BITS:
        return STATUS_TOO_MANY
    if place_bits != memory.place_bits:
        places = <uint32_t *> netml_reallocate(memory.places, sizeof(uint32_t) << place_bits)
        if places == NULL:
            return STATUS_NO_MEMORY
        memory.places = places
        memory.place_bits = place_bits
    memset(memory.places, 0xFF, sizeof(uint32_t) << place_bits)
    for number in range(memory.n_records):
        record = find_remembered(memory, number, address_bytes)
        if not has_gone(record):
            read_key(record, address_bytes, &key)
            enter_place(memory, number, hash_key(&key, seeds))
    return STATUS_OK


cdef inline Status remember_in(
    KeyMemory *memory, size_t address_bytes, const FlowKey *key, const uint64_t *seeds, int64_t last_ns,
    int64_t origin_ns,
) noexcept nogil:
    """`remember_key`, with the addresses' length known."""
    cdef Status status
    cdef uint8_t *record
    if 4 * (memory.n_records + 1) > <size_t> 3 << memory.place_bits or memory.places == NULL:
        status = index_records(
            memory, address_bytes, max(memory.place_bits + 1, <uint32_t> FIRST_PLACE_BITS), seeds)
        if status != STATUS_OK:
            return status
    if memory.n_records >> CHUNK_BITS == memory.records.n_chunks:
        status = grow_records(&memory.records, record_width(address_bytes), False)
        if status != STATUS_OK:
            return status
    record = find_remembered(memory, memory.n_records, address_bytes)
    write_times(record, last_ns, origin_ns)
    memcpy(record + TRANSPORT_AT, &key.transport, TRANSPORT_BYTES)
    memcpy(record + ADDRESSES_AT, key.source, address_bytes)
    memcpy(record + ADDRESSES_AT + address_bytes, key.destination, address_bytes)
    enter_place(memory, memory.n_records, hash_key(key, seeds))
    memory.n_records += 1
    return STATUS_OK


cdef inline Status remember_key(
    RememberedKeys *keys, const FlowKey *key, const uint64_t *seeds, int64_t last_ns, int64_t origin_ns,
) noexcept nogil:
    """Remember a key that is not remembered."""
    if key.transport >> 40 == 6:
        return remember_in(&keys.ipv6, 16, key, seeds, last_ns, origin_ns)
    return remember_in(&keys.ipv4, 4, key, seeds, last_ns, origin_ns)


cdef inline bint recall_key(
    RememberedKeys *keys, const FlowKey *key, uint64_t hashed, int64_t *last_ns, int64_t *origin_ns,
) noexcept nogil:
    """Was the key remembered? It is no longer, then."""
    cdef KeyMemory *memory = choose_memory(keys, key)
    cdef size_t address_bytes = 16 if memory == &keys.ipv6 else 4
    cdef uint32_t bits = memory.place_bits, numbers = (<uint32_t> 1 << bits) - 1, tag = <uint32_t> hashed << bits
    cdef size_t at
    cdef uint8_t *record
    if memory.n_records == 0:
        return False
    at = hashed >> (64 - bits)
    while memory.places[at] != NO_PLACE:
        if (memory.places[at] ^ tag) <= numbers:
            record = find_remembered(memory, memory.places[at] & numbers, address_bytes)
            if is_key_of(record, address_bytes, key) and not has_gone(record):
                last_ns[0] = read_last(record)
                origin_ns[0] = read_origin(record)
                write_times(record, INT64_MIN, INT64_MAX)
                memory.n_gone += 1
                return True
        at = (at + 1) & numbers
    return False
