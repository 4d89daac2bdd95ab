"""What has to run inside a fresh interpreter; each prints one JSON object.

    python benchmarks/_workers.py NAME CAPTURE [N]

Run by `compare.py`, some by the interpreters of other virtual environments: only standard modules up here.
"""

import json
import sys
import time

FEW_OPEN = 1000  # of fewer flows the mean says nothing


def seconds_of(call):
    """Wall time of a call."""
    begin_s = time.perf_counter()
    call()
    return time.perf_counter() - begin_s


def dpkt_loop(capture):
    """Framing alone, as dpkt does it."""
    import dpkt

    with open(capture, "rb") as stream:
        reader = dpkt.pcap.Reader(stream)
        begin_s = time.perf_counter()
        for _ts, _buf in reader:
            pass
        seconds = time.perf_counter() - begin_s
    return {"seconds": [seconds]}


def kernel(capture, n_calls=2, dim=17):
    """Capture to flow table to IAT matrix, nothing written, start-up left out.

    17 packets a flow give the limit's 16 columns; 0 stands for the width that the capture asks for.
    """
    import netml

    return {"seconds": [seconds_of(lambda: netml.extract(capture, "IAT", dim=dim or None)) for _ in range(n_calls)]}


def cic(capture, n_calls=3):
    """Capture to CIC matrix, nothing written, start-up left out."""
    import netml

    return {"seconds": [seconds_of(lambda: netml.extract(capture, "CIC")) for _ in range(n_calls)]}


def doors(capture, n_calls=1):
    """The general door, a dpkt reader as source, against dpkt's own loop; in turns."""
    import dpkt

    import netml

    def through_dpkt():
        with open(capture, "rb") as stream:
            netml.read_flows(dpkt.pcap.Reader(stream))

    ours_s, theirs_s = [], []
    for _ in range(n_calls):
        theirs_s += dpkt_loop(capture)["seconds"]
        ours_s.append(seconds_of(through_dpkt))
    return {"ours_s": ours_s, "theirs_s": theirs_s}


def nfstream(capture, n_meters=0):
    """Biflow statistics, no dissection; 0 meters: as many as NFStream starts by itself."""
    from nfstream import NFStreamer

    begin_s = time.perf_counter()
    streamer = NFStreamer(
        source=capture,
        statistical_analysis=True,
        n_dissections=0,
        idle_timeout=120,
        active_timeout=1800,
        n_meters=n_meters,
    )
    n_flows = sum(1 for _ in streamer)
    return {"seconds": [time.perf_counter() - begin_s], "flows": n_flows}


def original(capture):
    """Run the original netml from capture to IAT matrix."""
    from netml.pparser.parser import PCAP

    begin_s = time.perf_counter()
    parser = PCAP(capture, flow_ptks_thres=2)
    parser.pcap2flows(q_interval=0.9)
    parser.flow2features("IAT", fft=False, header=False)
    return {"seconds": [time.perf_counter() - begin_s], "flows": len(parser.features)}


def count(capture):
    """Count the records of a little-endian classic pcap."""
    import mmap

    with open(capture, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        n_records, offset = 0, 24
        while offset + 16 <= len(octets):
            offset += 16 + int.from_bytes(octets[offset + 8 : offset + 12], "little")
            n_records += offset <= len(octets)
    return {"records": n_records}


def open_flows(capture):
    """Memory of the flows that are open while FLOW and CIC stream over a capture: after each flush, of all flushes.

    States are counted as they are, a biflow and its key as `--max-memory` counts them: more than they take.
    """
    from netml.streaming import flushers
    from netml.streaming.feature_batches import extract_batches

    class WatchedFlusher(flushers.BiflowFlusher):
        def advance_watermark(self, *args, **options):
            super().advance_watermark(*args, **options)
            n_flows = self.assembler.n_keys
            if n_flows >= FEW_OPEN:
                seen.append((n_flows, flushers.BIFLOW_BYTES + self._incremental.bytes_a_flow))

    flushers.BiflowFlusher = WatchedFlusher
    found = {}
    for family in ("FLOW", "CIC"):
        seen = []
        n_rows = sum(len(batch) for batch in extract_batches(capture, family))
        mean = sum(n * each for n, each in seen) / max(1, sum(n for n, _ in seen))
        most = max((each for _, each in seen), default=0)
        found[family] = {"rows": n_rows, "mean": mean, "most": most}
    return found


def shape(matrix_file):
    """What a feature matrix holds: packets and flows kept, bytes of X."""
    from netml.features.matrix import FeatureMatrix

    matrix = FeatureMatrix.load(matrix_file)
    # Packets that a flow rule dropped later were in memory as well, so they count.
    n_packets = matrix.metadata.get("packets_kept") or int(matrix.flows.packets.sum())
    return {"packets": n_packets, "flows": len(matrix.flows), "matrix_bytes": int(matrix.X.nbytes)}


WORKERS = {
    call.__name__: call for call in (dpkt_loop, kernel, cic, doors, nfstream, original, count, open_flows, shape)
}

# NFStream starts processes of its own, which import this file again.
if __name__ == "__main__":
    name, path, *rest = sys.argv[1:]
    print(json.dumps(WORKERS[name](path, *map(int, rest))))
