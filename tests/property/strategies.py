"""Random captures: few hosts, so that flows get packets; times that fall on the edges of the rules.

A `Scenario` has the bytes of a capture and the options under which the times in it are awkward: gaps of
exactly a timeout or an interval, one nanosecond more and less, ties, duplicates, and packets out of order.
"""

from dataclasses import dataclass, field

from builders import captures, frames, links
from hypothesis import strategies as st
from reference.flows import FlowOptions, nanoseconds

ENDPOINTS = (
    ("10.0.0.1", "10.0.0.2"),
    ("10.0.0.2", "10.0.0.1"),
    ("2001:db8::1", "2001:db8::2"),
    ("::ffff:1.2.3.4", "::1"),
)
TIMEOUTS = (600.0, 1.0, 0.3, 1e-6, 3e-8, 1e-9)
INTERVALS = (None, None, 5.0, 0.3, 1.1, 1e-6, 1e-9, 3e-8, 1.03e-8, 2.08e-8, 2.5e-9)
QUANTILES = (0.9, 0.9, 0.5, 0.3, 0.0, 1.0)
START_NS = 1_600_000_000 * 10**9
SPREAD_NS = 10**15  # what all gaps of a capture add up to stays inside the times of a pcap file


@dataclass(frozen=True)
class Scenario:
    """A capture and how to read it."""

    content: bytes
    options: FlowOptions = field(default_factory=FlowOptions)
    size: str = "captured"


@st.composite
def flow_options(draw):
    """Options, defaults more often than not."""
    return FlowOptions(
        min_packets=draw(st.sampled_from((2, 2, 2, 1, 3, 5))),
        tcp_timeout=draw(st.sampled_from(TIMEOUTS)),
        udp_timeout=draw(st.sampled_from(TIMEOUTS)),
        interval=draw(st.sampled_from(INTERVALS)),
        q_interval=draw(st.sampled_from(QUANTILES)),
        keep_tail=draw(st.booleans()),
        tunnels=draw(st.sampled_from(("inner", "outer"))),
        fragments=draw(st.sampled_from(("first", "track"))),
    )


def edge_gaps_ns(options):
    """Gaps at which a rule of these options decides, and their neighbours."""
    edges = {0, 1, 2, 1000, 10**9}
    for seconds in (options.tcp_timeout, options.udp_timeout, options.interval or 0.0):
        for n_times in (1, 2, 5, 7, 10):
            edge = int(n_times * nanoseconds(seconds))
            edges |= {edge - 1, edge, edge + 1}
    return sorted(gap for gap in edges if 0 <= gap <= SPREAD_NS // 200)


@st.composite
def packets(draw):
    """A frame of the few flows: Ethernet around TCP or UDP, with different sizes, flags and TTLs."""
    source, destination = draw(st.sampled_from(ENDPOINTS))
    ports = draw(st.sampled_from(((1000, 53), (1000, 53), (53, 1000), (0, 65535))))
    payload = b"x" * draw(st.sampled_from((0, 1, 17, 1400)))
    ttl = draw(st.sampled_from((64, 1, 255)))
    if draw(st.booleans()):
        segment, protocol = frames.tcp(*ports, payload, flags=draw(st.integers(0, 255))), frames.TCP
    else:
        segment, protocol = frames.udp(*ports, payload), frames.UDP
    packet = frames.ip(segment, source=source, destination=destination, protocol=protocol, ttl=ttl)
    return frames.ethernet(packet, tags=draw(st.sampled_from(((), (), (0x8100,), (0x88A8, 0x8100)))), pad_to=60)


def _not_flows():
    """Frames that are no packets of a flow, for the counters."""
    return st.sampled_from(
        (
            frames.ethernet(frames.arp(), ethertype=0x0806),
            frames.ethernet(frames.ipv4(frames.icmp(), protocol=1)),
            frames.ethernet(frames.ipv4(frames.udp(1, 2), fragment_offset=3)),
            frames.ethernet(frames.ipv4(frames.tcp(1, 2)[:13], protocol=6), pad_to=60),
            frames.ethernet(frames.ipv4(frames.udp(1, 2), header_words=3)),
            frames.ethernet(b"\x45\0", ethertype=0x0800),
            b"\x02",
        )
    )


@st.composite
def records(draw, options):
    """Records in capture order, (time_ns, frame, wirelen): mostly forward in time, some not, some twice."""
    found, time_ns = [], START_NS
    gaps = st.sampled_from(edge_gaps_ns(options))
    for frame in draw(st.lists(st.one_of(packets(), packets(), packets(), _not_flows()), max_size=40)):
        step = draw(st.one_of(gaps, gaps, gaps.map(lambda gap: -gap), st.integers(0, 100)))
        time_ns += step
        wirelen = len(frame) + draw(st.sampled_from((0, 0, 1000)))
        found.append((time_ns, frame, wirelen))
        if draw(st.integers(0, 9)) == 0:
            found.append(found[draw(st.integers(0, len(found) - 1))])
    return found


@st.composite
def containers(draw, found):
    """The records as bytes of a capture: pcap or pcapng in any of their forms."""
    order = draw(st.sampled_from("<>"))
    kind = draw(st.sampled_from(("ns", "ns", "us", "modified", "pcapng", "mixed")))
    if kind == "pcapng":
        tsresol = draw(st.sampled_from((9, 9, None, 3, 10, 0x80 | 30, 0x80 | 33)))
        tsoffset = draw(st.sampled_from((None, None, 3600, -5)))
        return captures.pcapng(found, order=order, tsresol=tsresol, tsoffset=tsoffset)
    if kind == "mixed":
        return draw(mixed_pcapng(found))
    magic = {"ns": captures.MAGIC_NS, "us": captures.MAGIC_US, "modified": captures.MAGIC_MODIFIED}[kind]
    snaplen = draw(st.sampled_from((65535, 65535, 80)))
    return captures.pcap(found, order=order, magic=magic, snaplen=snaplen, cut=True)


@st.composite
def mixed_pcapng(draw, found):
    """Several sections of either byte order, two clocks, an undecoded link type, every packet block."""
    content = b""
    order = "<"
    for i, (time_ns, frame, wirelen) in enumerate(found or [(START_NS, b"", 0)]):
        if i == 0 or draw(st.integers(0, 9)) == 0:
            order = draw(st.sampled_from("<>"))
            content += captures.section_header(order=order)
            content += captures.interface(order=order, tsresol=9, snaplen=draw(st.sampled_from((0, 70))))
            content += captures.interface(order=order)
            content += captures.interface(order=order, link_type=147)
        kind = draw(st.sampled_from(("nano", "nano", "micro", "other", "simple", "obsolete", "unknown")))
        if kind == "simple":
            content += captures.simple_packet(frame, order=order)
        elif kind == "obsolete":
            content += captures.obsolete_packet(time_ns, frame, wirelen=wirelen, order=order)
        elif kind == "unknown":
            content += captures.block(0xBAD, frame, order=order)
        else:
            number = ("nano", "micro", "other").index(kind)
            ticks = time_ns // 1000 if number else time_ns
            content += captures.enhanced_packet(ticks, frame, interface_no=number, wirelen=wirelen, order=order)
    return content


@st.composite
def scenarios(draw):
    """A random capture and options under which its times are awkward."""
    options = draw(flow_options())
    content = draw(containers(draw(records(options))))
    return Scenario(content, options, draw(st.sampled_from(("captured", "captured", "wire"))))


@st.composite
def any_packet(draw):
    """An IP packet with everything that decoding has to step over, not always a good one."""
    port = draw(st.integers(0, 65535))
    is_tcp = draw(st.booleans())
    segment = frames.tcp(port, 80, flags=draw(st.integers(0, 255))) if is_tcp else frames.udp(port, 80)
    protocol = draw(st.sampled_from((6 if is_tcp else 17,) * 6 + (1, 41, 50, 51, 59)))
    length = draw(st.sampled_from((None,) * 4 + (0, 10, 30, 60)))
    if draw(st.booleans()):
        options = b"\1" * draw(st.sampled_from((0, 0, 4, 40)))
        more = {"more_fragments": draw(st.booleans()), "fragment_offset": draw(st.sampled_from((0, 0, 0, 5)))}
        return frames.ipv4(segment, protocol=protocol, options=options, total_length=length, **more)
    pool = [frames.extension(number, units) for number in (0, 43, 60, 135, 139, 140) for units in (0, 1, 5)]
    pool += [frames.authentication(), frames.fragment(0), frames.fragment(7)]
    chain = draw(st.lists(st.sampled_from(pool), max_size=4))
    return frames.ipv6(segment, next_header=protocol, extensions=chain, payload_length=length)


@st.composite
def frames_of_any_link(draw):
    """(link type, frame): every link layer around `any_packet`, then perhaps cut or with a byte changed."""
    packet = draw(any_packet())
    flags = {name: draw(st.booleans()) for name in ("is_qos", "to_ds", "from_ds", "has_ht_control", "is_padded")}
    wlan = links.wlan_data(packet, **flags)
    tags = draw(st.lists(st.sampled_from((0x8100, 0x88A8, 0x9100)), max_size=3))
    link_type, frame = draw(
        st.sampled_from(
            (
                (1, frames.ethernet(packet, tags=tags, pad_to=60)),
                (
                    1,
                    frames.ethernet(frames.mpls(packet, [16] * (1 + len(tags))), ethertype=0x8847, tags=tags),
                ),
                (1, frames.ethernet(frames.pppoe(packet), ethertype=0x8864, tags=tags)),
                (1, frames.ethernet_802_3(frames.llc_snap(packet))),
                (0, links.null(packet, order=draw(st.sampled_from("<>")))),
                (9, links.ppp(packet, has_address=flags["is_qos"], is_compressed=flags["to_ds"])),
                (50, links.ppp(packet)),
                *((raw, packet) for raw in (12, 14, 101, 228, 229)),
                (104, links.cisco_hdlc(packet)),
                (105, wlan),
                (108, links.loop(packet)),
                (113, links.linux_sll(packet)),
                (127, links.radiotap(wlan, flags=links.PADDED * flags["is_padded"], has_tsft=flags["to_ds"])),
                (127, links.radiotap(wlan, n_more_words=1, flags=None)),
                (192, links.ppi(wlan, fields=b"\0" * 12)),
                (192, links.ppi(packet, link_type=101)),
                (276, links.linux_sll2(packet)),
            )
        )
    )
    change = draw(st.sampled_from(("none", "none", "cut", "byte")))
    if change == "cut":
        frame = frame[: draw(st.integers(0, len(frame)))]
    elif change == "byte" and frame:
        place = draw(st.integers(0, min(len(frame), 80) - 1))
        frame = frame[:place] + bytes([draw(st.integers(0, 255))]) + frame[place + 1 :]
    return link_type, frame
