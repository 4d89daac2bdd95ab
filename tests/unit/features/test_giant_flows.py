"""One flow of more packets than a row has room for: cut, and warned about, alike wherever `dim` is learned."""

import numpy as np
import pytest

import netml
from netml.features.options import LARGEST_DIM
from netml.flow.table import FlowTable
from netml.schema.flow_index import FLOW_KEY

N_PACKETS = LARGEST_DIM + 10
TEXT = f"dim {N_PACKETS:,} would be learned from giant flows: rows have room for {LARGEST_DIM:,} packets"


@pytest.fixture(scope="module")
def giant():
    times = np.arange(N_PACKETS, dtype=np.int64)
    sizes = np.full(N_PACKETS, 60, np.uint32)
    keys = np.zeros(1, FLOW_KEY)
    keys["protocol"], keys["ip_version"] = 17, 4
    metadata = {"interval_s": 1.0}
    return FlowTable(keys, np.array([0, N_PACKETS]), {"time_ns": times, "caplen": sizes}, "captured", metadata)


def write_capture(path):
    """A capture of that flow: the smallest UDP frames, 10 us apart, made of one record whose time is patched."""
    from builders import captures, frames

    frame = frames.ethernet(frames.ipv4(frames.udp(1, 2), protocol=frames.UDP))
    one = captures.pcap([(0, frame)])
    header, record = one[:24], np.frombuffer(one[24:], np.uint8)
    records = np.tile(record, (N_PACKETS, 1))
    time_us = np.arange(N_PACKETS, dtype=np.int64) * 10
    records[:, :8] = np.stack([time_us // 10**6, time_us % 10**6], axis=1).astype("<u4").view(np.uint8).reshape(-1, 8)
    path.write_bytes(header + records.tobytes())
    return path


def test_extract_fit_and_learn_cut_alike(giant, tmp_path):
    capture = write_capture(tmp_path / "giant.pcap")
    with pytest.warns(netml.CaptureWarning, match=TEXT):
        extracted = netml.extract(capture, "SIZE")
    with pytest.warns(netml.CaptureWarning, match=TEXT):
        fitted = netml.FlowRepresentation("SIZE").fit(capture)
    assert fitted.dim_ == extracted.shape[1] == LARGEST_DIM
    np.testing.assert_array_equal(fitted.transform(capture).X, extracted.X)


def test_learn_does_as_well(giant):
    one = giant
    keys = np.concatenate([one.keys, one.keys])
    columns = {name: np.concatenate([column, column]) for name, column in one.columns.items()}
    table = FlowTable(keys, np.array([0, N_PACKETS, 2 * N_PACKETS]), columns, "captured", one.metadata)
    with pytest.warns(netml.CaptureWarning, match=TEXT):
        model = netml.learn(table, families="SIZE", detector="if")
    assert len(model.columns) == LARGEST_DIM
