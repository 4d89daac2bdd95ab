"""The seeds of the hashes are random, and nothing depends on them but speed."""

import io
import os

import numpy as np
import pytest
import traffic
from builders import captures, fragments, frames

import netml
from netml.streaming.feature_batches import extract_batches
from netml.streaming.flow_stream import FlowStream

N_SEED_BYTES = 56


def capture():
    """Many flows, and fragmented datagrams of more senders than the ring of open datagrams keeps apart by luck."""
    records = traffic.many_flows(1500, 240)
    time_ns = records[-1][0]
    for sender in range(60):
        source = f"10.9.{sender // 8}.{sender % 8}"
        pieces = fragments.ipv4_fragments(frames.udp(1000, 53, b"x" * 60), n_bytes=32, source=source, identification=7)
        for piece in pieces:
            time_ns += 1000
            records.append((time_ns, frames.ethernet(piece)))
    return captures.pcap(records)


CONTENT = capture()
FLOW = netml.FlowOptions(fragments="track", interval=0.05, keep_tail=True)


def results():
    matrix = netml.extract(io.BytesIO(CONTENT), ["IAT", "SIZE", "STATS"], flow=FLOW, header=True)
    bounds = {"batch_packets": 100, "max_flows": 50}
    stream = FlowStream(io.BytesIO(CONTENT), interval=0.05, flow=FLOW, **bounds)
    tables = list(stream)
    assert matrix.metadata["skipped"]["fragment"] == 0
    assert sum(count["flows"] for count in stream.metadata["ended_early"].values()) > 0
    bi = netml.FlowOptions(definition="bi", fragments="track", idle_timeout=0.05)
    rows = netml.extract(io.BytesIO(CONTENT), ["FLOW", "CIC", "TCP"], flow=bi)
    batches = list(extract_batches(io.BytesIO(CONTENT), "SPLT", dim=4, flow=bi, **bounds))
    assert any((batch.flows.end_reason == 5).any() for batch in batches)
    biflows = [rows.X, rows.flows.keys, rows.flows.packets, *(batch.X for batch in batches)]
    parts = [column for table in tables for column in (table.flows.keys, table.time_ns, table.size, table.offsets)]
    return [matrix.X, matrix.flows.keys, matrix.flows.packets, *parts, *biflows]


@pytest.mark.parametrize("octet", [0, 1, 0x80, 0xFF, None], ids=str)
def test_results_do_not_depend_on_the_seeds(monkeypatch, octet):
    expected = results()
    asked = []

    def urandom(n):
        asked.append(n)
        return bytes([octet]) * n if octet is not None else os.getrandom(n)

    monkeypatch.setattr(os, "urandom", urandom)
    found = results()
    assert asked == [N_SEED_BYTES] * 4, "the kernel's seeds come from os.urandom, once for each assembler"
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_each_assembler_has_seeds_of_its_own(monkeypatch):
    drawn, draw = [], os.urandom
    monkeypatch.setattr(os, "urandom", lambda n: drawn.append(draw(n)) or drawn[-1])
    for _ in range(2):
        netml.read_flows(io.BytesIO(CONTENT))
    assert len(set(drawn)) == 2
