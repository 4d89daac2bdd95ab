#!/usr/bin/env python3
"""Learning and following as whole processes: what they take beside `netml extract`, and whether memory stays bounded.

    python benchmarks/detection.py BIG.pcap SHORT.pcap [--repeat 3] [--json figures.json]

SHORT is a capture of the same traffic and the same rate, for a shorter time: merge_captures.py BIG --copies 220 and
SHORT --copies 52 --span 851. Best wall time of the runs, and the largest resident set of all of them. The netml that is
measured is that of the interpreter which runs this: install it as users do.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NETML = Path(sys.executable).with_name("netml")
LEARN_BAR = 2.0  # times the extraction, plus the fit
RATE_BAR = 0.5e6  # packets/s


def run(*arguments):
    """Run netml: wall time in s, peak memory in MB, what it said on stderr."""
    begin_s = time.perf_counter()
    child = subprocess.Popen(
        [NETML, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"netml {' '.join(map(str, arguments))}: {said}")
    return time.perf_counter() - begin_s, usage.ru_maxrss / 1024, said


def count_packets(said):
    """Packets read, of a summary."""
    return int(next(line for line in said.splitlines() if line.startswith("read")).split()[1].replace(",", ""))


def measure(big, short, folder, repeat):
    """All figures, as a dict."""
    features, model = folder / "features.npz", folder / "model.netml"
    extract_s, learn_s, fit_s = [], [], []
    for _ in range(repeat):
        features.unlink(missing_ok=True)
        extract_s.append(run("extract", big, "-f", "IAT", "-o", features, "-q")[0])
        learn_s.append(run("learn", "-p", big, "-o", model, "--detector", "ecod", "-q")[0])
        manifest = subprocess.run(["unzip", "-p", model, "manifest.json"], capture_output=True, text=True, check=True)
        fit_s.append(json.loads(manifest.stdout)["summary"]["train_s"])
    program = "import time; t = time.perf_counter(); import sklearn.base, skops.io; print(time.perf_counter() - t)"
    imports = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True) for _ in range(repeat)]
    found = {
        "extract_s": min(extract_s),
        "learn_s": min(learn_s),
        "fit_s": min(fit_s),
        "imports_s": min(float(each.stdout) for each in imports),
    }
    found["learn_bar_s"] = LEARN_BAR * found["extract_s"] + found["fit_s"]
    for name, capture in (("big", big), ("short", short)):
        runs = [run("classify", "-m", model, "--follow", capture) for _ in range(repeat)]
        found[f"follow_{name}_s"] = min(each[0] for each in runs)
        found[f"follow_{name}_peak_mb"] = max(each[1] for each in runs)
        found[f"follow_{name}_packets_per_s"] = count_packets(runs[0][2]) / found[f"follow_{name}_s"]
    return found


def main():
    """Measure, print, keep."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("big", metavar="BIG.pcap", type=Path)
    cli.add_argument("short", metavar="SHORT.pcap", type=Path)
    cli.add_argument("--repeat", type=int, default=3)
    cli.add_argument("--json", type=Path)
    args = cli.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(args.big, args.short, Path(folder), args.repeat)
    print(f"extract               {found['extract_s']:.2f} s")
    print(
        f"learn --detector ecod {found['learn_s']:.2f} s, of which the fit {found['fit_s']:.2f} s; bar "
        f"{found['learn_bar_s']:.2f} s: 2 x extract + fit; scikit-learn and skops, which it does without, load in "
        f"{found['imports_s']:.2f} s"
    )
    for name, capture in (("big", args.big), ("short", args.short)):
        rate = found[f"follow_{name}_packets_per_s"]
        print(
            f"classify --follow     {capture.stat().st_size / 1e6:,.0f} MB in {found[f'follow_{name}_s']:.2f} s: "
            f"{rate / 1e6:.2f} M packets/s (bar {RATE_BAR / 1e6}), peak {found[f'follow_{name}_peak_mb']:.0f} MB"
        )
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
