"""What needs no scikit-learn does not load it, and comes to the same as what does."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import traffic
from command import invoke
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from skops import io as skops_io

import netml
from netml._plain_dump import PLAIN_TYPES, PROTOCOL, dump_plain, is_plain
from netml._plain_representation import PlainRepresentation
from netml.errors import OptionError, TrainingError
from netml.flow_model import FlowModel
from netml.model_file import read_model, write_model
from netml.ndm import DETECTORS, has_plain, make_detector
from netml.persist import OutputError, load_data
from netml.trusted import TRUSTED_TYPES, foreign_types, name_of

PLAIN = [name for name, entry in DETECTORS.items() if entry.has_plain]
HEAVY = {"joblib", "matplotlib", "numba", "pandas", "pyarrow", "pyod", "scipy", "skops", "sklearn", "torch"}
ROWS = np.random.default_rng(3).normal(size=(80, 3)).round(1)
# What differs between two trainings of the same.
TIMES = ("created", "train_s", "test_s")


@pytest.fixture
def capture(tmp_path):
    return traffic.write_pcap(tmp_path / "capture.pcap", traffic.many_flows(300, 30))


def parts_of(path):
    """The manifest of a model file without times, and its dump."""
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        dump = archive.read("detector.skops")
    for part in (manifest, manifest["summary"]):
        for name in TIMES:
            part.pop(name, None)
    return manifest, dump


def plan_of(dump):
    """The plan of a dump without identities, with the files' contents instead of their names."""
    with zipfile.ZipFile(io.BytesIO(dump)) as archive:
        plan = json.loads(archive.read("schema.json"))
        waiting = [plan]
        while waiting:
            found = waiting.pop()
            waiting.extend(found if isinstance(found, list) else found.values() if isinstance(found, dict) else ())
            if isinstance(found, dict):
                found.pop("__id__", None)
                if "file" in found:
                    found["file"] = archive.read(found["file"]).hex()
    return plan


def heavy_after(*arguments):
    """Which heavy packages a command has loaded."""
    program = "import sys; from netml.cli import group; from netml.cli.failures import run; " + (
        "status = run(group, sys.argv[1:]); print(status, *sys.modules)"
    )
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    status, *modules = done.stdout.splitlines()[-1].split()
    assert status == "0", done.stderr
    return HEAVY & {module.split(".")[0] for module in modules}


@pytest.mark.parametrize("name", PLAIN)
def test_learning_loads_no_scikit_learn(tmp_path, capture, name):
    assert heavy_after("learn", "-p", capture, "-o", tmp_path / "m.netml", "-a", name) == set()
    features = tmp_path / "f.npz"
    assert heavy_after("learn", "extract", "-p", capture, "-f", features) == set()
    assert heavy_after("learn", "train", "-f", features, "-o", tmp_path / "m.netml", "-a", name.upper()) == set()


@pytest.mark.parametrize("more", [("-a", "gmm"), ("-a", "ecod", "--scale", "log")], ids=" ".join)
def test_it_is_loaded_where_it_is_needed(tmp_path, capture, more):
    assert "sklearn" in heavy_after("learn", "-p", capture, "-o", tmp_path / "m.netml", *more)


@pytest.mark.parametrize("name", PLAIN)
def test_the_model_is_the_one_that_python_gives(tmp_path, capture, name):
    here, there = tmp_path / "here.netml", tmp_path / "there.netml"
    run = invoke("learn", "-p", capture, "-o", here, "-a", name, "--family", "STATS", "--contamination", 0.2, "-q")
    assert run.status == 0, run.err
    model = netml.learn(capture, family="STATS", detector=name, contamination=0.2)
    assert isinstance(model.detector, BaseEstimator)
    assert isinstance(model.representation, BaseEstimator)
    model.save(there)
    (manifest, dump), (other_manifest, other_dump) = parts_of(here), parts_of(there)
    assert manifest == other_manifest
    assert plan_of(dump) == plan_of(other_dump)
    loaded = read_model(here)
    assert type(loaded.detector) is type(model.detector)
    assert loaded.classify(capture).scores.tobytes() == model.classify(capture).scores.tobytes()


def test_labels_are_tested_on_as_ever(tmp_path, capture):
    here = tmp_path / "here.netml"
    run = invoke("learn", "--pcap-normal", capture, "--pcap-abnormal", capture, "-o", here, "-a", "ecod")
    assert run.status == 0, run.err
    marked = netml.FlowRepresentation()
    tables = marked.fit_tables([capture, capture])
    matrix = netml.learning.label_matrix(marked, tables, [0, 1])
    model = netml.training.train(matrix, netml.training.Training(detector="ecod"), representation=marked)
    assert read_model(here).summary["auc"] == model.summary["auc"]


def test_a_pickle_holds_an_estimator(tmp_path, capture):
    path = tmp_path / "m.dat"
    run = invoke("learn", "-p", capture, "-o", path, "-a", "ecod")
    assert run.status == 0, run.err
    model, _ = load_data(path)
    assert isinstance(model.detector, BaseEstimator)
    assert isinstance(model.representation, netml.FlowRepresentation)


@pytest.mark.parametrize("name", PLAIN)
def test_the_dump_is_the_one_that_skops_writes(name):
    plain = make_detector(name, is_plain=True).fit(ROWS)
    estimator = make_detector(name).fit(ROWS)
    assert is_plain(plain)
    assert not is_plain(estimator)
    dump = dump_plain(plain)
    assert foreign_types(dump) == set()
    theirs = plan_of(skops_io.dumps({"detector": estimator, "scaler": None}))
    # A newer skops may write a newer protocol: it then has to read this one.
    assert plan_of(dump) == {**theirs, "protocol": PROTOCOL}
    loaded = skops_io.loads(dump, trusted=list(TRUSTED_TYPES))
    assert loaded["scaler"] is None
    assert type(loaded["detector"]) is type(estimator)
    assert list(vars(loaded["detector"])) == list(vars(estimator))
    for key, value in vars(estimator).items():
        np.testing.assert_array_equal(vars(loaded["detector"])[key], value, strict=isinstance(value, np.ndarray))


def test_all_plain_detectors_can_be_written():
    assert PLAIN
    for name in PLAIN:
        plain, estimator = make_detector(name, is_plain=True), make_detector(name)
        assert PLAIN_TYPES[name_of(type(plain))] == name_of(type(estimator))
        assert isinstance(estimator, type(plain))
    assert has_plain("ECOD")
    assert not has_plain("iforest")


def test_what_is_neither_number_nor_array_is_refused(tmp_path):
    for strange in (object(), np.array([None])):
        plain = make_detector("ecod", is_plain=True).fit(ROWS)
        plain.more_ = strange
        with pytest.raises(OutputError, match=r"m\.netml: cannot hold the detector ecod: .*; a \.dat file can"):
            write_model(tmp_path / "m.netml", FlowModel(plain, algorithm="ecod"))
    assert not (tmp_path / "m.netml").exists()


def test_errors_are_those_of_the_estimators():
    plain = make_detector("ecod", is_plain=True)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        plain.decision_function(ROWS)
    with pytest.raises(NotFittedError, match="has learned nothing yet"):
        PlainRepresentation().represent([])
    with pytest.raises(TrainingError, match="at least 2 are needed"):
        plain.fit(ROWS[:1])
    with pytest.raises(OptionError, match="contamination"):
        make_detector("ecod", {"contamination": 2}, is_plain=True)
    with pytest.raises(OptionError, match="one of contamination"):
        make_detector("ecod", {"nu": 2}, is_plain=True)
