"""Full disks, closed pipes, no memory: one clear line, a right exit status, nothing half-written."""

import io
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import traffic
from builders import captures
from command import PROGRAM

from netml.cli.runtime import stdout

DEMO = os.path.join(os.path.dirname(__file__), "..", "..", "..", "examples", "data", "demo.pcap")
LABELS = DEMO.replace(".pcap", ".csv")
STREAM = ("extract", DEMO, "-q", "--stream", "--interval", "5", "--dim", "5")
SMALL_BYTES = 500  # of which every output has more
TIMEOUT_S = 60


def run(*arguments, cwd=None, file_bytes=None, out=subprocess.PIPE):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing then fails, as it does on a full disk
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    return subprocess.run(
        [*PROGRAM, *arguments],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
        cwd=cwd,
        timeout=TIMEOUT_S,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.netml"
    done = run("learn", "-q", "-p", DEMO, "-o", str(path), "--detector", "gmm")
    assert done.returncode == 0, done.stderr
    return str(path)


WRITING = [
    *(("extract", DEMO, "-q", "-o", f"out.{kind}") for kind in ("npz", "npy", "csv", "parquet", "arrow", "dat")),
    *((*STREAM, "-o", f"out.{kind}") for kind in ("csv", "jsonl", "parquet", "arrow")),
    *(("packets", DEMO, "-q", "-o", f"out.{kind}") for kind in ("npz", "csv", "parquet", "arrow")),
    ("learn", "-q", "-p", DEMO, "-o", "out.netml", "--detector", "gmm"),
    ("learn", "extract", "-q", "-p", DEMO, "-l", LABELS, "--feature-file", "out.npz"),
    *(("classify", "-q", "-m", "MODEL", "-p", DEMO, "-o", f"out.{kind}") for kind in ("csv", "jsonl", "parquet")),
    ("evaluate", "-q", "-m", "MODEL", "-p", DEMO, "-l", LABELS, "--plot", "out.png"),
]
PRINTING = [
    ("--help",),
    ("families",),
    ("detectors",),
    ("completion", "bash"),
    ("info", DEMO, "-q"),
    (*STREAM, "-o", "-", "--format", "csv"),
    (*STREAM, "-o", "-", "--format", "jsonl"),
    (*STREAM, "-o", "-", "--format", "arrow"),
    ("classify", "-q", "-m", "MODEL", "-p", DEMO, "--report-all"),
    ("classify", "-q", "-m", "MODEL", "-p", DEMO, "-o", "-", "--format", "csv"),
    ("evaluate", "-q", "-m", "MODEL", "-p", DEMO, "-l", LABELS, "--json"),
]


def name_of(command):
    return " ".join(part for part in command if part not in (DEMO, LABELS, "-q"))


@pytest.mark.parametrize("command", WRITING, ids=name_of)
def test_a_full_disk(command, model, tmp_path):
    if any("parquet" in part or "arrow" in part for part in command):
        pytest.importorskip("pyarrow")
    if "--plot" in command:
        pytest.importorskip("matplotlib")
    command = [model if part == "MODEL" else part for part in command]
    (tmp_path / command[-1]).write_text("what was there before")
    done = run(*command, cwd=tmp_path, file_bytes=SMALL_BYTES)
    assert done.returncode == 1
    assert done.stderr.startswith("netml: out.")
    assert done.stderr.count("\n") == 1
    assert [path.read_text() for path in tmp_path.iterdir()] == ["what was there before"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", PRINTING, ids=name_of)
def test_standard_output_is_full(command, model, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:
        done = run(*(model if part == "MODEL" else part for part in command), out=full)
    assert (done.returncode, done.stderr) == (1, "netml: standard output: no space left on the device\n")


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "arrow"])
def test_standard_output_takes_a_part_only(kind, unbuffered, tmp_path, monkeypatch):
    """A full disk does so, too: what a raw file has not taken must not be lost without a word."""
    if kind == "arrow":
        pytest.importorskip("pyarrow")
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open(tmp_path / "out", "wb") as out:
        done = run(*STREAM, "-o", "-", "--format", kind, out=out, file_bytes=20_000)
    assert (done.returncode, done.stderr) == (1, "netml: standard output: File too large\n")
    assert (tmp_path / "out").stat().st_size == 20_000


class Sparing(io.FileIO):
    """Takes ten bytes at a time, as a pipe may."""

    def write(self, octets):
        return super().write(bytes(octets)[:10])


def test_all_of_it_reaches_a_raw_standard_output(tmp_path, monkeypatch):
    text = "".join(f"flow {i}\n" for i in range(1000))
    with Sparing(tmp_path / "out", "wb") as raw:
        plain = io.TextIOWrapper(raw, "utf-8", newline="\n", write_through=True)
        monkeypatch.setattr(sys, "stdout", plain)
        stdout.prepare_output()
        sys.stdout.write(text)
        sys.stdout.buffer.write(text.encode())
        sys.stdout.detach().detach()
        plain.detach()
    assert (tmp_path / "out").read_text() == 2 * text


@pytest.mark.parametrize("command", PRINTING, ids=name_of)
def test_the_reader_of_the_pipe_has_gone(command, model):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(*(model if part == "MODEL" else part for part in command), out=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("command", [*PRINTING, (*STREAM, "--format", "csv", "-o", "-")], ids=name_of)
def test_standard_output_is_closed(command, model):
    arguments = [model if part == "MODEL" else part for part in command]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, *arguments], stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S
    )
    assert (done.returncode, done.stderr) == (1, "netml: standard output: is closed\n")


def test_who_says_nothing_needs_no_standard_output(tmp_path):
    arguments = [*PROGRAM, "extract", DEMO, "-q", "-o", str(tmp_path / "out.npz")]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *arguments], timeout=TIMEOUT_S)
    assert done.returncode == 0
    assert (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    "command", [("extract", "-", "-o", "out.csv"), ("packets", "-", "-o", "out.csv"), ("info", "-")]
)
@pytest.mark.parametrize("n_first", [0, 30, 24 + 100, 5000])
def test_an_input_that_does_not_block_is_waited_for(command, n_first, tmp_path):
    """Where nothing has come yet, in the middle of a record or not, that is not the end."""
    with open(DEMO, "rb") as stream:
        content = stream.read()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with subprocess.Popen(
        [*PROGRAM, *command], stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    ) as process:
        os.close(reader)
        with open(writer, "wb", buffering=0) as pipe:
            for start, end in ((0, n_first), (n_first, n_first + 20), (n_first + 20, len(content))):
                pipe.write(content[start:end])
                time.sleep(0.7)
        said = process.stdout.read()
    assert process.returncode == 0, said
    assert "4,671" in said


RUN_WITH_LITTLE_MEMORY = """
import resource, sys
import netml.cli, netml.features.extraction, netml.formats.npz
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
limit = used + 6_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(netml.cli.main())
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="there is no /proc here")
@pytest.mark.parametrize("command", ["extract", "packets"])
def test_no_memory(command, tmp_path):
    """A tenth of what its packets take."""
    path = tmp_path / "many.pcap"
    record = captures.pcap_record(1_700_000_000 * 10**9, traffic.udp_frame())
    path.write_bytes(captures.pcap_header() + record * 600_000)
    arguments = [command, str(path), "-q", "-o", str(tmp_path / "out.npz")]
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITH_LITTLE_MEMORY, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 1
    assert done.stderr.startswith("netml: out of memory")
    assert done.stderr.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["many.pcap"]


def test_a_source_that_raises_in_the_middle():
    import netml

    class Torn(Exception):
        pass

    def packets():
        for time_ns, frame in traffic.records(5):
            yield time_ns / 1e9, frame
        raise Torn("the tap is gone")

    with pytest.raises(Torn, match="the tap is gone") as caught:
        netml.read_flows(packets(), link_type=1)
    assert any("6" in note for note in caught.value.__notes__)
