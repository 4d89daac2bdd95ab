"""FLOW and SPLT of the kernel; each expectation is worked out by hand."""

import numpy as np
import pytest
from feature_rows import represent

from netml.errors import MissingColumnError
from netml.families import FAMILIES, FamilyOptions
from netml.features.options import RepresentationOptions
from netml.flow.table import FlowTable
from netml.schema.flow_index import FLOW_KEY
from netml.schema.packet_columns import PACKET_KINDS

MS = 10**6
START_NS = 1_700_000_000 * 10**9 + 1
SYN, PSH, ACK = 2, 8, 16
# (milliseconds, is it forward, bytes, flags)
HANDSHAKE = [(0, 1, 60, SYN), (20, 0, 62, SYN | ACK), (30, 1, 70, ACK), (60, 1, 80, PSH | ACK)]


def table_of(*flows, without=()):
    packets = [packet for flow in flows for packet in flow]
    columns = {name: np.zeros(len(packets), kind) for name, kind in PACKET_KINDS.items() if name not in without}
    for place, (time_ms, is_forward, n_bytes, flags) in enumerate(packets):
        values = {"time_ns": START_NS + time_ms * MS, "is_forward": is_forward, "caplen": n_bytes, "flags": flags}
        for name in values.keys() & columns.keys():
            columns[name][place] = values[name]
    offsets = np.cumsum([0, *map(len, flows)]).astype(np.int64)
    return FlowTable(np.zeros(len(flows), FLOW_KEY), offsets, columns)


def features_of(table, family="FLOW", dim=1):
    made = represent(table, RepresentationOptions(family, dim=dim))
    return [dict(zip(made.columns, row.tolist(), strict=True)) for row in made.X]


def test_flow_of_a_handshake():
    (row,) = represent(table_of(HANDSHAKE), RepresentationOptions("FLOW", dim=1)).X
    # Each: duration, packets, bytes; sizes: min, mean, std, max, quartiles; times between: min, mean, std, max; flags.
    both = [0.06, 4, 272, 60, 68, ((64 + 36 + 4 + 144) / 3) ** 0.5, 80, 61.5, 66, 72.5, 0.01, 0.02, 0.01, 0.03]
    forward = [0.06, 3, 210, 60, 70, 10, 80, 65, 70, 75, 0.03, 0.03, 0, 0.03]
    reverse = [0, 1, 62, 62, 62, 0, 62, 62, 62, 62, 0, 0, 0, 0]
    flags = [0, 2, 0, 1, 3, 0, 0, 0], [0, 1, 0, 1, 2, 0, 0, 0], [0, 1, 0, 0, 1, 0, 0, 0]
    expected = [*both, *flags[0], *forward, *flags[1], *reverse, *flags[2], 4 / 0.06, 272 / 0.06, 1 / 3]
    assert row.tolist() == pytest.approx(expected, rel=1e-15)


def test_standard_deviations_are_a_samples():
    (found,) = features_of(table_of([(0, 1, 100, 0), (10, 1, 102, 0), (30, 1, 104, 0)]))
    assert found["bi_size_std"] == 2
    assert found["bi_iat_std_s"] == pytest.approx(0.005 * 2**0.5)


def test_nothing_to_divide_by():
    one, at_once = features_of(table_of([(0, 1, 60, SYN)], [(0, 0, 60, 0), (0, 0, 60, 0)]))
    ones = {"bi_packets": 1, "fwd_packets": 1, "bi_bytes": 60, "fwd_bytes": 60, "bi_syn": 1, "fwd_syn": 1}
    sizes = {f"{way}_size_{name}": 60 for way in ("bi", "fwd") for name in ("min", "mean", "max", "q1", "median", "q3")}
    assert {name: value for name, value in one.items() if value} == ones | sizes
    assert (at_once["packets_per_s"], at_once["bytes_per_s"], at_once["down_up_ratio"]) == (0, 0, 0)
    assert at_once["rev_packets"] == 2


def test_flows_without_directions_go_forward():
    (found,) = features_of(table_of(HANDSHAKE, without=("is_forward",)))
    assert (found["fwd_packets"], found["rev_packets"], found["fwd_bytes"]) == (4, 0, 272)
    assert found["fwd_iat_std_s"] == found["bi_iat_std_s"] > 0


def test_times_that_are_large_and_nearly_equal():
    """Gaps of 10^15 ns and a standard deviation of 1 ns: sums of squares in float64 would be off by 10^14."""
    flow = [(0, 1, 60, 0)] * 4
    table = table_of(flow)
    table.time_ns[:] = np.cumsum([0, 10**15, 10**15 + 1, 10**15 + 2])
    (found,) = features_of(table)
    assert found["bi_iat_std_s"] == 1e-9


def test_splt_of_a_handshake():
    (found,) = features_of(table_of(HANDSHAKE), "SPLT", dim=3)
    sizes, gaps_s, flags = [60, -62, 70], [0, 0.02, 0.01], [SYN, SYN | ACK, ACK]
    assert list(found.values()) == [*sizes, *gaps_s, *flags]
    assert list(found)[2:4] == ["splt_size_2", "splt_iat_0_s"]


def test_splt_has_zeros_for_packets_that_are_not_there():
    made = represent(table_of(HANDSHAKE[:2], [(0, 0, 0, ACK)]), RepresentationOptions("SPLT", dim=3))
    assert made.X.tolist() == [[60, -62, 0, 0, 0.02, 0, SYN, SYN | ACK, 0], [0, 0, 0, 0, 0, 0, ACK, 0, 0]]
    assert not np.signbit(made.X[1]).any()


@pytest.mark.parametrize("family", ["FLOW", "SPLT"])
def test_of_the_first_packets(family):
    options = RepresentationOptions(family, dim=4, max_packets=2)
    made = represent(table_of(HANDSHAKE, HANDSHAKE[:1]), options)
    np.testing.assert_array_equal(made.X, represent(table_of(HANDSHAKE[:2], HANDSHAKE[:1]), options).X)
    assert made.flows.packets.tolist() == [2, 1]


@pytest.mark.parametrize("family", ["FLOW", "SPLT"])
def test_flags_are_needed(family):
    with pytest.raises(MissingColumnError, match="without the packet column 'flags': name it in columns="):
        represent(table_of(HANDSHAKE, without=("flags",)), RepresentationOptions(family, dim=1))
    assert FAMILIES[family].packet_columns == ("is_forward", "flags")
    assert FAMILIES[family].width(5, FamilyOptions()) == {"FLOW": 69, "SPLT": 15}[family]
