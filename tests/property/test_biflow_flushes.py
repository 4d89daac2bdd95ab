"""Streams of biflows: the rows of `netml.extract`, whatever the flushes; and caps, under which no packet is lost."""

import io
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

from builders import captures
from reference.capture import read_capture
from streams import NEVER_S, count_dropped
from test_biflows_vs_reference import DECODING, OPTIONS, conversations

import netml
from netml.streaming.feature_batches import extract_batches

S = 10**9
FAMILIES = ("FLOW", "CIC", "TCP", "SPLT", "STATS")
FACTS = ("vlan_id", "icmp_type", "icmp_code", "connection_start_ns")
ENDED_EARLY = 5


def rows_of(matrices):
    """All flows of some matrices, sorted: key, times, reason, packets, bytes, attributes, then the row."""
    found = []
    for matrix in matrices:
        index = matrix.flows
        attributes = [index.attributes[name].tolist() for name in FACTS]
        plain = [index.start_ns, index.end_ns, index.end_reason, index.packets, index.bytes]
        columns = [index.five_tuples(), *(column.tolist() for column in plain), *attributes, matrix.X.tolist()]
        found += [(*flow[:-1], tuple(flow[-1])) for flow in zip(*columns, strict=True)]
    return sorted(found)


def read_both(content, family, flow, **stream_options):
    """(of a batch, of a stream): the rows, and what was counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", netml.CaptureWarning)
        matrix = netml.extract(io.BytesIO(content), family, dim=6, flow=flow)
        batches = extract_batches(io.BytesIO(content), family, dim=6, flow=flow, latency_s=NEVER_S, **stream_options)
        streamed = list(batches)
    return (rows_of([matrix]), matrix.metadata), (rows_of(streamed), batches.metadata)


def assert_same(content, family, flow, **stream_options):
    whole, streamed = read_both(content, family, flow, **stream_options)
    assert streamed[0] == whole[0]
    for name in ("packets_read", "packets_kept", "skipped", "dropped"):
        assert streamed[1][name] == whole[1][name], name


def come_late(records, late):
    """Each packet up to a second behind those that are later."""
    delayed = sorted(zip(records, late, strict=True), key=lambda pair: pair[0][0] + pair[1])
    return [record for record, _ in delayed]


@st.composite
def captures_nearly_in_order(draw):
    records = draw(conversations())
    late = st.just(0) | st.integers(0, 2).map(lambda halves: halves * S // 2)
    return come_late(records, [draw(late) for _ in records])


def flow_options(decoding, options):
    return netml.FlowOptions(**decoding, **options)


@settings(deadline=None)
@given(captures_nearly_in_order(), DECODING, OPTIONS, st.sampled_from(FAMILIES), st.integers(1, 50))
def test_flushes_have_the_rows_of_a_batch(records, decoding, options, family, batch_packets):
    content = captures.pcap(records, magic=captures.MAGIC_NS)
    assert_same(content, family, flow_options(decoding, options), batch_packets=batch_packets)


@settings(deadline=None)
@given(conversations(), OPTIONS, st.sampled_from(FAMILIES), st.integers(1, 50), st.data())
def test_caps_lose_no_packet(records, options, family, batch_packets, data):
    """In any order, even by more than a round can wait."""
    caps = {
        "max_flows": data.draw(st.none() | st.integers(1, 5)),
        "max_memory": data.draw(st.sampled_from((1 << 30, 5000, 1000))),
    }
    content = captures.pcap(records, magic=captures.MAGIC_NS)
    flow = flow_options({"protocols": "all"}, options)
    _, (rows, counted) = read_both(content, family, flow, batch_packets=batch_packets, **caps)
    assert counted["packets_read"] == counted["packets_kept"] + sum(counted["skipped"].values())
    assert sum(row[4] for row in rows) + count_dropped(counted) == counted["packets_kept"]
    n_early = sum(each["flows"] for each in counted["ended_early"].values())
    assert sum(row[3] == ENDED_EARLY for row in rows) <= n_early
    assert options["min_packets"] > 1 or sum(row[3] == ENDED_EARLY for row in rows) == n_early


@pytest.mark.parametrize("options", [{"definition": "bi"}, {"definition": "uni", "tcp_end": "reopen"}], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_shared_capture(shared_captures, family, options):
    n_same = 0
    for path in sorted(shared_captures.glob("*.pcap*")):
        content = path.read_bytes()
        if len(content) > 300_000:
            continue
        times_ns = [record.time_ns for record in read_capture(content).records]
        latest_ns = -(2**63)
        is_ordered = True
        for time_ns in times_ns:
            latest_ns = max(latest_ns, time_ns)
            is_ordered &= time_ns >= latest_ns - S
        if is_ordered:
            assert_same(content, family, netml.FlowOptions(protocols="all", **options), batch_packets=37)
            n_same += 1
    assert n_same > 100
