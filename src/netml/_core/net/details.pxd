"""Packet fields for biflows and their families, besides the key: lengths by the headers, TCP's fields, ICMP's.

They are read after a packet has been kept, at offsets that decoding has checked against the captured length.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t

from netml._core.net.ipv6 cimport IPV6_BYTES, MOST_PADDING
from netml._core.net.tcp_options cimport read_tcp_options
from netml._core.octets cimport read_be16, read_be32
from netml._core.packet cimport (
    PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, TCP_SYN, NetworkHeader, Packet, find_protocol,
)


cdef inline uint32_t read_ip_bytes(const uint8_t *frame, uint32_t ip_at, uint32_t wirelen) noexcept nogil:
    """Read the IP packet's length field; if it is 0 (offload, jumbogram), count to the end of the frame."""
    cdef const uint8_t *ip = frame + ip_at
    cdef uint32_t n_bytes = read_be16(ip + 2), rest = wirelen - min(ip_at, wirelen)
    if ip[0] >> 4 == 6:
        n_bytes = read_be16(ip + 4)
        n_bytes += IPV6_BYTES if n_bytes or rest <= IPV6_BYTES + MOST_PADDING else 0
    return n_bytes if n_bytes else rest


cdef inline void read_icmp(const uint8_t *icmp, uint32_t n_octets, Packet *packet) noexcept nogil:
    """Read type and code, if they were captured."""
    if n_octets >= 2:
        packet.icmp_type = icmp[0]
        packet.icmp_code = icmp[1]


cdef inline void read_details(const uint8_t *frame, const NetworkHeader *network, Packet *packet) noexcept nogil:
    """Fill the fields of the packet that only some families use."""
    cdef uint32_t n_octets = network.payload_end - network.payload_at
    cdef const uint8_t *header = frame + network.payload_at
    cdef uint8_t protocol = find_protocol(&packet.key)
    cdef int64_t n_payload
    packet.is_forward = True
    packet.vlan_id = network.vlan_id
    packet.header_bytes = 0
    packet.window = 0
    packet.sequence = packet.acknowledgement = packet.tcp_options = 0
    packet.icmp_type = packet.icmp_code = -1
    packet.ip_bytes = read_ip_bytes(frame, network.ip_at, packet.wirelen)
    if not network.is_later_fragment:
        if protocol == PROTOCOL_TCP:
            # A data offset that cannot be counts as the smallest that can.
            packet.header_bytes = <uint8_t> max(20, (header[12] >> 4) * 4)
            packet.sequence = read_be32(header + 4)
            packet.acknowledgement = read_be32(header + 8)
            packet.window = read_be16(header + 14)
            if header[13] & TCP_SYN:
                packet.tcp_options = read_tcp_options(header, n_octets)
        elif protocol == PROTOCOL_UDP:
            packet.header_bytes = 8
        elif protocol == PROTOCOL_ICMP or protocol == PROTOCOL_ICMPV6:
            read_icmp(header, n_octets, packet)
    n_payload = <int64_t> packet.ip_bytes - (network.payload_at - network.ip_at) - packet.header_bytes
    packet.payload_bytes = <uint32_t> n_payload if n_payload > 0 else 0
