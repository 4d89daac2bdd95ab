"""The oracle's own tests: each expectation is worked out by hand, from the rules and not from the code."""

import functools

import numpy as np
import pytest
from builders import captures, frames, links
from reference import families, flows
from reference.capture import read_capture
from reference.decode import SKIP_REASONS, decode_frame, format_address
from reference.flows import FlowOptions, Packet, assemble_flows

KEY = ("10.0.0.1", "10.0.0.2", 1000, 53, 17)
KEY6 = ("2001:db8::1", "2001:db8::2", 1000, 53, 17)
UDP4 = frames.ipv4(frames.udp(1000, 53, b"payload"))
UDP6 = frames.ipv6(frames.udp(1000, 53, b"payload"))
WLAN = links.wlan_data(UDP4)

KEPT = {
    "ethernet": (1, frames.ethernet(UDP4)),
    "one VLAN tag": (1, frames.ethernet(UDP4, tags=[0x8100])),
    "a stack of tags": (1, frames.ethernet(UDP4, tags=[0x88A8, 0x9100, 0x8100, 0x8100])),
    "802.3 with LLC/SNAP": (1, frames.ethernet_802_3(frames.llc_snap(UDP4))),
    "MPLS": (1, frames.ethernet(frames.mpls(UDP4, [16, 17, 18]), ethertype=0x8847)),
    "MPLS behind a VLAN tag": (1, frames.ethernet(frames.mpls(UDP4), ethertype=0x8848, tags=[0x8100])),
    "PPPoE": (1, frames.ethernet(frames.pppoe(UDP4), ethertype=0x8864, tags=[0x8100])),
    "PPPoE, short protocol": (1, frames.ethernet(frames.pppoe(UDP4, is_compressed=True), ethertype=0x8864)),
    "null": (0, links.null(UDP4)),
    "null, big-endian": (0, links.null(UDP4, order=">")),
    "loop": (108, links.loop(UDP4)),
    "sll": (113, links.linux_sll(UDP4)),
    "sll2": (276, links.linux_sll2(UDP4)),
    "ppp": (9, links.ppp(UDP4)),
    "ppp without address": (9, links.ppp(UDP4, has_address=False)),
    "ppp, all compressed": (50, links.ppp(UDP4, has_address=False, is_compressed=True)),
    "ppp that is Cisco's": (50, links.cisco_hdlc(UDP4)),
    "c-hdlc": (104, links.cisco_hdlc(UDP4, address=0x8F)),
    "ppi": (192, links.ppi(WLAN, fields=b"\0" * 24)),
    "ppi with ethernet": (192, links.ppi(frames.ethernet(UDP4), link_type=1)),
    "802.11": (105, WLAN),
    "radiotap": (127, links.radiotap(WLAN)),
    "radiotap with fields": (127, links.radiotap(WLAN, flags=0x10, has_tsft=True, n_more_words=2)),
    "qos data": (127, links.radiotap(links.wlan_data(UDP4, is_qos=True))),
    "four addresses, HT control": (
        127,
        links.radiotap(links.wlan_data(UDP4, is_qos=True, from_ds=True, has_ht_control=True)),
    ),
    "padded 802.11 header": (
        127,
        links.radiotap(links.wlan_data(UDP4, is_qos=True, is_padded=True), flags=links.PADDED, has_tsft=True),
    ),
    "raw 228": (228, UDP4),
    "Ethernet padding": (1, frames.ethernet(UDP4, pad_to=120)),
    "options": (1, frames.ethernet(frames.ipv4(frames.udp(1000, 53), options=b"\x94\4\0\0"))),
    "first fragment": (1, frames.ethernet(frames.ipv4(frames.udp(1000, 53), more_fragments=True))),
    "segmentation offload": (1, frames.ethernet(frames.ipv4(frames.udp(1000, 53), total_length=0))),
}
KEPT |= {f"raw {link_type}": (link_type, UDP4) for link_type in (12, 14, 101)}

KEPT6 = {
    "ethernet": (1, frames.ethernet(UDP6)),
    "MPLS": (1, frames.ethernet(frames.mpls(UDP6), ethertype=0x8847)),
    "PPPoE": (1, frames.ethernet(frames.pppoe(UDP6), ethertype=0x8864)),
    "raw 101": (101, UDP6),
    "raw 229": (229, UDP6),
    "all extensions": (
        229,
        frames.ipv6(
            frames.udp(1000, 53),
            extensions=[
                frames.extension(0, 1),
                frames.extension(43),
                frames.authentication(),
                frames.fragment(0),
                frames.extension(60),
            ],
        ),
    ),
    "jumbogram": (229, frames.ipv6(frames.udp(1000, 53), payload_length=0)),
}
KEPT6 |= {f"null {family}": (0, links.null(UDP6, family=family)) for family in (10, 23, 24, 28, 30)}

TCP_CUT = frames.ipv4(frames.tcp(1, 2)[:19], protocol=6)
SKIPPED = [
    ("unsupported_link_type", 147, b"x" * 60),
    ("unsupported_link_type", 192, links.ppi(b"x" * 60, link_type=147)),
    ("unsupported_link_type", 192, links.ppi(links.ppi(WLAN), link_type=192)),
    ("truncated_link_header", 1, b""),
    ("truncated_link_header", 1, frames.ethernet(b"")[:13]),
    ("truncated_link_header", 1, frames.ethernet(UDP4, tags=[0x8100])[:17]),
    ("truncated_link_header", 1, frames.ethernet(b"\0\0\0\0", ethertype=0x8847)),
    ("truncated_link_header", 127, links.radiotap(WLAN, length=7)),
    ("truncated_link_header", 127, links.radiotap(b"", length=9)),
    ("truncated_ip_header", 101, b""),
    ("truncated_ip_header", 101, b"\x45"),
    ("not_ip", 1, frames.ethernet(frames.arp(), ethertype=0x0806)),
    ("not_ip", 1, frames.ethernet_802_3(b"\x42\x42\x03" + b"\0" * 35)),
    ("bad_ip_header", 101, b"\x00" * 40),
    ("not_ip", 1, frames.ethernet(frames.mpls(b"\0" * 40), ethertype=0x8847)),
    ("not_ip", 1, frames.ethernet(frames.pppoe(UDP4, code=7), ethertype=0x8864)),
    ("not_ip", 9, links.ppp(b"\1" * 40, protocol=0xC021)),
    ("not_ip", 0, links.null(UDP4, family=7)),
    ("not_ip", 127, links.radiotap(links.wlan_management())),
    ("not_ip", 127, links.radiotap(links.wlan_data(UDP4, is_protected=True))),
    ("not_ip", 127, links.radiotap(links.wlan_data(UDP4, is_qos=True, is_amsdu=True))),
    ("not_ip", 127, links.radiotap(links.wlan_data(UDP4, has_no_payload=True))),
    ("truncated_ip_header", 1, frames.ethernet(UDP4[:19], ethertype=0x0800)),
    ("truncated_ip_header", 1, frames.ethernet(UDP6[:39])),
    ("truncated_ip_header", 228, frames.ipv4(options=b"\0" * 8)[:24]),
    ("truncated_ip_header", 229, frames.ipv6(extensions=[frames.extension(0, 3)])[:60]),
    ("bad_ip_header", 1, frames.ethernet(UDP6, ethertype=0x0800)),
    ("bad_ip_header", 229, UDP4 + b"\0" * 40),
    ("bad_ip_header", 228, frames.ipv4(frames.udp(1, 2), header_words=4)),
    ("bad_ip_header", 228, frames.ipv4(frames.udp(1, 2), total_length=19)),
    ("fragment", 228, frames.ipv4(frames.udp(1, 2), fragment_offset=1)),
    ("fragment", 228, frames.ipv4(b"ping", protocol=1, fragment_offset=1)),
    ("fragment", 105, links.wlan_data(UDP4, fragment_number=1)),
    ("fragment", 229, frames.ipv6(frames.udp(1, 2), extensions=[frames.fragment(1)])),
    ("other_protocol", 228, frames.ipv4(frames.icmp(), protocol=1)),
    ("other_protocol", 228, frames.ipv4(b"\0" * 40, protocol=50)),
    ("other_protocol", 228, frames.ipv4(b"\0" * 40, protocol=51)),
    ("truncated_ip_header", 228, frames.ipv4(b"\0" * 7, protocol=51)),
    ("truncated_tunnel_header", 228, frames.ipv4(b"\0" * 3, protocol=47)),
    ("tunnel_depth", 228, functools.reduce(lambda packet, _: frames.ipv4(packet, protocol=4), range(8), UDP4)),
    ("other_protocol", 229, frames.ipv6(b"\0" * 40, next_header=50)),
    ("other_protocol", 229, frames.ipv6(b"", next_header=59)),
    ("other_protocol", 229, frames.ipv6(frames.udp(1, 2), extensions=[frames.extension(135)])),
    ("truncated_transport_header", 228, TCP_CUT),
    ("truncated_transport_header", 1, frames.ethernet(TCP_CUT, pad_to=60)),
    ("truncated_transport_header", 228, frames.ipv4(frames.udp(1, 2)[:7])),
]


@pytest.mark.parametrize("name", KEPT)
def test_a_udp_packet_is_found_behind_every_link(name):
    decoded = decode_frame(*KEPT[name])
    assert (decoded.key, decoded.flags, decoded.ttl) == (KEY, 0, 64)


@pytest.mark.parametrize("name", KEPT6)
def test_an_ipv6_packet_is_found(name):
    assert decode_frame(*KEPT6[name]).key == KEY6


@pytest.mark.parametrize(("reason", "link_type", "frame"), SKIPPED)
def test_a_frame_is_skipped_for_a_reason(reason, link_type, frame):
    assert decode_frame(link_type, frame) == reason


def test_every_reason_has_an_example():
    assert [reason for reason in SKIP_REASONS if reason not in {case[0] for case in SKIPPED}] == []


def test_flags_ttl_and_ports_of_tcp():
    packet = frames.ipv4(frames.tcp(65535, 1, flags=frames.SYN | frames.ECE), protocol=6, ttl=255)
    decoded = decode_frame(228, packet)
    assert decoded == (("10.0.0.1", "10.0.0.2", 65535, 1, 6), 2 | 64, 255)


def test_addresses_are_written_as_rfc_5952_says():
    texts = ["1.2.3.4", "::", "::1", "2001:db8::1:0:0:1", "2001:db8:0:1:1:1:1:1", "::ffff:1.2.3.4"]
    assert [format_address(frames.address(text)) for text in texts] == texts


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("magic", [captures.MAGIC_US, captures.MAGIC_NS, captures.MAGIC_MODIFIED])
def test_pcap_in_every_form(order, magic):
    records = [(1_000_000_123_000, UDP4), (5_000, UDP6)]
    capture = read_capture(captures.pcap(records, link_type=101, order=order, magic=magic, snaplen=40, cut=True))
    assert capture.damage is None
    expected = [(time_ns, min(len(frame), 40), len(frame), 101, frame[:40]) for time_ns, frame in records]
    assert [tuple(record) for record in capture.records] == expected


def test_pcapng_with_sections_interfaces_and_every_packet_block():
    content = captures.section_header() + captures.interface(link_type=101, tsresol=9)
    content += captures.block(0x0BAD, b"unknown")
    content += captures.interface(link_type=1, tsresol=0x80 | 1, tsoffset=-2)
    content += captures.enhanced_packet(5, UDP4) + captures.enhanced_packet(11, UDP6, interface_no=1, wirelen=999)
    content += captures.section_header(order=">") + captures.interface(link_type=228, order=">", snaplen=9)
    content += captures.simple_packet(UDP4[:9], wirelen=35, order=">")
    content += captures.obsolete_packet(7, UDP4, order=">")
    capture = read_capture(content)
    assert capture.damage is None
    assert capture.link_types == [101, 1, 228]
    assert [record[:4] for record in capture.records] == [
        (5, 35, 35, 101),
        (3_500_000_000, 55, 999, 1),
        (3_500_000_000, 9, 35, 228),  # a simple packet has no time of its own
        (7_000, 35, 35, 228),
    ]
    assert capture.records[2].frame == UDP4[:9]


@pytest.mark.parametrize("content", [captures.pcap([(0, UDP4)] * 2), captures.pcapng([(0, UDP4)] * 2)])
@pytest.mark.parametrize("n_cut", [1, 40, 60])
def test_what_stands_before_the_damage_is_kept(content, n_cut):
    capture = read_capture(content[:-n_cut])
    assert len(capture.records) in (0, 1)
    assert capture.damage.offset + n_cut < len(content)


def packets_at(*times_ns, key=KEY, size=100):
    return [Packet(key, time_ns, size, size, size, 0, 64) for time_ns in times_ns]


def times_of(found):
    return [[packet.time_ns for packet in piece] for piece in found.pieces]


def test_an_idle_flow_loses_its_last_piece():
    options = FlowOptions(udp_timeout=1e-8, interval=1.0)  # 10 ns
    found = assemble_flows(packets_at(0, 10, 21, 22, 40, 41), options)
    assert times_of(found) == [[0, 10], [21, 22]]
    assert found.dropped["idle_tail"] == {"packets": 2, "flows": 1}
    kept = assemble_flows(packets_at(0, 10, 21, 22, 40, 41), FlowOptions(1, 1e-8, 1e-8, 1.0, keep_tail=True))
    assert times_of(kept) == [[0, 10], [21, 22], [40, 41]]


def test_the_interval_counts_from_the_anchor():
    options = FlowOptions(interval=1e-8)
    # 25 is cut off from 5 and counts as being at 20: so 31 is 11 away from the anchor, though 6 from 25.
    found = assemble_flows(packets_at(0, 5, 25, 31, 40, 55), options)
    assert times_of(found) == [[0, 5], [31, 40]]
    assert found.dropped["short_subflow"] == {"packets": 1, "flows": 1}
    assert found.dropped["interval_tail"] == {"packets": 1, "flows": 1}


def test_an_interval_of_zero_cuts_between_different_times():
    found = assemble_flows(packets_at(7, 7, 8, 8, 9), FlowOptions(q_interval=0.0, keep_tail=True))
    assert (times_of(found), found.interval_ns) == ([[7, 7, 8, 8, 9]], 2.0)
    ties = packets_at(5, 5) + packets_at(7, 7, 8, 8, 9, key=(*KEY[:3], 54, 17))
    found = assemble_flows(ties, FlowOptions(q_interval=0.0))
    assert (times_of(found), found.interval_ns) == ([[5, 5], [7, 7], [8, 8]], 0.0)


def test_one_packet_is_no_flow_even_where_one_is_asked_for():
    found = assemble_flows(packets_at(1, 2) + packets_at(1, key=KEY6), FlowOptions(min_packets=1))
    assert times_of(found) == [[1, 2]]
    assert found.dropped["short_flow"] == {"packets": 1, "flows": 1}


def test_seconds_become_the_nanoseconds_they_mean():
    assert [flows.nanoseconds(value) for value in (0.3, 1.1, 600.0, 1e-9)] == [3e8, 1.1e9, 6e11, 1.0]
    assert all(flows.nanoseconds(k / 1e9) == k for k in range(0, 10**12, 999_999_937))
    assert flows.nanoseconds(0.5e-9) == 0.5
    assert flows.nanoseconds(float("inf")) == float("inf")


def test_families_row_by_row():
    piece = [*packets_at(0, 10**9, size=10), *packets_at(3 * 10**9, size=40)]
    rows = {family: list(families.row_of(family, piece, 1e9)) for family in families.FAMILIES}
    assert rows["IAT"] == [1.0, 2.0]
    assert rows["SIZE"] == [10, 10, 40]
    assert rows["IAT_SIZE"] == [1.0, 10, 2.0, 10, 40]
    assert rows["STATS"] == pytest.approx([3, 1, 20, 20, 200**0.5, 10, 10, 25, 10, 40, 3, 60])
    # The window from 0 takes 0 and 1; those from 1 and 2 are whole ones before 3; 3 opens the next.
    assert rows["SAMP_NUM"] == [2, 0, 0, 1]
    assert rows["SAMP_SIZE"] == [20, 0, 0, 40]


def test_windows_end_at_five_hundred():
    row = families.row_of_windows(packets_at(0, 10_000), 10.0, lambda packet: 1)
    assert row == [1, *[0] * 499]
    assert families.row_of_windows(packets_at(0, 0, 5), 0.0, lambda packet: 1) == [2, 1]


def test_blocks_are_transformed_one_by_one():
    piece = packets_at(0, 10**9, 3 * 10**9)
    matrix = families.make_matrix([piece], ["IAT", "SIZE"], fft=True, header=True, dim=3, rate_ns=1.0)
    header = [0] * 8 + [64] * 3
    blocks = [np.fft.fft(block).real for block in (header, [1.0, 2.0], [100] * 3)]
    np.testing.assert_allclose(matrix, [np.concatenate(blocks)])
    names = families.name_columns(["IAT", "SIZE"], 3, True, True)
    assert names[:1] + names[8:] == (
        "fft_fin", "fft_ttl_0", "fft_ttl_1", "fft_ttl_2", "fft_iat_0", "fft_iat_1",
        "fft_size_0", "fft_size_1", "fft_size_2",
    )  # fmt: skip
    assert families.name_columns(["IAT_SIZE"], 2, False, False) == ("iat_0", "size_0", "size_1")
