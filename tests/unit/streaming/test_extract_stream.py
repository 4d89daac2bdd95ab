"""`netml.extract_batches` and `netml extract --stream`: the rows of batch mode, as they come."""

import io
import json
import signal
import subprocess
import time

import numpy as np
import pytest
import traffic
from builders import captures
from command import PROGRAM, assert_one_line, run_netml
from house import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import flows as reference_flows
from streams import NEVER_S, RecordStream

import netml
from netml.streaming.feature_batches import extract_batches
from netml.streaming.flow_stream import FlowStream

SECOND = 10**9
FIXED = {"interval": 0.01, "dim": 5}
CLI = ("--stream", "--interval", "0.01", "--dim", "5")


def rows_of(*matrices):
    """All rows: five-tuple, times, counts and features; sorted."""
    return sorted(
        (*key, *times, *row)
        for matrix in matrices
        for key, times, row in zip(
            matrix.flows.five_tuples(),
            zip(
                *(getattr(matrix.flows, name).tolist() for name in ("start_ns", "end_ns", "packets", "bytes")),
                strict=True,
            ),
            matrix.X.tolist(),
            strict=True,
        )
    )


def batch(source, families="IAT", *, interval, **options):
    return netml.extract(source, families, flow=netml.FlowOptions(interval=interval, keep_tail=True), **options)


def end_reasons(packets, latest_ns, interval_ns, timeout_ns):
    """Why each piece of one key's sorted packets ended, slowly: {(start, end, packets): reason}."""
    limit_ns, found = min(interval_ns, timeout_ns), {}
    pieces = [
        piece
        for idle in reference_flows.split_idle(packets, timeout_ns)
        for piece in reference_flows.split_interval(idle, interval_ns)
    ]
    for i, piece in enumerate(pieces):
        last_ns = piece[-1].time_ns
        if i + 1 < len(pieces):
            reason = 1 if pieces[i + 1][0].time_ns - last_ns > limit_ns else 2
        else:
            reason = 1 if latest_ns - last_ns > limit_ns else 4
        found[piece[0].time_ns, last_ns, len(piece)] = reason
    return found


@settings(deadline=None)
@given(
    gaps=st.lists(st.tuples(st.sampled_from((0, 1, 3, 4, 5, 6, 9, 11, 40)), st.integers(0, 2)), max_size=40),
    interval=st.sampled_from((5.0, 9.0, 30.0)),
    timeout=st.sampled_from((4.0, 10.0, 600.0)),
    batch_packets=st.sampled_from((1, 2, 7, 1000)),
    batch_rows=st.sampled_from((1, 2, 1000)),
)
def test_rows_and_end_reasons_do_not_depend_on_batches(gaps, interval, timeout, batch_packets, batch_rows):
    records, by_flow, time_ns = [], {}, traffic.START_NS
    for gap_s, flow in gaps:
        time_ns += gap_s * SECOND
        records.append((time_ns, traffic.udp_frame(ports=(5000 + flow, 53))))
        key = ("10.0.0.1", "10.0.0.2", 5000 + flow, 53, 17)
        by_flow.setdefault(key, []).append(reference_flows.Packet(key, time_ns, 0, 0, 0, 0, 0))
    flow = netml.FlowOptions(udp_timeout=timeout)
    options = {"batch_packets": batch_packets, "batch_rows": batch_rows, "latency_s": NEVER_S, "flow": flow}
    matrices = list(extract_batches(RecordStream(records), ["IAT", "STATS"], interval=interval, dim=4, **options))
    whole_options = netml.FlowOptions(udp_timeout=timeout, interval=interval, keep_tail=True)
    whole = netml.extract(io.BytesIO(captures.pcap(records)), ["IAT", "STATS"], dim=4, flow=whole_options)
    assert all(1 <= len(matrix) <= batch_rows for matrix in matrices)
    assert rows_of(*matrices) == rows_of(whole)
    expected = {
        (key, *piece): reason
        for key, packets in by_flow.items()
        for piece, reason in end_reasons(packets, time_ns, int(interval * SECOND), int(timeout * SECOND)).items()
        if piece[2] >= 2
    }
    found = {}
    for matrix in matrices:
        index = matrix.flows
        pieces = zip(index.start_ns.tolist(), index.end_ns.tolist(), index.packets.tolist(), strict=True)
        for key, piece, reason in zip(index.five_tuples(), pieces, index.end_reason.tolist(), strict=True):
            found[key, *piece] = reason
    assert found == expected


@pytest.mark.parametrize("families", ["IAT", ["SIZE", "STATS"]])
def test_every_shared_capture_gives_the_rows_of_batch_mode(shared_captures, families):
    n_same = 0
    paths = sorted(shared_captures.glob("*.pcap*"))
    for path in paths:
        streamed = extract_batches(path, families, interval=0.5, dim=6, header=True, batch_rows=100, batch_packets=500)
        n_same += rows_of(*streamed) == rows_of(batch(path, families, interval=0.5, dim=6, header=True))
    assert n_same >= len(paths) - 15  # those with packets more than a second late


def test_max_flows_keeps_the_most_recently_seen():
    records = [
        (traffic.START_NS + i * 1000 + j, traffic.udp_frame(ports=(5000 + i, 53))) for i in range(20) for j in range(2)
    ]
    stream = FlowStream(RecordStream(records), interval=600.0, max_flows=3, batch_packets=1, latency_s=NEVER_S)
    tables = []
    for table in stream:
        tables.append(table)
        if len(tables) <= 17:
            assert stream.n_open_packets <= 6
    reasons = [reason for table in tables for reason in table.flows.end_reason.tolist()]
    ports = [port for table in tables for port in table.keys["src_port"].tolist()]
    assert reasons == [5] * 17 + [4] * 3
    assert ports == list(range(5000, 5020))
    assert stream.metadata["ended_early"]["flows"] == {"packets": 34, "flows": 17}


def test_a_flow_too_long_ends_for_lack_of_resources():
    records = [(traffic.START_NS + i, traffic.udp_frame()) for i in range(10)]
    stream = FlowStream(RecordStream(records), interval=5.0, max_flow_packets=4, batch_packets=1, latency_s=NEVER_S)
    assert [reason for table in stream for reason in table.flows.end_reason.tolist()] == [5, 5]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".arrow"])
def test_what_is_written_reads_back(tmp_path, suffix):
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    source = traffic.write_pcap(tmp_path / "a.pcap", traffic.many_flows())
    out = tmp_path / f"rows{suffix}"
    status, _, error = run_netml("extract", str(source), "-o", str(out), "-f", "STATS", "--header", *CLI)
    assert status == 0, error
    streamed = list(extract_batches(source, "STATS", header=True, batch_rows=3, **FIXED))
    if suffix == ".jsonl":
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert len(lines) == sum(map(len, streamed))
        assert [line["end_reason"] for line in lines] == [r for m in streamed for r in m.flows.end_reason.tolist()]
        assert [line["feature_packets"] for line in lines] == [line["packets"] for line in lines]
        return
    back = netml.FeatureMatrix.load(out)
    assert back.columns == streamed[0].columns
    assert rows_of(back) == rows_of(*streamed)
    assert back.flows.end_reason.tolist() == [r for m in streamed for r in m.flows.end_reason.tolist()]


def test_end_reasons_survive_npz_and_joining(tmp_path):
    source = traffic.write_pcap(tmp_path / "a.pcap", traffic.many_flows())
    parts = list(extract_batches(source, batch_rows=4, **FIXED))
    from netml.features.concat import concat_matrices

    joined = concat_matrices(parts, parts[0].columns)
    joined.save(tmp_path / "a.npz")
    back = netml.FeatureMatrix.load(tmp_path / "a.npz")
    assert back.flows.end_reason.tolist() == joined.flows.end_reason.tolist()
    assert back[::2].flows.end_reason.tolist() == joined.flows.end_reason.tolist()[::2]
    assert batch(source, **FIXED).flows.end_reason is None
    assert "end_reason" not in batch(source, **FIXED).flows.to_columns()


@pytest.mark.parametrize(("option", "given"), [("interval", {"dim": 3}), ("dim", {"interval": 1.0})])
def test_what_is_missing_is_named(option, given):
    with pytest.raises(netml.OptionError, match=option):
        extract_batches(io.BytesIO(), **given)
    with pytest.raises(netml.OptionError, match="rate"):
        extract_batches(io.BytesIO(), "SAMP_NUM", **FIXED)


def test_like_takes_files_matrices_representations_and_models(tmp_path):
    source = traffic.write_pcap(tmp_path / "a.pcap", traffic.many_flows())
    matrix = netml.extract(source, ["IAT", "SAMP_NUM"], header=True, flow=netml.FlowOptions(interval=0.02))
    matrix.save(tmp_path / "a.npz")
    rate = matrix.metadata["representation"]["rate_s"]
    dim = matrix.metadata["representation"]["dim"]
    expected = rows_of(batch(source, ["IAT", "SAMP_NUM"], interval=0.02, header=True, dim=dim, rate=rate))
    assert expected
    for like in (matrix, tmp_path / "a.npz", str(tmp_path / "a.npz")):
        assert rows_of(*extract_batches(source, like=like)) == expected
    representation = netml.FlowRepresentation("SIZE", flow=netml.FlowOptions(interval=0.02)).fit(source)
    sizes = rows_of(*extract_batches(source, like=representation))
    assert sizes == rows_of(batch(source, "SIZE", interval=0.02, dim=representation.dim_))
    model = netml.learn(source, families="SIZE", flow=netml.FlowOptions(interval=0.02), detector="pca")
    model.save(tmp_path / "m.netml")
    for like in (model, tmp_path / "m.netml"):
        assert rows_of(*extract_batches(source, like=like)) == sizes
    with pytest.raises(netml.OptionError, match="like"):
        extract_batches(source, like=3)
    (tmp_path / "bad.netml").write_bytes(b"nothing")
    with pytest.raises(netml.NetmlError, match=r"bad\.netml: not a netml model"):
        extract_batches(source, like=tmp_path / "bad.netml")
    matrix.metadata = {}
    with pytest.raises(netml.OptionError, match="like"):
        extract_batches(source, like=matrix)


def test_batches_can_be_closed():
    records = traffic.many_flows()
    batches = extract_batches(RecordStream(records), batch_packets=5, latency_s=NEVER_S, batch_rows=1, **FIXED)
    next(batches)
    batches.close()
    assert list(batches) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-flows", "3"),
        ("--format", "csv"),
        ("--stream",),
        ("--stream", "--interval", "1"),
        ("--like", "a.npz", "--dim", "3"),
        (*CLI, "--labels", "x.csv"),
        (*CLI, "--label-column", "label=Label"),
        ("--label-column", "label=Label"),
        (*CLI, "--max-memory", "lots"),
        (*CLI, "--max-flows", "0"),
    ],
    ids=" ".join,
)
def test_wrong_combinations_are_usage_errors(tmp_path, arguments):
    source = traffic.write_pcap(tmp_path / "a.pcap")
    status, _, error = run_netml("extract", str(source), "-o", str(tmp_path / "out.csv"), *arguments)
    assert status == 2, error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".dat"])
def test_formats_that_cannot_be_written_in_batches_name_those_that_can(tmp_path, suffix):
    source = traffic.write_pcap(tmp_path / "a.pcap")
    status, _, error = run_netml("extract", str(source), "-o", str(tmp_path / f"out{suffix}"), *CLI)
    assert status == 2
    assert all(name in error for name in (".csv", ".jsonl", ".parquet", ".arrow"))


def test_standard_output_and_what_ended_early(tmp_path):
    some = traffic.many_flows()
    records = [(time_ns + i * SECOND, frame) for i in range(100) for time_ns, frame in some]
    source = traffic.write_pcap(tmp_path / "a.pcap", records)
    arguments = ("--stream", "--interval", "5", "--dim", "5", "--max-memory", "1K", "--format", "jsonl")
    status, output, error = run_netml("extract", str(source), "-o", "-", *arguments)
    assert status == 0, error
    lines = [json.loads(line) for line in output.splitlines()]
    assert 5 in {line["end_reason"] for line in lines}
    assert "packets: 20,000 of TCP or UDP, 0 skipped" in error
    assert "ended early to keep to the memory allowed" in error


def test_first_packets_only(tmp_path):
    source = traffic.write_pcap(tmp_path / "a.pcap", traffic.many_flows())
    expected = rows_of(batch(source, ["SIZE", "STATS"], interval=0.05, dim=3, max_packets=2))
    assert max(row[7] for row in expected) == 2 < max(row[7] for row in rows_of(batch(source, interval=0.05, dim=3)))
    fixed = {"interval": 0.05, "dim": 3}
    assert rows_of(*extract_batches(source, ["SIZE", "STATS"], **fixed, max_packets=2)) == expected
    arguments = (
        "--stream",
        "-f",
        "SIZE",
        "-f",
        "STATS",
        "--interval",
        "0.05",
        "--dim",
        "3",
        "--max-packets",
        "2",
        "-q",
    )
    out = tmp_path / "a.parquet"
    assert run_netml("extract", str(source), *arguments, "-o", str(out))[0] == 0
    assert rows_of(netml.FeatureMatrix.load(out)) == expected
    assert rows_of(*extract_batches(source, like=out)) == expected


def test_like_without_stream(tmp_path):
    source = traffic.write_pcap(tmp_path / "a.pcap", traffic.many_flows())
    first = netml.extract(source, "SIZE", flow=netml.FlowOptions(interval=0.02), max_packets=3)
    first.save(tmp_path / "a.npz")
    status, _, error = run_netml(
        "extract", str(source), "--like", str(tmp_path / "a.npz"), "-o", str(tmp_path / "b.npz")
    )
    assert status == 0, error
    again = netml.FeatureMatrix.load(tmp_path / "b.npz")
    assert again.columns == first.columns
    assert np.array_equal(again.X, first.X)


def test_biflows_have_no_tails_to_keep(tmp_path):
    source, like = traffic.write_pcap(tmp_path / "a.pcap"), tmp_path / "like.npz"
    netml.extract(source, "FLOW").save(like)
    for stream in ((), ("--stream",)):
        run = run_netml("extract", source, "--like", like, "--keep-tail", *stream, "-o", tmp_path / "out.csv")
        assert_one_line(run, 2, f"--keep-tail is for original flows, and those of {like} are bi")
    assert not (tmp_path / "out.csv").exists()


def test_ctrl_c_writes_what_is_open(tmp_path):
    out = tmp_path / "out.csv"
    command = [*PROGRAM, "extract", "-", "-o", str(out), *CLI]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdin.write(captures.pcap(traffic.many_flows()))
        running.stdin.flush()
        partial = []
        while not partial and running.poll() is None:
            partial = list(tmp_path.glob(".out.csv.*"))
        time.sleep(1.5)  # the pipe has been read by then
        running.send_signal(signal.SIGINT)
        error = running.stderr.read().decode()
        assert running.wait(30) == 0, error
    assert "stopped  before the end of the input" in error
    assert len(netml.FeatureMatrix.load(out)) == len(batch(io.BytesIO(captures.pcap(traffic.many_flows())), **FIXED))


def test_batches_of_wide_rows_are_small(monkeypatch):
    monkeypatch.setattr("netml.streaming.feature_batches.BATCH_NUMBERS", 40)
    path = ROOT / "examples" / "data" / "demo.pcap"
    matrices = list(extract_batches(path, "SIZE", interval=5.0, dim=10))
    assert max(map(len, matrices)) == 4
    assert rows_of(*matrices) == rows_of(batch(path, "SIZE", interval=5.0, dim=10))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--q-interval", "0.5"), "--q-interval is a quantile of all flows, which a stream does not know"),
        (("--tunnels", "outer", "--tunnel-port", "geneve=5"), "--tunnel-port names ports that lead into tunnels"),
        (("--max-memory", "9" * 400), "is no number of bytes, such as 500M or 2G"),
    ],
)
def test_options_that_would_do_nothing(tmp_path, arguments, said):
    path = traffic.write_pcap(tmp_path / "in.pcap")
    assert_one_line(run_netml("extract", path, *CLI, *arguments, "-o", tmp_path / "out.csv"), 2, said)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "/dev/null", "."])
def test_files_that_keep_no_representation(tmp_path, name):
    path = traffic.write_pcap(tmp_path / "in.pcap")
    if name.startswith("rows"):
        (tmp_path / name).touch()
    run = run_netml("extract", path, "--like", name, "-o", tmp_path / "out.csv", cwd=tmp_path)
    assert_one_line(run, 1, f"{name}: keeps no representation: files in .npz, .parquet, .arrow, .netml do")


@pytest.mark.parametrize("given", [("--tunnel-port", "geneve=5"), ("--family", "IAT"), ("--no-vlan-key",)])
def test_what_like_decides_is_named_as_it_was_given(tmp_path, given):
    path = traffic.write_pcap(tmp_path / "in.pcap")
    run = run_netml("extract", path, "--like", "a.npz", *given, "-o", tmp_path / "out.csv")
    assert_one_line(run, 2, f"netml: {given[0]} is decided by --like")


@pytest.mark.parametrize("name", ["none", "none.csv", "none.npz", "none.netml"])
def test_like_a_file_that_is_not_there(tmp_path, name):
    path = traffic.write_pcap(tmp_path / "in.pcap")
    run = run_netml("extract", path, "--like", name, "-o", tmp_path / "out.csv", cwd=tmp_path)
    assert_one_line(run, 1, f"netml: {name}: no such file")


def test_standard_output_is_for_streams(tmp_path):
    path = traffic.write_pcap(tmp_path / "in.pcap")
    assert_one_line(
        run_netml("extract", path, "-o", "-"), 2, "-o - is standard output: it needs --stream, and --format"
    )
    assert_one_line(
        run_netml("extract", path, "-o", "x.csv", "--format", "csv"), 2, "--format is an option of --stream"
    )


def test_the_representation_of_no_flows(tmp_path):
    """Its dim of 0 is none: who needs one says so, others do not mind."""
    empty = traffic.write_pcap(tmp_path / "empty.pcap", [])
    path = traffic.write_pcap(tmp_path / "in.pcap")
    for families in ("FLOW", "IAT"):
        netml.extract(empty, families).save(tmp_path / f"{families}.npz")
    assert len(list(extract_batches(path, like=tmp_path / "FLOW.npz"))) == 1
    with pytest.raises(netml.NetmlError, match="dim"):
        extract_batches(path, like=tmp_path / "IAT.npz")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("family", ["FLOW", "CIC", "CIC-2017", "TCP", "STATS"])
def test_a_streams_rows_are_learned_from(tmp_path, family, suffix):
    """No dim is known of them, and none is needed."""
    pytest.importorskip("pyarrow")
    source = traffic.write_pcap(tmp_path / "a.pcap", traffic.many_flows())
    rows, path = tmp_path / f"rows{suffix}", tmp_path / "m.netml"
    options = ("--interval", "0.01") if family == "STATS" else ()
    for arguments in (
        ("extract", source, "--stream", "-f", family, *options, "-o", rows),
        ("learn", "train", "--feature-file", rows, "--output", path, "--detector", "gmm", "--scale", "log"),
    ):
        run = run_netml(*map(str, arguments), "-q")
        assert run.status == 0, run.err
    matrix = netml.FeatureMatrix.load(rows)
    model = netml.load_model(path)
    expected = sorted(model.decision_function(matrix).tolist())
    assert sorted(model.classify(source, keep_tail=family == "STATS").scores.tolist()) == expected
    assert sorted(score for verdicts in model.follow(source) for score in verdicts.scores.tolist()) == expected
    again = netml.learn(source, families=family, detector="gmm", scale="log", flow=model.representation.flow)
    assert again.columns == model.columns


def test_a_width_that_hangs_on_dim_needs_one(tmp_path):
    empty = netml.extract(io.BytesIO(captures.pcap([])), "SIZE")
    with pytest.raises(netml.OptionError, match="dim=0: must be at least 1"):
        netml.FlowRepresentation.from_metadata(empty.metadata)


def test_a_header_of_a_fixed_width_needs_no_dim():
    path = ROOT / "examples" / "data" / "demo.pcap"
    streamed = extract_batches(path, ["FLOW", "CIC"], header=True)
    assert rows_of(*streamed) == rows_of(netml.extract(path, ["FLOW", "CIC"], header=True))
    for families in ("SPLT", "IAT"):
        with pytest.raises(netml.OptionError, match="dim"):
            extract_batches(path, families, flow=netml.FlowOptions(definition="bi"))


def test_an_arrow_stream_that_fails_has_no_end(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "cut.pcap"
    path.write_bytes(captures.pcap(traffic.many_flows(2000))[:-5])
    done = subprocess.run(
        [*PROGRAM, "extract", path, *CLI, "--strict", "--format", "arrow", "-o", "-"], capture_output=True, timeout=60
    )
    assert done.returncode == 1
    assert not done.stdout.endswith(b"\xff\xff\xff\xff\0\0\0\0")
