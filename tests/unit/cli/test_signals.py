"""SIGINT and SIGTERM at any moment: status, one line, no half-written file; --follow hands out what is open."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import traffic
from builders import captures

import netml

LIMIT_S = 60
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORD = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "terminated"}
# Says that Python is up and netml's command line is loaded.
PROGRAM = (sys.executable, "-c", "import os; from netml.cli import main; os.write(1, b'>'); main()")


def start(command, *, ignored=(), **more):
    """Start a process that ignores these signals only: those that the tests ignore (nohup) would be passed on to it."""

    def set_signals():
        for number in STATUS:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=set_signals, **more)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return traffic.write_pcap(tmp_path_factory.mktemp("captures") / "in.pcap", traffic.many_flows(20000, 200))


COMMANDS = {
    "extract-npz": ("extract", "{capture}", "-f", "STATS", "-o", "{out}/a.npz"),
    "extract-csv": ("extract", "{capture}", "-f", "SIZE", "--quiet", "-o", "{out}/a.csv"),
    "extract-parquet": ("extract", "{capture}", "-o", "{out}/a.parquet"),
    "packets-csv": ("packets", "{capture}", "-o", "{out}/a.csv"),
    "info": ("info", "{capture}"),
    "learn": (
        "learn",
        "-p",
        "{capture}",
        "--family",
        "STATS",
        "-d",
        "ae",
        "--feature-file",
        "{out}/f.npz",
        "-o",
        "{out}/m.netml",
    ),
    "compare": (
        "compare",
        "--pcap-normal",
        "{capture}",
        "--pcap-abnormal",
        "{capture}",
        "-d",
        "pca",
        "-o",
        "{out}/b.csv",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_a_signal_at_any_moment(tmp_path, capture, name, number):
    chance = random.Random(f"{name} {number}")
    for turn in range(int(os.environ.get("NETML_SIGNALS", "1"))):
        out = tmp_path / str(turn)
        out.mkdir()
        arguments = [part.format(capture=capture, out=out) for part in COMMANDS[name]]
        with start([*PROGRAM, *arguments]) as process:
            assert process.stdout.read(1) == b">"
            time.sleep(0.002 + chance.random() * (2 if name in ("learn", "compare") else 0.6))
            process.send_signal(number)
            _, err = process.communicate(timeout=LIMIT_S)
        left = sorted(os.listdir(out))
        assert not [one for one in left if one.endswith(".part")], left
        assert b"Traceback" not in err, err.decode()
        if process.returncode in (0, -number):  # all was done
            assert f"netml: {WORD[number]}".encode() not in err
            continue
        assert process.returncode == STATUS[number], err.decode()
        assert err.decode().splitlines()[-1].startswith(f"netml: {WORD[number]}: ")
        assert ("nothing was written" in err.decode()) == (left == [])


@pytest.mark.parametrize("name", ["follow", "stream"])
@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_what_goes_on_for_ever_hands_out_what_is_open(tmp_path, number, name):
    out = tmp_path / "v.csv"
    command = [*PROGRAM, "extract", "-", "--stream", "--interval", "1000", "--dim", "3", "-o", str(out)]
    if name == "follow":
        model = tmp_path / "m.netml"
        normal = traffic.write_pcap(tmp_path / "n.pcap", traffic.many_flows(400, 20))
        netml.learn([normal], families="STATS", detector="pca").save(model)
        command = [*PROGRAM, "classify", "--model", str(model), "--follow", "-o", str(out)]
    with start(command, stdin=subprocess.PIPE) as process:
        process.stdin.write(captures.pcap(traffic.many_flows(400, 20)))
        process.stdin.flush()
        deadline_s = time.monotonic() + LIMIT_S
        while not any(name.endswith(".part") for name in os.listdir(tmp_path)) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        time.sleep(1.0)  # the pipe is read in one go
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err.decode()
    assert len(out.read_text().splitlines()) > 15
    done = "what was open is written" if name == "stream" else "open flows are classified"
    assert f"stopped  before the end of the input: {done}, too\n" in err.decode()


@pytest.mark.parametrize("program", [PROGRAM, (sys.executable, "-m", "netml")], ids=["cli", "module"])
def test_an_ignored_sighup_stays_ignored(tmp_path, program):
    out = tmp_path / "v.csv"
    command = [*program, "extract", "-", "--stream", "--interval", "1000", "--dim", "3", "-o", str(out)]
    content = captures.pcap(traffic.many_flows(400, 20))
    with start(command, stdin=subprocess.PIPE, ignored=[signal.SIGHUP]) as process:
        process.stdin.write(content[:1000])
        process.stdin.flush()
        deadline_s = time.monotonic() + LIMIT_S
        while not any(name.endswith(".part") for name in os.listdir(tmp_path)) and time.monotonic() < deadline_s:
            process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate(content[1000:], timeout=LIMIT_S)
    assert process.returncode == 0, err.decode()
    assert "stopped" not in err.decode()
    assert len(out.read_text().splitlines()) > 15


LOADING = """
import os, sys, time, netml.__main__

class Slow:
    def find_spec(self, name, *place):
        if name == "netml.cli":
            os.write(1, b">")
            time.sleep(60)

sys.meta_path.insert(0, Slow())
netml.__main__.main()
"""


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_a_signal_while_the_command_line_is_loaded(number):
    with start([sys.executable, "-c", LOADING]) as process:
        assert process.stdout.read(1) == b">"
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err.decode()) == (STATUS[number], f"netml: {WORD[number]}: nothing was written\n")


# Stands for a call of compiled code that takes minutes and looks at no signal, of a detector that talks.
BUSY = """
import hashlib, os, sys
import netml.comparison, netml.evaluation, netml.models.flow_model, netml.models.training
from netml.cli import main
from netml.ndm._apart import hushed

def work(*inputs, **more):
    with hushed():
        os.write(1, b">")
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

netml.models.training.train = netml.comparison.compare_flows = netml.evaluation.evaluate_tables = work
if sys.argv[1] == "classify":
    netml.models.flow_model.FlowModel.classify_matrix = work
main()
"""
LABELLED = ("--pcap-normal", "{capture}", "--pcap-abnormal", "{capture}")
BUSY_COMMANDS = {
    "learn": ("learn", "-p", "{capture}", "--feature-file", "{out}/f.npz", "-o", "{out}/m.netml"),
    "compare": ("compare", *LABELLED, "-o", "{out}/b.csv"),
    "evaluate": ("evaluate", "--model", "{model}", *LABELLED, "--plot", "{out}/e.png"),
    "classify": ("classify", "{capture}", "--model", "{model}", "-o", "{out}/v.csv"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory, capture):
    path = tmp_path_factory.mktemp("models") / "m.netml"
    netml.learn([capture], families="STATS", detector="pca").save(path)
    return path


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("learn", number) for number in STATUS),
        ("compare", signal.SIGTERM),
        ("evaluate", signal.SIGINT),
        ("classify", signal.SIGTERM),
    ],
)
def test_a_signal_while_compiled_code_works(tmp_path, capture, model, name, number):
    arguments = [part.format(capture=capture, model=model, out=tmp_path) for part in BUSY_COMMANDS[name]]
    command = [sys.executable, "-c", BUSY, *arguments]
    with start(command) as process:
        assert process.stdout.read(1) == b">"
        time.sleep(0.5)  # it has begun
        process.send_signal(number)
        try:
            _, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    whole = f"{tmp_path}/f.npz is whole, nothing after it was written"
    said = f"netml: {WORD[number]}: {whole if name == 'learn' else 'nothing was written'}"
    assert (process.returncode, err.decode().splitlines()[-1]) == (STATUS[number], said)
    assert sorted(os.listdir(tmp_path)) == (["f.npz"] if name == "learn" else [])


def test_a_signal_while_an_exact_svm_trains(tmp_path):
    np.save(tmp_path / "f.npy", np.random.default_rng(1).lognormal(size=(50000, 20)))  # minutes
    command = [*PROGRAM, "learn", "train", "--feature-file", str(tmp_path / "f.npy"), "-o", str(tmp_path / "m.netml")]
    with start(command) as process:
        while not process.stderr.readline().startswith(b"training ocsvm on 50,000 rows, some 2 minutes"):
            assert process.poll() is None
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        try:
            _, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    assert (process.returncode, err) == (143, b"netml: terminated: nothing was written\n")
    assert os.listdir(tmp_path) == ["f.npy"]


def test_a_worker_gives_what_the_work_gives(monkeypatch):
    from netml.cli.runtime.worker import run_in_worker

    assert run_in_worker(lambda: threading.current_thread().name) == "netml-worker"
    with np.errstate(all="raise"):
        assert set(run_in_worker(np.geterr).values()) == {"raise"}

    def fail():
        raise MemoryError("of the work")

    with pytest.raises(MemoryError, match="of the work") as failure:
        run_in_worker(fail)
    assert failure.traceback[-1].name == "fail"

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run_in_worker(lambda: threading.current_thread().name) == "MainThread"
