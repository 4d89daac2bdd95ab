"""Against tshark's TCP analysis: sent again or late, keep-alive segments, zero windows, the handshake's round trip.

`make_tcp_tshark_golden.py` made the file. tshark looks at the clock besides the numbers, and its words mean other
things; what differs stands below with the reason, and the numbers are exact.
"""

import json
from collections import Counter
from pathlib import Path

import pytest
from reference import tcp
from reference.biflows import BiflowOptions, assemble_biflows
from reference.capture import read_capture
from reference.headers import HeaderDecoder
from reference.tcp_segments import FIN, RST, SYN, place_segments, segments_of

GOLDEN = json.loads(Path(__file__).with_name("tcp_tshark.json").read_text())
FOR_EVER = BiflowOptions(tcp_end="reopen", idle_timeout=1e9, active_timeout=1e9, vlan_key=False)
KINDS = {"is_retransmitted": "retransmission", "is_out_of_order": "out_of_order", "is_keep_alive": "keep_alive"}

# (what tshark says, what netml says) -> segments, and why.
DIFFERENT = {
    ("retransmission", "out_of_order"): (26, "tshark: it comes later than a round trip, so its first sending was lost"),
    ("out_of_order", "retransmission"): (18, "tshark: it comes so soon that it must be late; but all of it was sent"),
    ("retransmission", ""): (48, "27 partly new; 14 SYNs after an RST, with which a new flow begins; 7 as the next"),
    ("out_of_order", ""): (37, "35 partly new; 2 whose numbers only an empty ACK had gone beyond: it has none itself"),
    ("", "retransmission"): (5, "telnet.pcap has segments again as their sender's host saw them, without the payload"),
}


@pytest.fixture(scope="module")
def compared(shared_captures):
    """(Counter of the segments' kinds, of zero windows, [(capture, tshark's RTT, netml's, its segments)])."""
    kinds, windows, times_s = Counter(), Counter(), []
    for name, golden in GOLDEN.items():
        flows, numbers = read_flows(shared_captures / name)
        initial_rtts_s = dict(golden["initial_rtt_s"])
        for flow in (flow for flow in flows if flow.key.protocol == 6):
            segments = segments_of(flow)
            frames = [numbers[id(packet)] for packet, _ in flow.packets if packet.sequence >= 0]
            for number, (segment, placed) in zip(frames, place_segments(segments), strict=True):
                said = next((kind for kind in KINDS.values() if number in golden[kind]), "")
                found = next((kind for field, kind in KINDS.items() if getattr(placed, field)), "")
                kinds[said, found] += 1
                has_none = segment.window == 0 and not segment.flags & (SYN | FIN | RST)
                windows[number in golden["zero_window"], has_none] += 1
            said_s = next((initial_rtts_s[number] for number in frames if number in initial_rtts_s), -1)
            times_s.append((name, said_s, tcp.flow_row(flow)["handshake_rtt_s"], segments))
    return kinds, windows, times_s


def read_flows(path):
    """(Flows that only TCP ends, id of a packet -> number of its frame)."""
    decoder, packets, numbers = HeaderDecoder(protocols="all"), [], {}
    for number, record in enumerate(read_capture(path.read_bytes()).records, start=1):
        packet = decoder.decode_record(record)
        if not isinstance(packet, str):
            packets.append(packet)
            numbers[id(packet)] = number
    return assemble_biflows(packets, FOR_EVER).flows, numbers


def test_sent_again_and_late(compared):
    kinds = compared[0]
    different = {pair: n for pair, n in kinds.items() if pair[0] != pair[1]}
    assert different == {pair: n for pair, (n, _) in DIFFERENT.items()}
    same = {said: n for (said, found), n in kinds.items() if said == found}
    assert same == {"": 22045, "retransmission": 1783, "out_of_order": 15, "keep_alive": 59}


def test_zero_windows(compared):
    assert compared[1] == {(True, True): 6, (False, False): 24030}


def test_round_trip_of_the_handshake(compared):
    """The same to the microsecond where both have one, unless a SYN or SYN-ACK was sent again.

    There netml adds up the two halves, and tshark takes the time from the latest SYN, whatever was answered.
    """
    n_same, n_again, others = 0, 0, []
    for name, said_s, found_s, segments in compared[2]:
        if said_s < 0 or found_s < 0:
            continue
        if abs(said_s - found_s) < 1e-6:
            n_same += 1
            continue
        syns = Counter((segment.is_forward, segment.sequence) for segment in segments if segment.flags & SYN)
        if max(syns.values()) > 1:
            n_again += 1
        else:
            others.append(name)
    assert (n_same, n_again) == (497, 15)
    assert others == ["sccp_hw_conf_register.pcapng"], "three packets of the time 0, which tshark takes for none"
