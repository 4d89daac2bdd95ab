"""The command line in a process of its own, as a user runs it."""

import contextlib
import io
import subprocess
import sys
from typing import NamedTuple

PROGRAM = (sys.executable, "-W", "error", "-c", "from netml.cli import main; main()")
TIMEOUT_S = 60  # far beyond what any of it takes: only a hang reaches it


class Run(NamedTuple):
    """What a run left behind."""

    status: int
    out: str
    err: str


def run_netml(*arguments, stdin=b"", **more):
    """Run `netml` with arguments to its end."""
    command = [*PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False, **more)
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def invoke(*arguments):
    """Run `netml` in this process: for commands that load scikit-learn, which takes seconds. Without standard input."""
    from netml.cli import group
    from netml.cli.runtime.errors import run

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(group, [str(argument) for argument in arguments])
    for stream in (out, err):
        stream.flush()
    return Run(status, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())


def assert_one_line(run, status, *parts):
    """One line on stderr, netml's own, with all these parts in it; and nothing on stdout."""
    assert run.err.count("\n") == 1, run.err
    assert run.err.startswith("netml: "), run.err
    for part in map(str, parts):
        assert part in run.err
    assert "Traceback" not in run.err
    assert run.out == ""
    assert run.status == status
