"""FLOW and SPLT against their oracles, on random flows and on the shared captures."""

import biflow_tables
import numpy as np
from feature_rows import represent
from hypothesis import given
from hypothesis import strategies as st
from reference.biflows import BiflowOptions, assemble_biflows
from reference.capture import read_capture
from reference.flow_family import FLOW_COLUMNS, flow_matrix
from reference.headers import SIZES, Headers, decode_headers
from reference.splt import splt_columns, splt_matrix

from netml.features.options import RepresentationOptions

ENDS = (("10.0.0.1", "10.0.0.2", 1, 2), ("10.0.0.2", "10.0.0.1", 2, 1), ("10.0.0.1", "10.0.0.3", 1, 2))
# Whole seconds, neighbouring nanoseconds, and clocks that jump over more than int64 holds.
TIMES_NS = st.one_of(
    st.integers(0, 3).map(lambda seconds: seconds * 10**9),
    st.integers(10**18, 10**18 + 5),
    st.integers(-(2**63), 2**63 - 1),
)
BYTES = st.one_of(st.sampled_from((0, 60, 1514)), st.integers(0, 2**32 - 1))
PACKETS = st.lists(
    st.builds(
        lambda time_ns, n_bytes, ends, **fields: Headers(time_ns, n_bytes[0], n_bytes[1], (*ends, 6), **fields),
        TIMES_NS,
        st.tuples(BYTES, BYTES),
        st.sampled_from(ENDS),
        flags=st.integers(0, 255),
        ip_bytes=BYTES,
        payload_bytes=BYTES,
    ),
    max_size=80,
)
OPTIONS = st.builds(
    BiflowOptions,
    flow=st.sampled_from(("uni", "bi")),
    idle_timeout=st.sampled_from((2.0, float("inf"))),
    active_timeout=st.just(float("inf")),
    tcp_end=st.just("none"),
)


def columns_close(found, expected, names):
    assert found.columns[: len(names)] == tuple(names)
    assert len(found) == len(expected)
    for i, name in enumerate(names):
        np.testing.assert_allclose(found.X[:, i], expected[:, i], rtol=1e-12, atol=0, err_msg=name)


@given(PACKETS, OPTIONS, st.sampled_from(SIZES))
def test_flow_of_random_packets(packets, options, size):
    table = assemble_biflows(packets, options)
    found = represent(biflow_tables.table_of(table.flows, size), RepresentationOptions("FLOW", dim=1, size=size))
    columns_close(found, flow_matrix(table, size), FLOW_COLUMNS)


@given(PACKETS, OPTIONS, st.sampled_from(SIZES), st.integers(1, 5))
def test_splt_of_random_packets(packets, options, size, n):
    table = assemble_biflows(packets, options)
    found = represent(biflow_tables.table_of(table.flows, size), RepresentationOptions("SPLT", dim=n, size=size))
    assert found.columns == splt_columns(n)
    np.testing.assert_array_equal(found.X, splt_matrix(table, n, size))


def test_long_flows():
    """Longer than counts that octets hold, than what is sorted by insertion, and with gaps that all but cancel out."""
    random = np.random.default_rng(7)
    ends = ENDS[:2]
    packets = [
        Headers(10**18 + i // 999, int(n), 0, (*ends[int(turn)], 6), flags=255 - i % 3)
        for i, (n, turn) in enumerate(zip(random.integers(60, 70, 3000), random.random(3000) < 0.3, strict=True))
    ]
    table = assemble_biflows(packets, BiflowOptions(tcp_end="none"))
    assert len(table.flows) == 1
    found = represent(biflow_tables.table_of(table.flows), RepresentationOptions("FLOW", dim=1))
    columns_close(found, flow_matrix(table), FLOW_COLUMNS)


def test_shared_captures(shared_captures):
    for path in sorted(shared_captures.glob("*.pcap*")):
        packets, _ = decode_headers(read_capture(path.read_bytes()).records, protocols="all")
        table = assemble_biflows(packets, BiflowOptions())
        flows = biflow_tables.table_of(table.flows, "wire")
        found = represent(flows, RepresentationOptions(("FLOW", "SPLT"), dim=6, size="wire"))
        columns_close(found, flow_matrix(table, "wire"), FLOW_COLUMNS)
        np.testing.assert_array_equal(found.X[:, 69:], splt_matrix(table, 6, "wire"))
