"""TCP: how connections were opened, what was sent again or late, and how they ended."""

from __future__ import annotations

from netml.families.spec import Family, constant

# The code of a state in the matrix is its place here; "-": not TCP. In the order of _core/features/tcp/state.pxd.
CONN_STATES = ("-", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")

_SIDE_COLUMNS = (
    *("payload_bytes", "retransmitted_packets", "retransmitted_bytes"),
    *("out_of_order_packets", "out_of_order_bytes", "keep_alive_packets"),
    *("zero_window_packets", "initial_window_bytes", "mss_bytes", "window_scale", "sack_permitted"),
)
TCP_COLUMNS = (
    "syn_synack_rtt_s",
    "synack_ack_rtt_s",
    "handshake_rtt_s",
    *(f"{side}_{name}" for side in ("fwd", "rev") for name in _SIDE_COLUMNS),
    "conn_state",
)
_PACKET_COLUMNS = (
    *("is_forward", "flags", "header_bytes", "payload_bytes", "window"),
    *("sequence", "acknowledgement", "tcp_options"),
)


TCP = Family(
    11,
    "handshake, retransmissions, windows, options, and how each connection ended",
    *constant(TCP_COLUMNS),
    packet_columns=_PACKET_COLUMNS,
    definition="bi",
    text_columns=("conn_state", "history"),
)
