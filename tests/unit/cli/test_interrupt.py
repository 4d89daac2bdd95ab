"""Ctrl-C: a run that waits or works stops, and leaves no file behind."""

import os
import signal
import subprocess
import sys
import threading

import pytest
import traffic
from builders import captures
from command import PROGRAM, run_netml

STOP_WITHIN_S = 30  # how long to wait for what should take a moment: only a hang reaches it
BLOCK = captures.pcap(traffic.many_flows(2000))[24:]


def feed(path, n_blocks, has_arrived, is_over):
    """Write a capture into a FIFO, endless if `n_blocks` is None; say when the reader has some of it."""
    try:
        with open(path, "wb", buffering=0) as fifo:
            fifo.write(captures.pcap_header())
            n_written = 0
            while n_blocks is None or n_written < n_blocks:
                fifo.write(BLOCK)
                n_written += 1
                if n_written == (n_blocks or 20):
                    has_arrived.set()
            is_over.wait(STOP_WITHIN_S)
    except BrokenPipeError:
        pass


@pytest.fixture
def fifo(tmp_path):
    folder = tmp_path / "fifo"
    folder.mkdir()
    os.mkfifo(folder / "tap.pcap")
    return folder / "tap.pcap"


def interrupt(fifo, n_blocks, *arguments):
    """Run netml on the FIFO, interrupt it in the middle of the reading: (exit status, stdout, stderr)."""
    has_arrived, is_over = threading.Event(), threading.Event()
    feeder = threading.Thread(target=feed, args=(fifo, n_blocks, has_arrived, is_over))
    feeder.start()
    try:
        with subprocess.Popen(
            [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert has_arrived.wait(STOP_WITHIN_S)
            process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()  # it would read on for ever
                raise
        return process.returncode, out.decode(), err.decode()
    finally:
        is_over.set()
        feeder.join(STOP_WITHIN_S)


@pytest.mark.parametrize("n_blocks", [None, 3], ids=["endless", "silent"])
@pytest.mark.parametrize("command", ["extract", "packets"])
def test_ctrl_c_while_reading(tmp_path, fifo, command, n_blocks):
    output = tmp_path / "out" / "out.npz"
    output.parent.mkdir()
    status, out, err = interrupt(fifo, n_blocks, command, fifo, "-o", output)
    assert (status, out, err) == (130, "", "netml: interrupted: nothing was written\n")
    assert os.listdir(output.parent) == []


def test_ctrl_c_leaves_an_older_file_alone(tmp_path, fifo):
    output = tmp_path / "out.npz"
    output.write_bytes(b"an older file")
    assert interrupt(fifo, None, "extract", fifo, "-o", output)[0] == 130
    assert output.read_bytes() == b"an older file"
    assert sorted(os.listdir(tmp_path)) == ["fifo", "out.npz"]


def test_ctrl_c_in_info(fifo):
    status, out, err = interrupt(fifo, None, "info", fifo)
    assert (status, out) == (130, "")
    assert err.startswith("netml: interrupted")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "call",
    [
        # An iterator in C runs no Python code that could notice the signal.
        "read_flows(itertools.repeat((1.0, b'x')), link_type=1, progress=say)",
        "read_flows(((float(i), b'x') for i in itertools.count()), link_type=1, progress=say)",
    ],
    ids=["repeat", "generator"],
)
def test_ctrl_c_stops_an_endless_iterable(call):
    code = f"import itertools, netml\nsay = lambda *counts: print(*counts, flush=True)\nnetml.{call}"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
        process.wait(STOP_WITHIN_S)
        reader.join(STOP_WITHIN_S)
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith(b"KeyboardInterrupt")


def test_a_ctrl_c_in_code_of_text_leaves_the_status_alone(tmp_path):
    """The interpreter remembers a Ctrl-C in such code, and would end by that signal whatever status it is given."""
    script = tmp_path / "interrupted.py"
    script.write_text('exec("raise KeyboardInterrupt")\n')
    run = run_netml("families", "--import", script)
    assert run == (130, "", "netml: interrupted: nothing was written\n")
