"""The reference against what netml 0.7.1 computes: who agrees with the reference agrees with the original.

Where the original is wrong (the expectations file says where) only sane output is asked for.
"""

import importlib.util
import json
from collections import Counter

import numpy as np
import pytest
from reference import pipeline
from reference.flows import FlowOptions

MAX_SAMP_SHARE = 0.02  # windows whose edge the original's float rounding decides


class ReferencePcap:
    """The reference behind as much of the original's PCAP class as the comparison uses."""

    def __init__(self, path, flow_ptks_thres=2):
        self.path, self.min_packets = path, flow_ptks_thres

    def pcap2flows(self, q_interval=0.9):
        options = FlowOptions(min_packets=self.min_packets, q_interval=q_interval)
        self.table = pipeline.read_flows(self.path, flow=options)
        self.flows = [(piece[0].key, piece) for piece in self.table.pieces]

    def flow2features(self, family, fft=False, header=False):
        self.features, _ = pipeline.extract(self.table, family, fft=fft, header=header)


@pytest.fixture(scope="module")
def check_golden(shared_tools):
    spec = importlib.util.spec_from_file_location("check_golden", shared_tools / "check_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_holds_on_every_golden_capture(check_golden, shared_captures, shared_golden):
    folder = shared_golden / "netml-0.7.1"
    expectations = json.loads((folder / "expectations.json").read_text())
    verdicts, problems, n_samp_rows, n_samp_bad = Counter(), [], 0, 0
    for path in sorted(folder.glob("*.npz")):
        capture = path.name.removesuffix(".npz")
        with np.load(path, allow_pickle=False) as archive:
            golden = dict(archive)
        verdict, found, rows = check_golden.compare(
            ReferencePcap, shared_captures / capture, golden, expectations.get(capture, {})
        )
        verdicts[verdict] += 1
        if verdict not in ("identical", "ok-by-design"):
            problems.append((capture, verdict, found))
        for key, (n_rows, n_bad) in rows.items():
            if key.startswith("SAMP"):
                n_samp_rows, n_samp_bad = n_samp_rows + n_rows, n_samp_bad + n_bad
    assert problems == []
    assert verdicts["identical"] > 0
    assert n_samp_bad <= MAX_SAMP_SHARE * n_samp_rows
