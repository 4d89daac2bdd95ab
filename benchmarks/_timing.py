"""Whole processes, timed from outside: wall time and peak memory, contenders taking turns.

Nothing here imports numpy: Linux counts the parent's memory at the time of the fork into the child's peak, so
the process that measures has to stay small.
"""

import os
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One run of one process."""

    wall_s: float
    cpu_s: float  # user and system, of all its threads
    peak_bytes: int
    exit_status: int
    output: str
    complaint: str  # the last line on stderr


@dataclass
class Contender:
    """A command, how often it may run, and the runs so far."""

    name: str
    argv: list
    max_runs: int | None = None
    output: Path | None = None  # removed before each run: to replace a file takes longer than to write one
    runs: list = field(default_factory=list)

    @property
    def is_out(self):
        """Whether its last run failed."""
        return bool(self.runs) and self.runs[-1].exit_status != 0

    @property
    def is_ours(self):
        """Whether it runs the netml that is being compared."""
        return self.name.startswith("netml") or self.name == "python: netml"

    @property
    def best_s(self):
        """Shortest wall time."""
        return min(run.wall_s for run in self.runs)

    @property
    def best_cpu_s(self):
        """Shortest processor time: other programs lengthen it less than the wall time."""
        return min(run.cpu_s for run in self.runs)

    @property
    def median_s(self):
        """Median wall time."""
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def peak_bytes(self):
        """Largest peak memory."""
        return max(run.peak_bytes for run in self.runs)


def run_process(argv, timeout_s):
    """Run a command to its end, or kill it after `timeout_s` seconds."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaints:
        begin_s = time.perf_counter()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=complaints)
        killer = threading.Timer(timeout_s, process.kill)
        killer.start()
        # wait4 rather than Popen.wait: its resource usage is this child's alone.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin_s
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaints.seek(0)
        last_line = (complaints.read().strip().splitlines() or [""])[-1]
        if process.returncode == -9:
            last_line = f"killed, perhaps after the {timeout_s:.0f} s allowed. {last_line}"
        cpu_s = usage.ru_utime + usage.ru_stime
        return Run(wall_s, cpu_s, usage.ru_maxrss * 1024, process.returncode, output.read(), last_line)


def take_turns(contenders, n_rounds, timeout_s):
    """Run every contender once a round; one that fails is out, and said so.

    Returns
    -------
    dict of str to Contender
        The contenders that finished all their runs.
    """
    for round_no in range(n_rounds):
        for one in contenders:
            if one.is_out or (one.max_runs is not None and round_no >= one.max_runs):
                continue
            if one.output is not None:
                one.output.unlink(missing_ok=True)
            one.runs.append(run_process(one.argv, timeout_s))
            if one.is_out:
                print(f"failed: {one.name}: exit {one.runs[-1].exit_status}: {one.runs[-1].complaint}")
    finished = {one.name: one for one in contenders if not one.is_out}
    for one in finished.values():
        print(
            f"  {one.name:44} best {one.best_s:9.3f} s   median {one.median_s:9.3f} s   "
            f"cpu {one.best_cpu_s:8.3f} s   peak {one.peak_bytes / 1e6:7.0f} MB   runs {len(one.runs)}"
        )
    return finished


def warm(path):
    """Read a file once, so that every contender finds it in the page cache."""
    with open(path, "rb", buffering=0) as capture:
        while capture.read(1 << 22):
            pass
