"""Streaming against the reference: whatever the flushes, the same flows, packet by packet."""

import io

import pytest
import strategies
from builders import captures
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import pipeline
from reference.flows import FlowOptions
from streams import NEVER_S, RecordStream, assert_all_accounted_for, pieces_of, reference_pieces

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

import netml  # only where there is a kernel to test
from netml.streaming.flow_stream import FlowStream

SLACK_NS = 10**9  # what may come that much later is still in its place
TIMEOUTS = (600.0, 3.0, 1.0, 0.3, 1e-6, 1e-9)
INTERVALS = (5.0, 1.0, 0.3, 1.1, 1e-6, 1e-9, 2.5e-9, 1.03e-8, 1e9)


@st.composite
def flow_options(draw):
    """Options with an interval and all tails."""
    return FlowOptions(
        min_packets=draw(st.sampled_from((1, 2, 2, 3))),
        tcp_timeout=draw(st.sampled_from(TIMEOUTS)),
        udp_timeout=draw(st.sampled_from(TIMEOUTS)),
        interval=draw(st.sampled_from(INTERVALS)),
        keep_tail=True,
    )


@st.composite
def records_of_few_flows(draw, options, jitter_ns):
    """Records in order of time, or each up to `jitter_ns` late: gaps on the edges of the rules, ties, pauses."""
    edges = [gap for gap in strategies.edge_gaps_ns(options) if gap < 10**14]
    halves = [int(seconds * 10**9) // 2 + 1 for seconds in (options.interval, options.tcp_timeout)]
    bridges = st.sampled_from(
        [gap for gap in halves if gap < 10**10] or [0]
    )  # two of them are a cut, unless one is late
    near = st.sampled_from((0, SLACK_NS - 1, SLACK_NS + 1))
    gaps = st.one_of(st.sampled_from(edges), near, bridges, bridges, st.integers(0, 100))
    lateness = st.one_of(st.just(0), st.sampled_from((1, jitter_ns)), st.integers(0, jitter_ns))
    few = draw(st.lists(strategies.packets(), min_size=1, max_size=3))
    found, time_ns = [], strategies.START_NS
    for _ in range(draw(st.integers(0, 40))):
        time_ns += draw(gaps)
        found.append((time_ns + draw(lateness), time_ns, draw(st.sampled_from(few))))
    found.sort(key=lambda record: record[0])
    return [(time_ns, frame) for _, time_ns, frame in found]


def assert_streams_the_same(sources, contents, options, **bounds):
    flow = netml.FlowOptions(**{**vars(options), "interval": None, "keep_tail": False})
    stream = FlowStream(sources, interval=options.interval, flow=flow, latency_s=NEVER_S, **bounds)
    tables = list(stream)
    assert all(len(table) for table in tables)
    assert pieces_of(*tables) == reference_pieces(pipeline.read_flows(contents, flow=options))
    assert_all_accounted_for(stream, tables)
    assert stream.n_open_packets == 0


@settings(deadline=None)
@given(st.data(), st.sampled_from((1, 2, 7, 10**6)), st.sampled_from((0, SLACK_NS)))
def test_flushes_make_no_difference(data, batch_packets, jitter_ns):
    options = data.draw(flow_options())
    records = data.draw(records_of_few_flows(options, jitter_ns))
    source = RecordStream(records, magic=captures.MAGIC_NS)
    content = captures.pcap(records, magic=captures.MAGIC_NS)
    assert_streams_the_same(source, content, options, batch_packets=batch_packets)


@settings(deadline=None)
@given(st.data(), st.integers(0, 40), st.sampled_from((1, 3)))
def test_several_captures_are_one(data, n_first, batch_packets):
    options = data.draw(flow_options())
    records = data.draw(records_of_few_flows(options, 0))
    parts = [records[:n_first], records[n_first:]]
    sources = [RecordStream(part, magic=captures.MAGIC_NS) for part in parts]
    contents = [captures.pcap(part, magic=captures.MAGIC_NS) for part in parts]
    assert_streams_the_same(sources, contents, options, batch_packets=batch_packets)


@settings(deadline=None)
@given(
    strategies.scenarios(),
    st.sampled_from((1, 2, 7)),
    st.sampled_from((2, 3, 50)),
    st.sampled_from((None, 1, 2, 50)),
    st.sampled_from((1, 700, 10**6)),
)
def test_nothing_is_lost_whatever_the_clock_says(scenario, batch_packets, max_flow_packets, max_flows, max_memory):
    stream = FlowStream(
        io.BytesIO(scenario.content),
        interval=scenario.options.interval or 1.0,
        size=scenario.size,
        batch_packets=batch_packets,
        max_flow_packets=max_flow_packets,
        max_flows=max_flows,
        max_memory=max_memory,
    )
    assert_all_accounted_for(stream, list(stream))
