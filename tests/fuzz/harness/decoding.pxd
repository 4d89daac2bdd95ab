"""How the harness sets up decoding: tunnels with their registered ports, and an empty ring of datagrams."""
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from netml._core.compose.assembly cimport Assembly
from netml._core.net.fragments cimport (
    NO_ENTRY, RING_BITS, DatagramKey, FragmentTable, allocate_fragments, remember_fragment,
)
from netml._core.packet cimport Packet
from netml._core.status cimport STATUS_OK
from netml._core.tunnel.registry cimport (
    TUNNEL_GENEVE, TUNNEL_GTP_U, TUNNEL_L2TP, TUNNEL_TEREDO, TUNNEL_VXLAN, TUNNEL_VXLAN_GPE, TunnelPorts,
    add_tunnel_port,
)


cdef extern from "support.h" nogil:
    void fuzz_require(bint holds, const char *what) noexcept


cdef inline void set_tunnels(Assembly *assembly, bint enters_tunnels) noexcept nogil:
    """As `FlowAssembler` does it."""
    cdef TunnelPorts *ports = &assembly.decoding.ports
    memset(ports, 0, sizeof(TunnelPorts))
    assembly.decoding.enters_tunnels = enters_tunnels
    if enters_tunnels:
        add_tunnel_port(ports, 4789, TUNNEL_VXLAN)
        add_tunnel_port(ports, 4790, TUNNEL_VXLAN_GPE)
        add_tunnel_port(ports, 6081, TUNNEL_GENEVE)
        add_tunnel_port(ports, 2152, TUNNEL_GTP_U)
        add_tunnel_port(ports, 3544, TUNNEL_TEREDO)
        add_tunnel_port(ports, 1701, TUNNEL_L2TP)


cdef inline void empty_ring(FragmentTable *ring) noexcept nogil:
    """No datagram is open. Costs what was stored; the first time, all of it is allocated."""
    cdef size_t place
    if ring.entries == NULL:
        fuzz_require(allocate_fragments(ring) == STATUS_OK, "memory for fragments")
        for place in range(3):
            ring.seeds[place] = <uint64_t> 0x9E3779B9 * (2 * place + 1) << 31
    for place in range(min(ring.n_stored, <size_t> 1 << RING_BITS)):
        if ring.entries[place].is_used:
            ring.heads[ring.entries[place].chain] = NO_ENTRY
        memset(&ring.entries[place], 0, sizeof(ring.entries[place]))
    ring.n_stored = 0


cdef inline void fill_ring(FragmentTable *ring) noexcept nogil:
    """As if as many datagrams had been begun as may be open: from here on the oldest gives way."""
    cdef DatagramKey key
    cdef Packet packet
    cdef uint32_t number
    memset(&key, 0, sizeof(key))
    memset(&packet, 0, sizeof(packet))
    packet.key.transport = (<uint64_t> 4 << 40) | (<uint64_t> 17 << 32)
    for number in range(<uint32_t> 1 << RING_BITS):
        key.identification = (<uint64_t> 4 << 40) | (<uint64_t> 17 << 32) | number
        remember_fragment(ring, &key, &packet)
