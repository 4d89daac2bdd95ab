"""The flow definitions `uni` and `bi`, rule by rule; each expectation is worked out by hand."""

import pytest
from builders.frames import ACK, FIN, PSH, RST, SYN
from reference.biflows import BiflowOptions, assemble_biflows
from reference.flow_keys import CanonicalKey, DirectionalKey, Endpoint, key_of
from reference.headers import Headers

S = 10**9
CLIENT, SERVER = "10.0.0.9", "10.0.0.1"  # the client's is the higher address: the order of addresses decides nothing
TCP, UDP, ICMP = 6, 17, 1
ENDLESS = {"idle_timeout": float("inf"), "active_timeout": float("inf")}


def packet(time_ns, flags=0, n_payload_bytes=0, *, protocol=UDP, back=False, **fields):
    """A packet of the client's, or one `back` from the server."""
    ports = (0, 0) if protocol == ICMP else (40000, 443)
    key = (SERVER, CLIENT, *reversed(ports), protocol) if back else (CLIENT, SERVER, *ports, protocol)
    return Headers(time_ns, 60, 60, key, flags=flags, payload_bytes=n_payload_bytes, **fields)


def segment(flags=ACK, n_payload_bytes=0, *, back=False, time_ns=0):
    """A TCP segment."""
    return packet(time_ns, flags, n_payload_bytes, protocol=TCP, back=back)


def back(flags=ACK, n_payload_bytes=0):
    """A TCP segment from the server."""
    return segment(flags, n_payload_bytes, back=True)


def assemble(packets, **options):
    return assemble_biflows(packets, BiflowOptions(**options)).flows


def lengths(packets, **options):
    """(packets, reason of its end) of each flow."""
    return [(len(flow.packets), flow.end_reason) for flow in assemble(packets, **options)]


def at(*times_ns, **fields):
    return [packet(time_ns, **fields) for time_ns in times_ns]


@pytest.mark.parametrize(
    ("gap_ns", "expected"),
    [
        (120 * S - 1, [(2, "end")]),
        (120 * S, [(1, "idle"), (1, "end")]),
    ],
)
def test_idle_timeout_is_inclusive(gap_ns, expected):
    assert lengths(at(7, 7 + gap_ns)) == expected


@pytest.mark.parametrize(
    ("age_ns", "expected"),
    [
        (1800 * S - 1, [(32, "end")]),
        (1800 * S, [(31, "active"), (1, "end")]),
    ],
)
def test_active_timeout_is_inclusive(age_ns, expected):
    times_ns = [60 * S * i for i in range(31)]
    times_ns[-1] = 1795 * S  # so that the last gap is short
    assert lengths(at(*times_ns, age_ns)) == expected


def test_both_timeouts_exceeded_is_idle():
    assert lengths(at(0, 10 * S), idle_timeout=5, active_timeout=5) == [(1, "idle"), (1, "end")]


def test_active_timeout_counts_from_the_new_flows_start():
    expected = [(4, "active"), (4, "active"), (2, "end")]
    assert lengths(at(*(S * i for i in range(10))), active_timeout=4) == expected


def test_times_are_exact_beyond_the_precision_of_floats():
    start_ns = 1_700_000_000 * S
    assert lengths(at(start_ns, start_ns + S // 10 * 3 - 1), idle_timeout=0.3) == [(2, "end")]
    assert lengths(at(start_ns, start_ns + S // 10 * 3), idle_timeout=0.3) == [(1, "idle"), (1, "end")]


def test_packet_that_comes_late_joins_and_is_put_in_order():
    packets = [packet(50 * S), packet(10 * S, back=True), packet(169 * S), packet(50 * S, n_payload_bytes=1)]
    (flow,) = assemble(packets)
    assert [(one.time_ns // S, is_forward) for one, is_forward in flow.packets] == [
        (10, False),
        (50, True),
        (50, True),
        (169, True),
    ]
    assert [one.payload_bytes for one in flow.of("fwd")] == [0, 1, 0]  # those of one time as they came
    assert flow.key.source.address == CLIENT  # the first to arrive, not the earliest
    assert (flow.start_ns, flow.end_ns) == (10 * S, 169 * S)


def test_idle_since_the_latest_packet_and_old_since_the_earliest():
    assert lengths(at(100 * S, 0, 110 * S, 115 * S), idle_timeout=12) == [(4, "end")]
    assert lengths(at(100 * S, 0, 110 * S), active_timeout=110) == [(2, "active"), (1, "end")]


def test_end_of_input_judges_by_its_latest_time():
    others = [packet(time_ns, protocol=ICMP) for time_ns in (119 * S, 120 * S)]
    assert lengths([packet(0), others[0]]) == [(1, "end"), (1, "end")]
    assert lengths([packet(0), others[1]]) == [(1, "idle"), (1, "end")]
    assert lengths([packet(0), packet(S), others[0]], active_timeout=119) == [(2, "active"), (1, "end")]


def test_directions():
    (flow,) = assemble([packet(0), packet(1, back=True), packet(2)])
    assert flow.key == DirectionalKey(Endpoint(CLIENT, 40000), Endpoint(SERVER, 443), UDP, 0)
    assert [one.time_ns for one in flow.of("fwd")] == [0, 2]
    assert [one.time_ns for one in flow.of("rev")] == [1]
    assert [one.time_ns for one in flow.of("bi")] == [0, 1, 2]


def test_first_packet_after_a_timeout_decides_the_direction_again():
    before, after = assemble([packet(0), packet(120 * S, back=True)])
    assert after.key == before.key.turned()
    assert after.of("rev") == []


def test_uni_has_a_flow_a_direction():
    there, back_again = assemble([packet(0), packet(1, back=True), packet(2)], flow="uni")
    assert (len(there.packets), len(back_again.packets)) == (2, 1)
    assert back_again.key == there.key.turned()
    assert there.of("rev") == back_again.of("rev") == []


def test_endpoints_that_are_equal_are_all_forward():
    itself = ("10.0.0.1", "10.0.0.1", 5, 5, UDP)
    (flow,) = assemble([Headers(0, 60, 60, itself), Headers(1, 60, 60, itself)])
    assert len(flow.of("fwd")) == 2


@pytest.mark.parametrize("direction", ["first", "syn"])
@pytest.mark.parametrize(
    ("flags", "is_turned"),
    [(SYN | ACK, True), (SYN | ACK | PSH, True), (SYN, False), (ACK, False)],
)
def test_direction_by_syn(direction, flags, is_turned):
    (flow,) = assemble([back(flags), segment()], direction=direction)
    is_client_first = direction == "syn" and is_turned
    assert flow.key.source.address == (CLIENT if is_client_first else SERVER)
    assert (len(flow.of("fwd")), len(flow.of("rev"))) == (1, 1)
    assert flow.of("fwd")[0].flags == (ACK if is_client_first else flags)


def test_direction_by_syn_is_of_tcp_and_of_bi_only():
    (flow,) = assemble([packet(0, SYN | ACK)], direction="syn")
    assert flow.key.source.address == CLIENT
    (flow,) = assemble([back(SYN | ACK)], direction="syn", flow="uni")
    assert flow.key.source.address == SERVER
    assert len(flow.of("fwd")) == 1


CLOSE = [segment(SYN), back(SYN | ACK), segment(FIN | ACK), back(FIN | ACK)]
RESET = [segment(SYN), back(RST | ACK)]
LAST_ACK, LATE_DATA, AGAIN_SYN = segment(), segment(PSH | ACK, 5), segment(SYN)


@pytest.mark.parametrize(
    ("tcp_end", "packets", "expected"),
    [
        ("none", [*CLOSE, LAST_ACK, AGAIN_SYN], [(6, "end")]),
        ("none", [*RESET, AGAIN_SYN], [(3, "end")]),
        ("rst", [*CLOSE, LAST_ACK, LATE_DATA, AGAIN_SYN], [(7, "end")]),
        ("rst", [*RESET, back(RST), LAST_ACK], [(4, "rst")]),
        ("rst", [*RESET, LATE_DATA], [(2, "rst"), (1, "end")]),
        ("rst", [*RESET, AGAIN_SYN], [(2, "rst"), (1, "end")]),
        ("fin", [*CLOSE, LAST_ACK], [(5, "fin")]),
        ("fin", [*CLOSE, LAST_ACK, back(FIN | ACK), segment(RST)], [(7, "fin")]),
        ("fin", [*CLOSE, LAST_ACK, AGAIN_SYN, back(SYN | ACK)], [(5, "fin"), (2, "end")]),
        ("fin", [*CLOSE, LAST_ACK, LATE_DATA, LAST_ACK], [(5, "fin"), (2, "end")]),
        ("fin", [*RESET, AGAIN_SYN, back(RST | ACK), AGAIN_SYN], [(2, "rst"), (2, "rst"), (1, "end")]),
        ("fin", [segment(FIN), segment(FIN), back(ACK, 9), AGAIN_SYN], [(4, "end")]),  # one side has not closed
        ("fin", [segment(SYN), segment(SYN), back(SYN | ACK)], [(3, "end")]),  # sent again: nothing has ended
        ("fin", [segment(FIN | RST)], [(1, "rst")]),
        ("reopen", [*CLOSE, LAST_ACK, LATE_DATA, back(RST)], [(7, "fin")]),
        ("reopen", [*CLOSE, LATE_DATA, AGAIN_SYN, back(SYN | ACK)], [(5, "fin"), (2, "end")]),
        ("reopen", [*RESET, LATE_DATA, segment(SYN | ACK)], [(3, "rst"), (1, "end")]),
        ("reopen", [*RESET, back(SYN | ACK), back(SYN | ACK)], [(4, "rst")]),  # the SYN is answered once more
        ("fin", [*CLOSE, LAST_ACK, back(SYN | ACK), segment(RST)], [(7, "fin")]),
        ("fin", [*CLOSE, segment(SYN | ACK), back(RST)], [(4, "fin"), (2, "rst")]),  # the other side is no responder
        ("fin", [*CLOSE, LAST_ACK, back(FIN | PSH | ACK, 5), segment(RST | ACK, 1)], [(7, "fin")]),
        ("rst", [*RESET, back(RST | ACK, 5), LATE_DATA], [(3, "rst"), (1, "end")]),
        ("reopen", [segment(SYN), LATE_DATA, AGAIN_SYN], [(3, "end")]),  # nothing has ended
    ],
)
def test_tcp_end(tcp_end, packets, expected):
    assert lengths(packets, tcp_end=tcp_end) == expected


def test_fin_is_the_default():
    assert lengths([*CLOSE, LAST_ACK, AGAIN_SYN]) == [(5, "fin"), (1, "end")]


def test_flags_end_tcp_only():
    assert lengths(at(0, 1, 2, flags=FIN | RST, n_payload_bytes=5)) == [(3, "end")]


def test_uni_is_closed_by_its_own_fin():
    packets = [*CLOSE, LAST_ACK, AGAIN_SYN]
    assert lengths(packets, flow="uni") == [(3, "fin"), (2, "fin"), (1, "end")]


def test_closed_flow_that_times_out_ended_by_its_close():
    late = segment(time_ns=120 * S)
    assert lengths([*CLOSE, late]) == [(4, "fin"), (1, "end")]
    assert lengths([*CLOSE, late], tcp_end="reopen") == [(4, "fin"), (1, "end")]


def test_fins_are_forgotten_by_the_next_flow():
    packets = [segment(FIN), segment(time_ns=120 * S), segment(FIN, back=True, time_ns=121 * S)]
    assert lengths(packets) == [(1, "idle"), (2, "end")]


def test_vlan_key():
    tagged = [packet(0, vlan_id=7), packet(1, back=True, vlan_id=8), packet(2, vlan_id=7)]
    assert [(len(flow.packets), flow.key.vlan_id) for flow in assemble(tagged)] == [(2, 7), (1, 8)]
    (flow,) = assemble(tagged, vlan_key=False)
    assert (flow.key.vlan_id, flow.first.vlan_id) == (0, 7)
    assert len(flow.of("rev")) == 1


def test_protocols_are_apart():
    assert lengths([packet(0), packet(0, protocol=TCP), packet(0, protocol=ICMP)]) == [(1, "end")] * 3


def test_order_by_start_then_by_place():
    key_of_flow = {name: (name, "10.9.9.9", 1, 2, UDP) for name in ("10.0.0.3", "10.0.0.2", "10.0.0.1")}
    arrivals = [("10.0.0.3", 5), ("10.0.0.2", 5), ("10.0.0.1", 9), ("10.0.0.1", 4)]
    flows = assemble([Headers(time_ns, 60, 60, key_of_flow[name]) for name, time_ns in arrivals])
    assert [flow.key.source.address for flow in flows] == ["10.0.0.1", "10.0.0.3", "10.0.0.2"]


def test_min_packets():
    table = assemble_biflows(at(0, 1, 500 * S), BiflowOptions(min_packets=2))
    assert [len(flow.packets) for flow in table.flows] == [2]
    assert table.short_flow == {"packets": 1, "flows": 1}
    assert [len(flow.packets) for flow in assemble(at(0))] == [1]


def test_nothing_is_dropped():
    packets = [packet(i * 50 * S, back=i % 3 == 0, protocol=(UDP, TCP)[i % 2], flags=i % 8) for i in range(200)]
    for tcp_end in ("none", "rst", "fin", "reopen"):
        flows = assemble(packets, tcp_end=tcp_end, idle_timeout=200)
        assert sorted(one.time_ns for flow in flows for one, _ in flow.packets) == [one.time_ns for one in packets]


def test_no_packets():
    assert assemble([]) == []


def test_keys_are_two_types():
    there, back_again = key_of(packet(0)), key_of(packet(0, back=True))
    assert there != back_again == there.turned()
    assert there.canonical() == back_again.canonical()
    assert there.canonical() == CanonicalKey(Endpoint(SERVER, 443), Endpoint(CLIENT, 40000), UDP, 0)
    assert back_again != back_again.canonical()  # though it has the same endpoints in the same order
