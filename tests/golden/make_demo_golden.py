"""What the original netml 0.7.1 makes of the demo capture: run this in an environment of its own that has it.

    python tests/golden/make_demo_golden.py

The original pools all IPv6 packets in one flow without addresses, which shifts what it learns from all flows, and its
TTLs and flags are wrong behind a VLAN tag; so it is given the demo's plain IPv4 packets only, as is netml in the test.
"""

import hashlib
import os
import struct
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "examples" / "data"
GOLDEN = HERE / "demo_netml_0_7_1.npz"
FAMILIES = ("IAT", "SIZE", "IAT_SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE")
EVERY_NTH_ROW = 5  # so that the file stays small
ETHERTYPE_IPV4 = b"\x08\x00"


def digest():
    """SHA-256 of the demo capture and its labels."""
    content = (DEMO / "demo.pcap").read_bytes() + (DEMO / "demo.csv").read_bytes()
    return hashlib.sha256(content).hexdigest()


def plain_ipv4(content):
    """Give what a little-endian pcap of Ethernet frames has of IPv4 without VLAN tags."""
    kept, at = [content[:24]], 24
    while at < len(content):
        (caplen,) = struct.unpack_from("<I", content, at + 8)
        end = at + 16 + caplen
        if content[at + 16 + 12 : at + 16 + 14] == ETHERTYPE_IPV4:
            kept.append(content[at:end])
        at = end
    return b"".join(kept)


def matrices():
    """Give (name in the file, family, fft, header) of each matrix."""
    for family in FAMILIES:
        for fft in (False, True):
            for header in (False, True):
                yield f"{family}|{fft:d}|{header:d}", family, fft, header


def main():
    """Run the original and write what it says."""
    from netml.pparser.parser import PCAP

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "demo.pcap")
        Path(path).write_bytes(plain_ipv4((DEMO / "demo.pcap").read_bytes()))
        pcap = PCAP(path, flow_ptks_thres=2)
        pcap.pcap2flows(q_interval=0.9)
    arrays = {
        "digest": digest(),
        "interval": pcap.interval,
        "fids": np.array([[str(part) for part in fid] for fid, _ in pcap.flows]),
        "n_packets": np.array([len(packets) for _, packets in pcap.flows]),
    }
    for name, family, fft, header in matrices():
        pcap.flow2features(family, fft=fft, header=header)
        arrays[name] = np.asarray(pcap.features, dtype=float)[::EVERY_NTH_ROW]
    pcap.label_flows(label_file=str(DEMO / "demo.csv"))
    arrays["labelled_fids"] = np.array([[str(part) for part in fid] for fid, _ in pcap.flows])
    arrays["labels"] = np.asarray(pcap.labels)
    np.savez_compressed(GOLDEN, **arrays)


if __name__ == "__main__":
    main()
