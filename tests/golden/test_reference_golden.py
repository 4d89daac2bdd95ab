"""The reference against what netml 0.7.1 computes: who agrees with the reference agrees with the original.

Where the original is wrong (the expectations file says where) only sane output is asked for.
"""

from reference import pipeline
from reference.flows import FlowOptions


class ReferencePcap:
    """The reference behind as much of the original's PCAP class as the comparison uses."""

    def __init__(self, path, flow_ptks_thres=2):
        self.path, self.min_packets = path, flow_ptks_thres

    def pcap2flows(self, q_interval=0.9):
        options = FlowOptions(min_packets=self.min_packets, q_interval=q_interval, tunnels="outer")
        self.table = pipeline.read_flows(self.path, flow=options)
        self.flows = [(piece[0].key, piece) for piece in self.table.pieces]

    def flow2features(self, family, fft=False, header=False):
        self.features, _ = pipeline.extract(self.table, family, fft=fft, header=header)


def test_reference_holds_on_every_golden_capture(golden_verdicts):
    assert golden_verdicts(ReferencePcap)["identical"] >= 130
