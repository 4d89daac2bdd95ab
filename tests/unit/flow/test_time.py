"""Absurd clocks: the same flows as the reference, no endless loops, no giant matrices, texts that can be read."""

import io

import numpy as np
import pytest
import traffic
from builders import captures
from command import run_netml
from reference import pipeline
from reference.flows import FlowOptions
from streams import RecordStream

import netml
from netml.families import FamilyOptions
from netml.features import fitting
from netml.streaming.feature_batches import extract_batches
from netml.streaming.flow_stream import FlowStream

YEAR_NS = 365 * 86400 * 10**9
FRAME = traffic.udp_frame()
START_NS = traffic.START_NS
# Apart from what 104 days leave of a nanosecond in float64: the interval's edges are exact in pieces up to that long.
TIMES = {
    "zero": [0, 0, 1000, 2000],
    "equal": [START_NS] * 5,
    "back by years": [START_NS + back_ns for back_ns in (0, 320, -20 * YEAR_NS, 320 - 20 * YEAR_NS, 640)],
    "ten years": [START_NS, START_NS + 320, START_NS + 10 * YEAR_NS, START_NS + 10 * YEAR_NS + 320],
    "beyond 2106": [2**32 * 10**9 + i * 10**6 for i in range(4)],
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("timeout", [600.0, 1e10])
def test_absurd_times(times, timeout):
    content = captures.pcapng([(time_ns, FRAME) for time_ns in times], tsresol=9)
    for interval in (None, 1e-6, 5.0):
        options = FlowOptions(interval=interval, udp_timeout=timeout, keep_tail=True)
        table = netml.read_flows(io.BytesIO(content), flow=netml.FlowOptions(**vars(options)))
        expected = pipeline.read_flows(content, flow=options)
        assert [flow.time_ns.tolist() for flow in table] == [[p.time_ns for p in piece] for piece in expected.pieces]
        for family in ("SAMP_NUM", "STATS", "IAT"):
            given = {"fft": family == "IAT", "dim": 40, "rate": 1e-9}
            matrix = netml.extract(io.BytesIO(content), family, flow=netml.FlowOptions(**vars(options)), **given)
            wanted, _ = pipeline.extract(expected, family, **given)
            np.testing.assert_allclose(matrix.X, wanted, rtol=1e-9, atol=1e-6)
            assert matrix.shape[1] <= 40
    stream = FlowStream(
        io.BytesIO(content), interval=1e-6, flow=netml.FlowOptions(udp_timeout=timeout), batch_packets=1
    )
    n_in_flows = sum(len(table.time_ns) for table in stream)
    assert n_in_flows + sum(each["packets"] for each in stream.metadata["dropped"].values()) == len(times)


def far_apart(records):
    """The flows of `bi`, with all that is made of them at once and in rounds; every number finite."""
    content = captures.pcapng(records, tsresol=9)
    families = ["FLOW", "CIC", "TCP", "SPLT", "STATS"]
    flow = netml.FlowOptions(definition="bi", idle_timeout=1e10, active_timeout=float("inf"))
    extra = FamilyOptions(cic_extra=True)
    matrix = netml.extract(io.BytesIO(content), families, dim=4, flow=flow, family_options=extra)
    assert np.isfinite(matrix.X).all()
    names = list(matrix.columns)
    duration_s = (matrix.flows.end_ns - matrix.flows.start_ns) / 1e9
    is_pcap = all(0 <= time_ns < 2**32 * 10**9 for time_ns, _ in records)
    for batch_packets in (1, 2):
        batches = extract_batches(
            RecordStream(records, magic=captures.MAGIC_NS) if is_pcap else io.BytesIO(content),
            ["FLOW", "CIC"],
            flow=flow,
            family_options=extra,
            batch_packets=batch_packets,
        )
        for batch in batches:
            assert np.isfinite(batch.X).all()
            gaps = batch.X[:, list(batch.columns).index("bi_iat_max_s")]
            assert (gaps >= 0).all()
            assert (gaps <= (batch.flows.end_ns - batch.flows.start_ns) / 1e9 * (1 + 1e-9)).all()
        told = batches.metadata
        assert told["packets_kept"] == len(records)
    return matrix.X[:, names.index("bi_duration_s")], matrix.X[:, names.index("bi_iat_max_s")], duration_s


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_absurd_times_of_biflows(times):
    """Out of order, in the far future, back by years: one flow, whose times are those of its packets."""
    frames = [FRAME, traffic.udp_frame(source="10.0.0.2", destination="10.0.0.1", ports=(53, 5000))]
    found_s, gap_s, duration_s = far_apart([(time_ns, frames[i % 2]) for i, time_ns in enumerate(times)])
    assert len(found_s) >= 1
    np.testing.assert_allclose(found_s, duration_s)
    assert (gap_s <= duration_s * (1 + 1e-9)).all()


def test_gaps_of_biflows_saturate():
    """Between what 64 bits can say there is more than 64 bits can say."""
    packets = iter([(-9_223_372_036, FRAME), (9_223_372_036, FRAME), (9_223_372_036, FRAME)])
    matrix = netml.extract(
        packets,
        ["FLOW", "CIC", "TCP"],
        link_type=1,
        flow=netml.FlowOptions(definition="bi", idle_timeout=float("inf"), active_timeout=float("inf")),
    )
    assert matrix.flows.packets.tolist() == [3]
    assert np.isfinite(matrix.X).all()
    assert matrix.X[0, list(matrix.columns).index("bi_iat_max_s")] == pytest.approx(2**63 / 1e9)


def test_a_packet_too_late_for_sums_makes_no_giant_gap():
    """Streams wait a second for packets; one of an hour ago counts as of the time of the flow's latest."""
    records = [(START_NS + i * 10**10, FRAME) for i in range(6)]
    records.insert(4, (START_NS - 3600 * 10**9, FRAME))
    flow = netml.FlowOptions(definition="bi", idle_timeout=1e5, active_timeout=float("inf"))
    (batch,) = extract_batches(RecordStream(records), ["FLOW", "CIC"], flow=flow, batch_packets=1)
    row = dict(zip(batch.columns, batch.X[0].tolist(), strict=True))
    assert (row["bi_packets"], row["bi_iat_min_s"], row["bi_iat_max_s"], row["bi_duration_s"]) == (7, 0, 10, 50)
    assert (row["Flow Duration"], row["Flow IAT Max"]) == (50e6, 10e6)


def test_negative_times_of_an_iterable():
    table = netml.read_flows([(-2, FRAME), (-1, FRAME), (0, FRAME)], link_type=1)
    assert table.time_ns.tolist() == [-2 * 10**9, -(10**9), 0]


def test_simple_packets_have_no_time():
    content = captures.section_header() + captures.interface() + captures.simple_packet(FRAME) * 3
    assert netml.read_flows(io.BytesIO(content)).time_ns.tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["zero", "beyond 2106"])
def test_texts_of_absurd_times(tmp_path, name):
    capture, out = tmp_path / "in.pcapng", tmp_path / "out.csv"
    capture.write_bytes(captures.pcapng([(time_ns, FRAME) for time_ns in TIMES[name]]))
    assert run_netml("extract", capture, "-o", out).status == 0
    assert f",{TIMES[name][0]}," in out.read_text()
    shown = run_netml("info", capture)
    assert shown.status == 0
    assert ("1970-01-01 00:00:00" if name == "zero" else "2106-02-07 06:28:16") in shown.out


def test_a_learned_dim_is_bounded(monkeypatch):
    monkeypatch.setattr(fitting, "LARGEST_DIM", 3)
    content = captures.pcapng([(START_NS + i, FRAME) for i in range(9)])
    with pytest.warns(netml.CaptureWarning, match="dim 9 would be learned from giant flows"):
        assert netml.extract(io.BytesIO(content), "SIZE", flow=netml.FlowOptions(interval=1.0)).shape[1] == 3


def test_an_iterable_that_raises_tells_where():
    def packets():
        yield 0.0, FRAME
        raise RuntimeError("the tap fell out")

    with pytest.raises(RuntimeError, match="the tap fell out") as caught:
        netml.read_flows(packets(), link_type=1)
    assert caught.value.__notes__ == ["<generator>: record 2: the source raised this"]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (None, "is no pair of a time in seconds and bytes, but None"),
        ((1.0,), "is no pair of a time in seconds and bytes, but"),
        ((1.0, 60), "is no pair of a time in seconds and bytes, but"),
        ((1.0, "text"), "is no pair of a time in seconds and bytes, but"),
        ((None, FRAME), "a packet's time is None: no number of seconds"),
        ((10**10, FRAME), "a packet's time is 10000000000 s: out of range"),
        ((float("nan"), FRAME), "a packet's time is nan s: out of range"),
    ],
    ids=str,
)
def test_what_is_no_packet_is_an_error(item, said):
    """None above all, which must not pass for the end."""
    with pytest.raises(netml.CaptureError, match=f"<list_iterator>: record 2: {said}") as caught:
        netml.read_flows(iter([(0.0, FRAME), item, (1.0, FRAME)]), link_type=1)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda frame: np.frombuffer(frame, np.uint8)])
def test_frames_of_any_bytes(kind):
    table = netml.read_flows([(np.float32(0.5), kind(FRAME)), (np.int64(1), kind(FRAME))], link_type=1)
    assert table.time_ns.tolist() == [5 * 10**8, 10**9]
