"""The TCP family, worked out by hand: the oracle and the kernel."""

import pytest
from _tcp import ACK, FIN, FIN_ACK, IMPLEMENTATIONS, MS, RST, RST_ACK, SYN, SYN_ACK, fwd, numbered, rev
from reference.tcp import SIDE_COLUMNS, TCP_COLUMNS
from reference.tcp_state import CONN_STATES

HAS_MSS, HAS_SCALE, HAS_SACK = 1 << 24, 1 << 25, 1 << 26
TOP = 2**32

S, R = fwd(0, SYN, 100), rev(0, RST_ACK, 0, acknowledgement=101)
H, A = rev(0, SYN_ACK, 500, acknowledgement=101), fwd(0, ACK, 101, acknowledgement=501)
D, E = fwd(0, ACK, 101, 10, acknowledgement=501), rev(0, ACK, 501, 20, acknowledgement=111)
F, G = fwd(0, FIN_ACK, 111, acknowledgement=521), rev(0, FIN_ACK, 521, acknowledgement=112)


@pytest.fixture(params=IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)
def tcp(request):
    return request.param


def one_side(tcp, *segments):
    """(retransmitted packets and bytes, out-of-order packets and bytes, keep-alive segments) of forward."""
    row = tcp.row(numbered(*segments))
    assert all(row[f"rev_{name}"] in (0, -1) for name in SIDE_COLUMNS)
    return tuple(int(row[f"fwd_{name}"]) for name in SIDE_COLUMNS[1:6])


STATES = {
    "S0": [S],
    "S0 again": [S, S],
    "S1": [S, H],
    "S1 data": [S, H, A, D, E],
    "SF": [S, H, A, D, E, F, G],
    "SF responder first": [S, H, A, G, F],
    "SF then RST": [S, H, A, F, G, R, fwd(0, RST, 112)],
    "SF without SYN-ACK": [S, E, F, G],
    "SF without SYN": [H, A, F, G],
    "REJ": [S, R],
    "S2": [S, H, A, F, E],
    "S3": [S, H, A, G],
    "S3 without SYN-ACK": [S, G],
    "S2 without SYN": [H, F],
    "RSTO": [S, H, A, fwd(0, RST, 101)],
    "RSTO after the other's FIN": [S, H, A, G, fwd(0, RST, 101)],
    "RSTO without SYN": [H, fwd(0, RST, 101)],
    "RSTO first": [S, H, fwd(0, RST, 101), R, F, G],
    "RSTR": [S, H, A, D, R],
    "RSTR after own FIN": [S, H, A, F, R],
    "RSTOS0": [S, fwd(0, RST, 101)],
    "RSTRH": [H, R],
    "SH": [S, F],
    "SHR": [H, G],
    "OTH": [D, E],
    "OTH midstream, closed": [D, E, F, G],
    "OTH midstream, reset": [D, R],
    "OTH no SYN-ACK": [S, E],
    "OTH no SYN": [H, A],
    "OTH RST alone": [R],
    "S1 simultaneous": [S, rev(0, SYN, 500)],
    "S0 asked anew": [S, R, S],
    "S1 asked anew": [S, H, A, F, G, fwd(0, SYN, 9000), rev(0, SYN_ACK, 7000, acknowledgement=9001)],
    "RSTOS0 SYN and RST": [fwd(0, SYN | RST, 100)],
    "SH SYN and FIN": [fwd(0, SYN | FIN, 100)],
}


@pytest.mark.parametrize("name", STATES)
def test_conn_state(tcp, name):
    expected, segments = name.split()[0], numbered(*STATES[name])
    assert tcp.texts(segments)[0] == expected
    assert tcp.row(segments)["conn_state"] == CONN_STATES.index(expected)


def test_every_state_has_a_case():
    assert {name.split()[0] for name in STATES} == set(CONN_STATES) - {"-"}


@pytest.mark.parametrize("name", [name for name, segments in STATES.items() if segments[0] == H])
def test_answer_of_the_forward_side_turns_the_roles(tcp, name):
    """As above with the sides turned round: state and letters are the originator's, which is reverse."""
    segments = numbered(*STATES[name])
    turned = [segment._replace(is_forward=not segment.is_forward) for segment in segments]
    state, history = tcp.texts(segments)
    assert tcp.texts(turned) == (state, f"^{history}")


def test_syn_of_the_reverse_side_turns_the_roles(tcp):
    """The SYN-ACK stood before the SYN in the capture, so that its sender is forward; times say who asked."""
    segments = numbered(S, H, A, D, E)
    turned = [segment._replace(is_forward=not segment.is_forward) for segment in segments]
    assert tcp.texts(turned) == ("S1", "^ShADd")
    assert [tcp.row(turned)[name] for name in TCP_COLUMNS[:3]] == [0.001, 0.001, 0.002]


@pytest.mark.parametrize(
    ("numbers", "acknowledged", "waited_s"),
    [
        ((500, 900), 501, 0.002),  # alone that of the first
        ((900, 500), 901, 0.002),
        ((500, 900), 901, 0.001),
        ((900, 500), 501, 0.001),
        ((500, 900), 950, 0.001),  # with data of it: the latest that it can be
        ((500, 900), 600, 0.002),
        ((500, 900, 500), 501, 0.001),
        ((500, 900, 500), 901, 0.002),
        ((500, 900, 1300), 501, -1),  # of more than two the first ones are forgotten
        ((500, 900), 400, -1),
    ],
)
def test_an_ack_is_of_the_syn_ack_that_it_acknowledges(tcp, numbers, acknowledged, waited_s):
    answers = [rev(0, SYN_ACK, number, acknowledgement=101) for number in numbers]
    row = tcp.row(numbered(S, *answers, fwd(0, ACK, 101, acknowledgement=acknowledged)))
    assert row["syn_synack_rtt_s"] == 0.001
    assert row["synack_ack_rtt_s"] == waited_s


@pytest.mark.parametrize(("n_in_syn", "n_again_bytes"), [(0, 10), (10, 20)])
def test_a_late_syn_begins_nothing(tcp, n_in_syn, n_again_bytes):
    """Also not with data in it (TCP Fast Open), of which some were there already."""
    found = one_side(tcp, fwd(0, ACK, 101, 10), fwd(0, SYN, 100, n_in_syn), fwd(0, ACK, 101, 10))
    assert found == (1, n_again_bytes, 1, 0, 0)


HISTORIES = {
    "Sh": [S, H],
    "ShADadFf": [S, H, A, D, rev(0, ACK, 501, acknowledgement=111), E, A, F, G],
    "Sr": [S, R],
    "ShADT": [S, H, A, D, D],
    "ShAR": [S, H, A, fwd(0, RST, 101)],
    "^hA": [rev(0, SYN_ACK, 500)._replace(is_forward=True), fwd(0, ACK, 101)._replace(is_forward=False)],
    "DaFf": [D, rev(0), F, G],
    "DF": [fwd(0, FIN_ACK, 1, 5)],
    "I": [fwd(0, FIN | RST, 1), fwd(0, FIN | RST, 2)],
    "Qi": [fwd(0, SYN | RST, 1), fwd(0, SYN | FIN, 5), rev(0, FIN | RST)],
    "AW": [fwd(0, window=0)],
    "aw": None,
    "DW": [fwd(0, ACK, 1, 5, window=0)],
    "S": [S, S, fwd(0, SYN, 100, window=0)],
    "SS": [S, S, fwd(0, SYN, 7)],
    "SSS": [S, fwd(0, SYN, 7), S],
    "R" * 9: [fwd(0, RST, number) for number in range(30)],
    "AWWW": [fwd(0, window=0)] * 999,
    "DTTT": [fwd(0, ACK, 1, 5)] * 101,
    "DTT": [fwd(0, ACK, 1, 5)] * 100,
    "": [fwd(0, 0)],
    "D": [fwd(0, ACK, 1, 5), fwd(0, ACK, 6, 5)],
    "DA": [fwd(0, ACK, 1, 5), fwd(0, ACK, 5), fwd(0, ACK, 6)],
}
HISTORIES["aw"] = [rev(0, window=0)]
HISTORIES["AWWW"] = [fwd(0, window=0)] * 100


@pytest.mark.parametrize("expected", HISTORIES)
def test_history(tcp, expected):
    assert tcp.texts(numbered(*HISTORIES[expected]))[1] == expected


def test_a_later_answer_of_the_forward_side_is_upper_case(tcp):
    assert tcp.texts(numbered(D, fwd(0, SYN_ACK, 500)))[1] == "DH"


SEQUENCES = {
    "in order": ([fwd(0, SYN, 99), fwd(0, n=10, sequence=100), fwd(0, n=5, sequence=110)], (0, 0, 0, 0, 0)),
    "a gap is nothing": ([fwd(0, n=10, sequence=100), fwd(0, n=5, sequence=200)], (0, 0, 0, 0, 0)),
    "again": ([fwd(0, n=10, sequence=100)] * 3, (2, 20, 0, 0, 0)),
    "part of it again": ([fwd(0, n=10, sequence=100), fwd(0, n=4, sequence=103)], (1, 4, 0, 0, 0)),
    "old and new": ([fwd(0, n=10, sequence=100), fwd(0, n=10, sequence=105)], (0, 5, 0, 0, 0)),
    "fills a hole": ([*(fwd(0, n=10, sequence=at) for at in (100, 120, 110))], (0, 0, 1, 10, 0)),
    "fills part of a hole": (
        [*(fwd(0, n=10, sequence=at) for at in (100, 120)), fwd(0, n=3, sequence=112)],
        (0, 0, 1, 3, 0),
    ),
    "over a hole's edges": (
        [*(fwd(0, n=10, sequence=at) for at in (100, 120)), fwd(0, n=30, sequence=95)],
        (0, 15, 1, 15, 0),
    ),
    "over all": ([*(fwd(0, n=10, sequence=at) for at in (100, 120)), fwd(0, n=50, sequence=95)], (0, 20, 1, 15, 0)),
    "hole filled twice": ([*(fwd(0, n=10, sequence=at) for at in (100, 120, 110, 110))], (1, 10, 1, 10, 0)),
    "before the first": ([fwd(0, n=10, sequence=100), fwd(0, n=10, sequence=80)], (0, 0, 1, 10, 0)),
    "SYN again": ([S, S], (1, 0, 0, 0, 0)),
    "FIN again": ([fwd(0, FIN, 5), fwd(0, FIN, 5)], (1, 0, 0, 0, 0)),
    "FIN again with data": ([fwd(0, n=3, sequence=2), fwd(0, FIN, 2, 3), fwd(0, FIN, 2, 3)], (1, 6, 0, 0, 0)),
    "late SYN": ([fwd(0, n=10, sequence=101), S, fwd(0, n=10, sequence=101)], (1, 10, 1, 0, 0)),
    "new connection": ([S, fwd(0, n=10, sequence=101), fwd(0, SYN, 50), fwd(0, n=10, sequence=51)], (0, 0, 0, 0, 0)),
    "data in a SYN": ([fwd(0, SYN, 100, 5), fwd(0, n=5, sequence=101)], (1, 5, 0, 0, 0)),
    "ACKs and RSTs are nothing": ([fwd(0, n=9, sequence=1), fwd(0, sequence=3), fwd(0, RST, 3)], (0, 0, 0, 0, 0)),
    "keep-alive": ([fwd(0, n=9, sequence=1), fwd(0, sequence=9), fwd(0, sequence=9, n=1)], (0, 0, 0, 0, 2)),
    "no keep-alive": ([fwd(0, n=9, sequence=1), fwd(0, sequence=8, n=1), fwd(0, sequence=8, n=2)], (2, 3, 0, 0, 0)),
    "no keep-alive: FIN, RST": ([fwd(0, n=9, sequence=1), fwd(0, FIN, 9, 0), fwd(0, RST, 9)], (1, 0, 0, 0, 0)),
    "nothing to keep alive": ([fwd(0, sequence=9, n=0), fwd(0, sequence=9, n=1)], (0, 0, 0, 0, 0)),
    "wrap-around": (
        [fwd(0, n=10, sequence=TOP - 5), fwd(0, n=10, sequence=5), fwd(0, n=10, sequence=TOP - 5)],
        (1, 10, 0, 0, 0),
    ),
    "hole at the wrap-around": ([*(fwd(0, n=10, sequence=at % TOP) for at in (-15, 5, -5))], (0, 0, 1, 10, 0)),
    "half of the numbers ahead": ([fwd(0, n=1, sequence=0), fwd(0, n=1, sequence=TOP // 2)], (0, 0, 0, 0, 0)),
    "more than half ahead is behind": ([fwd(0, n=1, sequence=0), fwd(0, n=1, sequence=TOP // 2 + 1)], (0, 0, 1, 1, 0)),
    "64 ranges": ([*(fwd(0, n=1, sequence=2 * at) for at in range(64)), fwd(0, n=1, sequence=1)], (0, 0, 1, 1, 0)),
    "65 ranges": ([*(fwd(0, n=1, sequence=2 * at) for at in range(65)), fwd(0, n=1, sequence=1)], (1, 1, 0, 0, 0)),
    "65 ranges, second hole": (
        [*(fwd(0, n=1, sequence=2 * at) for at in range(65)), fwd(0, n=1, sequence=3)],
        (0, 0, 1, 1, 0),
    ),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence_numbers(tcp, name):
    segments, expected = SEQUENCES[name]
    assert one_side(tcp, *segments) == expected


def test_half_ahead(tcp):
    """The end is 1 after the first: 2**31 is 2**31 - 1 ahead of it, 2**31 + 1 as far behind as ahead, so behind."""
    assert one_side(tcp, fwd(0, n=1), fwd(0, n=1, sequence=TOP // 2)) == (0, 0, 0, 0, 0)


def test_directions_are_apart(tcp):
    row = tcp.row(numbered(D, E, E, D, rev(0, n=20, sequence=541), rev(0, n=20, sequence=521)))
    names = SIDE_COLUMNS[:5]
    assert [row[f"fwd_{name}"] for name in names] == [20, 1, 10, 0, 0]
    assert [row[f"rev_{name}"] for name in names] == [80, 1, 20, 1, 20]


def rtts(tcp, *segments):
    row = tcp.row(list(segments))
    return tuple(row[name] for name in TCP_COLUMNS[:3])


def at(segment, ms):
    return segment._replace(time_ns=ms * MS)


def test_handshake(tcp):
    assert rtts(tcp, S, at(H, 30), at(A, 42)) == (0.03, 0.012, 0.042)
    assert rtts(tcp, S, at(H, 30)) == (0.03, -1, -1)
    assert rtts(tcp, H, at(A, 12)) == (-1, 0.012, -1)
    assert rtts(tcp, S, at(A, 42)) == (-1, -1, -1)
    assert rtts(tcp, S, H, A) == (0, 0, 0)
    assert rtts(tcp, D, E) == (-1, -1, -1)


def test_handshake_with_retransmissions(tcp):
    assert rtts(tcp, S, at(S, 1000), at(H, 1030), at(A, 1042)) == (0.03, 0.012, 0.042), "the latest SYN"
    assert rtts(tcp, S, at(H, 30), at(S, 31), at(H, 60), at(A, 70)) == (0.03, 0.01, 0.04), "the latest SYN-ACK"
    assert rtts(tcp, S, at(H, 30), at(A, 42), at(H, 60), at(A, 90)) == (0.03, 0.012, 0.042), "the first ACK"


def test_handshake_asks_for_the_numbers(tcp):
    wrong = at(H._replace(acknowledgement=100), 10)
    assert rtts(tcp, S, wrong, at(H, 30), at(A, 42)) == (0.03, 0.012, 0.042)
    assert rtts(tcp, S, at(H._replace(acknowledgement=102), 10)) == (-1, -1, -1)
    assert rtts(tcp, S._replace(payload_bytes=1), at(H._replace(acknowledgement=102), 10)) == (0.01, -1, -1), (
        "Fast Open"
    )
    assert rtts(tcp, S, at(H, 30), at(A._replace(acknowledgement=500), 40), at(A, 42)) == (0.03, 0.012, 0.042)
    assert rtts(tcp, S, at(H, 30), at(A._replace(acknowledgement=600), 42)) == (0.03, 0.012, 0.042), "or more"
    assert rtts(tcp, S, at(H, 30), at(fwd(0, RST_ACK, 101, acknowledgement=501), 42)) == (0.03, -1, -1)
    first, last = S._replace(sequence=TOP - 1), H._replace(sequence=TOP - 1, acknowledgement=0)
    assert rtts(tcp, first, at(last, 5), at(A._replace(acknowledgement=0), 7)) == (0.005, 0.002, 0.007), "wraps around"
    assert rtts(tcp, at(H, 1)._replace(is_forward=True), at(A, 3)._replace(is_forward=False)) == (-1, 0.002, -1)


def test_zero_windows(tcp):
    flags = [ACK, FIN, RST, SYN, ACK, 0]
    row = tcp.row(numbered(*(fwd(0, flag, window=0) for flag in flags), rev(0), rev(0, window=0)))
    assert (row["fwd_zero_window_packets"], row["rev_zero_window_packets"]) == (3, 1)


def test_what_the_sides_offer(tcp):
    options = 1460 | 7 << 16 | HAS_MSS | HAS_SCALE | HAS_SACK
    first = fwd(0, SYN, 100, window=64240, tcp_options=options)
    answer = rev(1, SYN_ACK, 500, window=0, tcp_options=HAS_MSS | HAS_SCALE)
    later = fwd(2, SYN, 100, window=1, tcp_options=1 | HAS_MSS)
    row = tcp.row([first, answer, later])
    names = SIDE_COLUMNS[7:]
    assert names == ("initial_window_bytes", "mss_bytes", "window_scale", "sack_permitted")
    assert [row[f"fwd_{name}"] for name in names] == [64240, 1460, 7, 1]
    assert [row[f"rev_{name}"] for name in names] == [0, 0, 0, 0]
    row = tcp.row([fwd(0, window=77), fwd(0, SYN, tcp_options=HAS_SACK)])
    assert [row[f"fwd_{name}"] for name in names] == [77, -1, -1, 1]
    assert [row[f"rev_{name}"] for name in names] == [-1, -1, -1, 0]


def test_not_tcp(tcp):
    row = tcp.row([fwd(0, 0, n=9), rev(0, 0, n=9)], protocol=17)
    absent = ("_rtt_s", "_initial_window_bytes", "_mss_bytes", "_window_scale")
    assert row == {name: -1 if name.endswith(absent) else 0 for name in TCP_COLUMNS}
    assert tcp.texts([fwd(0, 0, n=9)], protocol=17) == ("-", "")


def test_later_fragments_are_no_segments(tcp):
    fragment = D._replace(is_forward=None)
    assert tcp.row(numbered(fragment, S, H, fragment)) == tcp.row(numbered(fragment, S, H))
    row = tcp.row(numbered(fragment, fragment))
    assert (row["conn_state"], row["fwd_payload_bytes"]) == (CONN_STATES.index("OTH"), 0)
    assert tcp.texts(numbered(fragment, S, H, fragment)) == ("S1", "Sh")
