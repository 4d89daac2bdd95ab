"""Truth in the summary: packets read = kept + skipped by reason; packets kept = in flows + dropped by rule. Always."""

import io
import re
import warnings

import pytest
from builders import captures
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.capture import read_capture
from strategies import scenarios
from streams import count_dropped

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

import netml
from netml.capture.reader import iter_frames
from netml.flow.capture_info import inspect_capture
from netml.packets.table import read_packet_table
from netml.streaming.feature_batches import extract_batches
from netml.streaming.flow_stream import FlowStream
from netml.summary import summarise_table


def numbers_of(line):
    return [int(text.replace(",", "")) for text in re.findall(r"\d[\d,]*", line)]


def assert_lines_add_up(metadata, n_flows):
    """What a person reads adds up, too."""
    lines = summarise_table(metadata, n_flows)
    n_read, n_kept, n_skipped = numbers_of(next(line for line in lines if line.startswith("read")))
    assert n_read == n_kept + n_skipped
    assert n_skipped == sum(numbers_of(line)[0] for line in lines if line.startswith("skipped"))
    n_dropped = sum(numbers_of(line)[0] for line in lines if line.startswith("dropped"))
    flows_said, n_in_flows = numbers_of(lines[-1])[:2]
    assert (flows_said, n_in_flows) == (n_flows, n_kept - n_dropped)


def assert_true(metadata, n_in_flows=None):
    assert metadata["packets_read"] == metadata["packets_kept"] + sum(metadata["skipped"].values())
    if n_in_flows is not None:
        assert metadata["packets_kept"] == n_in_flows + count_dropped(metadata)


def read_biflows(content):
    """The same of biflows: at once, and in rounds with caps, with and without sums."""
    told = []
    for definition in ("uni", "bi"):
        flow = netml.FlowOptions(definition=definition, idle_timeout=0.5, min_packets=2)
        table = netml.read_flows(io.BytesIO(content), flow=flow)
        assert_true(table.metadata, len(table.time_ns))
        assert_lines_add_up(table.metadata, len(table))
        told.append(table.metadata)
        for family in ("SPLT", "CIC"):
            batches = extract_batches(
                io.BytesIO(content), family, dim=2, flow=flow, batch_packets=7, max_flows=3, max_memory=4000
            )
            n_in_flows = sum(int(batch.flows.packets.sum()) for batch in batches)
            assert_true(batches.metadata, n_in_flows)
            told.append(batches.metadata)
    return told


def read_all_ways(content, interval=5.0):
    """Read a capture in every way there is; each tells the truth, and all tell the same."""
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", netml.CaptureWarning)
        for flow in (None, netml.FlowOptions(min_packets=3, keep_tail=True), netml.FlowOptions(interval=0.3)):
            table = netml.read_flows(io.BytesIO(content), flow=flow)
            assert_true(table.metadata, len(table.time_ns))
            assert_lines_add_up(table.metadata, len(table))
            told.append(table.metadata)
        matrix = netml.extract(io.BytesIO(content), "STATS")
        assert_true(matrix.metadata, int(matrix.flows.packets.sum()))
        told.append(matrix.metadata)
        told += read_biflows(content)
        stream = FlowStream(io.BytesIO(content), interval=interval, batch_packets=7, max_memory=4000)
        tables = list(stream)
        assert_true(stream.metadata, sum(len(table.time_ns) for table in tables))
        packets = read_packet_table(io.BytesIO(content))
        assert_true(packets.metadata, None)
        assert len(packets) == packets.metadata["packets_kept"]
        inspected = inspect_capture(io.BytesIO(content))
        assert_true(inspected)
        told += [stream.metadata, packets.metadata, inspected]
        n_frames = sum(1 for _ in iter_frames(io.BytesIO(content)))
    for name in ("packets_read", "packets_kept", "captured_bytes", "skipped"):
        assert all(one[name] == told[0][name] for one in told), name
    assert n_frames == told[0]["packets_read"]
    return told[0]


@settings(deadline=None)
@given(scenarios(), st.sampled_from((1e-9, 0.3, 5.0)))
def test_random_captures(scenario, interval):
    told = read_all_ways(scenario.content, interval)
    assert told["packets_read"] == len(read_capture(scenario.content).records)


@settings(deadline=None)
@given(scenarios(), st.data())
def test_damaged_captures(scenario, data):
    content = bytearray(scenario.content)
    for _ in range(data.draw(st.integers(1, 4))):
        if len(content) > 130:
            content[data.draw(st.integers(120, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_all_ways(bytes(content[: data.draw(st.integers(120, max(120, len(content))))]))


@settings(deadline=None)
@given(scenarios())
def test_the_general_door(scenario):
    records = read_capture(scenario.content).records
    frames = [(record.time_ns / 1e9, record.frame) for record in records if record.link_type == captures.ETHERNET]
    table = netml.read_flows(iter(frames), link_type=captures.ETHERNET)
    assert table.metadata["packets_read"] == len(frames)
    assert_true(table.metadata, len(table.time_ns))


def test_every_shared_capture(shared_captures):
    n_read = n_captures = 0
    for path in sorted(shared_captures.glob("*.pcap*")):
        n_read += read_all_ways(path.read_bytes())["packets_read"]
        n_captures += 1
    assert n_captures >= 170
    assert n_read > n_captures
