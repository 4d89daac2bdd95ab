"""The kernel against the readable reference on every shared capture: the same flows, packet by packet."""

import numpy as np
import pytest
from reference import pipeline
from reference.flows import FlowOptions

import netml

COLUMNS = ("time_ns", "caplen", "wirelen", "flags", "ttl")


@pytest.mark.parametrize("fragments", ["first", "track"])
@pytest.mark.parametrize("tunnels", ["inner", "outer"])
def test_every_shared_capture(shared_captures, tunnels, fragments):
    flow = {"tunnels": tunnels, "fragments": fragments}
    paths = [path for path in sorted(shared_captures.iterdir()) if path.suffix != ".csv"]
    for path in paths:
        expected = pipeline.read_flows(path, flow=FlowOptions(**flow))
        table = netml.read_flows(path, flow=netml.FlowOptions(**flow))
        assert table.flows.five_tuples() == expected.keys, path.name
        assert table.lengths.tolist() == [len(piece) for piece in expected.pieces], path.name
        packets = [packet for piece in expected.pieces for packet in piece]
        for name in COLUMNS:
            column = [getattr(packet, name) for packet in packets]
            np.testing.assert_array_equal(getattr(table, name), column, err_msg=f"{path.name}: {name}")
        for name in ("packets_read", "packets_kept", "skipped", "dropped"):
            assert table.metadata[name] == expected.metadata[name], f"{path.name}: {name}"
    assert len(paths) >= 170
