"""`netml classify`: verdicts of the flows of a capture, all at once or as they end."""

import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import traffic
from builders import captures
from command import PROGRAM, TIMEOUT_S, assert_one_line, invoke, run_netml

import netml
from netml import OptionError, Verdicts

LINE = re.compile(r"\[(\S+)\] \[(.*)\] (\S+):(\d+) → (\S+):(\d+) \[(TCP|UDP)\] score (\S+) (ANOMALY|NORMAL)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of one capture, and another capture with longer flows than that one had."""
    place = tmp_path_factory.mktemp("classify")
    monday = traffic.write_pcap(place / "monday.pcap", traffic.many_flows(300, 30))
    later = traffic.START_NS + 86_400 * 10**9
    # A pause, so that flows are cut and have tails.
    made = [*traffic.many_flows(200, 11, start_ns=later), *traffic.many_flows(200, 7 * 3, start_ns=later + 60 * 10**9)]
    traffic.write_pcap(place / "tuesday.pcap", made)
    model = netml.learn(monday, families="SIZE", header=True, detector="gmm", scale="log")
    model.save(place / "model.netml")
    netml.extract(monday, "SIZE").save(place / "bare.npy")
    assert (
        invoke("learn", "train", "--feature-file", place / "bare.npy", "-o", place / "bare.netml", "-d", "gmm").status
        == 0
    )
    return place


@pytest.fixture(scope="module")
def verdicts(folder):
    return netml.load_model(folder / "model.netml").classify(folder / "tuesday.pcap")


def test_any_capture_will_do(folder, verdicts):
    """The original fails here: another capture has another dimension."""
    model = netml.load_model(folder / "model.netml")
    assert netml.extract(folder / "tuesday.pcap", "SIZE", header=True).shape[1] != len(model.columns)
    flows = netml.FlowOptions(interval=model.representation.interval_)
    assert len(verdicts) == len(netml.read_flows(folder / "tuesday.pcap", flow=flows)) > 0
    assert 0 < verdicts.labels.sum() < len(verdicts)
    np.testing.assert_array_equal(verdicts.labels == 1, verdicts.scores > model.threshold)


def test_lines(folder, verdicts):
    run = invoke("classify", "-m", folder / "model.netml", folder / "tuesday.pcap")
    assert run.status == 0, run.err
    lines = [LINE.fullmatch(line).groups() for line in run.out.splitlines()]
    assert {line[-1] for line in lines} == {"ANOMALY"}
    told = verdicts[verdicts.is_abnormal]
    assert [(line[2].strip("[]"), line[4].strip("[]")) for line in lines] == list(
        zip(told.flows.src_ip, told.flows.dst_ip, strict=True)
    )
    assert [float(line[7]) for line in lines] == pytest.approx(told.scores.tolist(), rel=1e-5)
    assert f"verdicts {len(verdicts)} flows with gmm: {len(told)} abnormal" in run.err


@pytest.mark.parametrize("options", [("--report-all",), ("-v", "2")])
def test_all_flows_are_reported(folder, verdicts, options):
    run = invoke("classify", "-m", folder / "model.netml", "-p", folder / "tuesday.pcap", *options)
    tags = [line.rsplit(" ", 1)[1] for line in run.out.splitlines()]
    assert tags == np.where(verdicts.is_abnormal, "ANOMALY", "NORMAL").tolist()
    run = invoke("classify", "-m", folder / "model.netml", folder / "tuesday.pcap", "-v", "2", "--no-report-all")
    assert "NORMAL" not in run.out


def test_standard_input(folder):
    named = invoke("classify", "-m", folder / "model.netml", folder / "tuesday.pcap")
    piped = run_netml("classify", "-m", folder / "model.netml", stdin=(folder / "tuesday.pcap").read_bytes())
    assert (piped.status, piped.out) == (0, named.out)


def test_a_terminal_is_no_capture(folder):
    """And a terminal gets colours, a pipe none."""
    master, slave = pty.openpty()
    command = [*PROGRAM, "classify", "-m", str(folder / "model.netml")]
    done = subprocess.run(command, stdin=slave, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2
    assert b"-p/--pcap" in done.stderr
    shown = subprocess.Popen([*command, str(folder / "tuesday.pcap"), "-q"], stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    text = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while part := os.read(master, 65536):
            text += part
    shown.communicate(timeout=TIMEOUT_S)
    os.close(master)
    assert b"\x1b[31m\x1b[1mANOMALY\x1b[0m" in text


@pytest.mark.parametrize("follow", [(), ("--follow",)])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_files_for_programs(tmp_path, folder, verdicts, suffix, follow):
    path = tmp_path / f"verdicts{suffix}"
    model, capture = folder / "model.netml", folder / "tuesday.pcap"
    run = invoke("classify", "-m", model, capture, "-o", path, "-q", *(follow or ("--keep-tail",)))
    assert run == (0, "", "")
    if suffix == ".csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
    elif suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    wanted = netml.load_model(model).classify(capture, keep_tail=True)
    assert list(rows[0]) == list(wanted.to_columns())
    by_flow = {(row["src_ip"], int(row["src_port"]), int(row["start_ns"])): row for row in rows}
    assert len(by_flow) == len(rows) == len(wanted) > len(verdicts)
    for i, key in enumerate(wanted.flows.five_tuples()):
        row = by_flow[key[0], key[2], int(wanted.flows.start_ns[i])]
        assert float(row["score"]) == wanted.scores[i]
        assert float(row["threshold"]) == wanted.threshold
        assert row["verdict"] == ("abnormal" if wanted.is_abnormal[i] else "normal")


def test_standard_output_for_programs(folder):
    run = run_netml("classify", "-m", folder / "model.netml", folder / "tuesday.pcap", "-o", "-", "--format", "jsonl")
    assert run.status == 0, run.err
    assert all("score" in json.loads(line) for line in run.out.splitlines())
    only = run_netml(
        *("classify", "-m", folder / "model.netml", folder / "tuesday.pcap", "-o", "-", "--format", "csv"),
        "--no-report-all",
    )
    assert {row["verdict"] for row in csv.DictReader(io.StringIO(only.out))} == {"abnormal"}


def test_exit_status(folder):
    arguments = ("classify", "-m", folder / "model.netml", folder / "tuesday.pcap", "-q")
    assert invoke(*arguments).status == 0
    assert invoke(*arguments, "--fail-on-anomaly").status == 3
    assert invoke(*arguments, "--fail-on-anomaly", "--threshold", 1e12).status == 0
    run = invoke(*arguments, "--threshold", -1e12)
    assert run.out.count("ANOMALY") == len(netml.load_model(folder / "model.netml").classify(folder / "tuesday.pcap"))


@pytest.mark.parametrize("follow", [(), ("--follow",)])
def test_no_flows(tmp_path, folder, follow):
    empty = traffic.write_pcap(tmp_path / "empty.pcap", [])
    run = invoke("classify", "-m", folder / "model.netml", empty, "--fail-on-anomaly", *follow)
    assert (run.status, run.out) == (0, "")
    assert "nothing: there are no flows" in run.err
    run = invoke("classify", "-m", folder / "model.netml", empty, "-o", tmp_path / "none.csv", "-q", *follow)
    assert run == (0, "", "")
    assert (tmp_path / "none.csv").read_text().startswith("src_ip,")


def test_a_damaged_capture(tmp_path, folder):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((folder / "tuesday.pcap").read_bytes()[:-9])
    for follow in ((), ("--follow",)):
        run = invoke("classify", "-m", folder / "model.netml", cut, *follow)
        assert run.status == 1
        assert "netml: warning: " in run.err
        assert "ANOMALY" in run.out
    assert_one_line(invoke("classify", "-m", folder / "model.netml", cut, "--strict", "-q"), 1, cut, "cut")


def test_a_bare_model_needs_the_options(folder):
    arguments = ("classify", "-m", folder / "bare.netml", folder / "tuesday.pcap", "-q")
    for given in ((), ("--family", "SIZE"), ("--interval", 1)):
        assert_one_line(invoke(*arguments, *given), 2, "--family", "--interval", "bare.netml")
    assert_one_line(invoke(*arguments, "--family", "STATS", "--interval", 1), 2, "features", "STATS")
    assert_one_line(invoke(*arguments, "--family", "SIZE", "--interval", 1, "--dim", 3), 2, "--dim 3")
    run = invoke(*arguments, "--family", "SIZE", "--interval", 0.1)
    assert run.status == 0, run.err
    model = netml.load_model(folder / "bare.netml")
    with pytest.raises(OptionError, match="representation"):
        model.classify(folder / "tuesday.pcap")
    described = {"families": ["SIZE"], "dim": model.detector.n_features_in_, "interval_s": 0.1}
    model.representation = netml.FlowRepresentation.from_dict(described)
    assert run.out.count("ANOMALY") == model.classify(folder / "tuesday.pcap").labels.sum()


@pytest.mark.parametrize("family", ["FLOW", "NPRINT"])
def test_a_bare_model_of_biflows_needs_its_family_alone(tmp_path, folder, family):
    monday, tuesday = folder / "monday.pcap", folder / "tuesday.pcap"
    told = []
    for suffix in (".npy", ".npz"):
        rows, path = tmp_path / f"rows{suffix}", tmp_path / f"{suffix[1:]}.netml"
        assert invoke("extract", monday, "-f", family, "-o", rows).status == 0
        trained = invoke("learn", "train", "--feature-file", rows, "-o", path, "-d", "pca")
        assert ("--flow, --max-packets" in trained.err) == (suffix == ".npy"), trained.err
        run = invoke("classify", "-m", path, tuesday, "-q", *(("--family", family) if suffix == ".npy" else ()))
        assert run.status == 0, run.err
        told.append(run.out)
    assert told[0] == told[1] != ""
    bare = ("classify", "-m", tmp_path / "npy.netml", tuesday, "-q", "--family", family)
    assert_one_line(invoke(*bare, "--interval", 5), 2, "--interval 5.0: must be left out", "these are bi")
    assert_one_line(invoke(*bare, "--tcp-timeout", 5), 2, "--tcp-timeout 5.0: must be left out")


def test_a_bare_model_says_what_to_do_about_other_options(tmp_path, folder):
    """Nothing here says that its flows were others than those of its family."""
    rows, path = tmp_path / "rows.csv", tmp_path / "m.netml"
    assert invoke("extract", folder / "monday.pcap", "-f", "CIC", "--cic-extra", "-o", rows).status == 0
    assert invoke("learn", "train", "--feature-file", rows, "-o", path, "-d", "pca").status == 0
    for given in ((), ("--family", "CIC")):
        run = invoke("classify", "-m", path, folder / "tuesday.pcap", *given)
        assert_one_line(run, 2, "--flow or --max-packets", ".npz, .parquet or .arrow", "train on their captures")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--family", "IAT"), ("--family", "bare")),
        (("--interval", "3"), ("--interval", "bare")),
        (("-o", "-"), ("--format",)),
        (("--format", "csv"), ("-o/--output",)),
        (("-o", "verdicts.xlsx"), (".xlsx", ".jsonl")),
        (("--threshold", "nan"), ("--threshold", "a number")),
    ],
)
def test_usage(folder, arguments, parts):
    assert_one_line(invoke("classify", "-m", folder / "model.netml", folder / "tuesday.pcap", *arguments), 2, *parts)


def test_a_bare_model_of_other_columns(tmp_path, folder):
    netml.extract(folder / "monday.pcap", "SIZE").save(tmp_path / "bare.csv")
    invoke("learn", "train", "--feature-file", tmp_path / "bare.csv", "-o", tmp_path / "sizes.netml", "-d", "gmm")
    given = ("--family", "IAT", "--interval", "3", folder / "tuesday.pcap")
    run = invoke("classify", "-m", tmp_path / "sizes.netml", *given)
    assert_one_line(run, 2, "sizes.netml was trained on the columns size_0 .. size_", ": IAT makes iat_0 .. iat_")


def test_no_model_named(folder):
    assert_one_line(invoke("classify", folder / "tuesday.pcap"), 2, "--model")


def test_inputs_are_not_written_over(folder, tmp_path):
    capture = traffic.write_pcap(tmp_path / "capture.csv")
    before = capture.read_bytes()
    assert_one_line(invoke("classify", "-m", folder / "model.netml", capture, "-o", capture), 1, "is an input")
    assert capture.read_bytes() == before


def test_what_is_no_model(tmp_path, folder):
    capture = folder / "tuesday.pcap"
    assert_one_line(invoke("classify", "-m", tmp_path / "none.netml", capture), 1, "none.netml")
    assert_one_line(invoke("classify", "-m", capture, capture), 1, capture, "not a model")
    assert_one_line(invoke("classify", "-m", folder / "bare.npy", capture), 1, "bare.npy")
    cut = tmp_path / "cut.netml"
    cut.write_bytes((folder / "model.netml").read_bytes()[:-100])
    assert_one_line(invoke("classify", "-m", cut, capture), 1, cut)


def test_verdicts_in_python(tmp_path, verdicts):
    assert len(verdicts.to_pandas()) == len(verdicts)
    verdicts.save(tmp_path / "verdicts.jsonl")
    first = json.loads((tmp_path / "verdicts.jsonl").read_text().splitlines()[0])
    assert first["score"] == verdicts.scores[0]
    with pytest.raises(netml.UnknownNameError, match="xml"):
        verdicts.save(tmp_path / "verdicts.xml")
    with pytest.raises(OptionError, match="scores"):
        Verdicts(verdicts.flows, [1.0], 0.0, {})


def test_absurd_times_are_written(verdicts):
    flows = verdicts.flows[:1]
    for start_ns, end_ns, written in (
        (0, 1_500, "[1970-01-01] [00:00:00.000000 – 00:00:00.000001]"),
        (-(2**63), 2**63 - 1, "[1677-09-21] [00:12:43.145224 – 2262-04-11 23:47:16.854775]"),
    ):
        flows.start_ns[0], flows.end_ns[0] = start_ns, end_ns
        assert next(Verdicts(flows, [0.0], 1.0, {}).lines())[0].startswith(written)


def start_following(folder, *options):
    command = [*PROGRAM, "classify", "-m", str(folder / "model.netml"), "--follow", "--report-all", *options]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_until_read(pipe):
    """Wait until the reader of a pipe has taken, and dealt with, all that is in it."""
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]:
        time.sleep(0.01)
    time.sleep(0.5)


def test_flows_are_judged_while_the_capture_is_written(folder):
    """Lines come out although the writer still has the pipe open; Ctrl-C then tells the flows that are open."""
    made = traffic.many_flows(400, 11)
    half_ns = made[200][0]
    shifted = [*made[:200], *((time_ns + 3600 * 10**9, frame) for time_ns, frame in made[200:])]
    running = start_following(folder)
    watchdog = threading.Timer(TIMEOUT_S, running.kill)
    watchdog.start()
    try:
        running.stdin.write(captures.pcap(shifted[:250]))
        running.stdin.flush()
        first = running.stdout.readline().decode()
        assert LINE.fullmatch(first.rstrip("\n")), (first, running.stderr.read() if not first else "")
        wait_until_read(running.stdin)
        running.send_signal(signal.SIGINT)
        # Not communicate(), which passes by the lines that readline() has in its buffer.
        out, err = running.stdout.read(), running.stderr.read()
        running.wait(TIMEOUT_S)
    finally:
        watchdog.cancel()
        running.kill()
        for stream in (running.stdin, running.stdout, running.stderr):
            stream.close()
    assert running.returncode == 0, err
    lines = [first, *out.decode().splitlines()]
    model = netml.load_model(folder / "model.netml")
    wanted = model.classify(io.BytesIO(captures.pcap(shifted[:250])), keep_tail=True)
    assert len(lines) == len(wanted)
    assert (wanted.flows.start_ns > half_ns + 10**9).any(), "some were still open"
    assert b"verdicts" in err


def test_following_ends_with_its_input(folder):
    running = start_following(folder, "-q")
    out, err = running.communicate((folder / "tuesday.pcap").read_bytes(), timeout=TIMEOUT_S)
    assert (running.returncode, err) == (0, b"")
    wanted = netml.load_model(folder / "model.netml").classify(folder / "tuesday.pcap", keep_tail=True)
    assert sorted(out.decode().splitlines()) == sorted(
        f"{line} {'ANOMALY' if is_abnormal else 'NORMAL'}" for line, is_abnormal in wanted.lines()
    )


@pytest.mark.parametrize("suffix", [".netml", ".dat"])
def test_a_model_of_other_versions_says_so(tmp_path, folder, suffix):
    model = netml.learn(folder / "monday.pcap", families="SIZE", detector="ocsvm")
    model.versions["scikit-learn"] = "1.2.3"
    model.save(tmp_path / f"old{suffix}")
    run = invoke("classify", "-m", tmp_path / f"old{suffix}", folder / "tuesday.pcap")
    assert run.status == 0
    assert "trained with scikit-learn 1.2, this is" in run.err


@pytest.mark.parametrize("kind", ["gmm", "kde", "pca", "iforest"])
def test_a_model_of_the_original_needs_a_threshold(tmp_path, folder, kind):
    path = Path(__file__).parents[2] / f"golden/original_{kind}.dat"
    arguments = ("classify", "-m", path, folder / "tuesday.pcap", "--family", "SIZE", "--interval", 1, "-q")
    assert_one_line(invoke(*arguments), 2, "--threshold")
    run = invoke(*arguments, "--threshold", 0, "--report-all")
    assert run.status == 0, run.err
    assert "score" in run.out
