"""Names for the kernel's numbers: reasons, rules, limits, tunnels, columns, the layout of a key."""
from libc.stdint cimport uint64_t

import numpy as np

from netml._core.flow.columns cimport (
    COLUMN_ACKNOWLEDGEMENT, COLUMN_CAPLEN, COLUMN_FLAGS, COLUMN_HEADER_BYTES, COLUMN_IP_BYTES, COLUMN_IS_FORWARD,
    COLUMN_PAYLOAD_BYTES, COLUMN_SEQUENCE, COLUMN_TCP_OPTIONS, COLUMN_TTL, COLUMN_WINDOW, COLUMN_WIRELEN, N_COLUMNS,
)
from netml._core.flow.end_reason cimport (
    DROP_IDLE_TAIL, DROP_INTERVAL_TAIL, DROP_SHORT_FLOW, DROP_SHORT_SUBFLOW, EARLY_FLOWS, EARLY_LONG_FLOW, EARLY_MEMORY,
    N_DROPS, N_EARLY_ENDS,
)
from netml._core.status cimport N_REASONS
from netml._core.tunnel.registry cimport (
    N_TUNNELS, TUNNEL_GENEVE, TUNNEL_GTP_U, TUNNEL_L2TP, TUNNEL_TEREDO, TUNNEL_VXLAN, TUNNEL_VXLAN_GPE, Tunnel,
    TunnelPorts, add_tunnel_port,
)

SKIP_REASONS = (
    "unsupported_link_type", "truncated_link_header", "not_ip", "truncated_ip_header", "bad_ip_header", "fragment",
    "other_protocol", "truncated_transport_header", "truncated_tunnel_header", "tunnel_depth",
)
assert len(SKIP_REASONS) == N_REASONS - 1

DROP_REASONS = {
    "short_flow": DROP_SHORT_FLOW, "idle_tail": DROP_IDLE_TAIL, "short_subflow": DROP_SHORT_SUBFLOW,
    "interval_tail": DROP_INTERVAL_TAIL,
}
assert len(DROP_REASONS) == N_DROPS

# Tunnels over UDP, and the ports that are registered for them.
TUNNELS = {
    "vxlan": (TUNNEL_VXLAN, 4789), "vxlan-gpe": (TUNNEL_VXLAN_GPE, 4790), "geneve": (TUNNEL_GENEVE, 6081),
    "gtp-u": (TUNNEL_GTP_U, 2152), "teredo": (TUNNEL_TEREDO, 3544), "l2tp": (TUNNEL_L2TP, 1701),
}
assert len(TUNNELS) == N_TUNNELS - 1

EARLY_ENDS = {"long_flow": EARLY_LONG_FLOW, "memory": EARLY_MEMORY, "flows": EARLY_FLOWS}
assert len(EARLY_ENDS) == N_EARLY_ENDS

FLOW_KEY = np.dtype([
    ("src_ip", "u1", 16), ("dst_ip", "u1", 16), ("src_port", "<u2"), ("dst_port", "<u2"), ("protocol", "u1"),
    ("ip_version", "u1"),
])

COLUMNS = {
    "caplen": (COLUMN_CAPLEN, np.uint32), "wirelen": (COLUMN_WIRELEN, np.uint32), "flags": (COLUMN_FLAGS, np.uint8),
    "ttl": (COLUMN_TTL, np.uint8), "is_forward": (COLUMN_IS_FORWARD, np.uint8),
    "ip_bytes": (COLUMN_IP_BYTES, np.uint32), "payload_bytes": (COLUMN_PAYLOAD_BYTES, np.uint32),
    "header_bytes": (COLUMN_HEADER_BYTES, np.uint8), "window": (COLUMN_WINDOW, np.uint16),
    "sequence": (COLUMN_SEQUENCE, np.uint32), "acknowledgement": (COLUMN_ACKNOWLEDGEMENT, np.uint32),
    "tcp_options": (COLUMN_TCP_OPTIONS, np.uint32),
}
assert len(COLUMNS) == N_COLUMNS
COLUMN_KINDS = {name: kind for name, (_, kind) in COLUMNS.items()}
FAMILY_ATTRIBUTES = {
    "protocol": np.uint8, "icmp_type": np.int16, "icmp_code": np.int16, "connection_start_ns": np.int64,
}


cdef dict name_counts(dict numbers, const uint64_t *n_packets, const uint64_t *n_flows):
    """Name counts by an enum's members."""
    return {name: {"packets": n_packets[<int> i], "flows": n_flows[<int> i]} for name, i in numbers.items()}


cdef int set_tunnel_ports(TunnelPorts *known, dict chosen) except -1:
    """Set the ports chosen for some tunnels, and the registered ones for the others."""
    unknown = set(chosen) - set(TUNNELS)
    if unknown:
        raise ValueError(f"no tunnel {sorted(unknown)}")
    ports = [(port, name) for name in TUNNELS if name in chosen for port in chosen[name]]
    ports += [(port, name) for name, (_, port) in TUNNELS.items() if name not in chosen]
    for port, name in ports:  # the first that has a port keeps it: what is chosen goes before what is registered
        if not 0 <= port <= 65535:
            raise ValueError(f"no port {port}")
        if not add_tunnel_port(known, port, <Tunnel> <int> TUNNELS[name][0]):
            raise ValueError("too many ports of tunnels")
    return 0
