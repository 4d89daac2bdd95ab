"""Flows: the table as the number of open flows grows, and the cutting of flows."""

import netml

from ._measure import UNIT, make_capture, ns_per_packet

N_PACKETS = 2_000_000


class OpenFlows:
    """The same number of packets over ever more flows, all open at once."""

    params = (1_000, 10_000, 100_000, 1_000_000)
    param_names = ("n_flows",)
    timeout = 600

    def setup_cache(self):
        return {n_flows: make_capture(N_PACKETS, n_flows) for n_flows in self.params}

    def setup(self, captures, n_flows):
        self.capture = captures[n_flows]

    def track_read_flows(self, captures, n_flows):
        return ns_per_packet(lambda: netml.read_flows(self.capture), N_PACKETS)

    track_read_flows.unit = UNIT

    def track_extract_iat(self, captures, n_flows):
        return ns_per_packet(lambda: netml.extract(self.capture, "IAT"), N_PACKETS)

    track_extract_iat.unit = UNIT

    def peakmem_read_flows(self, captures, n_flows):
        netml.read_flows(self.capture)


class Cutting:
    """Flows cut at an interval of the median gap (0.1 s), and not at all."""

    params = (None, 0.1, 1e6)
    param_names = ("interval_s",)
    timeout = 300
    n_packets, n_flows = 1_000_000, 100_000

    def setup_cache(self):
        return make_capture(self.n_packets, self.n_flows)

    def track_read_flows(self, capture, interval_s):
        flow = netml.FlowOptions(interval=interval_s, keep_tail=True)
        return ns_per_packet(lambda: netml.read_flows(capture, flow=flow), self.n_packets)

    track_read_flows.unit = UNIT
