"""`netml learn`, `netml.learn`: from captures and features to models."""

import json
import re

import numpy as np
import pytest
import traffic
import yaml
from command import invoke
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import netml
from netml import FlowOptions, OptionError, TooManyRowsError, TrainingError, UnknownNameError
from netml.cli.commands._learn_steps import parse_params
from netml.errors import DamagedFileError, LabelFileError
from netml.models.training import TrainOptions, train
from netml.schema.flow_index import FLOW_KEY
from netml.utils.tool import load_data

FAST = ("--detector", "gmm")


def write_labels(path, flows, is_abnormal):
    """A label file with a row for each flow."""
    rows = ["src_ip,dst_ip,src_port,dst_port,protocol,label"]
    for key, flag in zip(flows.five_tuples(), is_abnormal, strict=True):
        rows.append(",".join(map(str, [*key, "Attack" if flag else "BENIGN"])))
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def capture(tmp_path):
    return traffic.write_pcap(tmp_path / "capture.pcap", traffic.many_flows(400, 40))


@pytest.fixture
def labels(tmp_path, capture):
    flows = netml.read_flows(capture).flows
    return write_labels(tmp_path / "labels.csv", flows, np.arange(len(flows)) % 3 == 0)


@pytest.fixture
def features(tmp_path, capture, labels):
    path = tmp_path / "features.npz"
    assert (
        invoke("learn", "extract", "-p", capture, "-l", labels, "--feature-file", path, "--family", "SIZE").status == 0
    )
    return path


def make_matrix(X, labels=None):
    """A feature matrix of bare numbers."""
    X = np.asarray(X, float)
    counts = np.full(len(X), 2)
    flows = netml.FlowIndex(np.zeros(len(X), FLOW_KEY), counts, counts, counts, counts)
    return netml.FeatureMatrix(X, [f"x_{i}" for i in range(X.shape[1])], flows, {}, labels)


def assert_refused(run, status, *parts):
    assert (run.status, run.out) == (status, ""), run
    assert run.err.count("\n") == 1, run.err
    for part in map(str, parts):
        assert part in run.err


def test_a_model_carries_its_representation(tmp_path, capture):
    path = tmp_path / "model.netml"
    run = invoke("learn", "-p", capture, "-o", path, *FAST, "--family", "STATS", "--header", "--scale", "standard")
    assert run.status == 0, run.err
    assert f"gmm, features scaled (standard) in {path}" in run.out
    model = netml.load_model(path)
    matrix = netml.extract(capture, "STATS", header=True)
    assert model.representation.to_dict()["interval_s"] == matrix.metadata["interval_s"]
    assert model.columns == matrix.columns
    assert (model.detector_name, model.scale) == ("gmm", "standard")
    assert model.summary["rows_used"] == model.summary["rows"] == len(matrix)
    verdicts = model.classify(capture)
    assert verdicts.labels.mean() == pytest.approx(0.1, abs=0.05), "contamination"
    np.testing.assert_array_equal(model.predict(matrix) == -1, verdicts.is_abnormal)


def test_python_as_on_the_command_line(tmp_path, capture, labels):
    path = tmp_path / "model.netml"
    invoke("learn", "-p", capture, "-l", labels, "-o", path, *FAST, "--family", "SIZE")
    model = netml.learn(capture, families="SIZE", detector="gmm", labels=labels)
    again = netml.load_model(path)
    assert again.summary["auc"] == model.summary["auc"]
    assert again.threshold == model.threshold


def test_learn_takes_named_options_only(capture):
    with pytest.raises(TypeError, match=r"learn\(\) got an unexpected keyword argument 'algorithm'"):
        netml.learn(capture, algorithm="gmm")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.JSONL"])
def test_json_lines_are_not_read(tmp_path, name):
    (tmp_path / name).write_text("{}\n")
    run = invoke("learn", "train", "--feature-file", tmp_path / name, "-o", tmp_path / "model.netml")
    assert_refused(run, 2, f"{name}: JSON lines are written, not read; .npz, .npy, .csv, .parquet, .arrow, .dat are")


def test_a_capture_is_no_feature_file(tmp_path, capture):
    run = invoke("learn", "train", "--feature-file", capture, "-o", tmp_path / "model.netml")
    assert_refused(
        run, 1, f"{capture}: not a pickle", "features are read from .npz", "captures by `netml learn --pcap`"
    )


@pytest.mark.parametrize("change", [{"representation": [1]}, {"interval_s": "x"}, {"interval_s": 10**400}, {"flow": 3}])
def test_features_that_tell_wrongly_how_they_were_made(tmp_path, features, change):
    matrix = netml.FeatureMatrix.load(features)
    matrix.metadata |= change
    matrix.save(features)
    with pytest.raises(OptionError):
        train(matrix)
    run = invoke("learn", "train", "--feature-file", features, "-o", tmp_path / "model.netml", *FAST)
    assert_refused(run, 1, f"{features}: does not tell rightly how its features were made")


def test_the_test_is_a_share_of_the_labelled_flows(capture, labels):
    model = netml.learn(capture, families="SIZE", detector="gmm", labels=labels, test_size=0.25, random_state=7)
    matrix = netml.extract(capture, "SIZE", labels=labels)
    y = (matrix.labels == "Attack").astype(int)
    X_train, X_test, _, y_test = train_test_split(matrix.X, y, test_size=0.25, random_state=7)
    assert (model.summary["rows_train"], model.summary["rows_test"]) == (len(X_train), len(X_test))
    assert model.summary["abnormal_test"] == y_test.sum()
    assert model.summary["auc"] == pytest.approx(roc_auc_score(y_test, model.decision_function(X_test)))


def test_train_on_normal_flows(capture, labels):
    kinds = {kind: netml.learn(capture, detector="gmm", labels=labels, train_on=kind) for kind in ("all", "normal")}
    assert kinds["normal"].summary["rows_used"] < kinds["all"].summary["rows_used"]
    assert kinds["normal"].threshold != kinds["all"].threshold
    with pytest.raises(OptionError, match="train_on"):
        netml.learn(capture, detector="gmm", train_on="normal")


def test_normal_and_abnormal_captures(tmp_path, capture):
    other = traffic.write_pcap(tmp_path / "other.pcap", traffic.many_flows(90, 9))
    path = tmp_path / "features.npz"
    run = invoke("learn", "extract", "--pcap-normal", capture, "--pcap-abnormal", other, "--feature-file", path)
    assert run.status == 0, run.err
    matrix = netml.FeatureMatrix.load(path)
    n_normal = int((matrix.labels == "NORMAL").sum())
    assert 0 < n_normal < len(matrix)
    assert set(matrix.labels[n_normal:]) == {"ABNORMAL"}
    run = invoke("learn", "train", "--feature-file", path, "-o", tmp_path / "model.dat", *FAST)
    assert run.status == 0, run.err
    assert "AUC" in run.out


def test_pairs_in_their_order(tmp_path, capture, labels):
    """Each label file is of its own capture: exchanged, they do not fit."""
    later = traffic.many_flows(200, 20, start_ns=traffic.START_NS + 10**12)
    other = traffic.write_pcap(tmp_path / "other.pcap", later[5:])
    flows = netml.read_flows(other).flows
    others = write_labels(tmp_path / "others.csv", flows, np.ones(len(flows), bool))
    path = tmp_path / "both.npz"
    run = invoke("learn", "extract", "-p", capture, "-l", labels, "-p", other, "-l", others, "--feature-file", path)
    assert run.status == 0, run.err
    found = netml.FeatureMatrix.load(path).labels
    n_others = len(netml.FlowRepresentation().fit([capture, other]).transform(other))
    assert set(found[-n_others:]) == {"Attack"}
    assert set(found[:-n_others]) == {"Attack", "BENIGN"}


def test_two_steps_are_one(tmp_path, capture, labels, features):
    one, two = tmp_path / "one.netml", tmp_path / "two.netml"
    assert invoke("learn", "-p", capture, "-l", labels, "-o", one, "--family", "SIZE", *FAST).status == 0
    assert invoke("learn", "train", "--feature-file", features, "-o", two, *FAST).status == 0
    first, second = netml.load_model(one), netml.load_model(two)
    assert second.representation.to_dict() == first.representation.to_dict()
    assert second.summary["auc"] == first.summary["auc"]
    assert features.exists()


def test_rows_that_a_dat_file_leaves_out_are_said(tmp_path, capture):
    flows = netml.read_flows(capture).flows
    some = write_labels(tmp_path / "some.csv", flows[np.arange(8)], np.arange(8) % 2)
    run = invoke(
        "learn", "extract", "-p", capture, "-l", some, "--feature-file", tmp_path / "f.dat", "--family", "SIZE"
    )
    X, y = load_data(tmp_path / "f.dat")
    assert f"labels   {len(y)} of 40 flows, {sum(y)} abnormal; a .dat file leaves the others out\n" in run.err
    assert f"matrix   {len(X)} x {X.shape[1]} in {tmp_path / 'f.dat'}\n" in run.err
    run = invoke(
        "learn", "extract", "-p", capture, "-l", some, "--feature-file", tmp_path / "f.npz", "--family", "SIZE"
    )
    assert "leaves the others out" not in run.err
    assert f"matrix   40 x {X.shape[1]} in {tmp_path / 'f.npz'}\n" in run.err


def test_both_files_at_once(tmp_path, capture):
    run = invoke("learn", "-p", capture, "--feature-file", tmp_path / "f.npz", "-o", tmp_path / "m.netml", *FAST)
    assert run.status == 0, run.err
    assert netml.FeatureMatrix.load(tmp_path / "f.npz").shape == netml.extract(capture).shape


def test_a_bare_matrix_knows_no_representation(tmp_path, capture):
    path = tmp_path / "features.npy"
    netml.extract(capture, "SIZE").save(path)
    run = invoke("learn", "train", "--feature-file", path, "-o", tmp_path / "model.netml", *FAST)
    assert run.status == 0
    assert "does not tell how its features were made" in run.err
    assert netml.load_model(tmp_path / "model.netml").representation is None


def test_parameters(tmp_path, features):
    written = tmp_path / "params.yaml"
    written.write_text("gmm:\n  n_components: 2\nocsvm:\n  nu: 0.1\n")
    for text in ("{n_components: 2}", '{"n_components": 2}', "n_components: 2", str(written)):
        run = invoke("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", *FAST, "--param", text)
        assert run.status == 0, run.err
        assert netml.load_model(tmp_path / "m.netml").detector.n_components == 2
    assert parse_params(str(written), "ocsvm") == {"nu": 0.1}
    assert parse_params(None, "ocsvm") == parse_params("", "ocsvm") == {}


@pytest.mark.parametrize("text", ["{n_components: ", "[1, 2]", "17", "{1: 2}", "&a [*a"])
def test_parameters_that_do_not_parse(tmp_path, features, text):
    run = invoke("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", *FAST, "--param", text)
    assert_refused(run, 2, "--param")
    assert not (tmp_path / "m.netml").exists()


def test_an_unknown_parameter_lists_the_known(tmp_path, features):
    run = invoke(
        "learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", *FAST, "--param", "{n_compnents: 2}"
    )
    assert_refused(run, 2, "n_compnents", "n_components", "covariance_type")


def test_a_parameter_out_of_range(tmp_path, features):
    run = invoke("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", "--param", "{nu: 7}")
    assert_refused(run, 2, "--param", "nu: 7", "1.0")


def test_an_unknown_algorithm_lists_the_known(tmp_path, features):
    run = invoke("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", "--detector", "magic")
    assert_refused(run, 2, "magic", "ocsvm", "oc-nystroem", "ecod")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["learn"], ["-p/--pcap"]),
        (["learn", "-p", "CAPTURE"], ["-o/--output"]),
        (["learn", "extract", "-p", "CAPTURE"], ["--feature-file"]),
        (["learn", "extract", "--feature-file", "f.npz"], ["-p/--pcap"]),
        (["learn", "train", "-o", "m.netml"], ["--feature-file"]),
        (["learn", "train", "--feature-file", "f.npz"], ["-o/--output"]),
        (["learn", "train", "-p", "CAPTURE", "--feature-file", "f.npz", "-o", "m.netml"], ["-p/--pcap"]),
        (["learn", "extract", "-p", "CAPTURE", "--feature-file", "f.npz", "-o", "m.netml"], ["-o/--output"]),
        (["learn", "-p", "CAPTURE", "-l", "LABELS", "-l", "LABELS", "-o", "m.netml"], ["2 of -l/--labels", "1 of -p"]),
        (["learn", "-p", "CAPTURE", "-p", "CAPTURE", "-l", "LABELS", "-o", "m.netml"], ["1 of -l/--labels", "2 of -p"]),
        (["learn", "-l", "LABELS", "--pcap-normal", "CAPTURE", "-o", "m.netml"], ["1 of -l/--labels", "0 of -p"]),
        (["learn", "-p", "CAPTURE", "--pcap-normal", "CAPTURE", "-o", "m.netml"], ["-l/--labels"]),
        (["learn", "-p", "CAPTURE", "-o", "m.pkl"], ["-o/--output", ".netml", ".dat"]),
        (["learn", "extract", "-p", "CAPTURE", "--feature-file", "f.xlsx"], [".xlsx", ".npz"]),
        (["learn", "learn", "-p", "CAPTURE"], ["extract", "train"]),
        (["learn", "train", "-f", "f.npz", "-o", "m.netml"], ["f.npz", "--feature-file"]),
        (["learn", "extract", "-p", "CAPTURE", "-f", "LABELS"], ["labels.csv", "--feature-file"]),
        (["learn", "-p", "CAPTURE", "-o", "m.netml", "-f", "SIZES"], ["unknown family 'SIZES'"]),
        (
            ["learn", "train", "--feature-file", "f.npz", "-o", "m.netml", "--family", "SIZE"],
            ["--family", "netml learn extract"],
        ),
        (
            ["learn", "train", "--feature-file", "f.npz", "-o", "m.netml", "--size", "wire"],
            ["--size", "netml learn extract"],
        ),
        (
            ["learn", "train", "--feature-file", "f.npz", "-o", "m.netml", "--flow", "bi"],
            ["--flow", "netml learn extract"],
        ),
        (
            ["learn", "train", "--feature-file", "f.npz", "-o", "m.netml", "--strict"],
            ["--strict", "netml learn extract"],
        ),
        (["learn", "train", "--feature-file", "f.npz", "-o", "m.netml", "--label-column", "label=x"], ["-l/--labels"]),
        (
            ["learn", "train", "--feature-file", "BARE", "-o", "m.netml", "--test-size", "0.5"],
            ["--test-size", "no labels"],
        ),
        (
            ["learn", "extract", "-p", "CAPTURE", "--feature-file", "f.npz", "-d", "gmm"],
            ["--detector", "netml learn train"],
        ),
        (
            ["learn", "extract", "-p", "CAPTURE", "--feature-file", "f.npz", "--scale", "none"],
            ["--scale", "netml learn train"],
        ),
        (
            ["learn", "extract", "-p", "CAPTURE", "-l", "LABELS", "--feature-file", "f.npz", "--test-size", "0.5"],
            ["--test-size"],
        ),
        (["learn", "-p", "CAPTURE", "-o", "m.netml", "--test-size", "0.3"], ["--test-size", "-l/--labels"]),
        (["learn", "-p", "CAPTURE", "-o", "m.netml", "--label-column", "label=Label"], ["--label-column"]),
        (
            ["learn", "extract", "-p", "CAPTURE", "--feature-file", "f.npz", "--label-column", "label=x"],
            ["--label-column"],
        ),
        (["learn", "-p", "CAPTURE", "-l", "LABELS", "-o", "m.netml", "--test-size", "1"], ["--test-size"]),
        (["learn", "-p", "CAPTURE", "-o", "m.netml", "--contamination", "0.7"], ["--contamination"]),
        (["learn", "-p", "CAPTURE", "-o", "m.netml", "--max-train-rows", "1"], ["--max-train-rows"]),
        (["learn", "-p", "CAPTURE", "-o", "m.netml", "--random-state", "-1"], ["--random-state"]),
    ],
    ids=lambda each: " ".join(each) if len(each) > 1 else None,
)
def test_usage(tmp_path, monkeypatch, capture, labels, arguments, parts):
    monkeypatch.chdir(tmp_path)
    places = {"CAPTURE": capture, "LABELS": labels, "BARE": tmp_path / "bare.npz"}
    netml.extract(capture).save(places["BARE"])
    assert_refused(invoke(*(places.get(each, each) for each in arguments)), 2, *parts)
    assert not list(tmp_path.glob("m.*"))


def test_inputs_are_not_written_over(tmp_path, capture, labels, features):
    before = features.read_bytes()
    dat = tmp_path / "features.dat"
    netml.FeatureMatrix.load(features).save(dat)
    assert_refused(invoke("learn", "train", "--feature-file", dat, "-o", dat), 1, dat, "is an input")
    assert_refused(
        invoke("learn", "extract", "-p", capture, "-l", features, "--feature-file", features), 1, "is an input"
    )
    assert features.read_bytes() == before


def test_the_options_of_the_original_go_in_front(tmp_path, capture):
    path = tmp_path / "features.npz"
    front = ("-v", 0, "--flow-pkts-threshold", 5, "--q-interval", 0.5, "--random-state", 3)
    run = invoke(*front, "learn", "extract", "-p", capture, "--feature-file", path)
    assert run == (0, "", "")
    wanted = netml.extract(capture, flow=FlowOptions(min_packets=5, q_interval=0.5))
    np.testing.assert_array_equal(netml.FeatureMatrix.load(path).X, wanted.X)
    run = invoke(
        *front, "learn", "extract", "-p", capture, "--feature-file", path, "--q-interval", 0.9, "--min-packets", 2
    )
    np.testing.assert_array_equal(netml.FeatureMatrix.load(path).X, netml.extract(capture).X)


def test_a_model_of_first_packets(tmp_path, capture):
    """It judges by the first packets, too, whatever comes after them; and says so to whoever reads it."""
    path = tmp_path / "m.netml"
    assert invoke("learn", "-p", capture, "-o", path, "--family", "SIZE", "--max-packets", 3, *FAST).status == 0
    model = netml.load_model(path)
    assert model.representation.to_dict()["max_packets"] == 3
    table = model.representation.read_tables(capture)[0]
    assert table.lengths.max() > 3
    np.testing.assert_array_equal(model.classify(table).scores, model.classify(table.first(3)).scores)
    invoke(
        "learn", "extract", "-p", capture, "--feature-file", tmp_path / "f.npz", "--family", "SIZE", "--max-packets", 3
    )
    np.testing.assert_array_equal(
        netml.FeatureMatrix.load(tmp_path / "f.npz").X, netml.extract(capture, "SIZE", max_packets=3).X
    )
    run = invoke("learn", "train", "--feature-file", tmp_path / "f.npz", "-o", path, "--max-packets", 3)
    assert run.status == 2
    assert "--max-packets belongs to" in run.err


def test_more_is_said_in_detail(tmp_path, capture):
    arguments = ("learn", "-p", capture, "-o", tmp_path / "m.netml", *FAST, "--param", "{n_components: 2}")
    run = invoke("-v", 2, *arguments)
    assert "params   n_components=2; seed 42" in run.out
    assert re.search(r"^learned  dim \d+, interval \S+ s", run.out, re.MULTILINE)
    assert f"netml {netml.__version__}" in run.out
    assert invoke(*arguments).out.count("\n") == 3


@pytest.mark.parametrize("option", ["--help-detector", "--help-algorithm", "--help-param"])
def test_help_of_the_detectors(option):
    run = invoke("learn", option)
    assert (run.status, run.err) == (0, "")
    described = yaml.safe_load(run.out)
    assert described["ocsvm"]["nu"] == 0.5
    assert set(described) >= {"ocsvm", "kde", "if", "ae", "gmm", "pca", "oc-nystroem", "oc-kjl", "ocsvm-sgd"}


def test_too_many_rows_are_refused_and_ways_out_named():
    n_rows = 200_000
    X = np.random.default_rng(0).normal(size=(n_rows, 12))
    matrix = make_matrix(X)
    with pytest.raises(TooManyRowsError, match="200,000") as caught:
        train(matrix, TrainOptions(detector="ocsvm"))
    for way in ("oc-nystroem", "max-train-rows", "force"):
        assert way in str(caught.value)
    model = train(matrix, TrainOptions(detector="ocsvm", max_train_rows=300, random_state=5))
    assert (model.summary["rows_train"], model.summary["rows_used"]) == (n_rows, 300)
    again = train(matrix, TrainOptions(detector="ocsvm", max_train_rows=300, random_state=5))
    np.testing.assert_array_equal(model.decision_function(X[:50]), again.decision_function(X[:50]))
    other = train(matrix, TrainOptions(detector="ocsvm", max_train_rows=300, random_state=6))
    assert (model.decision_function(X[:50]) != other.decision_function(X[:50])).any(), "chosen at random, by the seed"


def test_none_of_the_training_may_count_as_abnormal(tmp_path, features):
    given = ("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", *FAST)
    assert invoke(*given, "--contamination", 0).status == 0
    model = netml.load_model(tmp_path / "m.netml")
    assert (model.detector.contamination, model.threshold) == (0, model.detector.threshold_)
    for share in (-0.1, 0.6):
        assert_refused(invoke(*given, "--contamination", share), 2, "--contamination", "a number from 0 to 0.5")


def test_chosen_rows_are_said(tmp_path, features):
    run = invoke(
        "learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", *FAST, "--max-train-rows", 20
    )
    assert "20 of them chosen at random" in run.out


def test_a_long_fit_is_announced(tmp_path, monkeypatch, features):
    given = ("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", *FAST, "--max-train-rows", 20)
    assert "training" not in invoke(*given).err
    monkeypatch.setattr("netml.ndm.costs.LONG_SECONDS", 0)
    assert "\ntraining gmm on 20 rows, some 0 seconds\n" in invoke(*given).err
    assert invoke(*given, "-q").err == ""
    assert "training" not in invoke(*given, "-v", "0").err


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (np.zeros((0, 3)), "0"),
        (np.zeros((1, 3)), "1"),
        (np.zeros((5, 0)), "0 feature"),
        ([[1.0, np.nan], [1, 2], [3, 4]], "NaN"),
        ([[1.0, 5], [1, np.inf], [3, 4]], "infinity"),
    ],
    ids=["no rows", "one row", "no columns", "NaN", "infinite"],
)
@pytest.mark.parametrize("scale", ["none", "log"])
def test_features_that_nothing_can_be_learned_from(tmp_path, X, text, scale):
    path = tmp_path / "features.npz"
    make_matrix(X).save(path)
    run = invoke("learn", "train", "--feature-file", path, "-o", tmp_path / "m.netml", *FAST, "--scale", scale, "-q")
    assert_refused(run, 1, text)
    assert not (tmp_path / "m.netml").exists()


@pytest.mark.parametrize(
    "algorithm", ["ocsvm", "gmm", "kde", "if", "pca", "ae", "oc-nystroem", "oc-kjl", "ocsvm-sgd", "ecod"]
)
def test_all_rows_equal(tmp_path, algorithm):
    path = tmp_path / "features.npz"
    make_matrix(np.full((30, 3), 7.0)).save(path)
    run = invoke("learn", "train", "--feature-file", path, "-o", tmp_path / "m.netml", "--detector", algorithm, "-q")
    if run.status == 0:
        assert netml.load_model(tmp_path / "m.netml").predict(np.full((2, 3), 7.0)).tolist() == [1, 1]
    else:
        assert_refused(run, 1, "equal")


def test_an_empty_feature_file(tmp_path):
    for suffix in (".dat", ".npz", ".csv", ".npy", ".parquet"):
        path = tmp_path / f"features{suffix}"
        path.write_bytes(b"")
        assert_refused(invoke("learn", "train", "--feature-file", path, "-o", tmp_path / "m.netml"), 1, path)
    with pytest.raises(DamagedFileError):
        netml.FeatureMatrix.load(tmp_path / "features.dat")


def test_labels_that_match_no_flow(tmp_path, capture):
    path = tmp_path / "labels.csv"
    path.write_text("src_ip,dst_ip,src_port,dst_port,protocol,label\n9.9.9.9,8.8.8.8,1,2,6,Attack\n")
    run = invoke("learn", "-p", capture, "-l", path, "-o", tmp_path / "m.netml", "-q")
    assert_refused(run, 1, "none of the labels", path, capture.name)


def test_a_label_file_without_the_columns(tmp_path, capture):
    path = tmp_path / "labels.csv"
    path.write_text("who,what\n1,2\n")
    run = invoke("learn", "-p", capture, "-l", path, "-o", tmp_path / "m.netml", "-q")
    assert_refused(run, 1, path, "src_ip", "dst_ip", "label")
    with pytest.raises(LabelFileError):
        netml.learn(capture, labels=path)


@pytest.mark.parametrize("label", ["BENIGN", "Attack"])
def test_a_class_missing_in_the_test(tmp_path, features, label):
    matrix = netml.FeatureMatrix.load(features)
    matrix.labels[:] = label
    matrix.save(features)
    run = invoke("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", *FAST)
    assert run.status == 0, run.err
    assert "tested   not: the AUC needs rows of both classes" in run.out
    model = netml.load_model(tmp_path / "m.netml")
    assert model.summary["auc"] is None
    json.dumps(model.summary, allow_nan=False)


def test_few_labelled_flows(features):
    matrix = netml.FeatureMatrix.load(features)
    matrix.labels[2:] = ""
    with pytest.raises(TrainingError, match="2 labelled flows"):
        train(matrix, TrainOptions(detector="gmm"))


def test_captures_without_flows(tmp_path):
    empty = traffic.write_pcap(tmp_path / "empty.pcap", [])
    assert_refused(invoke("learn", "-p", empty, "-o", tmp_path / "m.netml", "-q"), 1, "no flows")


def test_a_damaged_capture_is_learned_from_and_said(tmp_path, capture):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(capture.read_bytes()[:-7])
    run = invoke("learn", "-p", cut, "-o", tmp_path / "m.netml", *FAST, "-q")
    assert run.status == 1
    assert "cut" in run.err
    assert netml.load_model(tmp_path / "m.netml").summary["rows"] > 0
    run = invoke("learn", "-p", cut, "-o", tmp_path / "strict.netml", *FAST, "-q", "--strict")
    assert_refused(run, 1, "cut")
    assert not (tmp_path / "strict.netml").exists()


def test_names_of_python(capture):
    with pytest.raises(UnknownNameError, match="magic"):
        netml.learn(capture, detector="magic")
    with pytest.raises(UnknownNameError, match="sideways"):
        netml.learn(capture, detector="gmm", scale="sideways")
    with pytest.raises(TypeError, match="detektor"):
        netml.learn(capture, detektor="gmm")
    with pytest.raises(OptionError, match="labels"):
        netml.learn([capture, capture], detector="gmm", labels=["one.csv"])
