#!/usr/bin/env python3
"""The kernel of another revision against this one's: ns a packet on the same capture, in turns.

    python benchmarks/before_after.py REVISION CAPTURE.pcap [...] [--rounds 9] [--copies 4] [--bar 1.03] [--json FILE]

REVISION is built in a temporary folder. Each run reads a capture into flows and cuts them, in a process of its own.
The same build in two folders may differ by 5 %, run after run: where the file's pages lie in memory makes that much. So
each kernel is there in several copies; of each copy the best of all rounds counts, and the ratio is that of the means,
after / before. Captures should be in the page cache, the machine quiet.
"""

import argparse
import json
import os
import random
import shutil
import statistics
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


def copy_all(source, folder, n_copies):
    """Copies of a tree of sources with its kernel."""
    copies = [Path(folder, str(i)) for i in range(n_copies)]
    for copy in copies:
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*.c", "*.egg-info", "__pycache__"))
    return copies


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
    cli.add_argument("--copies", type=int, default=4, help="of each kernel")
    cli.add_argument("--bar", type=float, metavar="RATIO", help="the largest ratio that is allowed")
    cli.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    args = cli.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        trees = {"before": build(args.revision, folder), "after": ROOT / "src"}
        copies = {name: copy_all(tree, Path(folder, name), args.copies) for name, tree in trees.items()}
        everyone = [(name, copy) for name, some in copies.items() for copy in some]
        for capture in args.captures:
            runs = {copy: [] for _, copy in everyone}
            flows = {}
            for _ in range(args.rounds):
                for name, copy in random.sample(everyone, len(everyone)):
                    taken_ns, flows[name] = measure(copy, capture)
                    runs[copy].append(taken_ns)
            bests = {name: sorted(min(runs[copy]) for copy in some) for name, some in copies.items()}
            best = {name: statistics.fmean(some) for name, some in bests.items()}
            for name, some in bests.items():
                print(f"  {name:6} {', '.join(f'{one:.1f}' for one in some)} ns a packet, flows {flows[name]:,}")
            figures.append(
                Figure(f"{Path(capture).name}: after : before", best["after"], best["before"], "ns/pkt", args.bar)
            )
            print(f"{Path(capture).name}: {figures[-1].ratio:.3f}")
    _report.print_figures("the same capture, two kernels", figures)
    if args.json:
        _report.write_json(args.json, _report.machine(None, None), {"before_after": figures}, {})
    raise SystemExit(any(one.verdict == "misses" for one in figures))


if __name__ == "__main__":
    main()
