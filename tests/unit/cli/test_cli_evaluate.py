"""`netml evaluate` and `netml compare` as a user runs them."""

import csv
import json
import shutil

import pytest
import traffic
from command import assert_one_line, invoke, run_netml

QUICK = ("-f", "STATS", "--header", "no", "-d", "pca", "-d", "gmm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    """A folder with the demo and a model of it."""
    place = tmp_path_factory.mktemp("demo")
    data = request.config.rootpath / "examples" / "data"
    for name in ("demo.pcap", "demo.csv"):
        shutil.copy(data / name, place / name)
    learned = run_netml("learn", "-p", "demo.pcap", "--family", "STATS", "-d", "gmm", "-o", "m.netml", "-q", cwd=place)
    assert learned.status == 0, learned.err
    return place


@pytest.fixture
def run_here(folder, monkeypatch):
    """Run netml in the folder and in this process."""
    monkeypatch.chdir(folder)
    return invoke


DEMO = ("-p", "demo.pcap", "-l", "demo.csv")


def test_evaluate(folder):
    run = run_netml("evaluate", "-m", "m.netml", *DEMO, "--plot", "e.svg", "--plot", "e.png", cwd=folder)
    assert run.status == 0
    lines = {line[:20].strip(): line[20:] for line in run.out.splitlines()}
    assert lines["model"].strip() == "gmm in m.netml"
    assert "298 normal, 368 abnormal" in lines["flows"]
    assert list(lines)[2:9] == [
        *("AUC", "average precision", "threshold", "precision", "recall", "F1", "false positive rate"),
    ]
    assert "demo.pcap was there in training" in run.out
    assert run.err.startswith("read     4,671 packets")
    assert run.err.endswith("labels   298 normal, 368 abnormal, 0 without a label\nplot     e.svg\nplot     e.png\n")
    assert "gmm in m.netml" in (folder / "e.svg").read_text()
    assert (folder / "e.png").read_bytes()[:4] == b"\x89PNG"


def test_evaluate_for_programs(run_here):
    first, second = (run_here("evaluate", "-m", "m.netml", *DEMO, "--json", "--quiet") for _ in range(2))
    assert (first.status, first.err) == (0, "")
    assert first.out == second.out
    found = json.loads(first.out)
    assert (found["n_normal"], found["n_abnormal"], found["detector"]) == (298, 368, "gmm")
    assert found["auc_interval"][0] < found["auc"] < found["auc_interval"][1]
    assert found["true_positives"] + found["false_negatives"] == 368


def test_evaluate_a_capture_of_each_class(run_here, tmp_path):
    attack = traffic.write_pcap(tmp_path / "attack.pcap", traffic.many_flows(300))
    arguments = ["-m", "m.netml", "--pcap-normal", "demo.pcap", "--pcap-abnormal", attack, "--json"]
    run = run_here("evaluate", *arguments, "--threshold", "1e300")
    found = json.loads(run.out)
    assert (found["n_normal"], found["n_unlabelled"]) == (666, 0)
    assert (found["true_positives"], found["precision"], found["threshold"]) == (0, None, 1e300)


@pytest.mark.parametrize("command", [("evaluate", "-m", "m.netml"), ("compare", *QUICK)])
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "--pcap-normal and --pcap-abnormal, or -p/--pcap with -l/--labels"),
        ((*DEMO, "-p", "demo.pcap"), "1 of -l/--labels and 2 of -p/--pcap"),
        (("--pcap-normal", "demo.pcap"), "--pcap-abnormal is missing"),
        (("--pcap-abnormal", "demo.pcap"), "--pcap-normal is missing"),
        ((*DEMO, "--plot", "e.gif"), "unknown plot format '.gif'; known: .png, .svg, .pdf"),
        ((*DEMO, "--label-column", "label"), "'label' is not FIELD=NAME"),
    ],
)
def test_usage(run_here, command, arguments, part):
    assert_one_line(run_here(*command, *arguments), 2, part)


def test_evaluate_needs_a_model(run_here):
    assert_one_line(run_here("evaluate", *DEMO), 2, "--model")


def test_an_output_never_replaces_an_input(run_here, folder, tmp_path):
    (folder / "labels.svg").write_bytes((folder / "demo.csv").read_bytes())
    run = run_here("evaluate", "-m", "m.netml", "-p", "demo.pcap", "-l", "labels.svg", "--plot", "labels.svg")
    assert_one_line(run, 1, "labels.svg")
    assert (folder / "labels.svg").read_bytes() == (folder / "demo.csv").read_bytes()


@pytest.mark.parametrize("command", [("evaluate", "-m", "m.netml"), ("compare", *QUICK)])
def test_labels_that_match_nothing(run_here, tmp_path, command):
    other = tmp_path / "other.csv"
    other.write_text("src_ip,src_port,dst_ip,dst_port,protocol,label\n10.9.9.9,1,10.9.9.8,2,udp,BENIGN\n")
    run = run_here(*command, "-p", "demo.pcap", "-l", other)
    assert_one_line(run, 1, "none of the labels of", "other.csv (1) belongs to a flow of demo.pcap (666)")


@pytest.mark.parametrize("command", [("evaluate", "-m", "m.netml"), ("compare", *QUICK)])
def test_a_class_is_missing(run_here, folder, tmp_path, command):
    header, *rows = (folder / "demo.csv").read_text().splitlines()
    benign = tmp_path / "benign.csv"
    benign.write_text("\n".join([header, *(row for row in rows if row.endswith("BENIGN"))]) + "\n")
    run = run_here(*command, "-p", "demo.pcap", "-l", benign, "-q")
    assert_one_line(
        run, 1, "the 298 labelled flows are all normal", "needs abnormal flows", "without a label: 368 flows"
    )


def test_a_label_file_without_a_column(run_here, tmp_path):
    cut = tmp_path / "cut.csv"
    cut.write_text("src_ip,dst_ip,label\n1.1.1.1,2.2.2.2,BENIGN\n")
    run = run_here("evaluate", "-m", "m.netml", "-p", "demo.pcap", "-l", cut)
    assert_one_line(run, 1, "no column for src_port, dst_port, protocol")


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_columns_of_labels_need_labels(run_here, command):
    model = ("-m", "m.netml") if command == "evaluate" else ()
    captures = ("--pcap-normal", "demo.pcap", "--pcap-abnormal", "demo.pcap")
    assert_one_line(run_here(command, *model, *captures, "--label-column", "label=Label"), 2, "--label-column")


def test_a_bare_model_of_biflows_needs_its_family_alone(run_here):
    run_here("extract", "demo.pcap", "-f", "FLOW", "-o", "biflows.csv", "-q")
    learned = run_here(
        "learn", "train", "--feature-file", "biflows.csv", "-d", "gmm", "--scale", "log", "-o", "bi.netml", "-q"
    )
    assert learned.status == 0, learned.err
    run = run_here("evaluate", "-m", "bi.netml", *DEMO, "--json", "-q", "--family", "FLOW")
    assert run.status == 0, run.err
    assert json.loads(run.out)["n_normal"] > 150


def test_a_bare_model_needs_its_representation(run_here):
    features = ("learn", "extract", "-p", "demo.pcap", "--family", "STATS", "--feature-file", "x.npy", "-q")
    assert run_here(*features).status == 0
    learned = run_here("learn", "train", "--feature-file", "x.npy", "-d", "gmm", "-o", "bare.netml", "-q")
    assert learned.status == 0, learned.err
    evaluate = ("evaluate", "-m", "bare.netml", *DEMO, "--json", "-q")
    assert_one_line(run_here(*evaluate), 2, "--family and --interval", "train on their captures")
    run = run_here(*evaluate, "--family", "STATS", "--interval", "8.42")
    assert run.status == 0, run.err
    assert json.loads(run.out)["n_normal"] > 250


def test_a_damaged_capture(run_here, folder, tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((folder / "demo.pcap").read_bytes()[:400_000])
    run = run_here("evaluate", "-m", "m.netml", "-p", cut, "-l", "demo.csv")
    assert run.status == 1
    assert "netml: warning: " in run.err
    assert "AUC" in run.out
    assert_one_line(run_here("evaluate", "-m", "m.netml", "-p", cut, "-l", "demo.csv", "--strict"), 1, "cut:")


def test_compare(folder):
    outputs = ("-o", "board.csv", "--plot", "board.svg")
    run = run_netml("compare", *DEMO, *QUICK, "--scale", "none", "--scale", "log", *outputs, cwd=folder)
    assert run.status == 0
    assert run.err.endswith("written  board.svg\nwritten  board.csv\n")
    assert "train       148 normal flows" in run.out
    rows = list(csv.DictReader((folder / "board.csv").read_text().splitlines()))
    assert {(row["detector"], row["scale"]) for row in rows} == {
        (name, scale) for name in ("pca", "gmm") for scale in ("none", "log")
    }
    assert [float(row["validation_auc"]) for row in rows] == sorted(
        (float(row["validation_auc"]) for row in rows), reverse=True
    )
    best = f"{rows[0]['representation']}, {rows[0]['detector']}"
    assert f"best        {best}" in run.out
    assert best in (folder / "board.svg").read_text()


def test_compare_for_programs(run_here):
    run = run_here("compare", *DEMO, *QUICK, "--json", "-q", "--split", "flow", "--random-state", "1")
    assert (run.status, run.err) == (0, "")
    found = json.loads(run.out)
    assert found["how"]["split_by"] == "flow"
    assert [entry["rank"] for entry in found["entries"]] == [1, 2]
    assert found["flows"]["validation"] == {"normal": 75, "abnormal": 184}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("-f", "IATT"), "unknown family 'IATT'"),
        (("-d", "ocsvmm"), "unknown detector 'ocsvmm'"),
        (("--test-size", "0.9"), "--test-size 0.9: must be at most 1 together with"),
        (("-o", "board.txt"), "unknown leaderboard format"),
        (("--jobs", "0"), "--jobs 0"),
    ],
)
def test_compare_usage(run_here, arguments, part):
    assert_one_line(run_here("compare", *DEMO, *arguments, "-q"), 2, part)
