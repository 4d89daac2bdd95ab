#!/usr/bin/env python3
"""Flows as they end against all flows at the end: time and memory of FlowStream and read_flows on the same captures.

    python benchmarks/streaming.py BIG.pcap [MORE.pcap ...] [--interval 5] [--rounds 3]
    python benchmarks/streaming.py --extract HALF.pcap BIG.pcap EIGHT.pcap [--json FILE]    # whole commands, to Parquet

The two take turns, each run in a process of its own; best ns a packet, and the largest resident set of all runs. What
is read is in the page cache. Memory of a mapped file counts while it is looked at, 8 to 16 MB.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR_SPEED, BAR_MEMORY = 0.8, 1.1  # of batch mode at least; the largest peak over the smallest at most


def run(way, capture, interval):
    """Read a capture one way, here: ns a packet, peak memory in MB, flows."""
    import netml
    from netml.streaming.flow_stream import FlowStream

    begin_s = time.perf_counter()
    if way == "batch":
        table = netml.read_flows(capture, flow=netml.FlowOptions(interval=interval, keep_tail=True))
        metadata, n_flows = table.metadata, len(table)
    else:
        stream = FlowStream(capture, interval=interval, columns=("wirelen", "flags", "ttl"))
        n_flows = sum(len(table) for table in stream)
        metadata = stream.metadata
    taken_s = time.perf_counter() - begin_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    n_packets = metadata["packets_read"]
    return {"ns": taken_s * 1e9 / n_packets, "peak_mb": peak_mb, "n_flows": n_flows, "n_packets": n_packets}


def measure(way, capture, interval):
    """`run` in a child process: nothing of another run is in its memory."""
    command = [sys.executable, __file__, capture, "--interval", str(interval), "--way", way]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def run_command(capture, interval, *more):
    """`netml extract` in a child process: seconds, and peak memory in MB."""
    code = "from netml.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        options = ["-q", "--interval", str(interval), "--dim", "10", "-o", f"{folder}/out.parquet", *more]
        begin_s = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-c", code, "extract", capture, *options])
        _, status, used = os.wait4(child.pid, 0)
        taken_s = time.perf_counter() - begin_s
    if status:
        raise SystemExit(f"{capture}: status {status}")
    return taken_s, used.ru_maxrss / 1024


def measure_commands(captures, interval, n_rounds):
    """Peak memory of streaming over captures of several sizes, and its speed against batch mode; gives the figures."""
    from _report import Figure

    peaks, figures = [], []
    for capture in captures:
        pairs = [
            (run_command(capture, interval, "--stream"), run_command(capture, interval, "--keep-tail"))
            for _ in range(n_rounds)
        ]
        stream_s, batch_s = (min(pair[i][0] for pair in pairs) for i in range(2))
        peaks.append(max(pair[0][1] for pair in pairs))
        batch_mb = max(pair[1][1] for pair in pairs)
        print(
            f"{capture}: stream {stream_s:.2f} s, {peaks[-1]:,.0f} MB; batch {batch_s:.2f} s, {batch_mb:,.0f} MB; "
            f"speed, stream over batch: {batch_s / stream_s:.2f}"
        )
        size = f"{Path(capture).stat().st_size / 1e9:.1f} GB"
        figures.append(Figure(f"{size}: stream : batch", stream_s, batch_s, "s", BAR_SPEED, at_least=True))
        figures.append(Figure(f"{size}: peak of stream : batch", peaks[-1], batch_mb, "MB"))
    figures.append(Figure("peak of stream, largest : smallest", max(peaks), min(peaks), "MB", BAR_MEMORY))
    return figures


def main():
    """Measure both ways on each capture."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("captures", metavar="BIG.pcap", nargs="+")
    cli.add_argument("--interval", type=float, default=5.0, help="s")
    cli.add_argument("--rounds", type=int, default=3)
    cli.add_argument("--way", choices=("batch", "stream"), help=argparse.SUPPRESS)
    cli.add_argument("--extract", action="store_true", help="measure whole commands")
    cli.add_argument("--json", type=Path, metavar="FILE", help="with --extract: write everything measured")
    args = cli.parse_args()
    if args.extract:
        import _report

        figures = measure_commands(args.captures, args.interval, args.rounds)
        _report.print_figures("extract", figures)
        if args.json:
            _report.write_json(args.json, _report.machine(None, None), {"extract": figures}, {})
        return
    if args.way:
        print(json.dumps(run(args.way, args.captures[0], args.interval)))
        return
    for capture in args.captures:
        found = {"batch": [], "stream": []}
        for _ in range(args.rounds):
            for way, runs in found.items():
                runs.append(measure(way, capture, args.interval))
        if found["batch"][0]["n_flows"] != found["stream"][0]["n_flows"]:
            raise SystemExit(f"{capture}: {found['batch'][0]['n_flows']} and {found['stream'][0]['n_flows']} flows")
        size_mb = Path(capture).stat().st_size / 1e6
        print(f"{capture}: {size_mb:,.0f} MB, {found['batch'][0]['n_packets']:,} packets")
        for way, runs in found.items():
            peak_mb = max(one["peak_mb"] for one in runs)
            print(f"  {way:7} {min(one['ns'] for one in runs):6.1f} ns a packet   {peak_mb:7,.0f} MB at most")
        ratio = min(one["ns"] for one in found["batch"]) / min(one["ns"] for one in found["stream"])
        print(f"  packets/s, stream over batch: {ratio:.2f}")


if __name__ == "__main__":
    main()
