"""Random stacks of tunnels, and fragments of them in any order, with junk, cuts and changed bytes."""

from builders import fragments, frames, tunnels
from builders.frames import TCP, UDP
from hypothesis import strategies as st

ADDRESSES = {4: ("10.0.0.1", "10.0.0.2", "192.168.0.9"), 6: ("2001:db8::1", "2001:db8::2", "::ffff:1.2.3.4")}
START_NS = 1_600_000_000 * 10**9
GAPS_NS = (0, 1, 10**9, 15 * 10**9, 30 * 10**9, 30 * 10**9 + 1, -(30 * 10**9), -(30 * 10**9) - 1, -5)
OTHER_PORTS = (53, 5000, 0)  # 5000 may be chosen for a tunnel

booleans, flags = st.booleans(), st.integers(0, 255)
junk = st.binary(max_size=60)
# Mostly right ones: of headers that say how long they are, with what is behind them.
wrong_lengths = st.sampled_from((None,) * 8 + (0, 4, 8, 16, 30, 50, 65535))


@st.composite
def links_in_tunnels(draw, packet):
    """Ethernet, now and then with tags or labels."""
    kind = draw(st.sampled_from(("plain", "plain", "tags", "mpls", "pppoe", "snap")))
    if kind == "tags":
        return frames.ethernet(packet, tags=draw(st.lists(st.sampled_from((0x8100, 0x88A8)), max_size=3)))
    if kind == "mpls":
        return frames.ethernet(frames.mpls(packet, [16, 17]), ethertype=frames.ETHERTYPE_MPLS)
    if kind == "pppoe":
        return frames.ethernet(frames.pppoe(packet), ethertype=frames.ETHERTYPE_PPPOE)
    if kind == "snap":
        return frames.ethernet_802_3(frames.llc_snap(packet))
    return frames.ethernet(packet)


@st.composite
def ppp_in_tunnels(draw, packet):
    """PPP with its address or without, its protocol in one byte or two."""
    return b"\xff\x03" * draw(booleans) + frames.ppp_protocol(packet, is_compressed=draw(booleans))


@st.composite
def in_gre(draw, packet):
    """Any payload of GRE, with any fields."""
    kind = draw(st.sampled_from(("ip", "ip", "ethernet", "pptp", "erspan 1", "erspan 2", "erspan 3", "other")))
    ethernet = draw(links_in_tunnels(packet))
    fields = {name: draw(booleans) for name in ("checksum", "key", "sequence")}
    if kind == "ethernet":
        return tunnels.gre(ethernet, protocol=tunnels.BRIDGED, **fields)
    if kind == "pptp":
        return tunnels.pptp(draw(ppp_in_tunnels(packet)), sequence=draw(booleans), acknowledge=draw(booleans))
    if kind == "erspan 1":
        return tunnels.erspan_1(ethernet)
    if kind == "erspan 2":
        return tunnels.erspan_2(ethernet, version=draw(st.sampled_from((1, 1, 1, 2))))
    if kind == "erspan 3":
        frame_type = draw(st.sampled_from((0, 0, 2, 2, 1)))
        options = {"frame_type": frame_type, "has_platform_header": draw(booleans)}
        return tunnels.erspan_3(packet if frame_type == 2 else ethernet, **options)
    if kind == "other":
        protocol = draw(st.sampled_from((0x8100, 0x8847, 0x8864, 0x0806, 0x05DC, 0x0004, 0x880B, 0x22EB)))
        return tunnels.gre(packet, protocol=protocol, version=draw(st.integers(0, 3)), routing=draw(booleans))
    return tunnels.gre(packet, **fields)


@st.composite
def in_udp(draw, packet, kind):
    """A tunnel over UDP in any of its forms."""
    ethernet = draw(links_in_tunnels(packet))
    units = st.integers(0, 3)
    if kind == "vxlan":
        return tunnels.vxlan(ethernet, flags=draw(st.sampled_from((8, 8, 0x88, 0))))
    if kind == "vxlan-gpe":
        form = draw(st.sampled_from(("ip", "ethernet", "plain", "any")))
        if form == "ip":
            return tunnels.vxlan_gpe(packet)
        if form == "any":
            return tunnels.vxlan_gpe(packet, flags=draw(flags), next_protocol=draw(st.integers(0, 5)))
        return tunnels.vxlan_gpe(ethernet, flags=0x0C if form == "ethernet" else 0x08, next_protocol=3)
    if kind == "geneve":
        is_bridged, options = (
            draw(booleans),
            {"is_control": draw(units) == 3, "n_option_words": draw(st.integers(0, 63))},
        )
        protocol = tunnels.BRIDGED if is_bridged else frames.ethertype_of(packet)
        return tunnels.geneve(ethernet if is_bridged else packet, protocol=protocol, **options)
    if kind == "gtp-u":
        extensions = draw(st.lists(st.tuples(st.sampled_from((0x85, 0xC0)), st.integers(1, 3)), max_size=3))
        options = {"sequence": draw(booleans), "n_pdu": draw(booleans), "extensions": extensions}
        options["length"] = draw(wrong_lengths)
        return tunnels.gtp_u(packet, message_type=draw(st.sampled_from((255, 255, 255, 1))), **options)
    if kind == "teredo":
        n_identifier_bytes = draw(st.sampled_from((None, 0, 7)))
        options = {"n_value_bytes": draw(units), "has_origin": draw(booleans)}
        return tunnels.teredo(packet, n_identifier_bytes=n_identifier_bytes, **options)
    options = {"has_length": draw(booleans), "has_sequence": draw(booleans), "n_pad_bytes": draw(st.none() | units)}
    options["length"] = draw(wrong_lengths)
    return tunnels.l2tp(draw(ppp_in_tunnels(packet)), is_control=draw(units) == 3, **options)


@st.composite
def ip_packets(draw, payload, protocol):
    """IP packets around a payload: one, or the fragments of it; with options, AH, extension headers."""
    version = draw(st.sampled_from((4, 6)))
    header = {
        "source": draw(st.sampled_from(ADDRESSES[version])),
        "destination": draw(st.sampled_from(ADDRESSES[version])),
    }
    ttl, is_cut = draw(st.sampled_from((64, 1, 255))), draw(st.integers(0, 5)) == 0
    cut = {"n_bytes": draw(st.sampled_from((8, 16, 24, 64))), "identification": draw(st.integers(1, 2))}
    extras = draw(st.sampled_from((0, 0, 0, 1, 2)))
    if version == 4:
        checks = [frames.authentication(4 * extras) for _ in range(extras)]
        for number, body in reversed(checks):
            payload, protocol = bytes([protocol]) + body + payload, number
        header |= {"protocol": protocol, "ttl": ttl, "options": b"\1" * 4 * draw(st.integers(0, 2))}
        return fragments.ipv4_fragments(payload, **cut, **header) if is_cut else [frames.ipv4(payload, **header)]
    pool = [
        frames.extension(0, 1),
        frames.extension(43),
        frames.authentication(),
        frames.extension(60, 2),
        frames.fragment(0),
    ]
    chain = draw(st.lists(st.sampled_from(pool), min_size=extras, max_size=extras))
    header |= {"next_header": protocol, "hop_limit": ttl, "extensions": chain}
    return fragments.ipv6_fragments(payload, **cut, **header) if is_cut else [frames.ipv6(payload, **header)]


@st.composite
def innermost(draw):
    """(payload, protocol): mostly TCP or UDP, and what is neither."""
    ports = draw(st.sampled_from(((1000, 53), (53, 1000), (4789, 1), (2, 2152))))
    return draw(
        st.sampled_from(
            (
                (frames.tcp(*ports, b"x" * 20, flags=draw(flags)), TCP),
                (frames.tcp(*ports, flags=draw(flags)), TCP),
                (frames.udp(*ports, draw(junk)), UDP),
                (frames.udp(*ports), UDP),
                (frames.icmp(), frames.ICMP),
                (b"", frames.NO_NEXT),
            )
        )
    )


@st.composite
def stacks(draw, max_depth=10):
    """IP packets: what is innermost in up to `max_depth` IP headers; of fragments, all that there are."""
    payload, protocol = draw(innermost())
    packets = draw(ip_packets(payload, protocol))
    for _ in range(draw(st.sampled_from((0, 1, 1, 2, 2, 3, 5, max_depth - 2, max_depth - 1)))):
        if len(packets) > 8:
            break
        around = []
        kind = draw(st.sampled_from(("ip", "gre", *tunnels.PORTS)))
        other_port = draw(st.sampled_from((40000, 40000, *OTHER_PORTS, *tunnels.PORTS.values())))
        port = draw(st.sampled_from((*(tunnels.PORTS.get(kind),) * 6, *OTHER_PORTS)))
        for packet in packets:
            if kind == "ip":
                payload, protocol = packet, tunnels.ip_protocol_of(packet)
            elif kind == "gre":
                payload, protocol = draw(in_gre(packet)), tunnels.GRE
            else:
                ports = (port, other_port) if draw(st.integers(0, 3)) == 0 else (other_port, port)
                payload, protocol = frames.udp(*ports, draw(in_udp(packet, kind)), length=draw(wrong_lengths)), UDP
            around += draw(ip_packets(payload, protocol))
        packets = around
    return packets


@st.composite
def records_of_stacks(draw):
    """Records (time_ns, link type, frame): of few stacks, shuffled, some twice, cut, or with a byte changed."""
    packets = [packet for stack in draw(st.lists(stacks(), min_size=1, max_size=3)) for packet in stack][:24]
    packets = draw(st.permutations(packets)) if draw(booleans) else packets
    records, time_ns = [], START_NS
    for packet in packets:
        for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
            time_ns += draw(st.sampled_from(GAPS_NS)) if draw(st.integers(0, 3)) == 0 else 1000
            records.append((time_ns, 1, draw(damaged(frames.ethernet(packet)))))
    return records


@st.composite
def damaged(draw, frame):
    """Mostly the frame as it is; else cut, or with one byte changed."""
    change = draw(st.sampled_from(("none",) * 6 + ("cut", "byte", "junk")))
    if change == "cut":
        return frame[: draw(st.integers(0, len(frame)))]
    if change == "byte":
        place = draw(st.integers(14, len(frame) - 1))
        return frame[:place] + bytes([draw(flags)]) + frame[place + 1 :]
    return frame + draw(junk) if change == "junk" else frame
