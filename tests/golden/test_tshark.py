"""Against tshark: every packet that it dissects as TCP or UDP over IP has the same innermost five-tuple.

`make_tshark_golden.py` made the file. The exceptions stand below, each with its reason, and their numbers are exact:
one more, or one less, fails.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from outcomes import kernel_outcomes
from reference.capture import read_capture
from reference.decode import Decoded

GOLDEN = Path(__file__).with_name("tshark.npz")

CUT = "tshark reads the ports of a TCP header that is cut off; netml skips it, as it has no flags"
TINY = "a first fragment with 16 bytes of a TCP header: tshark reads its ports; netml skips it"
FABRIC_PATH = "Cisco FabricPath, a link layer that netml does not know"
CAPWAP = "CAPWAP around 802.11, a tunnel that netml does not know: netml keeps the outer packet"

# Capture, what netml says (a reason, or "kept" with another five-tuple) -> frames, and why.
INNER_EXCEPTIONS = {
    ("ajp.pcap", "not_ip"): (12, FABRIC_PATH),
    ("capwap.pcap", "kept"): (5, CAPWAP),
    ("fuzz-2006-06-26-2594.pcap", "truncated_transport_header"): (1, CUT),
    ("ip_fragmented_garbage.pcap", "truncated_transport_header"): (4, TINY),
}
OUTER_EXCEPTIONS = {place: found for place, found in INNER_EXCEPTIONS.items() if place[0] != "capwap.pcap"}


@pytest.fixture(scope="module")
def golden():
    """Per capture: the five-tuples of its frames, inner and outer, as text; "" where there is none."""
    with np.load(GOLDEN, allow_pickle=False) as archive:
        five_tuples = np.array(archive["five_tuples"].tobytes().decode().split("\n"))
        ends = np.cumsum(archive["n_frames"])[:-1]
        parts = [np.split(five_tuples[archive[layer]], ends) for layer in ("inner", "outer")]
        names = archive["captures"].tolist()
    return {name: {"inner": inner, "outer": outer} for name, inner, outer in zip(names, *parts, strict=True)}


def differences(captures, golden, tunnels):
    """((capture, what netml says) -> frames that are not as tshark says, packets of which both say the same)."""
    found, n_same = Counter(), 0
    for name, five_tuples in golden.items():
        records = read_capture((captures / name).read_bytes()).records
        frames = [(record.time_ns, record.link_type, record.frame) for record in records]
        for outcome, expected in zip(kernel_outcomes(frames, tunnels=tunnels), five_tuples[tunnels], strict=True):
            is_kept = not isinstance(outcome, str)
            if (" ".join(map(str, outcome.key)) if is_kept else "") != expected:
                found[name, "kept" if is_kept else outcome] += 1
            else:
                n_same += is_kept
    return found, n_same


@pytest.mark.parametrize(("tunnels", "exceptions"), [("inner", INNER_EXCEPTIONS), ("outer", OUTER_EXCEPTIONS)])
def test_five_tuples_of_every_frame(shared_captures, golden, tunnels, exceptions):
    found, n_same = differences(shared_captures, golden, tunnels)
    assert found == {place: n_frames for place, (n_frames, _) in exceptions.items()}
    assert n_same > 43_000
    assert len(golden) == len([path for path in shared_captures.iterdir() if path.suffix != ".csv"])


def test_fragments_that_tshark_reassembles(shared_captures):
    """Each belongs to the flow of its datagram's first one, unless that is too short to have a flow."""
    with np.load(GOLDEN, allow_pickle=False) as archive:
        datagrams = [line.split() for line in archive["datagrams"].tolist()]
    n_tracked, n_without_ports = Counter(), Counter()
    for name in sorted({name for name, _ in datagrams}):
        records = read_capture((shared_captures / name).read_bytes()).records
        frames = [(record.time_ns, record.link_type, record.frame) for record in records]
        outcomes = kernel_outcomes(frames, fragments="track")
        for _, numbers in (datagram for datagram in datagrams if datagram[0] == name):
            first, *later = (outcomes[int(number) - 1] for number in numbers.split(","))
            if isinstance(first, Decoded):
                assert {fragment.key for fragment in later} == {first.key}
                n_tracked[name] += len(later)
            else:
                assert {first, *later} == {"truncated_transport_header", "fragment"}
                n_without_ports[name] += 1
    assert n_tracked == {"dns_fragmented.pcap": 7}
    assert n_without_ports == {"ip_fragmented_garbage.pcap": 4}
