"""The table of open datagrams: later fragments, which have no ports, get the flow key of their first one.

A ring of the datagrams that were begun last, found by chains of a keyed hash: the oldest gives way. Whatever comes,
memory is bounded, and nothing but speed depends on the hash. The newest first fragment counts. Owns its memory.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from netml._core.octets cimport netml_allocate_plain, netml_fold_multiply, netml_gap, read_be16, read_be32
from netml._core.packet cimport FlowKey, NetworkHeader, Packet
from netml._core.status cimport KEPT, SKIP_FRAGMENT, STATUS_NO_MEMORY, STATUS_OK, Reason, Status


cdef enum:
    RING_BITS = 14               # datagrams that may be open
    NO_ENTRY = 0xFFFFFFFF
    FRAGMENT_TIMEOUT_S = 30


cdef struct DatagramKey:         # what the fragments of a datagram have in common
    uint64_t source[2]           # addresses in network order
    uint64_t destination[2]
    uint64_t identification      # with the protocol (IPv4 only) << 32 and the IP version << 40


cdef struct DatagramEntry:
    DatagramKey key
    FlowKey flow                 # of the packet that the first fragment is
    int64_t time_ns              # of the first fragment
    uint32_t chain               # its head's place
    uint32_t next                # in the chain, or NO_ENTRY
    bint is_used


cdef struct FragmentTable:
    DatagramEntry *entries       # 1 << RING_BITS of them, owned; NULL: fragments are not tracked
    uint32_t *heads              # as many chains, owned
    size_t n_stored              # so far: the next place is that modulo the ring's size
    uint64_t seeds[3]


cdef inline Status allocate_fragments(FragmentTable *table) noexcept nogil:
    """Allocate the ring, so that fragments are tracked."""
    table.entries = <DatagramEntry *> netml_allocate_plain(sizeof(DatagramEntry) << RING_BITS)
    table.heads = <uint32_t *> netml_allocate_plain(sizeof(uint32_t) << RING_BITS)
    if table.entries == NULL or table.heads == NULL:
        return STATUS_NO_MEMORY
    memset(table.entries, 0, sizeof(DatagramEntry) << RING_BITS)
    memset(table.heads, 0xFF, sizeof(uint32_t) << RING_BITS)
    return STATUS_OK


cdef inline void free_fragments(FragmentTable *table) noexcept nogil:
    """Free the memory."""
    free(table.entries)
    free(table.heads)
    table.entries = NULL
    table.heads = NULL


cdef inline bint read_datagram_key(
    const uint8_t *frame, const NetworkHeader *header, const Packet *packet, DatagramKey *key,
) noexcept nogil:
    """Fill the datagram's key; return True if the packet is its first fragment with more to come."""
    cdef const uint8_t *at = frame + header.fragment_at
    cdef uint64_t version = packet.key.transport >> 40
    memcpy(key.source, packet.key.source, 16)
    memcpy(key.destination, packet.key.destination, 16)
    if version == 4:
        key.identification = <uint64_t> read_be16(at + 4) | <uint64_t> at[9] << 32 | version << 40
        return read_be16(at + 6) & 0x3FFF == 0x2000
    key.identification = <uint64_t> read_be32(at + 4) | version << 40
    return read_be16(at + 2) & 0xFFF9 == 1


cdef inline uint32_t find_chain(const FragmentTable *table, const DatagramKey *key) noexcept nogil:
    """Return the place of the chain that a datagram belongs to."""
    cdef const uint64_t *seeds = table.seeds
    cdef uint64_t mixed = netml_fold_multiply(key.source[0] ^ seeds[0], key.destination[0] ^ seeds[1])
    mixed = netml_fold_multiply(key.source[1] ^ mixed ^ seeds[2], key.destination[1] ^ seeds[0])
    mixed = netml_fold_multiply(mixed ^ seeds[1], key.identification ^ seeds[2])
    # Once more: identifications count up, and a product's high bits do not see that.
    return netml_fold_multiply(mixed ^ seeds[0], seeds[1] | 1) >> (64 - RING_BITS)


cdef inline uint32_t find_datagram(const FragmentTable *table, const DatagramKey *key, uint32_t chain) noexcept nogil:
    """Return the place of a datagram's entry, or NO_ENTRY."""
    cdef uint32_t place = table.heads[chain]
    while place != NO_ENTRY and memcmp(&table.entries[place].key, key, sizeof(DatagramKey)) != 0:
        place = table.entries[place].next
    return place


cdef inline Reason find_first_fragment(FragmentTable *table, const DatagramKey *key, Packet *packet) noexcept nogil:
    """Copy the flow key of the first fragment to a later one."""
    cdef uint32_t place = find_datagram(table, key, find_chain(table, key))
    cdef DatagramEntry *entry
    if place == NO_ENTRY:
        return SKIP_FRAGMENT
    entry = &table.entries[place]
    if netml_gap(max(entry.time_ns, packet.time_ns), min(entry.time_ns, packet.time_ns)) \
            > <int64_t> 1000000000 * FRAGMENT_TIMEOUT_S:
        return SKIP_FRAGMENT
    packet.key = entry.flow
    packet.flags = 0
    return KEPT


cdef inline void forget_datagram(FragmentTable *table, uint32_t place) noexcept nogil:
    """Remove an entry from its chain."""
    cdef uint32_t *link = &table.heads[table.entries[place].chain]
    while link[0] != place:
        link = &table.entries[link[0]].next
    link[0] = table.entries[place].next
    table.entries[place].is_used = False


cdef inline void remember_fragment(FragmentTable *table, const DatagramKey *key, const Packet *packet) noexcept nogil:
    """Store a first fragment in the ring's next place, and drop older entries of its datagram."""
    cdef uint32_t chain = find_chain(table, key), before = find_datagram(table, key, chain)
    cdef uint32_t place = table.n_stored & ((1 << RING_BITS) - 1)
    cdef DatagramEntry *entry = &table.entries[place]
    if before != NO_ENTRY:
        forget_datagram(table, before)
    if entry.is_used:
        forget_datagram(table, place)
    entry.key = key[0]
    entry.flow = packet.key
    entry.time_ns = packet.time_ns
    entry.chain = chain
    entry.next = table.heads[chain]
    entry.is_used = True
    table.heads[chain] = place
    table.n_stored += 1
