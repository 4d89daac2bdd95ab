#!/usr/bin/env python3
"""Batch extraction with little memory: time and peak memory of `netml extract --max-memory`, against all in memory.

    python benchmarks/spilling.py BIG.pcap [--memory 20M 50M 100M] [--rounds 3]

Reading twice instead would take at least the time of `in memory` and once more that of reading and decoding, and cannot
be done with a pipe. Whole processes, in turns; the best of all rounds. What is read should be in the page cache.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time


def measure(arguments):
    """One run: seconds, peak resident MB."""
    begin_s = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", "from netml.cli import main; main()", *arguments], stderr=-3)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise SystemExit(f"netml {' '.join(arguments)}: status {status}")
    return time.perf_counter() - begin_s, usage.ru_maxrss / 1024


def main():
    """Measure all ways in turns."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("capture", metavar="BIG.pcap")
    cli.add_argument("--memory", nargs="+", default=["20M", "50M", "100M"])
    cli.add_argument("--rounds", type=int, default=3)
    args = cli.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        extract = ["extract", args.capture, "-q", "-o", f"{folder}/out.npz"]
        ways = {"in memory": [*extract, "--max-memory", "1T"]}
        ways |= {f"--max-memory {size}": [*extract, "--max-memory", size] for size in args.memory}
        found = {name: [] for name in ways}
        for _ in range(args.rounds):
            for name, arguments in ways.items():
                found[name].append(measure(arguments))
    best = {name: min(runs) for name, runs in found.items()}
    for name, (taken_s, peak_mb) in best.items():
        print(f"{name:20} {taken_s:6.2f} s {taken_s / best['in memory'][0]:5.2f} x {peak_mb:6.0f} MB")


if __name__ == "__main__":
    main()
