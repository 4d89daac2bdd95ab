"""`PCAP` as the original netml has it: arguments, attributes, results."""

import copy
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
import traffic
from builders import captures

import netml
from netml.pparser.parser import PCAP

DEMO = Path(__file__).resolve().parents[2] / "examples" / "data"
FAMILIES = ("IAT", "SIZE", "IAT_SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE")


@pytest.fixture
def demo():
    """The demo capture, read."""
    pcap = PCAP(DEMO / "demo.pcap")
    pcap.pcap2flows()
    return pcap


def test_arguments_are_the_originals():
    parameters = inspect.signature(PCAP.__init__).parameters
    assert {name: parameters[name].default for name in list(parameters)[2:]} == {
        "flow_ptks_thres": 2,
        "verbose": 0,
        "random_state": 42,
    }
    assert list(inspect.signature(PCAP.pcap2flows).parameters)[1:3] == ["interval", "q_interval"]
    pcap = PCAP("none.pcap", flow_ptks_thres=3, verbose=1, random_state=7)
    assert (pcap.pcap_file, pcap.flow_ptks_thres, pcap.verbose, pcap.random_state) == ("none.pcap", 3, 1, 7)
    assert pcap.labels is None
    assert pcap.df is None


def test_flows(demo):
    table = netml.read_flows(DEMO / "demo.pcap")
    assert len(demo.flows) == len(table) > 100
    assert demo.interval == table.metadata["interval_s"]
    for (five_tuple, packets), flow, expected in zip(demo.flows, table, table.flows.five_tuples(), strict=True):
        assert five_tuple == expected
        assert list(map(type, five_tuple)) == [str, str, int, int, int]
        assert len(packets) == len(flow)
        assert [len(packet) for packet in packets] == flow.size.tolist()
        assert [packet.time for packet in packets] == (flow.time_ns / 1e9).tolist()
        assert [packet.time_ns for packet in packets] == flow.time_ns.tolist()
        assert packets[-1].time - packets[0].time == pytest.approx(np.ptp(flow.time_ns) / 1e9, abs=5e-7)
    assert [key for key, _ in demo.flows[1:3]] == table.flows.five_tuples()[1:3]
    assert demo.flows[-1][0] == table.flows.five_tuples()[-1]
    with pytest.raises(IndexError):
        demo.flows[len(demo.flows)]


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("fft", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_features(demo, family, fft, header):
    demo.flow2features(family, fft=fft, header=header)
    expected = netml.extract(DEMO / "demo.pcap", family, fft=fft, header=header)
    np.testing.assert_array_equal(demo.features, expected.X)
    assert demo.features.dtype == np.float64
    assert demo.fids == expected.flows.five_tuples()
    assert demo.dim == expected.metadata["representation"]["dim"]
    if not fft:
        return
    plain = demo.features
    demo.flow2features(f"FFT-{family}", header=header)
    np.testing.assert_array_equal(demo.features, plain)


def test_an_unknown_family(demo):
    with pytest.raises(netml.UnknownNameError, match="unknown family 'IATS'; known: IAT, SIZE"):
        demo.flow2features("IATS")


def test_flows_come_before_features_and_labels():
    for call in (lambda pcap: pcap.flow2features(), lambda pcap: pcap.label_flows()):
        with pytest.raises(netml.NetmlError, match="call pcap2flows"):
            call(PCAP(DEMO / "demo.pcap"))


def test_a_given_interval_stays_in_force(demo):
    demo.pcap2flows(interval=5)
    assert demo.interval == 5.0
    demo.flow2features("IAT")
    expected = netml.extract(DEMO / "demo.pcap", flow=netml.FlowOptions(interval=5.0))
    np.testing.assert_array_equal(demo.features, expected.X)
    assert demo.features.max() <= 5.0


def test_the_quantile_decides_over_interval_and_dim(demo):
    demo.pcap2flows(q_interval=0.5)
    demo.flow2features("SIZE")
    expected = netml.extract(DEMO / "demo.pcap", "SIZE", flow=netml.FlowOptions(q_interval=0.5))
    np.testing.assert_array_equal(demo.features, expected.X)


def test_timeouts_and_the_fewest_packets():
    pcap = PCAP(DEMO / "demo.pcap", flow_ptks_thres=5)
    pcap.pcap2flows(tcp_timeout=2, udp_timeout=3)
    flow = netml.FlowOptions(min_packets=5, tcp_timeout=2.0, udp_timeout=3.0)
    assert [key for key, _ in pcap.flows] == netml.read_flows(DEMO / "demo.pcap", flow=flow).flows.five_tuples()


def test_labels_for_all(demo):
    for label in (0, 1):
        demo.label_flows(label=label)
        assert demo.labels.tolist() == [label] * len(demo.flows)


@pytest.mark.parametrize("features_first", [True, False])
def test_labels_from_a_file_leave_out_the_rest(demo, features_first):
    n_flows = len(demo.flows)
    if features_first:
        demo.flow2features("SIZE")
    demo.label_flows(label_file=DEMO / "demo.csv")
    if not features_first:
        demo.flow2features("SIZE", dim=12)
    assert 100 < len(demo.flows) < n_flows
    assert len(demo.labels) == len(demo.flows) == len(demo.features) == len(demo.fids)
    assert demo.fids == [five_tuple for five_tuple, _ in demo.flows]
    for row, (_, packets) in zip(demo.features, demo.flows, strict=True):
        sizes = [len(packet) for packet in packets][: len(row)]
        assert row[: len(sizes)].tolist() == sizes
    assert set(demo.labels.tolist()) == {0, 1}


def test_times_of_calls_are_minutes_of_each_instance(demo):
    assert 0 < demo.pcap2flows.tot_time < 1
    assert demo.flow2features.tot_time == 0
    other = PCAP(DEMO / "demo.pcap")
    assert other.pcap2flows.tot_time == 0
    demo.flow2features()
    assert 0 < demo.flow2features.tot_time < 1
    for call in (demo.label_flows, demo.pcap2pandas):
        assert call.tot_time == 0
    assert "Read the capture into flows" in demo.pcap2flows.__doc__


def test_subclasses_and_copies(demo):
    class Noted(PCAP):
        def pcap2flows(self, *args, **kwargs):
            super().pcap2flows(*args, **kwargs)
            self.n_calls = getattr(self, "n_calls", 0) + 1

    noted = Noted(DEMO / "demo.pcap")
    noted.pcap2flows()
    noted.pcap2flows(interval=5.0)
    noted.flow2features()
    assert noted.n_calls == 2
    copied = copy.copy(demo)
    copied.pcap2flows(interval=5.0)
    assert (copied.interval, demo.interval) == (5.0, netml.read_flows(DEMO / "demo.pcap").metadata["interval_s"])
    loaded = pickle.loads(pickle.dumps(demo))
    assert len(loaded.flows) == len(demo.flows)


def test_a_capture_without_tcp_or_udp(tmp_path):
    path = traffic.write_pcap(tmp_path / "icmp.pcap", [(traffic.START_NS, traffic.icmp_frame())] * 5)
    pcap = PCAP(path)
    pcap.pcap2flows()
    assert list(pcap.flows) == []
    for family in FAMILIES:
        for header in (False, True):
            pcap.flow2features(family, header=header)
            assert pcap.features.shape[0] == 0
            assert pcap.fids == []
    pcap.label_flows(label=1)
    assert pcap.labels.shape == (0,)


def test_ipv6_flows_have_their_addresses(tmp_path):
    pcap = PCAP(traffic.write_pcap(tmp_path / "mixed.pcap", traffic.many_flows()))
    pcap.pcap2flows()
    assert ("2001:db8::1", "2001:db8::2", 1024, 53, 17) in [key for key, _ in pcap.flows]


def test_errors_of_the_capture(tmp_path):
    with pytest.raises(netml.CaptureError, match=r"none\.pcap: no such file"):
        PCAP(tmp_path / "none.pcap").pcap2flows()
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(captures.pcap(traffic.records())[:-1])
    pcap = PCAP(cut)
    with pytest.warns(netml.CaptureWarning, match=r"cut\.pcap: record 6 at byte "):
        pcap.pcap2flows()
    assert len(pcap.flows) == 2


def test_pcap2pandas(demo):
    pytest.importorskip("pandas")
    demo.pcap2pandas()
    assert {"datetime", "dns_query", "ip_src", "is_dns", "length", "port_dst", "time_normed"} <= set(demo.df)
    assert len(demo.df) == netml.read_flows(DEMO / "demo.pcap").metadata["packets_read"]
    assert demo.pcap2pandas.tot_time > 0


def test_labels_with_time_windows(demo, tmp_path):
    demo.pcap2flows()
    index = demo.flows.table.flows
    (src_ip, dst_ip, src_port, dst_port, protocol), start_ns = demo.flows[0][0], int(index.start_ns[0])
    for start_s, is_within in ((start_ns // 10**9, True), (start_ns // 10**9 - 1000, False)):
        path = tmp_path / "windows.csv"
        path.write_text(
            "src_ip,dst_ip,src_port,dst_port,protocol,start,end,label\n"
            f"{src_ip},{dst_ip},{src_port},{dst_port},{protocol},{start_s},{start_s + 1},SCAN\n"
        )
        demo.pcap2flows()
        demo.label_flows(label_file=path)
        assert (demo.labels.tolist(), len(demo.flows)) == (([1], 1) if is_within else ([], 0))
