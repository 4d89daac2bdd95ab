"""SIGINT and SIGTERM at any moment: status, one line, no half-written file; --follow hands out what is open."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import traffic
from builders import captures

import netml

LIMIT_S = 60
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORD = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "terminated"}
# Says that Python is up and netml's command line is loaded.
PROGRAM = (sys.executable, "-c", "import os; from netml.cli import main; os.write(1, b'>'); main()")


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
        "-a",
        "ae",
        "--feature",
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
        "-a",
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
        with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
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
        netml.learn([normal], family="STATS", detector="pca").save(model)
        command = [*PROGRAM, "classify", "--model", str(model), "--follow", "-o", str(out)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
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
    with subprocess.Popen([sys.executable, "-c", LOADING], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(1) == b">"
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err.decode()) == (STATUS[number], f"netml: {WORD[number]}: nothing was written\n")
