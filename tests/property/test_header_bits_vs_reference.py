"""Header bits: the kernel against the reference, bit by bit, on random stacks of headers and on cut ones."""

from fractions import Fraction

import numpy as np
import pytest
from builders import frames, tunnels
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import nprint
from reference.capture import Record
from reference.decode import format_address
from stacks import records_of_stacks

_flowcore = pytest.importorskip("netml._flowcore", reason="needs the compiled core")

booleans = st.booleans()
blocks_of = st.sets(st.sampled_from(nprint.BLOCKS))
decodings = st.fixed_dictionaries(
    {
        "tunnels": st.sampled_from(("inner", "outer")),
        "fragments": st.sampled_from(("first", "track")),
        "protocols": st.sampled_from(("tcp-udp", "all")),
    }
)
payloads = st.sampled_from((0, 0, 1, 7, 64))


def kernel_rows(records, blocks, payload_bytes, *, tunnels="inner", fragments="first", protocols="all"):
    """Rows as `nprint.read_rows` gives them, and reason -> packets skipped."""
    decoding = {"enters_tunnels": tunnels == "inner", "tracks_fragments": fragments == "track"}
    decoding["takes_all"] = protocols == "all"
    reader = _flowcore.HeaderReader(blocks=blocks, payload_octets=payload_bytes, **decoding)
    rows = []
    for time_ns, link_type, frame in records:
        assert reader.assemble_packets(iter([(Fraction(time_ns, 10**9), frame)]), link_type, 2) == 1
        if reader.n_pending > 7:
            rows += zip(*reader.take_rows(7), strict=True)
    while reader.n_pending:
        rows += zip(*reader.take_rows(7), strict=True)
    skipped = {reason: n for reason, n in reader.counters["skipped"].items() if n}
    assert reader.counters["packets_kept"] == len(rows)
    return [(_key(packet), bits.tolist()) for packet, bits in rows], skipped


def _key(packet):
    key = packet["key"]
    n_octets = 4 if key["ip_version"] == 4 else 16
    addresses = (format_address(bytes(key[name][:n_octets])) for name in ("src_ip", "dst_ip"))
    return (*addresses, int(key["src_port"]), int(key["dst_port"]), int(key["protocol"]))


def reference_rows(records, blocks, payload_bytes, *, protocols="all", **options):
    whole = [Record(time_ns, len(frame), len(frame), link_type, frame) for time_ns, link_type, frame in records]
    rows, skipped = nprint.read_rows(whole, blocks, payload_bytes, protocols=protocols, **options)
    return [(key, bits) for _, key, bits in rows], skipped


@st.composite
def packets(draw):
    """A packet with options of any length, a data offset that may lie, and padding behind it."""
    options = draw(st.binary(max_size=40))
    payload = draw(st.binary(max_size=80))
    kind = draw(st.sampled_from(("tcp", "udp", "icmp", "other")))
    if kind == "tcp":
        segment = frames.tcp(1, 2, payload, options=options, data_offset=draw(st.none() | st.integers(0, 15)))
    else:
        segment = {"udp": frames.udp(3, 4, payload), "icmp": frames.icmp(0, 1, payload), "other": payload}[kind]
    protocol = {"tcp": 6, "udp": 17, "icmp": draw(st.sampled_from((1, 58))), "other": 132}[kind]
    length = draw(st.sampled_from((None, None, None, 0, 30, 60)))
    if draw(booleans):
        packet = frames.ipv4(segment, protocol=protocol, options=draw(st.binary(max_size=40)), total_length=length)
    else:
        chain = draw(st.lists(st.sampled_from((0, 43, 60)), max_size=2))
        extensions = [frames.extension(number, draw(st.integers(0, 2))) for number in chain]
        packet = frames.ipv6(segment, next_header=protocol, extensions=extensions, payload_length=length)
    frame = frames.ethernet(packet, tags=draw(st.sampled_from(((), (0x8100,), (0x88A8, 0x8100)))), pad_to=60)
    return frame[: draw(st.integers(14, len(frame)))] if draw(booleans) else frame


@settings(deadline=None)
@given(st.lists(packets(), max_size=12), blocks_of, payloads)
def test_packets_with_options_and_cuts(made, blocks, payload_bytes):
    records = [(i, 1, frame) for i, frame in enumerate(made)]
    assert kernel_rows(records, blocks, payload_bytes) == reference_rows(records, blocks, payload_bytes)


@settings(deadline=None, max_examples=40)
@given(
    records_of_stacks(), blocks_of, payloads, st.sampled_from(("inner", "outer")), st.sampled_from(("first", "track"))
)
def test_tunnels_and_fragments(records, blocks, payload_bytes, tunnels, fragments):
    options = {"tunnels": tunnels, "fragments": fragments}
    assert kernel_rows(records, blocks, payload_bytes, **options) == reference_rows(
        records, blocks, payload_bytes, **options
    )


def test_a_frame_cut_at_every_octet():
    inner = frames.ethernet(frames.ipv4(frames.tcp(1, 2, b"abc", options=b"\2\4\5\xb4"), protocol=6, options=b"\1" * 4))
    whole = frames.ethernet(frames.ipv6(frames.udp(9, 4789, tunnels.vxlan(inner))))
    records = [(i, 1, whole[:i]) for i in range(len(whole) + 1)]
    found = kernel_rows(records, nprint.BLOCKS, 8)
    assert found == reference_rows(records, nprint.BLOCKS, 8)
    assert len(found[0]) > 3


def test_many_rows_are_taken_in_parts():
    frame = frames.ethernet(frames.ipv4(frames.udp(1, 2, b"x" * 1000)))
    reader = _flowcore.HeaderReader(blocks=["udp"], payload_octets=1000)
    for _ in range(2):
        assert reader.assemble_packets(iter([(0.0, frame)] * 5000), 1, 6000) == 5000
        sizes = []
        while reader.n_pending:
            packets, bits = reader.take_rows(1999)
            sizes.append(len(packets))
            expected = reference_rows([(0, 1, frame)], ["udp"], 1000)[0][0][1]
            assert (bits == np.array(expected, np.int8)).all()
        assert sizes == [1999, 1999, 1002]


def test_names_and_widths_are_the_kernels():
    widths = {block: len(nprint.name_columns([block])) for block in nprint.BLOCKS}
    assert widths == _flowcore.HEADER_BLOCKS
    assert tuple(_flowcore.HEADER_BLOCKS) == nprint.BLOCKS


def test_flows_first_packets():
    made = [frames.ethernet(frames.ipv4(frames.udp(port, 53, bytes([port])))) for port in range(1, 41)]
    store = _flowcore.StoredFlowHeaders()
    for i, frame in enumerate(made):
        assert store.add_packet(1, frame, i % 4, i // 4, 2)
    assert not store.add_packet(1, frames.ethernet(frames.arp(), ethertype=0x0806), 0, 0)
    assert store.n_packets == 40
    assert store.n_bytes > 0
    rows = np.array([2, 0xFFFFFFFF, 0, 1], np.uint32)  # the flow of number 1 is in no row
    width = len(nprint.name_columns(["ipv4", "udp"], 1))
    X = np.full((3, 3 * width), -1, np.int8)
    assert store.fill_rows(X, ["udp", "ipv4"], 1, 3, rows) == 9
    bits = [row for _, row in reference_rows([(0, 1, frame) for frame in made], ["ipv4", "udp"], 1)[0]]
    for flow, row in ((0, 2), (2, 0), (3, 1)):
        assert X[row].tolist() == [bit for rank in range(3) for bit in bits[4 * rank + flow]]
    with pytest.raises(ValueError, match="do not fit"):
        store.fill_rows(X, ["ipv4"], 1, 3, rows)
    with pytest.raises(ValueError, match="no headers"):
        _flowcore.HeaderReader(blocks=["eth"])
