"""Incremental rows are made some at a time: a flush in which all flows end needs no memory for all of them."""

from pathlib import Path

import numpy as np
import pytest

import netml
from netml.streaming import flushers
from netml.streaming.feature_batches import extract_batches

DEMO = Path(__file__).parents[3] / "examples" / "data" / "demo.pcap"


@pytest.mark.parametrize("most", [1, 7, 1 << 16])
@pytest.mark.parametrize("latency_packets", [50, 1 << 20])
def test_rows_in_parts(monkeypatch, most, latency_packets):
    monkeypatch.setattr(flushers, "ROWS_AT_ONCE", most)
    flow = netml.FlowOptions(idle_timeout=2.0)
    whole = netml.extract(DEMO, ["FLOW", "CIC"], flow=flow)
    parts = list(extract_batches(DEMO, ["FLOW", "CIC"], flow=flow, batch_packets=latency_packets))
    assert max(map(len, parts)) <= most
    rows = np.concatenate([part.X for part in parts])
    start_ns = np.concatenate([part.flows.start_ns for part in parts])
    assert len(rows) == len(whole) > 7
    order = np.lexsort((*rows.T, start_ns))
    np.testing.assert_array_equal(rows[order], whole.X[np.lexsort((*whole.X.T, whole.flows.start_ns))])
