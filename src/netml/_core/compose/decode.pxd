"""The composition of decoding: link -> net -> transport.

Most frames need no more: they take the fast path. The others are decoded again from their first IP header on,
by `decode_nested.pxd`.
"""
from libc.stdint cimport uint32_t

from netml._core.compose.decode_nested cimport Decoding, decode_layers, decode_network
from netml._core.link.registry cimport decode_link
from netml._core.net.other cimport decode_other
from netml._core.net.tcp cimport decode_tcp
from netml._core.net.udp cimport decode_udp
from netml._core.octets cimport netml_likely
from netml._core.packet cimport (
    PROTOCOL_AUTHENTICATION, PROTOCOL_GRE, PROTOCOL_IPV4, PROTOCOL_IPV6, PROTOCOL_TCP, PROTOCOL_UDP, Frame,
    LinkHeader, NetworkHeader, Packet,
)
from netml._core.status cimport KEPT, SKIP_OTHER_PROTOCOL, Reason
from netml._core.tunnel.registry cimport may_be_tunnel


cdef inline Reason decode_frame(
    Decoding *decoding, const Frame *frame,
    NetworkHeader *network,      # OUT: of the packet, if there is one
    Packet *packet,              # OUT
) noexcept nogil:
    """Decode a frame to a packet, or return the reason why it is none."""
    cdef LinkHeader link, walked
    cdef NetworkHeader inner
    cdef Reason reason
    reason = decode_link(frame.link_type, frame.octets, frame.caplen, &link)
    if reason != KEPT:
        return reason
    packet.time_ns = frame.time_ns
    packet.caplen = frame.caplen
    packet.wirelen = frame.wirelen
    if netml_likely(decoding.fragments.entries == NULL):
        reason = decode_network(frame.octets, frame.caplen, &link, network, packet)
        if reason != KEPT:
            return reason
        if network.protocol == PROTOCOL_TCP:
            return decode_tcp(frame.octets, network, packet)
        if network.protocol == PROTOCOL_UDP:
            reason = decode_udp(frame.octets, network, packet)
            if reason != KEPT or not may_be_tunnel(&decoding.ports, packet.key.transport):
                return reason
        elif not leads_on(network.protocol):
            return decode_other(frame.octets, network, packet) if decoding.takes_all else SKIP_OTHER_PROTOCOL
    walked = link
    reason = decode_layers(decoding, frame.octets, frame.caplen, &walked, &inner, packet)
    network[0] = inner
    return reason


cdef inline bint leads_on(uint32_t protocol) noexcept nogil:
    """Return True for protocols that are neither TCP nor UDP but may carry them."""
    return (
        protocol == PROTOCOL_IPV4 or protocol == PROTOCOL_IPV6 or protocol == PROTOCOL_GRE
        or protocol == PROTOCOL_AUTHENTICATION
    )
