#!/usr/bin/env python3
"""The kernel of another revision against this one's: ns a packet on the same capture, in turns.

    python benchmarks/before_after.py REVISION CAPTURE.pcap [...] [--rounds 9] [--bar 1.03] [--json FILE]

REVISION is built in a temporary folder. Each run reads a capture into flows and cuts them, in a process of its own;
the best of all rounds counts, and the ratio is after / before. Captures should be in the page cache, the machine quiet.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import _report
from _report import Figure

ROOT = Path(__file__).resolve().parent.parent
RUN = """
import json, sys, time
import netml
read_flows = netml.read_flows  # loads what it needs
begin_s = time.perf_counter()
table = read_flows(sys.argv[1])
taken_s = time.perf_counter() - begin_s
print(json.dumps([taken_s * 1e9 / table.metadata["packets_read"], len(table)]))
"""


def build(revision, folder):
    """Check a revision out and build its kernel."""
    archive = subprocess.run(["git", "-C", ROOT, "archive", revision], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder, check=True, stderr=-3)
    return Path(folder, "src")


def measure(source, capture):
    """One run: ns a packet, number of flows."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-W", "ignore", "-c", RUN, capture]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)


def main():
    """Measure both kernels on each capture."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("revision")
    cli.add_argument("captures", nargs="+", metavar="CAPTURE.pcap")
    cli.add_argument("--rounds", type=int, default=9)
    cli.add_argument("--bar", type=float, metavar="RATIO", help="the largest ratio that is allowed")
    cli.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    args = cli.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        sources = {"before": build(args.revision, folder), "after": ROOT / "src"}
        for capture in args.captures:
            found = {name: [] for name in sources}
            for turn in range(args.rounds):
                for name in sorted(sources, reverse=turn % 2 == 1):
                    found[name].append(measure(sources[name], capture))
            best = {name: min(runs)[0] for name, runs in found.items()}
            flows = {name: runs[0][1] for name, runs in found.items()}
            figures.append(
                Figure(f"{Path(capture).name}: after : before", best["after"], best["before"], "ns/pkt", args.bar)
            )
            print(f"{Path(capture).name}: {figures[-1].ratio:.3f}; flows {flows}")
    _report.print_figures("the same capture, two kernels", figures)
    if args.json:
        _report.write_json(args.json, _report.machine(None, None), {"before_after": figures}, {})
    raise SystemExit(any(one.verdict == "misses" for one in figures))


if __name__ == "__main__":
    main()
