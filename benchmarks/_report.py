"""Figures held against their bars, and the machine on which they were measured."""

import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass

PACKAGES = ("netml", "numpy", "dpkt", "Cython")


@dataclass(frozen=True)
class Figure:
    """Our value and another one, in the same unit; smaller is better in both.

    With ``at_least`` the ratio is theirs / ours (times faster) and must reach the bar, otherwise it is
    ours / theirs and must not exceed it. Without a bar the figure is for the record.
    """

    what: str
    ours: float
    theirs: float
    unit: str
    bar: float | None = None
    at_least: bool = False

    @property
    def ratio(self):
        """The ratio that is held against the bar."""
        above, below = (self.theirs, self.ours) if self.at_least else (self.ours, self.theirs)
        return above / below if below else float("inf")

    @property
    def verdict(self):
        """'meets', 'misses', or nothing without a bar."""
        if self.bar is None:
            return ""
        return "meets" if (self.ratio >= self.bar if self.at_least else self.ratio <= self.bar) else "misses"


def print_figures(title, figures):
    """Print one table."""
    print(f"\n{title}\n{'what':56} {'ours':>11} {'theirs':>11} {'':8} {'ratio':>9}  {'bar':>9}")
    for one in figures:
        bar = "" if one.bar is None else f"{'>=' if one.at_least else '<='} {one.bar:g}"
        values = f"{one.ours:11.4g} {one.theirs:11.4g} {one.unit:8} {one.ratio:8.2f}x"
        print(f"{one.what:56} {values}  {bar:>9}  {one.verdict}".rstrip())
    print()


def cpu_model():
    """Name of the processor."""
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def package_version(name):
    """Version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def version_in(python, package):
    """Version of a package in another interpreter, or None."""
    if not python:
        return None
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None


def machine(nfstream_python, original_python):
    """Describe what the figures depend on."""
    versions = {name: package_version(name) for name in PACKAGES}
    versions["nfstream"] = version_in(nfstream_python, "nfstream")
    versions["netml (original)"] = version_in(original_python, "netml")
    if shutil.which("tcpdump"):
        asked = subprocess.run(["tcpdump", "--version"], capture_output=True, text=True, check=False)
        versions["tcpdump"] = (asked.stdout + asked.stderr).split("\n")[0]
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
        "load_average": os.getloadavg(),
    }


def write_json(path, about, sections, contenders):
    """Write everything measured: machine, date, command, figures, and each run of each contender."""
    report = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": [os.path.basename(argument) for argument in sys.argv],
        "machine": about,
        "sections": {
            title: [{**asdict(one), "ratio": one.ratio, "verdict": one.verdict} for one in figures]
            for title, figures in sections.items()
        },
        "runs": {
            title: {
                one.name: [{"wall_s": run.wall_s, "cpu_s": run.cpu_s, "peak_bytes": run.peak_bytes} for run in one.runs]
                for one in group
            }
            for title, group in contenders.items()
        },
    }
    with open(path, "w") as out:
        json.dump(report, out, indent=1)
        out.write("\n")
