"""Detectors and scalers that need only numpy: no library is loaded to judge, and their files are checked before use."""

import io
import json
import random
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
import traffic
from command import invoke
from pyod.models.pca import PCA as PyodPCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import RobustScaler, StandardScaler

import netml
from netml import ndm
from netml.errors import DamagedFileError, NetmlError, OptionError, OutputError, UntrustedFileError
from netml.models.flow_model import FlowModel
from netml.models.model_file import read_model
from netml.ndm import make_detector
from netml.ndm.gmm import GMM
from netml.ndm.kde import KDE
from netml.ndm.pca import PCA
from netml.ndm.scaling import SCALERS, make_scaler
from netml.utils.tool import load_data

ARRAYS = ("kde", "gmm", "pca", "ae", "oc-nystroem", "oc-kjl", "ocsvm-sgd", "copod", "ecod")
HEAVY = {"joblib", "matplotlib", "numba", "pandas", "pyarrow", "pyod", "scipy", "skops", "sklearn", "torch"}
RANDOM = np.random.default_rng(3)
TRAIN = RANDOM.normal(size=(80, 3)).round(1)
TEST = RANDOM.normal(size=(20, 3)) * 2


@pytest.fixture
def capture(tmp_path):
    return traffic.write_pcap(tmp_path / "capture.pcap", traffic.many_flows(300, 30))


def saved(tmp_path, name="gmm", scale="log", **params):
    scaler = make_scaler(scale)
    rows = TRAIN if scaler is None else scaler.fit_transform(TRAIN)
    model = FlowModel(make_detector(name, params).fit(rows), scaler=scaler, detector_name=name, scale=scale)
    model.save(tmp_path / "m.netml")
    return tmp_path / "m.netml", model


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_array(path, name, change, **saving):
    """Change an array, and write it as numpy does."""
    members = members_of(path)
    changed = io.BytesIO()
    np.save(changed, change(np.load(io.BytesIO(members[f"{name}.npy"]))), **saving)
    write_members(path, members | {f"{name}.npy": changed.getvalue()})


def with_manifest(path, change):
    members = members_of(path)
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    write_members(path, members | {"manifest.json": json.dumps(manifest)})


def heavy_after(*arguments):
    """The heavy packages that a command has loaded."""
    program = "import sys; from netml.cli import group; from netml.cli.runtime.errors import run; " + (
        "status = run(group, sys.argv[1:]); print(status, *sys.modules)"
    )
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    status, *modules = done.stdout.splitlines()[-1].split()
    assert status == "0", done.stderr
    return HEAVY & {module.split(".")[0] for module in modules}


def test_all_of_them_are_here():
    assert {name for name, entry in ndm.DETECTORS.items() if not entry.is_pyod} == {*ARRAYS, "ocsvm", "if"}
    for name in ndm.DETECTORS:
        is_array = name in ARRAYS
        if not ndm.DETECTORS[name].is_pyod:
            assert (ndm.array_detector_name(make_detector(name)) == name) == is_array
        if not is_array:
            with pytest.raises(ValueError, match="no detector that is kept as arrays"):
                ndm.array_detector_class(name)


@pytest.mark.parametrize("name", ARRAYS)
def test_judging_loads_only_numpy(tmp_path, capture, name):
    path = tmp_path / "m.netml"
    run = invoke("learn", "-p", capture, "-o", path, "-d", name, "--family", "SIZE", "--scale", "log", "-q")
    assert run.status == 0, run.err
    assert heavy_after("classify", "-m", path, capture) == set()


@pytest.mark.parametrize("name", ["ecod", "copod"])
def test_learning_loads_only_numpy(tmp_path, capture, name):
    assert heavy_after("learn", "-p", capture, "-o", tmp_path / "m.netml", "-d", name) == set()
    assert heavy_after("learn", "-p", capture, "-o", tmp_path / "m.dat", "-d", name, "--scale", "robust") == set()
    features = tmp_path / "f.npz"
    assert heavy_after("learn", "extract", "-p", capture, "--feature-file", features) == set()
    assert (
        heavy_after("learn", "train", "--feature-file", features, "-o", tmp_path / "m.netml", "-d", name.upper())
        == set()
    )


def test_libraries_are_loaded_where_they_are_needed(tmp_path, capture):
    assert "sklearn" in heavy_after("learn", "-p", capture, "-o", tmp_path / "m.netml", "-d", "gmm")


def test_files_of_arrays_have_no_dump(tmp_path):
    path, _ = saved(tmp_path)
    factors = "precisions_cholesky_"
    names = [f"detector.{name}.npy" for name in ("weights_", "means_", factors)]
    assert set(members_of(path)) == {*names, "scaler.center_.npy", "scaler.scale_.npy", "manifest.json"}
    manifest = json.loads(members_of(path)["manifest.json"])
    assert manifest["detector"]["kind"] == "gmm"
    assert manifest["scaler"] == {"kind": "log", "params": {}, "n_features": 3, "numbers": {}}


@pytest.mark.parametrize("scale", SCALERS)
@pytest.mark.parametrize("name", [*ARRAYS, "ocsvm"])
def test_what_is_read_is_what_was_written(tmp_path, name, scale):
    path, model = saved(tmp_path, name, scale, contamination=0.25)
    loaded = read_model(path)
    assert type(loaded.detector) is type(model.detector)
    assert loaded.detector.get_params() == model.detector.get_params()
    assert loaded.threshold == model.threshold
    assert loaded.decision_function(TEST).tobytes() == model.decision_function(TEST).tobytes()
    assert loaded.predict(TEST).tolist() == model.predict(TEST).tolist()
    assert (loaded.scaler is None) == (scale == "none")
    for suffix in ("netml", "dat"):
        loaded.save(tmp_path / f"again.{suffix}")
        again = netml.load_model(tmp_path / f"again.{suffix}")
        assert again.decision_function(TEST).tobytes() == model.decision_function(TEST).tobytes()


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("name", ["gmm", "oc-kjl"])
def test_all_covariances_are_kept(tmp_path, name, kind):
    path, model = saved(tmp_path, name, n_components=3, covariance_type=kind)
    assert read_model(path).decision_function(TEST).tobytes() == model.decision_function(TEST).tobytes()


def test_parameters_that_are_arrays_are_kept_as_lists(tmp_path):
    means = np.array([[0.1, 0, 0], [1, 1, 1]])
    path, model = saved(tmp_path, n_components=np.int64(2), means_init=means)
    loaded = read_model(path)
    assert loaded.detector.means_init == means.tolist()
    assert loaded.decision_function(TEST).tobytes() == model.decision_function(TEST).tobytes()


@pytest.mark.parametrize("value", [np.random.RandomState(1), np.inf])
def test_parameters_that_no_file_can_hold_are_told(tmp_path, value):
    detector = GMM().fit(TRAIN)
    detector.random_state = value
    with pytest.raises(OutputError, match=r"cannot hold .* GMM: the parameter random_state is .*\.dat file can"):
        FlowModel(detector).save(tmp_path / "m.netml")
    assert not (tmp_path / "m.netml").exists()


def test_a_detector_that_is_not_fitted_is_not_written(tmp_path):
    with pytest.raises(OutputError, match="cannot hold the detector GMM: "):
        FlowModel(GMM()).save(tmp_path / "m.netml")


def test_libraries_of_other_versions_change_nothing(tmp_path):
    path, model = saved(tmp_path)
    model.versions["scikit-learn"] = "1.2.3"
    model.save(path)
    assert "notes" not in read_model(path).summary


def test_a_pickle_holds_the_same_class(tmp_path, capture):
    run = invoke("learn", "-p", capture, "-o", tmp_path / "m.dat", "-d", "ecod")
    assert run.status == 0, run.err
    model, _ = load_data(tmp_path / "m.dat")
    assert type(model.detector).__name__ == "ECOD"
    assert isinstance(model.representation, netml.FlowRepresentation)


def test_labels_are_tested_on_as_ever(tmp_path, capture):
    here = tmp_path / "here.netml"
    run = invoke("learn", "--pcap-normal", capture, "--pcap-abnormal", capture, "-o", here, "-d", "ecod")
    assert run.status == 0, run.err
    marked = netml.FlowRepresentation()
    tables = marked.fit_tables([capture, capture])
    matrix = netml.models.learn.label_matrix(marked, tables, [0, 1])
    model = netml.models.training.train(
        matrix, netml.models.training.TrainOptions(detector="ecod"), representation=marked
    )
    assert read_model(here).summary["auc"] == model.summary["auc"]


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_gmm_scores_as_scikit_learn(kind):
    params = {"n_components": 3, "covariance_type": kind, "random_state": 42}
    theirs = -GaussianMixture(**params).fit(TRAIN).score_samples(TEST)
    np.testing.assert_allclose(GMM(**params).fit(TRAIN).decision_function(TEST), theirs, rtol=1e-9)


@pytest.mark.parametrize("params", [{}, {"n_components": 2}, {"weighted": False}, {"standardization": False}], ids=str)
def test_pca_scores_as_pyod(params):
    theirs = PyodPCA(**params).fit(TRAIN).decision_function(TEST)
    np.testing.assert_allclose(PCA(**params).fit(TRAIN).decision_function(TEST), theirs, rtol=1e-9)


@pytest.mark.parametrize("bandwidth", [0.3, "scott", "silverman"])
@pytest.mark.parametrize(
    ("metric", "params"), [("euclidean", None), ("l1", None), ("chebyshev", None), ("minkowski", {"p": 3})]
)
@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine"])
def test_kde_scores_as_scikit_learn(kernel, metric, params, bandwidth):
    chosen = {"kernel": kernel, "metric": metric, "metric_params": params, "bandwidth": bandwidth}
    theirs = -KernelDensity(**chosen).fit(TRAIN).score_samples(TEST)
    ours = KDE(**chosen).fit(TRAIN).decision_function(TEST)
    is_empty = ours == np.finfo(float).max  # the trees leave rounding there: a density of e^-40 where there is none
    assert (theirs[is_empty] > 25).all()
    np.testing.assert_allclose(ours[~is_empty], theirs[~is_empty], rtol=1e-9)


@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov", "exponential", "linear"])
def test_kde_loses_nothing_of_small_distances_between_large_numbers(kernel):
    """A matrix product of rows with norms of 10^8 knows their distances to some 1, which is the bandwidth."""
    steps = np.array([0, 0.25, 0.5, 1.0, 1.25])
    rows = np.array([[far + step, -far, 0.5 * step] for far in (0, 1e8) for step in steps])
    detector = KDE(kernel=kernel).fit(rows)
    squares = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    kernels = {
        "gaussian": np.exp(-squares / 2),
        "tophat": squares < 1,
        "epanechnikov": np.maximum(1 - squares, 0),
        "exponential": np.exp(-np.sqrt(squares)),
        "linear": np.maximum(1 - np.sqrt(squares), 0),
    }
    scores = -np.log(kernels[kernel].sum(axis=1))
    np.testing.assert_allclose(np.diff(detector.decision_function(rows)), np.diff(scores), rtol=1e-9, atol=1e-9)


def test_kde_keeps_equal_rows_once():
    detector = KDE().fit(np.repeat(TRAIN, 3, axis=0))
    assert len(detector.rows_) == len(np.unique(TRAIN, axis=0))
    np.testing.assert_allclose(detector.decision_function(TEST), KDE().fit(TRAIN).decision_function(TEST), rtol=1e-9)


@pytest.mark.parametrize("params", [{"metric": "haversine"}, {"metric_params": {"p": 3}}], ids=str)
def test_kde_tells_of_metrics_that_it_does_not_have(params):
    with pytest.raises(OptionError, match=r"metric(_params)?=.*must be "):
        make_detector("kde", params)


@pytest.mark.parametrize(("name", "kind"), [("standard", StandardScaler), ("robust", RobustScaler)])
def test_scalers_scale_as_scikit_learns(name, kind):
    rows = np.column_stack([TRAIN, np.full(len(TRAIN), 0.1), np.full(len(TRAIN), 1e9 / 3), TRAIN[:, 0] * 1e6])
    theirs = kind().fit_transform(rows)
    np.testing.assert_allclose(make_scaler(name).fit_transform(rows), theirs, rtol=1e-9, atol=1e-9)


DAMAGE = {
    "another type": ("gmm", "means_", lambda means: means.astype(np.float32)),
    "another byte order": ("gmm", "means_", lambda means: means.astype(">f8")),
    "integers": ("gmm", "means_", lambda means: means.astype(int)),
    "the order of Fortran": ("gmm", "precisions_cholesky_", lambda factors: np.asfortranarray(factors)),
    "a dimension more": ("gmm", "means_", lambda means: means[None]),
    "a Gaussian more": ("gmm", "weights_", lambda weights: np.repeat(weights, 2)),
    "a column less": ("gmm", "means_", lambda means: means[:, :2]),
    "what is no number": ("gmm", "means_", lambda means: means * np.nan),
    "what is infinite": ("kde", "rows_", lambda rows: rows + np.inf),
    "nothing": ("kde", "counts_", lambda counts: counts * 0),
    "columns that overlap": ("ecod", "ends_", lambda ends: ends[::-1].copy()),
    "columns that end nowhere": ("ecod", "ends_", lambda ends: ends + 1),
    "columns before the first": ("ecod", "ends_", lambda ends: ends - 10**6),
    "columns of unlike length": ("copod", "counts_", lambda counts: np.arange(1, len(counts) + 1)),
    "counts below 0": ("copod", "counts_", lambda counts: -counts),
    "layers that do not fit": ("ae", "biases_.1", lambda biases: biases[:-1]),
    "landmarks of another width": ("oc-kjl", "landmarks_", lambda landmarks: landmarks[:, 1:]),
    "directions of others": ("oc-kjl", "projection_", lambda projection: projection[1:]),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_arrays_that_do_not_fit(tmp_path, what):
    name, array, change = DAMAGE[what]
    path, _ = saved(tmp_path, name, "none", **({"n_components": 2} if name == "gmm" else {}))
    with_array(path, f"detector.{array}", lambda found: found)
    read_model(path)
    with_array(path, f"detector.{array}", change)
    with pytest.raises(DamagedFileError, match="a damaged model file"):
        read_model(path)


def test_objects_are_never_unpickled(tmp_path):
    path, _ = saved(tmp_path)
    with_array(path, "detector.means_", lambda means: means.astype(object), allow_pickle=True)
    for trust in (False, True):
        with pytest.raises(DamagedFileError, match="a damaged model file"):
            read_model(path, trust=trust)


MANIFESTS = {
    "another kind": lambda manifest: manifest["detector"].update(kind="ecod"),
    "a kind that is none": lambda manifest: manifest["detector"].update(kind="gmm2"),
    "a kind of scikit-learn": lambda manifest: manifest["detector"].update(kind="ocsvm"),
    "a scaler of no kind": lambda manifest: manifest["scaler"].update(kind="none"),
    "a parameter of no name": lambda manifest: manifest["detector"]["params"].update(other=1),
    "covariances of no kind": lambda manifest: manifest["detector"]["params"].update(covariance_type=["full"]),
    "other covariances": lambda manifest: manifest["detector"]["params"].update(covariance_type="diag"),
    "no columns": lambda manifest: manifest["detector"].update(n_features=0),
    "columns that are none": lambda manifest: manifest["detector"].update(n_features=True),
    "columns beyond measure": lambda manifest: manifest["detector"].update(n_features=10**12),
    "a threshold that is none": lambda manifest: manifest.update(threshold=float("nan")),
    "no detector": lambda manifest: manifest.update(detector=None),
    "a detector that is none": lambda manifest: manifest.update(detector={}),
}


@pytest.mark.parametrize("what", MANIFESTS)
def test_manifests_that_do_not_fit(tmp_path, what):
    path, _ = saved(tmp_path)
    with_manifest(path, MANIFESTS[what])
    with pytest.raises(DamagedFileError):
        read_model(path)


def test_a_number_that_is_none(tmp_path):
    path, _ = saved(tmp_path, "kde")
    for value in (None, "1", True, 0, -1, float("inf")):
        with_manifest(path, lambda manifest, value=value: manifest["detector"]["numbers"].update(bandwidth_=value))
        with pytest.raises(DamagedFileError):
            read_model(path)


def test_members_that_are_missing_or_longer(tmp_path):
    path, _ = saved(tmp_path)
    members = members_of(path)
    for name in members:
        write_members(path, {other: content for other, content in members.items() if other != name})
        with pytest.raises(DamagedFileError):
            read_model(path)
        write_members(path, members | {name: members[name] + b"0"})
        with pytest.raises(DamagedFileError):
            read_model(path)


def loading_peak(path):
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFileError):
            read_model(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_header_that_promises_much(tmp_path):
    path, _ = saved(tmp_path)
    read_model(path)
    members = members_of(path)
    for name in ("detector.means_.npy", "detector.weights_.npy"):
        for n_rows in (10**9, 10**30):
            header = io.BytesIO()
            shape = (n_rows, 3) if "means" in name else (n_rows,)
            np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
            write_members(path, members | {name: header.getvalue() + members[name][128:]})
            assert loading_peak(path) < 4 << 20


def test_an_entry_that_lies_about_its_size(tmp_path):
    path, _ = saved(tmp_path)
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 24
    for size in (2**32 - 2, 3 << 20, 100, 1):
        content[place : place + 4] = size.to_bytes(4, "little")
        path.write_bytes(content)
        assert loading_peak(path) < 8 << 20


def test_a_header_and_an_entry_that_lie_alike(tmp_path):
    path, _ = saved(tmp_path, "kde", "none")
    for n_rows in (1000, 1 << 20, 10 << 20):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (n_rows, 3)})
        members = members_of(path)
        write_members(path, members | {"detector.rows_.npy": header.getvalue() + bytes(100)})
        content = bytearray(path.read_bytes())
        start = content.index(b"detector.rows_.npy", content.index(b"PK\x01\x02")) - 46
        content[start + 20 : start + 24] = (2**32 - 2).to_bytes(4, "little")
        content[start + 24 : start + 28] = (128 + 24 * n_rows).to_bytes(4, "little")
        path.write_bytes(content)
        assert loading_peak(path) < 8 << 20
        write_members(path, members)


def test_a_member_that_unpacks_to_more_than_it_says(tmp_path):
    path, _ = saved(tmp_path, "kde", "none")
    with_array(path, "detector.rows_", lambda rows: np.zeros((1 << 21, 3)))
    content = bytearray(path.read_bytes())
    start = content.index(b"detector.rows_.npy", content.index(b"PK\x01\x02")) - 46
    content[start + 24 : start + 28] = (128 + TRAIN.nbytes).to_bytes(4, "little")
    path.write_bytes(content)
    assert loading_peak(path) < 8 << 20


@pytest.mark.parametrize("name", ["gmm", "kde", "ecod", "oc-kjl", "ae"])
def test_mutations_load_equal_or_are_damage(tmp_path, name):
    path, model = saved(tmp_path, name)
    scores = model.decision_function(TEST).tobytes()
    whole = path.read_bytes()
    generator = random.Random(5)
    errors = []
    tracemalloc.start()
    for number in range(300):
        content = bytearray(whole)
        for _ in range(generator.choice((1, 1, 4, 16))):
            content[generator.randrange(len(content))] = generator.randrange(256)
        path.write_bytes(content[: generator.randrange(len(content))] if number % 5 == 0 else content)
        try:
            assert read_model(path).decision_function(TEST).tobytes() == scores
        except (DamagedFileError, UntrustedFileError) as error:
            errors.append(str(error))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(errors) > 100
    assert "\n" not in "".join(errors)
    assert peak < 16 << 20


@pytest.mark.parametrize("name", ["gmm", "kde", "ecod", "oc-kjl", "ae"])
def test_mutations_behind_right_checksums_are_one_error(tmp_path, name):
    path, _ = saved(tmp_path, name)
    members = members_of(path)
    generator = random.Random(6)
    errors = []
    tracemalloc.start()
    for _ in range(300):
        member = generator.choice(["manifest.json"] * 3 + list(members))
        content = bytearray(members[member])
        for _ in range(generator.choice((1, 4))):
            place = generator.randrange(min(len(content), 200) if generator.random() < 0.5 else len(content))
            content[place] = generator.choice(b'0123456789"{}[],:aeN\\\x00\xff')
        write_members(path, members | {member: bytes(content)})
        try:
            read_model(path).decision_function(TEST)
        except NetmlError as error:
            errors.append(str(error))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(errors) > 50
    assert "\n" not in "".join(errors)
    assert peak < 16 << 20
