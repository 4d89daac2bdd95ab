"""pcap and pcapng in all their layouts; and blocks of bytes that end anywhere in a record."""

import io
import struct

import numpy as np
import pytest
import traffic
from builders import captures

import netml
from netml.capture import blocks
from netml.flow.capture_info import inspect_capture

RECORDS = traffic.many_flows(120)
COLUMNS = ("keys", "offsets", "time_ns", "caplen", "wirelen", "flags", "ttl")
MAGICS = {"us": captures.MAGIC_US, "ns": captures.MAGIC_NS, "modified": captures.MAGIC_MODIFIED}


def read(content, **options):
    return netml.read_flows(io.BytesIO(content), **options)


@pytest.fixture(scope="module")
def expected():
    table = read(captures.pcap(RECORDS))
    assert table.metadata["packets_kept"] == len(RECORDS)
    return table


def assert_same(table, expected):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(table, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("precision", MAGICS)
def test_pcap(precision, order, expected):
    assert_same(read(captures.pcap(RECORDS, order=order, magic=MAGICS[precision])), expected)


def test_a_pcap_to_the_nanosecond():
    records = [(traffic.START_NS + i * 1001, traffic.udp_frame()) for i in range(9)]
    table = read(captures.pcap(records, magic=captures.MAGIC_NS))
    np.testing.assert_array_equal(table.time_ns, [time_ns for time_ns, _ in records])
    table = read(captures.pcap(records))
    np.testing.assert_array_equal(table.time_ns, [time_ns // 1000 * 1000 for time_ns, _ in records])


def test_lengths_of_a_capture_cut_by_its_snaplen():
    records = [(traffic.START_NS + i, traffic.udp_frame(b"x" * 500)) for i in range(3)]
    for size, length in (("captured", 60), ("wire", 542)):
        table = read(captures.pcap(records, snaplen=60, cut=True), size=size)
        assert table.caplen.tolist() == [60, 60, 60]
        assert table.wirelen.tolist() == [542, 542, 542]
        assert table.size.tolist() == [length] * 3
        assert table.flows.bytes.tolist() == [3 * length]


def test_a_link_type_with_the_length_of_the_check_sequence(expected):
    # The upper bits of the link type's field tell how many bytes of check sequence a frame has.
    assert_same(read(captures.pcap(RECORDS, link_type=0x14000001)), expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tsresol", [None, 6, 7, 9, 12, 18, 0x80 | 30, 0x80 | 40, 0x80 | 50])
def test_pcapng_resolutions(tsresol, order):
    # 64 bits of picoseconds end in 1970.
    is_coarse = tsresol is None or tsresol & 0x7F <= 9 or tsresol == 0x80 | 30
    records = traffic.many_flows(120, start_ns=traffic.START_NS if is_coarse else 0)
    expected = read(captures.pcap(records))
    table = read(captures.pcapng(records, order=order, tsresol=tsresol))
    # A tick of 2**-n s is no whole number of ns: the time is the tick's, rounded down.
    error_ns = expected.time_ns - table.time_ns
    assert error_ns.min() >= 0
    assert error_ns.max() <= (1 if tsresol is not None and tsresol & 0x80 else 0)
    np.testing.assert_array_equal(table.caplen, expected.caplen)


@pytest.mark.parametrize(
    ("tsresol", "ticks", "time_ns"),
    [
        (0, 1_700_000_000, 1_700_000_000 * 10**9),
        (3, 1_700_000_000_123, 1_700_000_000_123 * 10**6),
        (0x80, 1_700_000_000, 1_700_000_000 * 10**9),
        (0x80 | 1, 3, 1_500_000_000),
        (0x80 | 10, 1_700_000_000 * 1024 + 1, 1_700_000_000 * 10**9 + 976_562),
        (0x80 | 30, (1_700_000_000 << 30) + 3, 1_700_000_000 * 10**9 + 2),
        (19, 2**64 - 1, 1_844_674_407),
        (127, 2**64 - 1, 0),
        (0x80 | 127, 2**64 - 1, 0),
    ],
)
def test_ticks_of_coarse_and_fine_clocks(tsresol, ticks, time_ns):
    content = captures.section_header() + captures.interface(tsresol=tsresol)
    content += captures.enhanced_packet(ticks, traffic.udp_frame()) * 2
    assert read(content).time_ns.tolist() == [time_ns] * 2


@pytest.mark.parametrize("tsoffset", [0, 1000, -1000, 1_700_000_000])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_offset(tsoffset, order, expected):
    assert_same(read(captures.pcapng(RECORDS, tsoffset=tsoffset, order=order)), expected)


@pytest.mark.parametrize(
    ("tsoffset", "seconds", "expected_ns"),
    [
        (-9_000_000_000, 18_000_000_000, 9 * 10**18),
        (-18_000_000_000, 18_000_000_001, 10**9),
        (-(2**63), 2**44, -(2**63 - 1)),
        (2**63 - 1, 0, 2**63 - 1),
    ],
)
def test_only_the_sum_of_ticks_and_offset_is_clamped(tsoffset, seconds, expected_ns):
    content = captures.section_header() + captures.interface(tsresol=0, tsoffset=tsoffset)
    content += captures.enhanced_packet(seconds, traffic.udp_frame()) * 2
    assert read(content).time_ns.tolist() == [expected_ns] * 2


def test_sections_of_both_byte_orders_and_interfaces_of_their_own(expected):
    content = b""
    for part in range(3):
        order = "<>"[part % 2]
        content += captures.section_header(order=order)
        content += captures.interface(order=order, tsresol=9)
        content += captures.interface(order=order, tsoffset=part)
        for i, (time_ns, frame) in enumerate(RECORDS[part * 40 : part * 40 + 40]):
            ticks = captures.ticks_of(time_ns, 6, part) if i % 2 else captures.ticks_of(time_ns, 9)
            content += captures.enhanced_packet(ticks, frame, interface_no=i % 2, order=order)
    assert_same(read(content), expected)
    found = inspect_capture(io.BytesIO(content))
    assert (found["format"], found["n_sections"], found["n_interfaces"]) == ("pcapng", 3, 6)
    assert found["link_types"] == ["1 (Ethernet)"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_obsolete_packet_blocks(order, expected):
    content = captures.section_header(order=order) + captures.interface(order=order)
    for time_ns, frame in RECORDS:
        content += captures.obsolete_packet(captures.ticks_of(time_ns), frame, order=order)
    assert_same(read(content), expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_simple_packet_blocks_have_no_time(order):
    frame = traffic.udp_frame(b"x" * 100)
    content = captures.section_header(order=order) + captures.interface(order=order, snaplen=64)
    content += captures.simple_packet(frame[:64], wirelen=len(frame), order=order)
    content += captures.enhanced_packet(5, frame[:64], wirelen=len(frame), order=order)
    content += captures.simple_packet(frame[:64], wirelen=len(frame), order=order)
    content += captures.simple_packet(frame[:50], wirelen=50, order=order)
    table = read(content)
    # Each is taken to be at the time of the packet before it.
    assert table.time_ns.tolist() == [0, 5000, 5000, 5000]
    assert table.caplen.tolist() == [64, 64, 64, 50]
    assert table.wirelen.tolist() == [142, 142, 142, 50]


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_blocks_and_options_are_passed_over(order, expected):
    comment = captures.option(1, b"a comment", order=order) + captures.option(0, b"", order=order)
    kinds = {4: 20, 5: 16, 10: 40, 0xBAD: 0, 0x80000001: 300}
    unknown = [captures.block(kind, b"?" * length, order=order) for kind, length in kinds.items()]
    content = captures.section_header(order=order, options=comment)
    content += unknown[0] + captures.interface(order=order, tsresol=9, options=comment[:-4])
    for i, (time_ns, frame) in enumerate(RECORDS):
        content += captures.enhanced_packet(time_ns, frame, order=order, options=comment)
        content += unknown[i % len(unknown)]
    assert_same(read(content), expected)


def test_a_pcapng_of_an_unsupported_link_type_is_refused():
    with pytest.raises(netml.UnsupportedLinkTypeError, match=r"link type 147 \(USER0\) is not decoded") as caught:
        read(captures.pcapng(RECORDS, link_type=147))
    assert caught.value.path == "<BytesIO>"


def test_packets_of_an_unsupported_interface_are_counted(expected):
    content = captures.section_header() + captures.interface(link_type=147) + captures.interface()
    for time_ns, frame in RECORDS:
        content += captures.enhanced_packet(captures.ticks_of(time_ns), frame, interface_no=1)
        content += captures.enhanced_packet(captures.ticks_of(time_ns), frame, interface_no=0)
    table = read(content)
    assert_same(table, expected)
    assert table.metadata["skipped"]["unsupported_link_type"] == len(RECORDS)
    assert table.metadata["packets_read"] == 2 * len(RECORDS)
    assert inspect_capture(io.BytesIO(content))["link_types"] == ["1 (Ethernet)", "147 (USER0)"]


LAYOUTS = {
    "pcap": captures.pcap(RECORDS[:40]),
    "pcap-big-endian": captures.pcap(RECORDS[:40], order=">"),
    "modified": captures.pcap(RECORDS[:40], magic=captures.MAGIC_MODIFIED),
    "pcapng": captures.pcapng(RECORDS[:20]) + captures.pcapng(RECORDS[20:40], order=">", tsresol=9),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_blocks_that_end_anywhere(monkeypatch, layout):
    whole = read(LAYOUTS[layout])
    for n_bytes in range(64, 201):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", n_bytes)
        table = read(LAYOUTS[layout])
        assert_same(table, whole)
        assert table.metadata == whole.metadata


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_place_of_damage_does_not_depend_on_blocks(monkeypatch, layout):
    content = LAYOUTS[layout] + struct.pack("<I", 1)
    places = set()
    for n_bytes in (64, 65, 100, 177, 1 << 19):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", n_bytes)
        with pytest.raises(netml.TruncatedCaptureError) as caught:
            read(content, strict=True)
        places.add((caught.value.record_no, caught.value.offset))
    # Blocks are counted in a pcapng: a section's and an interface's for each half.
    assert places == {(45 if layout == "pcapng" else 41, len(LAYOUTS[layout]))}


@pytest.mark.parametrize("write", [captures.pcap, captures.pcapng])
def test_records_larger_than_a_block(write):
    large = traffic.udp_frame(b"x" * 60_000) + b"\0" * 1_000_000
    frames = [traffic.udp_frame(), large, large, traffic.udp_frame(), large]
    assert len(large) > blocks.BLOCK_BYTES
    table = read(write([(traffic.START_NS + i * 1000, frame) for i, frame in enumerate(frames)]))
    assert table.caplen.tolist() == [len(frame) for frame in frames]
    np.testing.assert_array_equal(np.diff(table.time_ns), 1000)
