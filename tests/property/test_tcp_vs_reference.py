"""The family TCP: the kernel against its oracle, on random flows and on the shared captures."""

import numpy as np
from biflow_tables import table_of
from feature_rows import represent
from hypothesis import given
from hypothesis import strategies as st
from reference import capture, tcp
from reference.biflows import BiflowOptions, Flow, assemble_biflows
from reference.flow_keys import DirectionalKey, Endpoint
from reference.headers import Headers, decode_headers

from netml.features.options import RepresentationOptions
from netml.features.tcp_history import trace_connections

TOP = 2**32
ENDS = DirectionalKey(Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2), 6, 0)
KEY = ("10.0.0.1", "10.0.0.2", 1, 2, 6)
FLAGS = st.sampled_from((16, 16, 16, 24, 2, 18, 17, 4, 20, 1, 0)) | st.integers(0, 255)


def packets_near(base, most):
    """Packets whose numbers lie within `most` of `base`, so that they meet each other."""
    numbers = st.integers(0, most).map(lambda number: (base + number) % TOP)
    return st.builds(
        lambda time_ns, **fields: Headers(time_ns, 60, 60, KEY, **fields),
        st.integers(0, 5).map(lambda ms: ms * 10**6),
        flags=FLAGS,
        sequence=numbers,
        acknowledgement=numbers,
        window=st.sampled_from((0, 0, 1, 65535)),
        payload_bytes=st.integers(0, 3) | st.just(0),
        transport_header_bytes=st.just(20),
        tcp_options=st.integers(0, 2**27 - 1),
    )


FRAGMENTS = st.builds(lambda n: Headers(0, 60, 60, KEY, payload_bytes=n), st.integers(0, 9))
MEMBERS = st.sampled_from((0, TOP - 6, TOP // 2)).flatmap(
    lambda base: st.sampled_from((6, 12, 300)).flatmap(
        lambda most: st.lists(st.tuples(packets_near(base, most) | FRAGMENTS, st.booleans()), min_size=1, max_size=40)
    )
)
FLOWS = st.lists(st.tuples(MEMBERS, st.sampled_from((6, 6, 6, 17))), max_size=4).map(
    lambda flows: [
        Flow(ENDS.__class__(ENDS.source, ENDS.destination, protocol, 0), 0, by_time(members))
        for members, protocol in flows
    ]
)


def by_time(members):
    return sorted(members, key=lambda member: member[0].time_ns)


def assert_as_reference(flows, name=""):
    table = table_of(flows)
    matrix = represent(table, RepresentationOptions("TCP", dim=1))
    assert matrix.columns == tcp.TCP_COLUMNS
    expected = np.array([list(tcp.flow_row(flow).values()) for flow in flows]).reshape(-1, len(tcp.TCP_COLUMNS))
    np.testing.assert_array_equal(matrix.X, expected, err_msg=name)
    texts = trace_connections(table)
    found = list(zip(texts["conn_state"].tolist(), texts["history"].tolist(), strict=True))
    assert found == [tcp.flow_texts(flow) for flow in flows], name


@given(FLOWS)
def test_random_flows(flows):
    assert_as_reference(flows)


@given(st.lists(st.integers(0, 400), min_size=100, max_size=400), st.integers(1, 3))
def test_more_ranges_than_are_remembered(numbers, step):
    packets = [
        Headers(
            place,
            60,
            60,
            KEY,
            flags=16,
            sequence=number * step,
            window=1,
            acknowledgement=0,
            payload_bytes=1,
            transport_header_bytes=20,
        )
        for place, number in enumerate(numbers)
    ]
    assert_as_reference([Flow(ENDS, 0, [(packet, True) for packet in packets])])


def test_every_shared_capture(shared_captures):
    n_tcp, states = 0, set()
    for path in sorted(shared_captures.iterdir()):
        if path.suffix == ".csv":
            continue
        packets = decode_headers(capture.read_capture(path.read_bytes()).records, protocols="all")[0]
        for tcp_end in ("fin", "none"):
            flows = assemble_biflows(packets, BiflowOptions(tcp_end=tcp_end)).flows
            assert_as_reference(flows, path.name)
            n_tcp += sum(flow.key.protocol == 6 for flow in flows)
            states.update(tcp.flow_texts(flow)[0] for flow in flows)
    assert n_tcp > 1000
    assert states >= {"-", "S0", "S1", "SF", "REJ", "S3", "RSTO", "RSTR", "OTH"}
