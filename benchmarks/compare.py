#!/usr/bin/env python3
"""Compare netml with what else is installed, in one run: ratios, each held against its bar.

    python benchmarks/compare.py BIG.pcap [--small SMALL.pcap] [--limit-source limit.c] [--json FILE]
                                 [--nfstream-python PYTHON] [--original-python PYTHON]
    python benchmarks/compare.py --flows --startup

Contenders take turns, so that a slow moment of the machine hits all of them; the best of the runs counts and
the median is printed beside it. Captures are read once before, so that all are in the page cache. What is not
installed, or fails, is skipped with a line that says so. Sections by default: throughput, kernel, original.
BIG.pcap must be a classic little-endian Ethernet pcap (the limit and dpkt's Reader know no other).
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import _report
import _rivals
import _sections

SECTIONS = {
    "throughput": "whole processes: netml extract against tcpdump, argus, dpkt's loop and NFStream",
    "kernel": "capture to matrix inside a process, against the limit and dpkt's loop",
    "original": "against the original netml, on the small capture",
    "flows": "a million flows open at once against ten thousand, and NFStream (makes its own captures)",
    "memory": "peak memory against the budget",
    "doors": "a dpkt reader as source against dpkt's own loop",
    "startup": "netml --help and import netml",
}
WITHOUT_CAPTURE = ("flows", "startup")
BY_DEFAULT = ("throughput", "kernel", "original")


def parse_arguments():
    """Read the command line."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("capture", nargs="?", type=Path, metavar="BIG.pcap")
    cli.add_argument("--small", type=Path, metavar="PCAP", help="capture for the original (default: BIG.pcap)")
    cli.add_argument("--repeat", type=int, default=5, metavar="N", help="runs of each contender (default: 5)")
    cli.add_argument(
        "--slow-repeat", type=int, default=2, metavar="N", help="runs of dpkt's loop, NFStream, the original"
    )
    cli.add_argument("--timeout", type=float, default=900.0, metavar="S", help="seconds allowed for one run")
    cli.add_argument("--nfstream-python", default=os.environ.get("NETML_NFSTREAM_PYTHON"), metavar="PYTHON")
    cli.add_argument("--original-python", default=os.environ.get("NETML_ORIGINAL_PYTHON"), metavar="PYTHON")
    cli.add_argument("--limit-source", type=Path, metavar="limit.c", help="C source of the limit")
    cli.add_argument("--scratch", type=Path, metavar="FOLDER", help="where outputs go for the time being")
    cli.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    for name, about in SECTIONS.items():
        cli.add_argument(f"--{name}", action="append_const", dest="sections", const=name, help=about)
    cli.add_argument("--all", action="store_const", dest="sections", const=list(SECTIONS), help="every section")
    args = cli.parse_args()
    args.sections = args.sections or list(BY_DEFAULT)
    if not args.capture and set(args.sections) - set(WITHOUT_CAPTURE):
        cli.error("BIG.pcap is needed for these sections: " + ", ".join(args.sections))
    for path in (args.capture, args.small):
        if path and not path.is_file():
            cli.error(f"{path}: no such file")
    if min(args.repeat, args.slow_repeat) < 1:
        cli.error("--repeat and --slow-repeat must be at least 1")
    if not _rivals.netml_command():
        cli.error("the netml command is not installed beside this Python")
    return args


def main():
    """Run the sections asked for; exit status 1 when a bar is missed or netml fails."""
    args = parse_arguments()
    about = _report.machine(args.nfstream_python, args.original_python)
    print(f"{about['cpu']}, {about['cores']} cores, Python {about['python']}, {about['versions']}")
    tables = {}
    with tempfile.TemporaryDirectory(dir=args.scratch, prefix="netml-compare-") as folder:
        setting = _sections.Setting(
            capture=args.capture,
            small_capture=args.small,
            folder=Path(folder),
            n_rounds=args.repeat,
            n_slow_rounds=args.slow_repeat,
            timeout_s=args.timeout,
            nfstream_python=args.nfstream_python,
            original_python=args.original_python,
            limit_program=_rivals.compile_limit(args.limit_source, folder),
        )
        for name in args.sections:
            print(f"\n== {name}: {SECTIONS[name]}")
            tables[name] = getattr(_sections, name)(setting)
            _report.print_figures(name, tables[name])
    if args.json:
        _report.write_json(args.json, about, tables, setting.ran)
    figures = [one for table in tables.values() for one in table]
    missed = [one.what for one in figures if one.verdict == "misses"]
    print(f"{sum(one.verdict == 'meets' for one in figures)} met, {len(missed)} missed", *missed, sep="\n  ")
    broken = {one.name for group in setting.ran.values() for one in group if one.is_out and one.is_ours}
    if broken:
        print("failed:", *sorted(broken), sep="\n  ")
    sys.exit(1 if missed or broken else 0)


if __name__ == "__main__":
    main()
