#!/usr/bin/env python3
"""How to get a file's bytes to the kernel: mapped, read in blocks, or read in blocks by a thread beside it.

    python benchmarks/reader.py BIG.pcap [--rounds 7]

The three take turns; best and median ns a packet, capture to packet columns and flow table, without any features.
BIG.pcap must be a pcap (not pcapng), uncompressed, and in the page cache.
"""

import argparse
import contextlib
import statistics
import time

from netml import _flowcore
from netml.capture import blocks, reader, source


def parse(path, way):
    """Read a capture; returns ns a packet."""
    assembler = _flowcore.FlowAssembler(("caplen",))
    with contextlib.closing(source.open_captures(path)) as captures:
        capture = next(captures)
        if way != "mapped":
            capture.mappable = None
            capture.reads_ahead = way == "read by a thread"
        begin_s = time.perf_counter()
        reader.read_capture(assembler, capture)
        return (time.perf_counter() - begin_s) * 1e9 / assembler.n_packets_read


def main():
    """Time the three ways."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("capture", metavar="BIG.pcap")
    cli.add_argument("--rounds", type=int, default=7)
    args = cli.parse_args()
    ways = {"mapped": [], "read in blocks": [], "read by a thread": []}
    for _ in range(args.rounds):
        for way, taken_ns in ways.items():
            taken_ns.append(parse(args.capture, way))
    print(f"blocks of {blocks.BLOCK_BYTES >> 10} kB, windows of {blocks.WINDOW_BYTES >> 20} MB")
    for way, taken_ns in ways.items():
        print(f"{way:18} best {min(taken_ns):6.1f}   median {statistics.median(taken_ns):6.1f} ns a packet")


if __name__ == "__main__":
    main()
