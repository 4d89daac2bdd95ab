"""The registry of tunnels over UDP and their ports. A new tunnel is a file and its lines here and in `_bindings`.

Most datagrams are of no tunnel: a word of 64 bits, by the ports' lowest six, says so at once.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from netml._core.packet cimport LinkHeader
from netml._core.tunnel.gtp_u cimport decode_gtp_u
from netml._core.tunnel.l2tp cimport decode_l2tp
from netml._core.tunnel.teredo cimport decode_teredo
from netml._core.tunnel.vxlan cimport decode_geneve, decode_vxlan, decode_vxlan_gpe


cdef enum:
    MAX_TUNNEL_PORTS = 64


cdef enum Tunnel:
    TUNNEL_NONE = 0
    TUNNEL_VXLAN
    TUNNEL_VXLAN_GPE
    TUNNEL_GENEVE
    TUNNEL_GTP_U
    TUNNEL_TEREDO
    TUNNEL_L2TP
    N_TUNNELS


cdef struct TunnelPorts:
    uint64_t marks               # bit p % 64 is set for each port p
    size_t n_ports
    uint16_t ports[64]
    uint8_t tunnels[64]          # of each port: a Tunnel


cdef inline bint add_tunnel_port(TunnelPorts *known, uint16_t port, Tunnel tunnel) noexcept nogil:
    """Add a port of a tunnel; return False if there are too many."""
    if known.n_ports == MAX_TUNNEL_PORTS:
        return False
    known.ports[known.n_ports] = port
    known.tunnels[known.n_ports] = <uint8_t> tunnel
    known.marks |= <uint64_t> 1 << (port & 63)
    known.n_ports += 1
    return True


cdef inline bint may_be_tunnel(const TunnelPorts *known, uint64_t transport) noexcept nogil:
    """Return True if one of the ports in `FlowKey.transport` may be a tunnel's."""
    return (known.marks >> (transport & 63) | known.marks >> (transport >> 16 & 63)) & 1


cdef inline Tunnel find_tunnel(const TunnelPorts *known, uint64_t transport) noexcept nogil:
    """Return the tunnel of the destination port, or else of the source port."""
    cdef uint16_t source = <uint16_t> transport, destination = <uint16_t> (transport >> 16)
    cdef Tunnel found = TUNNEL_NONE
    cdef size_t i
    for i in range(known.n_ports):
        if known.ports[i] == destination:
            return <Tunnel> known.tunnels[i]
        if known.ports[i] == source and found == TUNNEL_NONE:
            found = <Tunnel> known.tunnels[i]
    return found


cdef inline bint decode_udp_tunnel(
    Tunnel tunnel, const uint8_t *frame,
    uint32_t *end,               # IN: of the datagram, OUT: of what the tunnel's header says
    uint32_t at,                 # <= end
    LinkHeader *header,
) noexcept nogil:
    """Decode the tunnel's header at `at`; return False if the datagram is not its traffic."""
    if tunnel == TUNNEL_VXLAN:
        return decode_vxlan(frame, end[0], at, header)
    if tunnel == TUNNEL_VXLAN_GPE:
        return decode_vxlan_gpe(frame, end[0], at, header)
    if tunnel == TUNNEL_GENEVE:
        return decode_geneve(frame, end[0], at, header)
    if tunnel == TUNNEL_GTP_U:
        return decode_gtp_u(frame, end, at, header)
    if tunnel == TUNNEL_TEREDO:
        return decode_teredo(frame, end[0], at, header)
    if tunnel == TUNNEL_L2TP:
        return decode_l2tp(frame, end, at, header)
    return False
