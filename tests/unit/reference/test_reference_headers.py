"""What the oracle says of packets beyond the flow key; each expectation is worked out by hand."""

import pytest
from builders import captures, frames, tunnels
from reference.capture import Record, read_capture
from reference.headers import NONE, Headers, decode_headers

HOSTS = ("10.0.0.1", "10.0.0.2")
SCTP_HEADER = b"\x0b\x59\x0b\x5a" + b"\0" * 8


def decode(frame, *, wirelen=None, link_type=1, protocols="all", **options):
    """Decode one frame: `Headers`, or the reason why not."""
    record = Record(5, len(frame), wirelen or len(frame), link_type, frame)
    kept, skipped = decode_headers([record], protocols=protocols, **options)
    return kept[0] if kept else next(iter(skipped))


def over_ipv4(payload, protocol, **fields):
    return frames.ethernet(frames.ipv4(payload, protocol=protocol, **fields))


def test_tcp():
    options = b"\2\4\5\xb4"
    found = decode(over_ipv4(frames.tcp(1, 2, b"data", flags=frames.SYN, options=options, sequence=9), 6))
    assert found == Headers(
        time_ns=5,
        caplen=62,
        wirelen=62,
        key=(*HOSTS, 1, 2, 6),
        flags=frames.SYN,
        ttl=64,
        ip_bytes=48,
        ip_header_bytes=20,
        transport_header_bytes=24,
        payload_bytes=4,
        sequence=9,
        acknowledgement=0,
        window=8192,
        tcp_options=1460 | 1 << 24,
    )
    assert [found.size(size) for size in ("captured", "wire", "ip", "payload")] == [62, 62, 48, 4]


@pytest.mark.parametrize(("data_offset", "n_header_bytes", "n_payload_bytes"), [(4, 20, 6), (6, 24, 2), (15, 60, 0)])
def test_tcp_data_offset_that_cannot_be(data_offset, n_header_bytes, n_payload_bytes):
    found = decode(over_ipv4(frames.tcp(1, 2, b"abcdef", data_offset=data_offset), 6))
    assert (found.transport_header_bytes, found.payload_bytes) == (n_header_bytes, n_payload_bytes)


def test_lengths_are_those_stated():
    frame = over_ipv4(frames.udp(1, 2, b"x" * 100), 17, options=b"\1\1\1\1")
    cut = decode(frame[:60], wirelen=len(frame))
    assert (cut.ip_bytes, cut.ip_header_bytes, cut.transport_header_bytes, cut.payload_bytes) == (132, 24, 8, 100)
    padded = decode(frames.ethernet(frames.ipv4(frames.udp(1, 2)), pad_to=60))
    assert (padded.ip_bytes, padded.payload_bytes, padded.wirelen) == (28, 0, 60)
    offloaded = decode(over_ipv4(frames.udp(1, 2, b"x" * 100), 17, total_length=0)[:70], wirelen=3000)
    assert (offloaded.ip_bytes, offloaded.payload_bytes) == (2986, 2958)


def test_udp_length_is_not_looked_at():
    assert decode(over_ipv4(frames.udp(1, 2, b"four", length=9000), 17)).payload_bytes == 4


def test_ipv6_extensions_are_header():
    packet = frames.ipv6(frames.udp(1, 2, b"four"), extensions=[frames.extension(0, 1)])
    found = decode(packet, link_type=229)
    assert (found.ip_bytes, found.ip_header_bytes, found.transport_header_bytes, found.payload_bytes) == (68, 56, 8, 4)


@pytest.mark.parametrize(
    ("protocol", "payload", "ports", "icmp"),
    [
        (1, frames.icmp(3, 1), (0, 0), (3, 1)),
        (58, frames.icmp(128, 0), (0, 0), (128, 0)),
        (1, b"\x08", (0, 0), (NONE, NONE)),  # cut off
        (132, SCTP_HEADER, (2905, 2906), (NONE, NONE)),
        (2, b"\x16\0\0\0", (0, 0), (NONE, NONE)),
        (50, b"\1" * 20, (0, 0), (NONE, NONE)),
        (255, b"", (0, 0), (NONE, NONE)),
    ],
)
def test_all_protocols(protocol, payload, ports, icmp):
    frame = over_ipv4(payload, protocol)
    found = decode(frame)
    assert found.key == (*HOSTS, *ports, protocol)
    assert (found.icmp_type, found.icmp_code) == icmp
    assert (found.transport_header_bytes, found.payload_bytes) == (0, len(payload))
    assert (found.flags, found.sequence, found.window) == (0, NONE, NONE)
    assert decode(frame, protocols="tcp-udp") == "other_protocol"


@pytest.mark.parametrize(("protocol", "n_bytes"), [(6, 19), (17, 7), (132, 11)])
def test_ports_need_their_header(protocol, n_bytes):
    assert decode(over_ipv4(b"\1" * n_bytes, protocol)) == "truncated_transport_header"


@pytest.mark.parametrize(
    ("tags", "vlan_id"),
    [
        ((), 0),
        (((0x8100, 5),), 5),
        (((0x88A8, 5), (0x8100, 6)), 6),
        (((0x8100, 5), (0x8100, 0)), 0),
        (((0x8100, 0xE005),), 5),  # priority and drop eligibility are no part of the number
    ],
)
def test_innermost_vlan(tags, vlan_id):
    assert decode(frames.ethernet(frames.ipv4(frames.udp(1, 2)), tags=tags)).vlan_id == vlan_id


def test_vlan_is_of_this_frame():
    packet = frames.ipv4(frames.udp(1, 2))
    made = [frames.ethernet(packet, tags=[(0x8100, 5)]), frames.ethernet(packet)]
    records = read_capture(captures.pcap([(0, frame) for frame in made])).records
    assert [one.vlan_id for one in decode_headers(records)[0]] == [5, 0]


def test_vlan_in_front_of_mpls_and_pppoe():
    packet, tags = frames.ipv4(frames.udp(1, 2)), [(0x8100, 5)]
    assert decode(frames.ethernet(frames.mpls(packet), ethertype=0x8847, tags=tags)).vlan_id == 5
    assert decode(frames.ethernet(frames.pppoe(packet), ethertype=0x8864, tags=tags)).vlan_id == 5


def test_vlan_of_tunnels():
    """The last tag on the way to the packet that is taken: what is in a tunnel without one keeps the outer one."""
    inner = frames.ipv4(frames.udp(1, 2), source="10.1.0.1")
    for tags, vlan_id in [([(0x8100, 6)], 6), ([], 5)]:
        vxlan = frames.udp(9, 4789, tunnels.vxlan(frames.ethernet(inner, tags=tags)))
        frame = frames.ethernet(frames.ipv4(vxlan), tags=[(0x8100, 5)])
        assert (decode(frame).key[0], decode(frame).vlan_id) == ("10.1.0.1", vlan_id)
        assert decode(frame, tunnels="outer").vlan_id == 5


def test_tag_in_what_is_no_tunnel_does_not_count():
    arp = frames.ethernet(frames.arp(), ethertype=0x0806, tags=[(0x8100, 6)])
    frame = frames.ethernet(frames.ipv4(frames.udp(9, 4789, tunnels.vxlan(arp))), tags=[(0x8100, 5)])
    assert decode(frame).vlan_id == 5


def test_lengths_are_of_the_packet_that_is_taken():
    inner = frames.ipv4(frames.udp(1, 2, b"four"), source="10.1.0.1")
    frame = over_ipv4(inner, 4)
    assert (decode(frame).ip_bytes, decode(frame).payload_bytes) == (32, 4)
    outer = decode(frame, tunnels="outer")
    assert (outer.key, outer.ip_bytes, outer.payload_bytes) == ((*HOSTS, 0, 0, 4), 52, 32)


@pytest.mark.parametrize(
    ("protocol", "payload", "expected"),
    [
        (47, tunnels.gre(frames.arp(), protocol=0x0806), 47),  # no IP inside
        (47, b"\0", 47),  # cut off
        (4, b"\x75" + b"\0" * 30, 4),  # of no version
        (41, frames.ipv6(frames.icmp(), next_header=58), 58),
        (4, b"\x45\0\0\x20", "truncated_ip_header"),  # IP, but its ports are not here
        (4, frames.ipv4(b"\0" * 8, protocol=6), "truncated_transport_header"),
        (4, frames.ipv4(b"\0" * 8, fragment_offset=3), "fragment"),
    ],
)
def test_what_may_be_a_tunnel(protocol, payload, expected):
    found = decode(over_ipv4(payload, protocol))
    assert (found if isinstance(found, str) else found.key[4]) == expected


def test_later_fragments():
    first = over_ipv4(b"\1" * 16, 1, more_fragments=True, identification=7)
    later = over_ipv4(b"\2" * 24, 1, fragment_offset=2, identification=7)
    records = read_capture(captures.pcap([(0, first), (1000, later)])).records
    assert decode_headers(records, protocols="all")[1] == {"fragment": 1}
    (one, two), _ = decode_headers(records, protocols="all", fragments="track")
    assert one.key == two.key == (*HOSTS, 0, 0, 1)
    assert (two.ip_bytes, two.payload_bytes, two.icmp_type) == (44, 24, NONE)
