"""How the harness sets up decoding: tunnels with their registered ports, and a fresh table of fragments."""
from libc.stdint cimport uint64_t
from libc.string cimport memset

from netml._core.net.fragments cimport SET_BITS, SET_SIZE, DatagramEntry
from netml._core.pipeline cimport Assembly
from netml._core.tunnel.registry cimport (
    TUNNEL_GENEVE, TUNNEL_GTP_U, TUNNEL_L2TP, TUNNEL_TEREDO, TUNNEL_VXLAN, TUNNEL_VXLAN_GPE, TunnelPorts,
    add_tunnel_port,
)


cdef extern from "support.h" nogil:
    void *fuzz_zeroed(size_t size) noexcept


cdef inline void set_decoding(Assembly *assembly, bint enters_tunnels, bint tracks_fragments) noexcept nogil:
    """As `FlowAssembler` does it, but with seeds that never change."""
    cdef TunnelPorts *ports = &assembly.decoding.ports
    cdef size_t i, n_entries = <size_t> SET_SIZE << SET_BITS
    memset(ports, 0, sizeof(TunnelPorts))
    assembly.decoding.enters_tunnels = enters_tunnels
    if enters_tunnels:
        add_tunnel_port(ports, 4789, TUNNEL_VXLAN)
        add_tunnel_port(ports, 4790, TUNNEL_VXLAN_GPE)
        add_tunnel_port(ports, 6081, TUNNEL_GENEVE)
        add_tunnel_port(ports, 2152, TUNNEL_GTP_U)
        add_tunnel_port(ports, 3544, TUNNEL_TEREDO)
        add_tunnel_port(ports, 1701, TUNNEL_L2TP)
    for i in range(3):
        assembly.decoding.fragments.seeds[i] = <uint64_t> 0x9E3779B97F4A7C15 * (i + 1)
    assembly.decoding.fragments.entries = NULL
    if tracks_fragments:
        assembly.decoding.fragments.entries = <DatagramEntry *> fuzz_zeroed(n_entries * sizeof(DatagramEntry))
