"""The composition of nested decoding: through tunnels and fragments to the innermost packet.

Every header is bounded by the captured payload of the one that holds it.
"""
from libc.stdint cimport uint8_t, uint32_t

from netml._core.link.ethernet cimport decode_ethernet, find_version, skip_ether_tags
from netml._core.link.ppp cimport decode_ppp_frame
from netml._core.net.authentication cimport skip_authentication
from netml._core.net.fragments cimport (
    DatagramKey, FragmentTable, find_first_fragment, read_datagram_key, remember_fragment,
)
from netml._core.net.ipv4 cimport decode_ipv4
from netml._core.net.ipv6 cimport decode_ipv6
from netml._core.net.other cimport decode_other
from netml._core.net.tcp cimport decode_tcp
from netml._core.net.udp cimport UDP_BYTES, bound_datagram, decode_udp
from netml._core.octets cimport netml_likely
from netml._core.packet cimport (
    ETHER_ANY_IP, ETHER_BRIDGED, ETHER_IPV4, ETHER_IPV6, ETHER_PPP, NO_FRAGMENT, PROTOCOL_AUTHENTICATION,
    PROTOCOL_GRE, PROTOCOL_IPV4, PROTOCOL_IPV6, PROTOCOL_TCP, PROTOCOL_UDP, LinkHeader, NetworkHeader, Packet,
)
from netml._core.status cimport (
    KEPT, SKIP_DEEP_TUNNEL, SKIP_FRAGMENT, SKIP_OTHER_PROTOCOL, SKIP_TRUNCATED_IP, SKIP_TRUNCATED_TRANSPORT, Reason,
)
from netml._core.tunnel.gre cimport decode_gre
from netml._core.tunnel.registry cimport TUNNEL_NONE, Tunnel, TunnelPorts, decode_udp_tunnel, find_tunnel, may_be_tunnel


cdef enum:
    MAX_LEVELS = 8               # IP headers in one frame


cdef struct Decoding:            # what is to be decoded, and what is known of open datagrams
    bint enters_tunnels
    bint takes_all               # every protocol over IP, not only TCP and UDP
    TunnelPorts ports            # of UDP tunnels; none if tunnels are not entered
    FragmentTable fragments


cdef struct Layers:              # a walk from one IP header into the next
    DatagramKey datagrams[8]     # of the first fragments on the way
    size_t n_datagrams
    Packet outer                 # the nearest packet around that would be kept, if there is one
    NetworkHeader outer_network
    size_t n_outer_datagrams     # of those on the way to it
    bint has_outer


cdef inline Reason decode_network(
    const uint8_t *frame, uint32_t end, const LinkHeader *link, NetworkHeader *network, Packet *packet,
) noexcept nogil:
    """Decode the IP header that a link header leads to; its version is known."""
    cdef NetworkHeader long_header
    cdef Reason reason
    if netml_likely(link.ether_type == ETHER_IPV4):
        reason = decode_ipv4(frame, end, link.payload_at, network, packet)
    else:
        reason = decode_ipv6(frame, end, link.payload_at, &long_header, packet)
        network[0] = long_header
    network.vlan_id = link.vlan_id
    network.is_later_fragment = False
    return reason


cdef inline bint is_final(Reason reason) noexcept nogil:
    """Return True if there is an IP packet inside, only without its ports."""
    return reason == SKIP_TRUNCATED_IP or reason == SKIP_TRUNCATED_TRANSPORT or reason == SKIP_FRAGMENT


cdef inline Reason decode_layers(
    Decoding *decoding, const uint8_t *frame, uint32_t caplen, LinkHeader *link, NetworkHeader *network,
    Packet *packet,
) noexcept nogil:
    """Decode from the first IP header to the innermost TCP or UDP packet; `link` is used up.

    If a tunnel's payload is not its traffic, the UDP packet around it counts. Only kept packets store their datagrams,
    so that a first fragment too short for its ports leads nowhere.
    """
    cdef Layers layers
    cdef Reason reason = SKIP_DEEP_TUNNEL
    cdef uint32_t end = caplen
    cdef int level = 0
    cdef size_t i
    cdef bint is_inside = True
    layers.n_datagrams = layers.n_outer_datagrams = 0
    layers.has_outer = False
    while is_inside:
        if level == MAX_LEVELS:
            reason = SKIP_DEEP_TUNNEL
            break
        level += 1
        reason = decode_level(decoding, &layers, frame, &end, link, network, packet, &is_inside)
    if layers.has_outer and reason != KEPT and not is_final(reason):
        packet[0] = layers.outer
        network[0] = layers.outer_network
        layers.n_datagrams = layers.n_outer_datagrams
        reason = KEPT
    if reason == KEPT:
        for i in range(layers.n_datagrams):
            remember_fragment(&decoding.fragments, &layers.datagrams[i], packet)
    return reason


cdef inline Reason decode_level(
    Decoding *decoding, Layers *layers, const uint8_t *frame,
    uint32_t *end,               # IN, OUT: of what holds the header, then of what it holds
    LinkHeader *link,            # IN, OUT: leads to the header, then to the next one
    NetworkHeader *network,      # OUT
    Packet *packet,              # OUT
    bint *is_inside,             # OUT: is there a next one?
) noexcept nogil:
    """Decode one IP header and the header that it holds."""
    cdef Tunnel tunnel
    cdef Reason reason = find_version(frame, end[0], link)
    is_inside[0] = False
    if reason == KEPT:
        reason = decode_network(frame, end[0], link, network, packet)
    if decoding.fragments.entries != NULL and (reason == SKIP_FRAGMENT or reason == KEPT) \
            and network.fragment_at != NO_FRAGMENT:
        if read_datagram_key(frame, network, packet, &layers.datagrams[layers.n_datagrams]):
            layers.n_datagrams += 1
        elif reason == SKIP_FRAGMENT:
            network.is_later_fragment = True
            return find_first_fragment(&decoding.fragments, &layers.datagrams[layers.n_datagrams], packet)
    while reason == KEPT and network.protocol == PROTOCOL_AUTHENTICATION:
        reason = skip_authentication(frame, network)
    if reason != KEPT:
        return reason
    end[0] = network.payload_end
    if network.protocol == PROTOCOL_TCP:
        return decode_tcp(frame, network, packet)
    if network.protocol == PROTOCOL_UDP:
        reason = decode_udp(frame, network, packet)
        if reason != KEPT or not may_be_tunnel(&decoding.ports, packet.key.transport):
            return reason
        tunnel = find_tunnel(&decoding.ports, packet.key.transport)
        if tunnel == TUNNEL_NONE or not bound_datagram(frame, network.payload_at, end) \
                or not decode_udp_tunnel(tunnel, frame, end, network.payload_at + UDP_BYTES, link):
            return KEPT
        save_outer(layers, network, packet)
    elif not decoding.enters_tunnels or network.protocol != PROTOCOL_GRE and network.protocol != PROTOCOL_IPV4 \
            and network.protocol != PROTOCOL_IPV6:
        return decode_other(frame, network, packet) if decoding.takes_all else SKIP_OTHER_PROTOCOL
    else:
        reason = decode_tunnel(decoding, layers, frame, end[0], network, link, packet)
        if reason != KEPT:
            return reason
    reason = find_network(frame, end[0], link)
    is_inside[0] = reason == KEPT
    return reason


cdef inline void save_outer(Layers *layers, const NetworkHeader *network, const Packet *packet) noexcept nogil:
    """Keep this packet as the result in case there is none inside."""
    layers.outer = packet[0]
    layers.outer_network = network[0]
    layers.n_outer_datagrams = layers.n_datagrams
    layers.has_outer = True


cdef inline Reason decode_tunnel(
    Decoding *decoding, Layers *layers, const uint8_t *frame, uint32_t end, const NetworkHeader *network,
    LinkHeader *link, Packet *packet,
) noexcept nogil:
    """Decode a tunnel right over IP; `link` then leads to its payload."""
    if decoding.takes_all:
        decode_other(frame, network, packet)
        save_outer(layers, network, packet)
    if network.protocol == PROTOCOL_GRE:
        return decode_gre(frame, end, network.payload_at, link)
    link.ether_type = ETHER_IPV4 if network.protocol == PROTOCOL_IPV4 else ETHER_IPV6
    link.payload_at = network.payload_at
    return KEPT


cdef inline Reason find_network(const uint8_t *frame, uint32_t end, LinkHeader *link) noexcept nogil:
    """Step from a tunnel's payload past another link layer to an IP header."""
    cdef uint32_t at = link.payload_at
    cdef Reason reason
    if link.ether_type == ETHER_BRIDGED:
        reason = decode_ethernet(frame + at, end - at, link)
        link.payload_at += at
        return reason
    if link.ether_type == ETHER_PPP:
        return decode_ppp_frame(frame, end, at, link)
    if link.ether_type == ETHER_ANY_IP:
        return KEPT
    return skip_ether_tags(frame, end, at, link.ether_type, link)
