#!/usr/bin/env python3
"""Biflow features, FLOW and CIC, as whole processes that write Parquet: time against other programs, memory a flow.

    python benchmarks/biflows.py BIG.pcap [--speed] [--nfstream] [--json FILE] [--nfstream-python PYTHON]
    python benchmarks/biflows.py --cicflowmeter SMALL.pcap --cicflowmeter-python PYTHON
    python benchmarks/biflows.py [BIG.pcap] --memory [--open 150000 300000] [--packets-per-flow 32] [--scratch FOLDER]

Contenders take turns; the best of the runs counts. Where a rival is too slow for the big capture, give it a smaller
one: the ratio is then of ns a packet, and the line says so. The Python cicflowmeter is 0.2.0 with scapy 2.5 (with a
current scapy it writes nothing) and needs tcpdump; its CSV must have rows. --memory makes captures of flows that are
all open at once: what a flow more takes, at its peak, is what two of them differ by; what a packet more takes, by
four times as many packets in the same flows. Sums take as many octets as they have digits, and a flow's first packets
bring its first bulks: from 8 to 32 packets CIC grows by some 30 bytes a flow, then no more. Of BIG.pcap it is what the
flows take that are open after its rounds, in the dearest of them.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import _report
import _rivals as rivals
from _report import Figure
from _timing import run_process, take_turns, warm

FAMILIES = {"FLOW": 1.6, "CIC": 2.0}  # at most so many times tcpdump's time
BAR_NFSTREAM, BAR_CICFLOWMETER = 25.0, 500.0
BAR_FLOW_BYTES, BAR_PACKET_BYTES = 400.0, 1.0  # a resident set is counted in pages: not held to the last byte
MORE_PACKETS = 4  # times as many, in the same flows


def parse_arguments():
    """Read the command line."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("capture", nargs="?", type=Path, metavar="BIG.pcap")
    cli.add_argument("--speed", action="store_true", help="against tcpdump (default, with BIG.pcap)")
    cli.add_argument("--nfstream", action="store_true", help="against NFStream")
    cli.add_argument("--nfstream-capture", type=Path, metavar="PCAP", help="another capture for NFStream")
    cli.add_argument("--cicflowmeter", type=Path, metavar="SMALL.pcap", help="against the Python cicflowmeter, on this")
    cli.add_argument("--cicflowmeter-capture", type=Path, metavar="PCAP", help="another capture for cicflowmeter")
    cli.add_argument("--memory", action="store_true", help="memory of --stream: a flow more, a packet more")
    cli.add_argument("--open", type=int, nargs=2, default=(150_000, 300_000), metavar="N", help="flows open at once")
    cli.add_argument("--packets-per-flow", type=int, default=32, metavar="N")
    cli.add_argument("--size", choices=("min", "imix"), default="imix", help="packet sizes of --memory")
    cli.add_argument("--repeat", type=int, default=5, metavar="N", help="runs of each contender (default: 5)")
    cli.add_argument("--slow-repeat", type=int, default=1, metavar="N", help="runs of NFStream and cicflowmeter")
    cli.add_argument("--timeout", type=float, default=1800.0, metavar="S", help="seconds allowed for one run")
    cli.add_argument("--nfstream-python", default=os.environ.get("NETML_NFSTREAM_PYTHON"), metavar="PYTHON")
    cli.add_argument("--cicflowmeter-python", default=os.environ.get("NETML_CICFLOWMETER_PYTHON"), metavar="PYTHON")
    cli.add_argument("--scratch", type=Path, metavar="FOLDER", help="where captures and outputs go for the time being")
    cli.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    args = cli.parse_args()
    args.speed |= bool(args.capture) and not (args.nfstream or args.cicflowmeter or args.memory)
    if (args.speed or args.nfstream) and not args.capture:
        cli.error("BIG.pcap is needed")
    if not (args.speed or args.nfstream or args.cicflowmeter or args.memory):
        cli.error("nothing to do: give BIG.pcap, --cicflowmeter SMALL.pcap or --memory")
    for path in (args.capture, args.nfstream_capture, args.cicflowmeter, args.cicflowmeter_capture):
        if path and not path.is_file():
            cli.error(f"{path}: no such file")
    if not rivals.netml_command():
        cli.error("the netml command is not installed beside this Python")
    return args


def ours(capture, folder, *more, label=None):
    """`netml extract` of each family, to Parquet."""
    for family in FAMILIES:
        name = label or f"netml extract -f {family}"
        yield rivals.extract(capture, family, folder / f"{family}.parquet", name.format(family), "-q", *more)


def compete(args, ran, section, contenders):
    """Run those that are there in turns; the ones that finished, by name."""
    ran[section] = [one for one in contenders if one]
    return take_turns(ran[section], args.repeat, args.timeout)


def speed(args, folder, ran):
    """Whole processes on the big capture, against tcpdump's copy."""
    warm(args.capture)
    done = compete(args, ran, "speed", [*ours(args.capture, folder), rivals.tcpdump(args.capture)])
    copy = done.get("tcpdump -w /dev/null")
    figures = []
    for family, bar in FAMILIES.items():
        one = done.get(f"netml extract -f {family}")
        if one and copy:
            figures.append(Figure(f"{family} : tcpdump, wall", one.best_s, copy.best_s, "s", bar))
            figures.append(Figure(f"{family} : tcpdump, processor", one.best_cpu_s, copy.best_cpu_s, "s"))
    return figures


def count_packets(args, *captures):
    """Packets of each capture."""
    return [rivals.ask_worker("count", capture, args.timeout)["records"] for capture in captures]


def against(args, done, captures, slow_name, bar, what):
    """Figures of ours on the first capture against one rival on the second: ns a packet, whole processes."""
    n_ours, n_theirs = count_packets(args, *captures)
    where = "" if captures[0] == captures[1] else f" ({n_theirs:,} packets)"
    figures = []
    for family in what:
        one, slow = done.get(f"netml extract -f {family}"), done.get(slow_name)
        if one and slow:
            values = one.best_s * 1e9 / n_ours, slow.best_s * 1e9 / n_theirs
            figures.append(Figure(f"{family} : {slow_name}{where}", *values, "ns/pkt", bar, at_least=True))
    return figures


def nfstream(args, folder, ran):
    """Against NFStream with its statistics and without dissection: with one meter, and with what it starts itself."""
    theirs = args.nfstream_capture or args.capture
    for path in {args.capture, theirs}:
        warm(path)
    names = {"NFStream": 0, "NFStream, 1 meter": 1}
    slow = [rivals.nfstream(theirs, args.nfstream_python, args.slow_repeat, n, name) for name, n in names.items()]
    done = compete(args, ran, "nfstream", [*ours(args.capture, folder), *slow])
    captures = args.capture, theirs
    return [one for name in names for one in against(args, done, captures, name, BAR_NFSTREAM, FAMILIES)]


def cicflowmeter(args, folder, ran):
    """Against the Python cicflowmeter: the whole process, of which most is start-up; and from capture to matrix."""
    theirs, out = args.cicflowmeter_capture or args.cicflowmeter, folder / "cicflowmeter.csv"
    for path in {args.cicflowmeter, theirs}:
        warm(path)
    inside = rivals.worker("cic", args.cicflowmeter, label="netml CIC, inside")
    slow = rivals.cicflowmeter(theirs, args.cicflowmeter_python, out, args.slow_repeat)
    done = compete(args, ran, "cicflowmeter", [*ours(args.cicflowmeter, folder), inside, slow])
    if slow and slow.name in done:
        n_rows = out.read_bytes().count(b"\n") - 1 if out.exists() else 0
        print(f"  rows of cicflowmeter's CSV: {n_rows:,}")
        if n_rows < 1:
            sys.exit("biflows.py: cicflowmeter wrote no flows: is its scapy 2.5?")
    figures = against(args, done, (args.cicflowmeter, theirs), "cicflowmeter (Python)", BAR_CICFLOWMETER, ("CIC",))
    if inside.name in done and slow and slow.name in done:
        n_ours, n_theirs = count_packets(args, args.cicflowmeter, theirs)
        values = rivals.best_inside_s(inside) * 1e9 / n_ours, slow.best_s * 1e9 / n_theirs
        figures.append(Figure("CIC, capture to matrix : cicflowmeter", *values, "ns/pkt", BAR_CICFLOWMETER, True))
    return figures


def make_capture(folder, n_flows, packets_per_flow, size):
    """Make a capture whose flows are all open at once."""
    path = folder / f"{n_flows}x{packets_per_flow}.pcap"
    numbers = ["--packets", str(n_flows * packets_per_flow), "--flows", str(n_flows), "--size", size]
    made = run_process([sys.executable, str(rivals.HERE / "generate.py"), str(path), *numbers], timeout_s=900)
    if made.exit_status:
        sys.exit(f"biflows.py: generate.py failed: {made.complaint}")
    return path


def memory(args, folder, ran):
    """Peak memory of `--stream`: of a flow more, and of a packet more."""
    few, many = sorted(args.open)
    n = args.packets_per_flow
    shapes = {"few": (few, n), "many": (many, n), "long": (few, n * MORE_PACKETS)}
    contenders = []
    for name, (n_flows, n_packets) in shapes.items():
        capture = make_capture(folder, n_flows, n_packets, args.size)
        warm(capture)
        contenders += ours(capture, folder, "--stream", "--max-memory", "1T", label=f"netml --stream {{}}, {name}")
    done = compete(args, ran, "memory", contenders)
    figures = []
    for family in FAMILIES:
        peak = {name: done.get(f"netml --stream {family}, {name}") for name in shapes}
        if not all(peak.values()):
            continue
        # The least of the runs: what a moment of the allocators adds is nobody's need.
        least = {name: min(run.peak_bytes for run in one.runs) for name, one in peak.items()}
        a_flow = (least["many"] - least["few"]) / (many - few)
        a_packet = (least["long"] - least["few"]) / (few * n * (MORE_PACKETS - 1))
        figures.append(Figure(f"{family}: bytes an open flow more : bar", a_flow, BAR_FLOW_BYTES, "B", 1.0))
        figures.append(Figure(f"{family}: bytes a packet more : bar", a_packet, BAR_PACKET_BYTES, "B", 1.0))
    if args.capture:
        for family, found in rivals.ask_worker("open_flows", args.capture, args.timeout).items():
            print(f"  {family} of {args.capture.name}: {found['mean']:.0f} bytes an open flow on average of all rounds")
            figures.append(Figure(f"{family}: bytes an open flow, big : bar", found["most"], BAR_FLOW_BYTES, "B", 1.0))
    return figures


def main():
    """Run the sections asked for; exit status 1 when a bar is missed or netml fails."""
    args = parse_arguments()
    about = _report.machine(args.nfstream_python, None)
    for package in ("cicflowmeter", "scapy"):
        about["versions"][package] = _report.version_in(args.cicflowmeter_python, package)
    print(f"{about['cpu']}, {about['cores']} cores, Python {about['python']}, {about['versions']}")
    tables, ran = {}, {}
    with tempfile.TemporaryDirectory(dir=args.scratch, prefix="netml-biflows-") as folder:
        for section in (speed, nfstream, cicflowmeter, memory):
            if getattr(args, section.__name__):
                print(f"\n== {section.__name__}: {section.__doc__}")
                tables[section.__name__] = section(args, Path(folder), ran)
                _report.print_figures(section.__name__, tables[section.__name__])
    if args.json:
        _report.write_json(args.json, about, tables, ran)
    missed = [one.what for table in tables.values() for one in table if one.verdict == "misses"]
    broken = [one.name for group in ran.values() for one in group if one.is_out and one.is_ours]
    for title, names in (("missed:", missed), ("failed:", broken)):
        if names:
            print(title, *names, sep="\n  ")
    sys.exit(1 if missed or broken else 0)


if __name__ == "__main__":
    main()
