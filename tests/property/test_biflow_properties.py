"""What holds of the oracle's flows whatever the packets are."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from reference.biflows import END_REASONS, BiflowOptions, assemble_biflows
from reference.flow_family import FLOW_COLUMNS, flow_matrix
from reference.flow_keys import key_of
from reference.headers import Headers

S = 10**9
HOSTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
FIN, RST = 1, 4

TIMES_NS = st.integers(0, 4000).map(lambda seconds: seconds * S // 2)
PACKETS = st.lists(
    st.builds(
        lambda time_ns, ends, ports, protocol, **fields: Headers(time_ns, 60, 60, (*ends, *ports, protocol), **fields),
        TIMES_NS,
        ends=st.tuples(st.sampled_from(HOSTS), st.sampled_from(HOSTS)),
        ports=st.tuples(st.integers(1, 2), st.integers(1, 2)),
        protocol=st.sampled_from((6, 6, 17)),
        flags=st.integers(0, 255),
        payload_bytes=st.integers(0, 2),
        vlan_id=st.integers(0, 1),
    ),
    max_size=40,
)
OPTIONS = st.builds(
    BiflowOptions,
    flow=st.sampled_from(("uni", "bi")),
    idle_timeout=st.sampled_from((60.0, 120.0, float("inf"))),
    active_timeout=st.sampled_from((300.0, 1800.0)),
    tcp_end=st.sampled_from(("none", "rst", "fin", "reopen")),
    direction=st.sampled_from(("first", "syn")),
    vlan_key=st.booleans(),
)


def in_time_order(packets):
    return sorted(packets, key=lambda packet: packet.time_ns)


@given(PACKETS, OPTIONS)
def test_every_packet_is_in_one_flow_of_its_key(packets, options):
    flows = assemble_biflows(packets, options).flows
    assert Counter(id(packet) for flow in flows for packet in flow.of("bi")) == Counter(map(id, packets))
    for flow in flows:
        assert {key_of(packet, options.vlan_key) for packet in flow.of("fwd")} <= {flow.key}
        assert {key_of(packet, options.vlan_key) for packet in flow.of("rev")} <= {flow.key.turned()}
        assert flow.end_reason in END_REASONS
        times_ns = [packet.time_ns for packet in flow.of("bi")]
        assert times_ns == sorted(times_ns)
    starts = [(flow.start_ns, flow.place) for flow in flows]
    assert starts == sorted(set(starts))


@given(PACKETS, OPTIONS)
def test_timeouts_of_packets_that_come_in_order(packets, options):
    """No flow exceeds a timeout; where nothing else ends flows, one of the same key begins where one is exceeded."""
    flows = assemble_biflows(in_time_order(packets), options).flows
    idle_ns, active_ns = options.idle_timeout * S, options.active_timeout * S
    latest = {}
    for flow in flows:
        assert flow.end_ns - flow.start_ns < active_ns
        assert all(b.time_ns - a.time_ns < idle_ns for a, b in pairwise(flow.of("bi")))
        key = flow.key.canonical() if options.flow == "bi" else flow.key
        before, latest[key] = latest.get(key), flow
        if before is not None and before.end_reason in ("idle", "active"):
            is_idle = flow.start_ns - before.end_ns >= idle_ns
            assert before.end_reason == ("idle" if is_idle else "active")
            assert is_idle or flow.start_ns - before.start_ns >= active_ns


@given(PACKETS, OPTIONS)
def test_closed_flows(packets, options):
    """Only TCP's, and only by what the option names; what it names closes always, unless it is left out."""
    for flow in assemble_biflows(packets, options).flows:
        flags = [packet.flags for packet in flow.of("bi")]
        sides = [any(packet.flags & FIN for packet in flow.of(direction)) for direction in ("fwd", "rev")]
        has_rst = flow.key.protocol == 6 and options.tcp_end != "none" and any(value & RST for value in flags)
        has_fins = flow.key.protocol == 6 and options.tcp_end in ("fin", "reopen")
        has_fins = has_fins and (all(sides) if options.flow == "bi" else sides[0])
        assert (flow.end_reason in ("fin", "rst")) == (has_rst or has_fins)


@given(PACKETS, OPTIONS)
def test_who_is_asked_does_not_matter(packets, options):
    """The same traffic with each packet turned round gives the same flows, turned round."""
    turned = [
        packet._replace(key=(packet.key[1], packet.key[0], packet.key[3], packet.key[2], packet.key[4]))
        for packet in packets
    ]
    flows, others = (assemble_biflows(made, options).flows for made in (packets, turned))
    assert [flow.key.turned() for flow in flows] == [flow.key for flow in others]
    assert [(flow.place, flow.end_reason) for flow in flows] == [(flow.place, flow.end_reason) for flow in others]
    if options.flow == "bi":
        matrices = [flow_matrix(assemble_biflows(made, options)) for made in (packets, turned)]
        np.testing.assert_array_equal(*matrices)


@given(PACKETS, OPTIONS)
def test_flow_rows(packets, options):
    table = assemble_biflows(packets, options)
    matrix = flow_matrix(table)
    assert np.isfinite(matrix).all()
    assert (matrix >= 0).all()
    column = {name: matrix[:, place] for place, name in enumerate(FLOW_COLUMNS)}
    for name in ("packets", "bytes", "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"):
        np.testing.assert_array_equal(column[f"bi_{name}"], column[f"fwd_{name}"] + column[f"rev_{name}"])
    for direction in ("bi", "fwd", "rev"):
        sizes = [column[f"{direction}_size_{name}"] for name in ("min", "q1", "median", "q3", "max")]
        assert all((lower <= upper).all() for lower, upper in pairwise(sizes))
    assert column["bi_packets"].sum() == len(packets)
