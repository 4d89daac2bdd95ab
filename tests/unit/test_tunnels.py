"""Tunnels through the public face: each kind, each rule; frames and what is expected of them are made by hand."""

import functools
import io

import pytest
from builders import captures, frames, links, tunnels
from builders.frames import TCP, UDP

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

import netml
from netml.errors import OptionError, UnknownNameError

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
    return table.index.five_tuples()[0] if len(table) else reasons[0]


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

OVER_IP = {
    "IPv4 in IPv4": frames.ipv4(INNER, protocol=4),
    "4in6": frames.ipv6(INNER, next_header=4),
    "behind extension headers": frames.ipv6(
        INNER, next_header=4, extensions=[frames.extension(0), frames.extension(60, 2)]
    ),
    "GRE": gre(tunnels.gre(INNER)),
    "GRE in IPv6": frames.ipv6(tunnels.gre(INNER), next_header=47),
    "GRE, Ethernet": gre(tunnels.gre(ETHERNET, protocol=tunnels.BRIDGED)),
    "GRE, tagged Ethernet": gre(tunnels.gre(VLAN, protocol=tunnels.BRIDGED)),
    "GRE, MPLS": gre(tunnels.gre(frames.mpls(INNER, [1, 2]), protocol=0x8847)),
    "GRE, PPPoE": gre(tunnels.gre(frames.pppoe(INNER), protocol=0x8864)),
    "GRE, a VLAN tag": gre(tunnels.gre(b"\0\5\x08\0" + INNER, protocol=0x8100)),
    "PPTP": gre(tunnels.pptp(PPP)),
    "PPTP, acknowledged": gre(tunnels.pptp(PPP, acknowledge=True)),
    "PPTP without sequence": gre(tunnels.pptp(links.ppp(INNER, has_address=False), sequence=False)),
    "PPTP, all compressed": gre(tunnels.pptp(links.ppp(INNER, has_address=False, is_compressed=True))),
    "ERSPAN I": gre(tunnels.erspan_1(ETHERNET)),
    "ERSPAN II": gre(tunnels.erspan_2(VLAN)),
    "ERSPAN III": gre(tunnels.erspan_3(ETHERNET)),
    "ERSPAN III with a platform header": gre(tunnels.erspan_3(ETHERNET, has_platform_header=True)),
    "ERSPAN III, IP": gre(tunnels.erspan_3(INNER, frame_type=2, has_platform_header=True)),
    "AH": frames.ipv4(bytes([4]) + frames.authentication()[1] + INNER, protocol=51),
}
OVER_IP |= {
    f"GRE {checksum:d}{key:d}{sequence:d}": gre(tunnels.gre(INNER, checksum=checksum, key=key, sequence=sequence))
    for checksum in (False, True)
    for key in (False, True)
    for sequence in (False, True)
}

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
TEREDO = {
    "plain": tunnels.teredo(INNER6),
    "origin": tunnels.teredo(INNER6, has_origin=True),
    "authentication": tunnels.teredo(INNER6, n_identifier_bytes=0),
    "both": tunnels.teredo(INNER6, n_identifier_bytes=5, n_value_bytes=6, has_origin=True),
}

NOT_TUNNELS = {
    "vxlan without I": ("vxlan", tunnels.vxlan(ETHERNET, flags=0)),
    "vxlan, ARP inside": ("vxlan", tunnels.vxlan(frames.ethernet(frames.arp(), ethertype=0x0806))),
    "vxlan, ICMP inside": ("vxlan", tunnels.vxlan(frames.ethernet(frames.ipv4(frames.icmp(), protocol=1)))),
    "vxlan, a bad IP header inside": ("vxlan", tunnels.vxlan(frames.ethernet(b"\x43" + b"\0" * 40))),
    "vxlan, Ethernet cut": ("vxlan", tunnels.vxlan(ETHERNET[:13])),
    "vxlan-gpe, version 1": ("vxlan-gpe", tunnels.vxlan_gpe(INNER, flags=0x1C)),
    "vxlan-gpe, OAM": ("vxlan-gpe", tunnels.vxlan_gpe(INNER, flags=0x0D)),
    "vxlan-gpe without I": ("vxlan-gpe", tunnels.vxlan_gpe(INNER, flags=0x04)),
    "vxlan-gpe, NSH": ("vxlan-gpe", tunnels.vxlan_gpe(INNER, next_protocol=4)),
    "geneve, version 1": ("geneve", tunnels.geneve(ETHERNET, version=1)),
    "geneve, control": ("geneve", tunnels.geneve(ETHERNET, is_control=True)),
    "geneve, ARP": ("geneve", tunnels.geneve(ETHERNET, protocol=0x0806)),
    "geneve, options cut": ("geneve", tunnels.geneve(b"", n_option_words=3)[:-1]),
    "gtp-u, echo": ("gtp-u", tunnels.gtp_u(INNER, message_type=1)),
    "gtp-u, GTP'": ("gtp-u", tunnels.gtp_u(INNER, flags=0x20)),
    "gtp-u, version 2": ("gtp-u", tunnels.gtp_u(INNER, flags=0x50)),
    "gtp-u, an extension of no length": ("gtp-u", tunnels.gtp_u(b"", flags=0x34) + b"\0\0\0\x85" + b"\0" * 40),
    "gtp-u, no IP": ("gtp-u", tunnels.gtp_u(b"\x52" + b"\0" * 40)),
    "gtp-u, nothing inside": ("gtp-u", tunnels.gtp_u(b"")),
    "teredo, IPv4": ("teredo", tunnels.teredo(INNER + b"\0" * 40)),
    "teredo, 39 bytes": ("teredo", tunnels.teredo(INNER6[:39])),
    "teredo, a bubble": ("teredo", tunnels.teredo(frames.ipv6(next_header=59))),
    "l2tp, control": ("l2tp", tunnels.l2tp(PPP, is_control=True)),
    "l2tp, version 3": ("l2tp", tunnels.l2tp(PPP, version=3)),
    "l2tp, LCP": ("l2tp", tunnels.l2tp(links.ppp(b"\1" * 40, protocol=0xC021))),
    "l2tp, padding beyond the end": ("l2tp", tunnels.l2tp(b"", n_pad_bytes=9)[:-1]),
}
NOT_TUNNELS |= {f"{kind}, cut": (kind, b"\0\1"[: i % 3]) for i, kind in enumerate(tunnels.PORTS)}


@pytest.mark.parametrize("name", OVER_IP)
def test_over_ip(name):
    assert found_in(OVER_IP[name]) == KEY
    assert found_in(OVER_IP[name], tunnels="outer") == "other_protocol"


@pytest.mark.parametrize("name", OVER_UDP)
def test_over_udp(name):
    kind, payload = OVER_UDP[name]
    port = tunnels.PORTS[kind]
    assert found_in(udp(payload, port)) == KEY
    assert found_in(udp(payload, OUTER_PORT, port)) == KEY  # the port of either side
    assert found_in(udp(payload, port), tunnels="outer") == udp_key(port)


@pytest.mark.parametrize("name", TEREDO)
def test_teredo(name):
    assert found_in(udp(TEREDO[name], 3544)) == KEY6
    assert found_in(udp(TEREDO[name], 3544), tunnels="outer") == udp_key(3544)


@pytest.mark.parametrize(
    ("around", "key"), [(frames.ipv4(INNER6, protocol=41), KEY6), (frames.ipv6(INNER6, next_header=41), KEY6)]
)
def test_ipv6_inside(around, key):
    assert found_in(around) == key
    assert found_in(gre(tunnels.gre(INNER6))) == key
    assert found_in(udp(tunnels.geneve(INNER6, protocol=0x86DD), 6081)) == key
    assert found_in(udp(tunnels.gtp_u(INNER6), 2152)) == key
    assert found_in(udp(tunnels.vxlan_gpe(INNER6), 4790)) == key
    assert found_in(udp(tunnels.l2tp(links.ppp(INNER6, is_compressed=True)), 1701)) == key


@pytest.mark.parametrize("name", NOT_TUNNELS)
def test_what_only_has_the_port_is_the_udp_packet(name):
    kind, payload = NOT_TUNNELS[name]
    assert found_in(udp(payload, tunnels.PORTS[kind])) == udp_key(tunnels.PORTS[kind])


@pytest.mark.parametrize(
    ("reason", "inner"),
    [
        ("truncated_ip_header", INNER[:19]),
        ("truncated_transport_header", INNER[:39]),
        ("truncated_transport_header", frames.ipv4(b"\0" * 7)),
        ("fragment", frames.ipv4(b"later", fragment_offset=2)),
    ],
)
def test_an_inner_packet_without_ports_is_not_the_outer_one(reason, inner):
    for around in (inner, frames.ethernet(inner, ethertype=0x0800)):
        payload = tunnels.vxlan(around) if around is not inner else tunnels.gtp_u(inner)
        assert found_in(udp(payload, 4789 if around is not inner else 2152)) == reason
    assert found_in(frames.ipv4(inner, protocol=4)) == reason


@pytest.mark.parametrize(
    ("reason", "payload"),
    [
        ("truncated_tunnel_header", b"\0\0\x08"),
        ("truncated_tunnel_header", tunnels.gre(b"", protocol=0x0800, checksum=True, key=True, sequence=True)[:-1]),
        ("truncated_tunnel_header", tunnels.pptp(b"", acknowledge=True)[:-1]),
        ("truncated_tunnel_header", tunnels.erspan_2(b"")[:-1]),
        ("truncated_tunnel_header", tunnels.erspan_3(b"")[:-1]),
        ("truncated_tunnel_header", tunnels.erspan_3(b"", has_platform_header=True)[:-1]),
        ("truncated_link_header", tunnels.erspan_1(ETHERNET[:13])),
        ("truncated_link_header", tunnels.pptp(b"")),
        ("truncated_ip_header", tunnels.gre(b"", protocol=0x0800)),
        ("other_protocol", tunnels.gre(INNER, version=2)),
        ("other_protocol", tunnels.gre(INNER, routing=True)),
        ("other_protocol", tunnels.erspan_2(ETHERNET, version=2)),
        ("other_protocol", tunnels.erspan_3(ETHERNET, version=1)),
        ("not_ip", tunnels.erspan_3(ETHERNET, frame_type=1)),
        ("not_ip", tunnels.gre(INNER, protocol=0x0806)),
        ("not_ip", tunnels.gre(frames.llc_snap(INNER), protocol=0x0064)),  # a length, as LLC would follow
        ("not_ip", tunnels.pptp(links.ppp(b"\1" * 40, protocol=0xC021))),
        ("not_ip", tunnels.pptp(links.cisco_hdlc(INNER))),
    ],
)
def test_what_gre_can_be_skipped_for(reason, payload):
    assert found_in(gre(payload)) == reason


def test_a_broken_tunnel_in_a_udp_tunnel_is_the_udp_packet():
    assert found_in(udp(tunnels.gtp_u(gre(b"\0\0\x08")), 2152)) == udp_key(2152)
    nested = udp(tunnels.gtp_u(udp(tunnels.vxlan(b"no frame"), 4789, 1)), 2152)
    assert found_in(nested) == udp_key(4789, 1)  # the nearest


def test_ttl_flags_and_sizes():
    """TTL and flags are of the inner packet; the sizes stay those of the frame."""
    frame = udp(tunnels.vxlan(ETHERNET), 4789)
    table = read(frame)
    assert (table.ttl.tolist(), table.flags.tolist(), table.size.tolist()) == (
        [7] * 2,
        [frames.SYN] * 2,
        [len(frame)] * 2,
    )
    outer = read(frame, tunnels="outer")
    assert (outer.ttl.tolist(), outer.flags.tolist(), outer.size.tolist()) == ([64] * 2, [0] * 2, [len(frame)] * 2)
    assert read(udp(tunnels.vxlan(ETHERNET[:13]), 4789)).ttl.tolist() == [64] * 2


def test_inner_flows_in_one_outer_one_are_flows_of_their_own():
    others = [frames.ipv4(frames.udp(port, 53), source="172.16.0.9") for port in (1, 2, 3)]
    packets = [udp(tunnels.gtp_u(packet), 2152) for packet in others]
    keys = [("172.16.0.9", "10.0.0.2", port, 53, 17) for port in (1, 2, 3)]
    assert read(*packets).index.five_tuples() == keys
    assert read(*packets, tunnels="outer").index.five_tuples() == [udp_key(2152)]
    # The same packet in two tunnels is of one flow, and so is the packet outside of them.
    table = read(INNER, gre(tunnels.gre(INNER)), udp(tunnels.vxlan(ETHERNET), 4789))
    assert (table.index.five_tuples(), table.lengths.tolist()) == ([KEY], [6])


def nest(n_headers):
    """INNER in so many IP headers altogether."""
    return functools.reduce(lambda packet, _: frames.ipv4(packet, protocol=4), range(n_headers - 1), INNER)


def test_eight_levels_and_no_more():
    assert found_in(nest(8)) == KEY
    assert found_in(nest(9)) == "tunnel_depth"
    assert found_in(nest(200)) == "tunnel_depth"
    # In a UDP tunnel the nearest UDP packet stands for what is too deep.
    assert found_in(udp(tunnels.gtp_u(nest(7)), 2152)) == KEY
    assert found_in(udp(tunnels.gtp_u(nest(8)), 2152)) == udp_key(2152)
    in_udp = functools.reduce(lambda packet, port: udp(tunnels.gtp_u(packet), 2152, port), range(9), INNER)
    assert found_in(in_udp) == udp_key(2152, 1)  # nine around it, of which the innermost is the ninth header: port 0


STACK = [
    ("gre", lambda packet: gre(tunnels.gre(packet, checksum=True, key=True))),
    ("vxlan", lambda packet: udp(tunnels.vxlan(frames.ethernet(packet, tags=[0x8100])), 4789)),
    ("6in4", lambda packet: frames.ipv4(frames.ipv6(packet, next_header=4), protocol=41)),
    ("gtp-u", lambda packet: udp(tunnels.gtp_u(packet, extensions=[(0x85, 2)]), 2152)),
]


def test_a_deep_stack_cut_at_every_byte():
    """Cut inside IP or transport headers there are no ports; inside a tunnel's header the packet is the UDP one."""
    packet = functools.reduce(lambda inside, layer: layer[1](inside), STACK, INNER)
    found = [found_in(packet[:n_bytes]) for n_bytes in range(len(packet) + 1)]
    ranges = [(found[0], 0)]
    for n_bytes, what in enumerate(found):
        if what != ranges[-1][0]:
            ranges.append((what, n_bytes))
    at_gtp, at_6in4 = 28, 28 + 20
    at_vxlan = at_6in4 + 20 + 40 + 20 + 8
    at_gre = at_vxlan + 8 + 18 + 20
    assert ranges == [
        ("truncated_ip_header", 0),
        ("truncated_transport_header", 20),
        (udp_key(2152), at_gtp),  # 8 bytes, 4 more, an extension of 8, and nothing behind it
        ("truncated_ip_header", at_6in4 + 1),
        ("truncated_transport_header", at_6in4 + 80),
        (udp_key(4789), at_vxlan),
        ("truncated_ip_header", at_vxlan + 8 + 18),
        (udp_key(4789), at_gre),  # GRE's header is cut: the UDP packet around it
        ("truncated_ip_header", at_gre + 12),
        ("truncated_transport_header", at_gre + 12 + 20),
        (KEY, len(packet)),
    ]


def test_the_end_of_the_packet_around_is_the_end():
    """What lies beyond the length of the IP packet around, as the padding of a frame does, is not read."""
    padded = frames.ipv4(INNER[:30], protocol=4, total_length=50) + INNER[30:]
    assert found_in(padded) == "truncated_transport_header"
    assert found_in(frames.ethernet(frames.ipv4(INNER, protocol=4), pad_to=200), link_type=links.ETHERNET) == KEY
    short = frames.ipv4(frames.udp(OUTER_PORT, 2152, tunnels.gtp_u(INNER)), total_length=28 + 7)
    assert found_in(short) == udp_key(2152)


def test_ports_can_be_changed_and_switched_off():
    packet = udp(tunnels.vxlan(ETHERNET), 8472)
    assert found_in(packet) == udp_key(8472)
    assert found_in(packet, tunnel_ports={"vxlan": [8472]}) == KEY
    assert found_in(packet, tunnel_ports={"vxlan": (4789, 8472)}) == KEY
    registered = udp(tunnels.vxlan(ETHERNET), 4789)
    assert found_in(registered, tunnel_ports={"vxlan": [8472]}) == udp_key(4789)
    assert found_in(registered, tunnel_ports={"vxlan": ()}) == udp_key(4789)
    assert found_in(registered, tunnel_ports={"geneve": ()}) == KEY
    assert found_in(registered, tunnel_ports={"vxlan": [8472]}, tunnels="outer") == udp_key(4789)
    assert found_in(gre(tunnels.gre(INNER)), tunnel_ports=dict.fromkeys(tunnels.PORTS, ())) == KEY
    every = {kind: [7000 + i] for i, kind in enumerate(tunnels.PORTS)}
    for kind, payload in OVER_UDP.values():
        assert found_in(udp(payload, every[kind][0]), tunnel_ports=every) == KEY


def test_a_chosen_port_is_not_another_tunnels():
    packet = udp(tunnels.geneve(INNER, protocol=0x0800), 4789)
    assert found_in(packet) == udp_key(4789)
    assert found_in(packet, tunnel_ports={"geneve": [4789]}) == KEY
    # The destination's kind is tried, and no other.
    assert found_in(udp(tunnels.gtp_u(INNER), 4789, 2152)) == udp_key(4789, 2152)


@pytest.mark.parametrize("ports", [[65536], [-1], ["4789"], [True], range(40)])
def test_ports_out_of_range(ports):
    with pytest.raises(OptionError, match="tunnel_ports"):
        netml.FlowOptions(tunnel_ports={"vxlan": ports})


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="gtp-u"):
        netml.FlowOptions(tunnel_ports={"gtp": [2152]})
    with pytest.raises(OptionError, match="inner, outer"):
        netml.FlowOptions(tunnels="both")


def test_udp_behind_every_tunnel_is_udp():
    """An inner UDP packet of an ordinary port ends the walk."""
    inner = frames.ipv4(frames.udp(5, 6, INNER), protocol=UDP)
    assert found_in(udp(tunnels.gtp_u(inner), 2152)) == ("10.0.0.1", "10.0.0.2", 5, 6, 17)
