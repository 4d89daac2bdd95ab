"""The installed netml against what the Scapy original, netml 0.7.1, computes.

On the demo capture against the numbers in this folder; on the shared captures against all that is known of them.
"""

import make_demo_golden
import numpy as np
import pytest

from netml.pparser.parser import PCAP

MAX_SAMP_SHARE = 0.02  # windows whose edge the original's float rounding decides
TIME_S = 2e-6  # its times are float64 seconds since 1970


@pytest.fixture(scope="module")
def golden():
    with np.load(make_demo_golden.GOLDEN, allow_pickle=False) as archive:
        arrays = dict(archive)
    assert str(arrays["digest"]) == make_demo_golden.digest(), "the demo changed: run make_demo_golden.py again"
    return arrays


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's plain IPv4 packets, as flows."""
    path = tmp_path_factory.mktemp("demo") / "demo.pcap"
    path.write_bytes(make_demo_golden.plain_ipv4((make_demo_golden.DEMO / "demo.pcap").read_bytes()))
    pcap = PCAP(path, flow_ptks_thres=2)
    pcap.pcap2flows(q_interval=0.9)
    return pcap


def texts(fids):
    return [[str(part) for part in fid] for fid in fids]


def test_flows_of_the_demo(demo, golden):
    assert len(demo.flows) > 500
    assert texts(fid for fid, _ in demo.flows) == golden["fids"].tolist()
    assert [len(packets) for _, packets in demo.flows] == golden["n_packets"].tolist()
    assert demo.interval == pytest.approx(float(golden["interval"]), abs=TIME_S)


def tolerance(family, is_fft, ours, theirs):
    """Largest difference allowed in each place: what float64 seconds do to times and, through them, to rates."""
    allowed = 1e-9 * np.maximum(np.abs(theirs), 1.0)
    if family == "STATS":
        if is_fft:
            return np.full_like(allowed, np.inf)  # sums over the rates: compared without the transform
        durations, rates = np.maximum(ours[:, -12], 1e-9)[:, None], np.abs(ours[:, -11:-9])
        allowed[:, -12] = TIME_S
        allowed[:, -11:-9] += rates * np.minimum(1.0, TIME_S / durations)
    elif "IAT" in family:
        allowed += TIME_S * (ours.shape[1] if is_fft else 1)
    elif is_fft:
        allowed += 1e-6
    return allowed


def test_features_of_the_demo(demo, golden):
    n_rows = n_bad_rows = 0
    for name, family, fft, header in make_demo_golden.matrices():
        demo.flow2features(family, fft=fft, header=header)
        ours, theirs = demo.features[:: make_demo_golden.EVERY_NTH_ROW], golden[name]
        assert ours.shape == theirs.shape, name
        is_bad = (np.abs(ours - theirs) > tolerance(family, fft, ours, theirs)).any(axis=1)
        if family.startswith("SAMP"):
            n_rows, n_bad_rows = n_rows + len(ours), n_bad_rows + is_bad.sum()
        else:
            assert not is_bad.any(), f"{name}: row {np.argmax(is_bad)}"
    assert n_bad_rows <= MAX_SAMP_SHARE * n_rows


def test_labels_of_the_demo(golden, demo):
    pcap = PCAP(demo.pcap_file)
    pcap.pcap2flows()
    pcap.label_flows(label_file=make_demo_golden.DEMO / "demo.csv")
    assert texts(fid for fid, _ in pcap.flows) == golden["labelled_fids"].tolist()
    assert pcap.labels.tolist() == golden["labels"].tolist()
    assert set(pcap.labels.tolist()) == {0, 1}


def test_every_shared_capture(golden_verdicts):
    verdicts = golden_verdicts(PCAP)
    assert sum(verdicts.values()) >= 170
    assert verdicts["identical"] >= 130
