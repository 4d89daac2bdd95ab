"""Packets in tunnels, and what netml reads in them, through the public face."""

import io

from builders import captures, frames, links, tunnels
from builders.frames import TCP

import netml

INNER = frames.ipv4(
    frames.tcp(1000, 80, flags=frames.SYN), source="172.16.0.1", destination="172.16.0.2", protocol=TCP, ttl=7
)
INNER6 = frames.ipv6(frames.udp(1000, 53), source="2001:db8::a", destination="2001:db8::b", hop_limit=9)
KEY = ("172.16.0.1", "172.16.0.2", 1000, 80, 6)
KEY6 = ("2001:db8::a", "2001:db8::b", 1000, 53, 17)
OUTER_PORT = 40000


def read(*packets, n_times=2, link_type=links.RAW, **options):
    """The flows of some packets, each twice, as a flow needs two."""
    records = [(i * 10**6, packet) for i, packet in enumerate(packet for packet in packets for _ in range(n_times))]
    content = captures.pcap(records, link_type=link_type)
    return netml.read_flows(io.BytesIO(content), flow=netml.FlowOptions(keep_tail=True, **options))


def found_in(packet, **options):
    """The five-tuple of a packet, or the reason why it has none."""
    table = read(packet, **options)
    reasons = [reason for reason, n in table.metadata["skipped"].items() if n]
    assert len(table) + len(reasons) == 1
    assert (
        table.metadata["packets_read"] == table.metadata["packets_kept"] + sum(table.metadata["skipped"].values()) == 2
    )
    return table.flows.five_tuples()[0] if len(table) else reasons[0]


def gre(payload):
    """An IPv4 packet with a GRE header and all that follows."""
    return frames.ipv4(payload, protocol=tunnels.GRE)


def udp(payload, port, source_port=OUTER_PORT):
    """An IPv4 packet with a datagram."""
    return frames.ipv4(frames.udp(source_port, port, payload))


def udp_key(port, source_port=OUTER_PORT):
    """The five-tuple of such a packet."""
    return ("10.0.0.1", "10.0.0.2", source_port, port, 17)


ETHERNET = frames.ethernet(INNER)
PPP = links.ppp(INNER)
VLAN = frames.ethernet(INNER, tags=[0x88A8, 0x8100])

# Name -> (kind, payload); what is inside is INNER, but in Teredo.
OVER_UDP = {
    "VXLAN": ("vxlan", tunnels.vxlan(ETHERNET)),
    "VXLAN, tagged": ("vxlan", tunnels.vxlan(VLAN)),
    "VXLAN with a group policy": ("vxlan", tunnels.vxlan(ETHERNET, flags=0x88)),
    "VXLAN-GPE": ("vxlan-gpe", tunnels.vxlan_gpe(INNER)),
    "VXLAN-GPE, Ethernet": ("vxlan-gpe", tunnels.vxlan_gpe(ETHERNET, next_protocol=3)),
    "VXLAN-GPE without P": ("vxlan-gpe", tunnels.vxlan_gpe(ETHERNET, flags=0x08)),
    "Geneve": ("geneve", tunnels.geneve(ETHERNET)),
    "Geneve with options": ("geneve", tunnels.geneve(ETHERNET, n_option_words=63)),
    "Geneve, IP": ("geneve", tunnels.geneve(INNER, protocol=0x0800, n_option_words=2)),
    "GTP-U": ("gtp-u", tunnels.gtp_u(INNER)),
    "GTP-U with a number": ("gtp-u", tunnels.gtp_u(INNER, sequence=True)),
    "GTP-U with an N-PDU number": ("gtp-u", tunnels.gtp_u(INNER, n_pdu=True)),
    "GTP-U with extensions": ("gtp-u", tunnels.gtp_u(INNER, extensions=[(0x85, 1), (0xC0, 3)])),
    "L2TP": ("l2tp", tunnels.l2tp(PPP)),
    "L2TP with a length": ("l2tp", tunnels.l2tp(PPP, has_length=True)),
    "L2TP with numbers": ("l2tp", tunnels.l2tp(PPP, has_sequence=True)),
    "L2TP with padding": ("l2tp", tunnels.l2tp(links.ppp(INNER, has_address=False), n_pad_bytes=3)),
    "L2TP with all": ("l2tp", tunnels.l2tp(PPP, has_length=True, has_sequence=True, n_pad_bytes=0)),
}
