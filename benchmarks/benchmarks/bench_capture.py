"""Captures: framing and decoding, by both doors."""

import dpkt

import netml

from ._measure import UNIT, make_capture, ns_per_packet

N_PACKETS = 500_000
N_FLOWS = 1_000


class Reading:
    """A capture with few flows, so that framing and decoding are what takes the time."""

    params = ("min", "imix")
    param_names = ("size",)
    timeout = 300

    def setup_cache(self):
        return {size: make_capture(N_PACKETS, N_FLOWS, size) for size in self.params}

    def setup(self, captures, size):
        self.capture = captures[size]
        netml.read_flows(self.capture)  # into the page cache

    def track_native(self, captures, size):
        return ns_per_packet(lambda: netml.read_flows(self.capture), N_PACKETS)

    track_native.unit = UNIT

    def track_open_file(self, captures, size):
        def read():
            with open(self.capture, "rb") as stream:
                netml.read_flows(stream)

        return ns_per_packet(read, N_PACKETS)

    track_open_file.unit = UNIT

    def track_dpkt_reader(self, captures, size):
        def read():
            with open(self.capture, "rb") as stream:
                netml.read_flows(dpkt.pcap.Reader(stream))

        return ns_per_packet(read, N_PACKETS, n_calls=2)

    track_dpkt_reader.unit = UNIT

    def peakmem_native(self, captures, size):
        netml.read_flows(self.capture)
