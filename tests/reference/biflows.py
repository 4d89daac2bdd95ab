"""Packets become flows: the definitions `uni` and `bi` (RFC 5103), one packet after the other as they arrive.

A key has at most one open flow. A packet joins it, unless the flow is over by then: idle, too old, or closed by TCP.
Nothing is ever joined again and nothing is dropped, unless `min_packets` asks for it. Times are integer nanoseconds;
packets may come late, so a flow starts with its earliest packet and is idle since its latest.
"""

from dataclasses import dataclass, field

from reference.decode import TCP
from reference.flow_keys import DirectionalKey, key_of
from reference.flows import gap_ns, nanoseconds
from reference.headers import Headers

FIN, SYN, RST, ACK = 1, 2, 4, 16
# Why a flow ended, and the number that IPFIX has for it (flowEndReason).
IDLE, ACTIVE, CLOSED_BY_FIN, CLOSED_BY_RST, END_OF_INPUT = "idle", "active", "fin", "rst", "end"
END_REASONS = {IDLE: 1, ACTIVE: 2, CLOSED_BY_FIN: 3, CLOSED_BY_RST: 3, END_OF_INPUT: 4}


@dataclass(frozen=True)
class BiflowOptions:
    """The same names and units (seconds) as the public options."""

    flow: str = "bi"  # or "uni"
    idle_timeout: float = 120.0
    active_timeout: float = 1800.0
    tcp_end: str = "fin"  # or "none", "rst", "reopen"
    direction: str = "first"  # or "syn"
    vlan_key: bool = True
    min_packets: int = 1


@dataclass
class Flow:
    """One flow; its packets stand in time order once it has ended, before that as they arrived."""

    key: DirectionalKey  # of the forward direction
    place: int  # of its first packet in the capture
    packets: list  # (Headers, is it forward?)
    end_reason: str = ""
    fins: set = field(default_factory=set)  # directions that have sent one
    closed_by: str = ""  # `CLOSED_BY_FIN` or `CLOSED_BY_RST`, whichever came first

    @property
    def first(self) -> Headers:
        """First packet in time; of several at that time the first to arrive, once the flow has ended."""
        return self.packets[0][0]

    @property
    def start_ns(self):
        """Time of the earliest packet."""
        return min(packet.time_ns for packet, _ in self.packets)

    @property
    def end_ns(self):
        """Time of the latest packet."""
        return max(packet.time_ns for packet, _ in self.packets)

    def of(self, direction):
        """Packets of "bi", "fwd" or "rev", in order."""
        wanted = {"bi": (True, False), "fwd": (True,), "rev": (False,)}[direction]
        return [packet for packet, is_forward in self.packets if is_forward in wanted]


@dataclass
class BiflowTable:
    """Flows in their final order, and what was dropped by `min_packets`."""

    flows: list
    short_flow: dict


def assemble_biflows(packets, options, latest_ns=None):
    """`Headers` in the order of the capture -> `BiflowTable`.

    `latest_ns` is the time of the capture's latest packet, where some were skipped: they tell how long nothing came.
    """
    open_flows, ended = {}, []
    for place, packet in enumerate(packets):
        own_key = key_of(packet, options.vlan_key)
        shared_key = own_key.canonical() if options.flow == "bi" else own_key
        flow = open_flows.get(shared_key)
        if flow is not None:
            flow.end_reason = _why_over(flow, packet, own_key == flow.key, options)
            if flow.end_reason:
                ended.append(flow)
                flow = None
        if flow is None:
            flow = open_flows[shared_key] = _open_flow(own_key, place, packet, options)
        is_forward = own_key == flow.key
        flow.packets.append((packet, is_forward))
        _see_tcp_end(flow, packet, is_forward, options)
    if latest_ns is None:
        latest_ns = max((packet.time_ns for packet in packets), default=0)
    for flow in open_flows.values():
        flow.end_reason = flow.closed_by or _why_timed_out(flow, latest_ns, options) or END_OF_INPUT
        ended.append(flow)
    return _make_table(ended, options)


def _open_flow(own_key, place, packet, options):
    """The first packet's sender is forward; with direction "syn" the receiver of a SYN-ACK is."""
    is_syn_ack = own_key.protocol == TCP and packet.flags & SYN and packet.flags & ACK
    if options.flow == "bi" and options.direction == "syn" and is_syn_ack:
        own_key = own_key.turned()
    return Flow(own_key, place, [])


def _why_over(flow, packet, is_forward, options):
    """Why a flow is over before this packet of its key; "" if the packet belongs to it."""
    timed_out = _why_timed_out(flow, packet.time_ns, options)
    if flow.closed_by and (timed_out or _begins_anew(packet, is_forward, options)):
        return flow.closed_by
    return timed_out


def _why_timed_out(flow, time_ns, options):
    """Both timeouts are inclusive; where both hold, idle is the reason. A packet that comes late exceeds none."""
    if gap_ns(flow.end_ns, time_ns) >= nanoseconds(options.idle_timeout):
        return IDLE
    if gap_ns(flow.start_ns, time_ns) >= nanoseconds(options.active_timeout):
        return ACTIVE
    return ""


def _begins_anew(packet, is_forward, options):
    """Whether a packet after the close is of the next connection.

    A SYN is; so is a SYN-ACK, unless it is the responder's: then the flow's own SYN is answered once more. With
    "reopen" nothing else is; otherwise data are, too, while empty segments (last ACKs) and a FIN or RST that comes
    again, with its data or without, still belong to the connection that they end.
    """
    if packet.flags & SYN:
        return is_forward or not packet.flags & ACK
    return options.tcp_end != "reopen" and packet.payload_bytes > 0 and not packet.flags & (FIN | RST)


def _see_tcp_end(flow, packet, is_forward, options):
    """Close a flow by RST; with "fin" and "reopen" also by a FIN of each side ("uni": of its one side)."""
    if flow.key.protocol != TCP or flow.closed_by or options.tcp_end == "none":
        return
    if packet.flags & FIN:
        flow.fins.add(is_forward)
    n_sides = 2 if options.flow == "bi" else 1
    if packet.flags & RST:
        flow.closed_by = CLOSED_BY_RST
    elif options.tcp_end != "rst" and len(flow.fins) == n_sides:
        flow.closed_by = CLOSED_BY_FIN


def _make_table(flows, options):
    """Put packets in time order (stable), and flows by start, then by their first packet's place in the capture."""
    dropped, kept = {"packets": 0, "flows": 0}, []
    for flow in flows:
        flow.packets.sort(key=lambda member: member[0].time_ns)
        if len(flow.packets) >= options.min_packets:
            kept.append(flow)
        else:
            dropped["packets"] += len(flow.packets)
            dropped["flows"] += 1
    return BiflowTable(sorted(kept, key=lambda flow: (flow.start_ns, flow.place)), dropped)
