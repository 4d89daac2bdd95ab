"""Tunnels in one another, cut, in frames of flows, on other ports: each rule, on packets made by hand."""

import functools

import pytest
from builders import frames, links, tunnels
from builders.frames import UDP

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

from _tunnels import ETHERNET, INNER, KEY, OUTER_PORT, OVER_UDP, found_in, gre, read, udp, udp_key
from outcomes import kernel_outcomes

import netml
from netml.errors import OptionError, UnknownNameError


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
    assert read(*packets).flows.five_tuples() == keys
    assert read(*packets, tunnels="outer").flows.five_tuples() == [udp_key(2152)]
    # The same packet in two tunnels is of one flow, and so is the packet outside of them.
    table = read(INNER, gre(tunnels.gre(INNER)), udp(tunnels.vxlan(ETHERNET), 4789))
    assert (table.flows.five_tuples(), table.lengths.tolist()) == ([KEY], [6])


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


@pytest.mark.parametrize("name", OVER_UDP)
def test_a_packet_that_says_it_ends_and_one_that_was_cut_are_alike(name):
    """At every byte, though what lies beyond would be a good packet: no header reaches over the end around it."""
    kind, payload = OVER_UDP[name]
    whole = frames.udp(OUTER_PORT, tunnels.PORTS[kind], payload)
    ends = range(20, 20 + len(whole) + 1)
    ended = [(0, links.RAW, frames.ipv4(whole, total_length=end)) for end in ends]
    cut = [(0, links.RAW, frames.ipv4(whole)[:end]) for end in ends]
    assert kernel_outcomes(ended) == kernel_outcomes(cut)
