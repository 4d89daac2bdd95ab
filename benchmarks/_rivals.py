"""The commands that are compared: ours, and those of other programs where they are installed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from _timing import Contender, run_process

HERE = Path(__file__).parent
LIMIT_FIGURES = re.compile(r"(\d+) records, (\d+) packets kept, (\d+) flows.*= (\d+) ns a record")


def skip(name, why):
    """Say that a rival is left out."""
    print(f"skipped: {name}: {why}")


def netml_command():
    """Path of the `netml` command of this interpreter, or None."""
    beside = Path(sys.executable).with_name("netml")
    return str(beside) if beside.exists() else shutil.which("netml")


def extract(capture, family, out, label=None, *more):
    """`netml extract`, the whole process."""
    argv = [netml_command(), "extract", str(capture), "-f", family, "-o", str(out), *more]
    return Contender(label or f"netml extract -f {family}", argv, output=Path(out))


def worker(name, capture, *numbers, python=sys.executable, label=None, max_runs=None):
    """Make a contender of one of `_workers.py`'s functions, in a fresh interpreter."""
    argv = [python, str(HERE / "_workers.py"), name, str(capture), *map(str, numbers)]
    return Contender(label or name, argv, max_runs)


def ask_worker(name, path, timeout_s, *numbers):
    """Run a worker once and return its answer; a failure ends the comparison with its last line."""
    run = run_process(worker(name, path, *numbers).argv, timeout_s)
    if run.exit_status:
        sys.exit(f"compare.py: {name} of {path} failed: {run.complaint}")
    return json.loads(run.output)


def answers(contender):
    """Parse what a worker's runs printed."""
    return [json.loads(run.output) for run in contender.runs]


def best_inside_s(contender):
    """Shortest time that the worker itself measured, start-up left out."""
    return min(seconds for answer in answers(contender) for seconds in answer["seconds"])


def tcpdump(capture):
    """Make a copy with libpcap."""
    if not shutil.which("tcpdump"):
        return skip("tcpdump", "not installed")
    return Contender("tcpdump -w /dev/null", ["tcpdump", "-r", str(capture), "-w", "/dev/null"])


def argus(capture):
    """Write biflow records with argus."""
    if not shutil.which("argus"):
        return skip("argus", "not installed")
    return Contender("argus -w /dev/null", ["argus", "-r", str(capture), "-w", "/dev/null"])


def nfstream(capture, python, max_runs, n_meters=0, label="NFStream"):
    """Make NFStream's biflow statistics."""
    if not python:
        return skip(label, "no interpreter given (--nfstream-python or NETML_NFSTREAM_PYTHON)")
    return worker("nfstream", capture, n_meters, python=python, label=label, max_runs=max_runs)


def cicflowmeter(capture, python, out, max_runs):
    """Run the Python CICFlowMeter, the whole process, from capture to CSV."""
    name = "cicflowmeter (Python)"
    if not python:
        return skip(name, "no interpreter given (--cicflowmeter-python or NETML_CICFLOWMETER_PYTHON)")
    command = Path(python).with_name("cicflowmeter")
    if not command.exists():
        return skip(name, f"{command} is not installed")
    return Contender(name, [str(command), "-f", str(capture), "-c", str(out)], max_runs, output=Path(out))


def original(capture, python, max_runs):
    """Make the original netml's IAT matrix."""
    if not python:
        return skip("original netml", "no interpreter given (--original-python or NETML_ORIGINAL_PYTHON)")
    return worker("original", capture, python=python, label="original netml", max_runs=max_runs)


def compile_limit(source, folder):
    """Compile the C sketch of the limit; its path, or None with a line that says why."""
    if not source:
        return skip("limit", "no source given (--limit-source)")
    if not shutil.which("gcc"):
        return skip("limit", "no gcc")
    program = Path(folder) / "limit"
    built = subprocess.run(["gcc", "-O3", "-o", program, source], capture_output=True, text=True, check=False)
    if built.returncode:
        return skip("limit", (built.stderr.strip().splitlines() or ["gcc failed"])[0])
    return program


def limit(program, capture, label="limit"):
    """Make a contender of the compiled limit, or None without it."""
    return Contender(label, [str(program), str(capture)]) if program else None


def best_limit_ns(contender):
    """Smallest ns a record that the limit printed."""
    return min(int(LIMIT_FIGURES.search(run.output)[4]) for run in contender.runs)
