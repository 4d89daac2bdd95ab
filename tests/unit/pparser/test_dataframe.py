"""The packet frame of `pcap2pandas`: the original's columns and types, and its values where it is right."""

import decimal
import io
import struct
import sys

import pytest
from builders import captures, frames, links

from netml.errors import CaptureWarning, MissingExtraError, NotACaptureError
from netml.pparser.dataframe import iter_frames, packet_frame

pandas = pytest.importorskip("pandas")

T0 = 1_499_083_689_704_042_000
# As pandas shows the original's frame of a capture of IPv4 over Ethernet.
TYPES = {
    "datetime": "datetime64[ns]",
    "dns_query": "object",
    "dns_resp": "object",
    "ip_dst": "object",
    "ip_dst_int": "int64",
    "ip_src": "object",
    "ip_src_int": "int64",
    "is_dns": "bool",
    "length": "int64",
    "mac_dst": "object",
    "mac_dst_int": "int64",
    "mac_src": "object",
    "mac_src_int": "int64",
    "port_dst": "int64",
    "port_src": "int64",
    "protocol": "object",
    "time": "object",
    "time_normed": "object",
}


def _frame(*packets, link_type=1, step_ns=1_000_000):
    records = [(T0 + position * step_ns, packet) for position, packet in enumerate(packets)]
    return packet_frame(io.BytesIO(captures.pcap(records, link_type=link_type)))


def test_a_frame_that_ends_with_its_mpls_labels():
    frame = frames.ethernet(b"\x00\x01\x01\x40", ethertype=0x8847)
    assert _frame(frame)["length"].tolist() == [len(frame)]


def _name(text):
    return b"".join(bytes([len(label)]) + label for label in text.split(b".") if label) + b"\0"


def _dns(question, *answers):
    body = struct.pack(">6H", 7, 0x8180, 1, len(answers), 0, 0) + _name(question) + struct.pack(">2H", 1, 1)
    for kind, value in answers:
        body += b"\xc0\x0c" + struct.pack(">2HIH", kind, 1, 60, len(value)) + value
    return body


def _udp(payload, ports=(53, 40000)):
    return frames.ethernet(frames.ipv4(frames.udp(*ports, payload)))


def test_columns_and_types():
    frame = _frame(_udp(b""), frames.ethernet(frames.ipv4(frames.tcp(80, 40000), protocol=6)))
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == TYPES
    assert list(frame) == list(TYPES)


def test_values(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    packet = frames.ethernet(frames.ipv4(frames.tcp(80, 40000), protocol=6))
    row = _frame(_udp(b""), packet).iloc[1]
    assert (row["ip_src"], row["ip_dst"]) == ("10.0.0.1", "10.0.0.2")
    assert (row["ip_src_int"], row["ip_dst_int"]) == (0x0A000001, 0x0A000002)
    assert (row["port_src"], row["port_dst"], row["protocol"]) == (80, 40000, "TCP")
    assert (row["mac_dst"], row["mac_src"]) == (packet[:6].hex(":"), packet[6:12].hex(":"))
    assert row["mac_src_int"] == int.from_bytes(packet[6:12], "big")
    assert row["length"] == len(packet)
    assert row["time"] == decimal.Decimal("1499083689.705042")
    assert row["time_normed"] == decimal.Decimal("0.001")
    assert row["datetime"] == pandas.Timestamp("2017-07-03 12:08:09")


def test_packets_without_addresses_or_ports():
    icmp = frames.ethernet(frames.ipv4(frames.icmp(), protocol=1))
    frame = _frame(_udp(b""), icmp, frames.ethernet(frames.arp(), ethertype=0x0806))
    assert frame["protocol"].tolist() == ["UDP", "ICMP", None]
    assert frame["ip_src"].tolist() == ["10.0.0.1", "10.0.0.1", None]
    assert str(frame["ip_src_int"].dtype) == str(frame["port_src"].dtype) == "float64"
    assert frame["port_src"].isna().tolist() == [False, True, True]


def test_ipv6_is_included():
    frame = _frame(frames.ethernet(frames.ipv6(frames.udp(40000, 443))), _udp(b""))
    assert frame["ip_src"].tolist() == ["2001:db8::1", "10.0.0.1"]
    assert frame["ip_src_int"].tolist() == [0x20010DB8 << 96 | 1, 0x0A000001]
    assert frame["protocol"].tolist() == ["UDP", "UDP"]


@pytest.mark.parametrize(
    ("link_type", "wrap"),
    [
        (1, lambda packet: frames.ethernet(packet, tags=[0x8100, 0x88A8])),
        (1, lambda packet: frames.ethernet(frames.pppoe(packet), ethertype=0x8864)),
        (0, links.null),
        (9, lambda packet: links.ppp(packet, has_address=True)),
        (9, lambda packet: links.ppp(packet, has_address=False)),
        (101, bytes),
        (113, links.linux_sll),
        (276, links.linux_sll2),
    ],
)
def test_link_types(link_type, wrap):
    packets = [frames.ipv4(frames.udp(1000, 2000)), frames.ipv6(frames.udp(1000, 2000))]
    frame = _frame(*map(wrap, packets), link_type=link_type)
    assert frame["port_dst"].tolist() == [2000, 2000]
    assert frame["mac_src"].isna().tolist() == [link_type != 1] * 2


def test_an_unknown_link_type_has_times_and_lengths():
    frame = _frame(b"12345", b"123", link_type=147)
    assert frame["length"].tolist() == [5, 3]
    assert frame["ip_src"].tolist() == [None, None]
    assert str(frame["port_src"].dtype) == "object"


@pytest.mark.parametrize("length", range(60))
def test_cut_frames_do_not_stop_the_reading(length):
    frame = _frame(_udp(_dns(b"www.example.org", (1, bytes([10, 0, 0, 9]))))[:length])
    assert frame["length"].tolist() == [length]


@pytest.mark.parametrize(
    ("message", "query", "response"),
    [
        (_dns(b"www.example.org"), ("www.example.org.",), None),
        (_dns(b""), (".",), None),
        (_dns(b"a.org", (1, bytes([10, 0, 0, 9]))), ("a.org.",), ("10.0.0.9",)),
        (_dns(b"a.org", (1, b"")), ("a.org.",), ("",)),
        (_dns(b"a.org", (28, b"\1\2")), ("a.org.",), ("\1\2",)),
        (_dns(b"a.org", (28, bytes(15) + b"\1")), ("a.org.",), ("::1",)),
        (_dns(b"a.org", (5, b"\3www\xc0\x0c")), ("a.org.",), ("www.a.org.",)),
        (_dns(b"a.org", (12, b""), (1, b"")), ("a.org.",), (".",)),
        (_dns(b"a.org", (16, b"\2hi\3you")), ("a.org.",), ([b"hi", b"you"],)),
        (_dns(b"a.org", (15, b"\0\1\0"), (1, bytes(4))), ("a.org.",), ("0.0.0.0",)),
        (_dns(b"a.org", (6, b""), (41, b"")), ("a.org.",), None),
        (_dns(b"a.org", (65, b"\0\1")), ("a.org.",), ("\0\1",)),
        (_dns(b"\xc3\x28.org", (1, bytes(4))), ("\\xc3(.org.",), ("0.0.0.0",)),
    ],
)
def test_dns(message, query, response):
    tcp = frames.ethernet(frames.ipv4(frames.tcp(40000, 53, struct.pack(">H", len(message)) + message), protocol=6))
    frame = _frame(_udp(message), _udp(message, (5353, 5353)), tcp, _udp(message, (5354, 40000)))
    assert frame["is_dns"].tolist() == [True, True, True, False]
    assert frame["dns_query"].tolist() == [query] * 3 + [None]
    assert frame["dns_resp"].tolist() == [response] * 3 + [None]


@pytest.mark.parametrize("payload", [b"", b"\0" * 11, b"\0" * 12, _dns(b"a.org")[:-1], b"\xff" * 40])
def test_what_is_no_dns_message(payload):
    assert _frame(_udp(payload))["is_dns"].tolist() == [False]


def test_a_capture_without_packets():
    frame = _frame()
    assert list(frame) == list(TYPES)
    assert len(frame) == 0


def test_a_time_beyond_every_calendar():
    year_3871_ns = 60_000_000_000 * 10**9
    capture = captures.pcapng([(year_3871_ns, _udp(b"")), (year_3871_ns, _udp(b""))], tsresol=0)
    assert packet_frame(io.BytesIO(capture))["datetime"].isna().tolist() == [True, True]


def test_what_is_no_capture(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_text("a text")
    with pytest.raises(NotACaptureError, match=r"x\.pcap: byte 0: neither pcap nor pcapng"):
        packet_frame(path)


def test_a_cut_capture_is_named_with_the_record(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(captures.pcap([(T0, _udp(b"")), (T0, _udp(b""))])[: 24 + 16 + 42 + 7])
    with pytest.warns(CaptureWarning, match=r"x\.pcap: record 2 at byte 82: cut"):
        assert len(packet_frame(path)) == 1


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install netml\[pandas\]"):
        packet_frame(io.BytesIO())


def test_frames_of_the_seeds_demo(shared_captures):
    path = shared_captures / "netml-demo.pcap"
    assert sum(1 for _ in iter_frames(path)) == 6000
    frame = packet_frame(str(path))
    # What the original gives (if it has decoded other DNS answers before: alone, it misses eight messages).
    assert frame["is_dns"].sum() == 824
    assert frame["dns_query"][8] == ("mitacs-pc3.",)
    assert frame["dns_resp"][1248] == (".",)
    assert (frame["mac_dst_int"][0], frame["ip_dst_int"][0]) == (1101088686102, 3758096406)
    assert str(frame["time"][2]) == "1499083689.704125"
