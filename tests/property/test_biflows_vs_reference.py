"""Biflows: the kernel against the reference, packet by packet, on random conversations and random stacks of headers."""

import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stacks import records_of_stacks

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

from builders import captures, frames
from reference.biflows import END_REASONS, BiflowOptions, assemble_biflows
from reference.capture import read_capture
from reference.headers import decode_headers

import netml
from netml import _flowcore
from netml.flow.options import FlowOptions

S = 10**9
TCP, UDP, ICMP, SCTP, ICMPV6 = 6, 17, 1, 132, 58
HOSTS = (("10.0.0.1", "10.0.0.2", "10.0.0.3"), ("fe80::1", "fe80::2", "::1"))
SECONDS = st.integers(0, 4000).map(lambda halves: halves * S // 2)
RENAMED = {"header_bytes": "transport_header_bytes"}
NOT_TESTED_HERE = {"is_forward"}
TCP_OPTIONS = st.sampled_from((b"", b"\2\4\5\xb4\3\3\7\4\2", b"\4\2\2\1", b"\2\4")) | st.binary(max_size=12)
DEFINITIONS = st.sampled_from(  # `direction` is an option of biflows only
    ({"definition": "uni"}, {"definition": "bi", "direction": "first"}, {"definition": "bi", "direction": "syn"})
)
TIMEOUTS = st.fixed_dictionaries(
    {
        "idle_timeout": st.sampled_from((60.0, 120.0, 1e-9, float("inf"))),
        "active_timeout": st.sampled_from((300.0, 1800.0, 299.9999999995, float("inf"))),
        "tcp_end": st.sampled_from(("none", "rst", "fin", "reopen")),
        "vlan_key": st.booleans(),
        "min_packets": st.sampled_from((1, 1, 2, 5)),
    }
)
OPTIONS = st.tuples(DEFINITIONS, TIMEOUTS).map(lambda parts: parts[0] | parts[1])
DECODING = st.fixed_dictionaries(
    {
        "protocols": st.sampled_from(("all", "tcp-udp")),
        "tunnels": st.sampled_from(("inner", "outer")),
        "fragments": st.sampled_from(("first", "track")),
    }
)


def tagged(packet, vlan_ids):
    """Ethernet with 802.1Q tags."""
    ethertype = struct.pack("!H", 0x86DD if packet[0] >> 4 == 6 else 0x0800)
    return bytes(12) + b"".join(struct.pack("!HH", 0x8100, vlan_id) for vlan_id in vlan_ids) + ethertype + packet


@st.composite
def conversations(draw):
    """Packets of few hosts and ports, so that flows meet, end and begin again."""
    records = []
    for _ in range(draw(st.integers(0, 40))):
        ports = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
        protocol = draw(st.sampled_from((TCP, TCP, TCP, UDP, ICMP, SCTP, ICMPV6)))
        payload = bytes(draw(st.integers(0, 2)))
        if protocol == TCP:
            flags = draw(st.sampled_from((1, 2, 4, 16, 17, 18, 20)) | st.integers(0, 255))
            sequence, options = draw(st.integers(0, 2**32 - 1)), draw(TCP_OPTIONS)
            segment = frames.tcp(*ports, payload, flags=flags, sequence=sequence, options=options)
        else:
            segment = frames.udp(*ports, payload + bytes(4))
        source, destination = draw(st.permutations(draw(st.sampled_from(HOSTS))))[:2]
        packet = frames.ip(segment, source=source, destination=destination, protocol=protocol)
        frame = tagged(packet, draw(st.sampled_from(((), (), (5,), (7, 5), (0,), (0xF005,)))))
        records.append((draw(SECONDS), frame))
    return records


def kernel_table(content, link_type=1, **options):
    columns = tuple(_flowcore.COLUMNS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return netml.read_flows(io.BytesIO(content), flow=FlowOptions(**options), columns=columns)


def reference_table(content, decoding, options):
    options = dict(options)
    records = read_capture(content).records
    packets, skipped = decode_headers(records, **decoding)
    latest_ns = max((record.time_ns for record in records), default=0)
    return assemble_biflows(packets, BiflowOptions(flow=options.pop("definition"), **options), latest_ns), skipped


def assert_same(content, decoding, options):
    """Flow by flow and packet by packet; what was skipped and dropped, too."""
    table = kernel_table(content, **decoding, **options)
    expected, skipped = reference_table(content, decoding, options)
    flows = expected.flows
    assert {reason: n for reason, n in table.metadata["skipped"].items() if n} == skipped
    assert table.metadata["dropped"]["short_flow"] == expected.short_flow
    index = table.flows
    key_of = [
        (f.key.source.address, f.key.destination.address, f.key.source.port, f.key.destination.port) for f in flows
    ]
    assert index.five_tuples() == [(*key, flow.key.protocol) for key, flow in zip(key_of, flows, strict=True)]
    assert index.start_ns.tolist() == [flow.start_ns for flow in flows]
    assert index.end_ns.tolist() == [flow.end_ns for flow in flows]
    assert index.end_reason.tolist() == [END_REASONS[flow.end_reason] for flow in flows]
    for name in ("vlan_id", "icmp_type", "icmp_code"):
        assert index.attributes[name].tolist() == [getattr(flow.first, name) for flow in flows], name
    members = [member for flow in flows for member in flow.packets]
    assert table.is_forward.tolist() == [is_forward for _, is_forward in members]
    assert np.diff(table.offsets).tolist() == [len(flow.packets) for flow in flows]
    for name in {"time_ns", *_flowcore.COLUMNS} - NOT_TESTED_HERE:
        values = [max(getattr(packet, RENAMED.get(name, name)), 0) for packet, _ in members]
        assert getattr(table, name).tolist() == values, name


@settings(deadline=None)
@given(conversations(), DECODING, OPTIONS)
def test_random_conversations(records, decoding, options):
    assert_same(captures.pcap(records, magic=captures.MAGIC_NS), decoding, options)


@settings(deadline=None)
@given(records_of_stacks(), DECODING, OPTIONS)
def test_random_stacks_and_fragments(records, decoding, options):
    packets = [(time_ns, frame) for time_ns, link_type, frame in records if link_type == 1 and time_ns >= 0]
    assert_same(captures.pcap(packets, magic=captures.MAGIC_NS), decoding, options)


@pytest.mark.parametrize("options", [{"definition": "bi"}, {"definition": "uni", "tcp_end": "reopen"}], ids=str)
@pytest.mark.parametrize("decoding", [{"protocols": "all"}, {"protocols": "tcp-udp", "tunnels": "outer"}], ids=str)
def test_every_shared_capture(shared_captures, decoding, options):
    n_flows = 0
    for path in sorted(shared_captures.glob("*.pcap*")):
        content = path.read_bytes()
        assert_same(content, decoding, options)
        n_flows += 1
    assert n_flows > 100
