"""CIC of the kernel against the oracle, whatever the packets and the thresholds are."""

import math

import cic_rows
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference.biflow_packet import ICMP, ICMPV6, NONE, TCP, UDP, BiflowPacket, in_time_order
from reference.bulks import CicOptions
from reference.cic import cic_extra_row, cic_row
from reference.cic_2017 import cic_2017_row

S = 10**9
EXACT = 1e-12  # relative: what is rounded on the way, a few units in the last place each

# Times on and beside the thresholds, in one second, and as far from each other as times can be.
TIMES_NS = (
    st.integers(0, 24).map(lambda halves: halves * S // 2)
    | st.builds(lambda seconds, beside: seconds * S + beside, st.integers(0, 20), st.integers(-1, 1))
    | st.integers(0, S)
    | st.integers(-(2**63), 2**63 - 1)
)
LENGTHS = st.integers(0, 2) | st.integers(0, 65535) | st.integers(0, 2**32 - 1)
# Few numbers that overlap, also where they wrap around or are half a turn apart.
SEQUENCES = st.builds(
    lambda base, beyond: (base + beyond) % 2**32,
    st.sampled_from((0, 0, 2**32 - 20, 2**31, 2**31 - 20)),
    st.integers(0, 40),
)
THRESHOLDS = st.sampled_from((0.0, 1e-9, 0.5, 1.0, 1.5, 5.0, 1e9 + 0.1, math.inf)) | st.floats(0, 20)


def packets_of(protocol, *, payload_bytes=LENGTHS, sequence=SEQUENCES):
    """Packets of one protocol, a later fragment of TCP now and then."""
    common = {"time_ns": TIMES_NS, "is_forward": st.booleans(), "payload_bytes": payload_bytes}
    # What is not named here would be drawn, too: hypothesis goes by the fields' types.
    absent = dict.fromkeys(("window", "sequence", "icmp_type", "icmp_code"), st.just(NONE))
    absent |= {"transport_header_bytes": st.just(0), "flags": st.just(0)}
    common = {**absent, **common, "protocol": st.just(protocol)}
    if protocol == TCP:
        fragment = st.builds(BiflowPacket, **common)
        headers = {"transport_header_bytes": st.integers(20, 60), "flags": st.integers(0, 255)}
        headers |= {"window": st.integers(0, 65535), "sequence": sequence}
        whole = st.builds(BiflowPacket, **common | headers)
        return whole | whole | whole | fragment
    if protocol == UDP:
        return st.builds(BiflowPacket, **common | {"transport_header_bytes": st.sampled_from((0, 8))})
    octets = st.integers(0, 255)
    if protocol in (ICMP, ICMPV6):
        return st.builds(BiflowPacket, **common | {"icmp_type": octets, "icmp_code": octets})
    return st.builds(BiflowPacket, **common)


FLOW = st.sampled_from((TCP, TCP, UDP, ICMP, ICMPV6, 132)).flatmap(
    lambda protocol: st.lists(packets_of(protocol), min_size=1, max_size=24)
)
OPTIONS = st.builds(
    CicOptions,
    bulk_gap=THRESHOLDS,
    bulk_packets=st.integers(1, 6) | st.integers(1, 2**31 - 1),
    subflow_gap=THRESHOLDS,
    activity_timeout=THRESHOLDS,
)


def values_of(row):
    return [row[name] for name in row]


@given(st.lists(FLOW, min_size=1, max_size=4), OPTIONS)
@example([[BiflowPacket(0, True), BiflowPacket(2**63 - 1, False), BiflowPacket(-(2**63), True)]], CicOptions())
def test_every_column(flows, options):
    found = cic_rows.cic_matrix(cic_rows.make_table(flows), cic_extra=True, **options._asdict())
    expected = [cic_row(packets, options) | cic_extra_row(packets) for packets in flows]
    assert found.columns == tuple(expected[0])
    np.testing.assert_allclose(found.X, [values_of(row) for row in expected], rtol=EXACT, atol=0)
    assert np.isfinite(found.X).all()


@given(st.lists(FLOW, min_size=1, max_size=3), OPTIONS)
def test_cic_2017(flows, options):
    found = cic_rows.cic_matrix(cic_rows.make_table(flows), "CIC-2017", cic_extra=True, **options._asdict())
    expected = [cic_2017_row(cic_row(packets, options)) for packets in flows]
    assert list(found.columns) == [name for name, _ in expected[0]]
    np.testing.assert_allclose(found.X, [[value for _, value in row] for row in expected], rtol=EXACT, atol=0)


@given(FLOW)
def test_flows_of_one_direction_need_no_column_that_says_so(packets):
    packets = [packet._replace(is_forward=True) for packet in packets]
    table = cic_rows.make_table([packets], leave_out=("is_forward", "sequence"))
    found = cic_rows.cic_matrix(table).X[0]
    np.testing.assert_allclose(found, values_of(cic_row(packets)), rtol=EXACT, atol=0)


@given(st.lists(packets_of(TCP, payload_bytes=st.integers(0, 4), sequence=SEQUENCES), min_size=20, max_size=120))
def test_retransmissions_where_there_are_many_holes(packets):
    expected = cic_extra_row(packets)
    found = cic_rows.cic_row(packets, cic_extra=True)
    assert {name: found[name] for name in expected if "Retrans" in name} == {
        name: value for name, value in expected.items() if "Retrans" in name
    }


@given(FLOW, st.integers(0, 2**40))
def test_connection_time(packets, before_ns):
    start_ns = max(in_time_order(packets)[0].time_ns - before_ns, -(2**63))
    table = cic_rows.make_table([packets], connection_starts_ns=[start_ns])
    expected = cic_extra_row(packets, start_ns)["Total Connection Flow Time"]
    found = cic_rows.cic_matrix(table, cic_extra=True).column("Total Connection Flow Time")[0]
    assert found == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("n_packets", [100, 3000])
def test_deviations_of_many_values_that_hardly_differ(n_packets):
    """Gaps of an hour that differ by a nanosecond: a sum of squares in float64 keeps nothing of that."""
    random = np.random.default_rng(n_packets)
    gaps_ns = 3600 * S + random.integers(0, 2, n_packets - 1)
    times_ns = np.cumsum([0, *gaps_ns.tolist()]).tolist()
    lengths = (1448 + random.integers(0, 2, n_packets)).tolist()
    packets = [
        BiflowPacket(time_ns, place % 3 > 0, length)
        for place, (time_ns, length) in enumerate(zip(times_ns, lengths, strict=True))
    ]
    expected = cic_row(packets)
    found = cic_rows.cic_row(packets)
    np.testing.assert_allclose(values_of(found), values_of(expected), rtol=EXACT, atol=0)
    assert 0 < found["Flow IAT Std"] < 1e-3
    assert NONE in values_of(expected)
