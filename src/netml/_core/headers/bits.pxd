"""Headers as bits: the octets of a packet's headers in its frame, and the columns of their bits.

Columns are nPrint 1.2.1's: IPv4 with room for 40 octets of options, IPv6, TCP likewise, UDP, ICMP, payload. An
octet's most significant bit comes first; 1 and 0 are bits, -1 is what is absent: a header, an option, what was not
captured.
"""
from libc.stdint cimport int8_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from netml._core.packet cimport PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, NetworkHeader


cdef enum:
    NO_BLOCK = 0xFFFFFFFF        # not a column
    IPV4_OCTETS = 60             # columns / 8 of each block
    IPV6_OCTETS = 40
    TCP_OCTETS = 60
    UDP_OCTETS = 8
    ICMP_OCTETS = 8
    LEAST_TCP_OCTETS = 20


cdef struct BitLayout:           # of one packet's columns
    uint32_t ipv4_at             # first column of the block, or NO_BLOCK
    uint32_t ipv6_at
    uint32_t tcp_at
    uint32_t udp_at
    uint32_t icmp_at             # of ICMPv6, too
    uint32_t payload_at
    uint32_t payload_octets      # that there are columns for
    uint32_t width               # columns


cdef struct HeaderOctets:        # one packet's, as far as they were captured
    const uint8_t *ip            # borrowed, as the two below
    const uint8_t *transport
    const uint8_t *payload
    uint32_t n_ip                # octets: IPv4 with options, of IPv6 the fixed header
    uint32_t n_transport         # TCP with options, UDP, ICMP and ICMPv6 8; of others, and of later fragments, 0
    uint32_t n_payload           # at most as many as were wanted
    uint8_t protocol             # of the transport


cdef inline uint32_t count_transport(
    const uint8_t *frame, const NetworkHeader *network, uint8_t protocol,
) noexcept nogil:
    """Return the transport header's length by its own field; an impossible data offset counts as the smallest one."""
    if network.is_later_fragment:
        return 0
    if protocol == PROTOCOL_TCP:
        return max(<uint32_t> LEAST_TCP_OCTETS, <uint32_t> (frame[network.payload_at + 12] >> 4) * 4)
    if protocol == PROTOCOL_UDP:
        return UDP_OCTETS
    return ICMP_OCTETS if protocol == PROTOCOL_ICMP or protocol == PROTOCOL_ICMPV6 else 0


cdef inline void find_headers(
    const uint8_t *frame, const NetworkHeader *network, uint8_t protocol, uint32_t payload_octets,
    HeaderOctets *found,
) noexcept nogil:
    """Find the headers of a packet that was kept, and at most `payload_octets` of its payload."""
    cdef uint32_t available = network.payload_end - network.payload_at
    found.protocol = protocol
    found.ip = frame + network.ip_at
    # Of a later fragment, whose key is that of its first one, the header itself knows the version.
    found.n_ip = (found.ip[0] & 0x0F) * 4 if found.ip[0] >> 4 == 4 else IPV6_OCTETS
    found.transport = frame + network.payload_at
    found.n_transport = min(count_transport(frame, network, protocol), available)
    found.payload = found.transport + found.n_transport
    found.n_payload = min(available - found.n_transport, payload_octets)


cdef inline void write_bits(const uint8_t *octets, uint32_t n_octets, int8_t *columns) noexcept nogil:
    """Write eight columns for each octet."""
    cdef uint64_t bits
    cdef uint32_t i
    for i in range(n_octets):
        # Octet k of the product has at its top the bit that is to be column k: the factor is the sum of all 2^(9k).
        bits = (<uint64_t> octets[i] * 0x8040201008040201ULL >> 7) & 0x0101010101010101ULL
        memcpy(columns + 8 * i, &bits, 8)


cdef inline void write_block(
    const uint8_t *octets, uint32_t n_octets, uint32_t at, int8_t *row,
) noexcept nogil:
    """Write a header into its block, if that is wanted."""
    if at != NO_BLOCK:
        write_bits(octets, n_octets, row + at)


cdef inline void write_headers(const BitLayout *layout, const HeaderOctets *headers, int8_t *row) noexcept nogil:
    """Write all `layout.width` columns of one packet."""
    memset(row, -1, layout.width)
    write_block(headers.ip, headers.n_ip, layout.ipv4_at if headers.ip[0] >> 4 == 4 else layout.ipv6_at, row)
    if headers.protocol == PROTOCOL_TCP:
        write_block(headers.transport, headers.n_transport, layout.tcp_at, row)
    elif headers.protocol == PROTOCOL_UDP:
        write_block(headers.transport, headers.n_transport, layout.udp_at, row)
    elif headers.protocol == PROTOCOL_ICMP or headers.protocol == PROTOCOL_ICMPV6:
        write_block(headers.transport, headers.n_transport, layout.icmp_at, row)
    write_block(headers.payload, min(headers.n_payload, layout.payload_octets), layout.payload_at, row)
