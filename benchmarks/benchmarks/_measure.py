"""What the benchmarks share: captures, and ns per packet (asv takes an upward step for a regression)."""

import importlib.util
import time
from pathlib import Path

UNIT = "ns/packet"


def load_generator():
    """The module `generate.py` of the folder above, which asv does not put on the path."""
    spec = importlib.util.spec_from_file_location("generate", Path(__file__).parents[1] / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_capture(n_packets, n_flows, size="min"):
    """Write a capture into asv's folder for this class; its path, which the benchmarks are given."""
    path = f"{n_packets}-{n_flows}-{size}.pcap"
    load_generator().write_capture(path, n_packets, n_flows, size=size)
    return path


def ns_per_packet(call, n_packets, n_calls=3):
    """Shortest of a few calls, per packet."""
    seconds = []
    for _ in range(n_calls):
        begin_s = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin_s)
    return min(seconds) * 1e9 / n_packets
