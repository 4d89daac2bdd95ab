"""`.netml` files: what goes in comes out to the last bit; what would run something, or is damaged, does not load."""

import functools
import io
import json
import operator
import os
import random
import subprocess
import sys
import warnings
import zipfile
from datetime import UTC

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import Bunch
from skops import io as skops_io

from netml.errors import DamagedFileError, MissingExtraError, NetmlError, OutputError, UntrustedFileError
from netml.features.representation import FlowRepresentation
from netml.files.trusted_types import TRUSTED_TYPES, foreign_types
from netml.models.flow_model import FlowModel
from netml.models.model_file import read_model, write_model
from netml.models.versions import version_notes
from netml.ndm import DETECTORS, make_detector
from netml.ndm.ocsvm import OCSVM
from netml.ndm.scaling import SCALERS, make_scaler
from netml.utils.tool import dump_data, load_data

TRAIN = np.random.default_rng(1).normal(size=(60, 4))
TEST = np.random.default_rng(2).normal(size=(20, 4)) * 3
UNWRITABLE = {name for name, entry in DETECTORS.items() if entry.extra == "torch"}  # they keep networks
REPRESENTATION = {"families": ["STATS"], "dim": 4, "interval_s": 1.5}


@functools.cache
def fitted(name):
    try:
        return make_detector(name).fit(TRAIN)
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def model():
    scaler = StandardScaler().fit(TRAIN)
    return FlowModel(
        OCSVM(nu=0.25).fit(scaler.transform(TRAIN)),
        representation=FlowRepresentation.from_dict(REPRESENTATION),
        scaler=scaler,
        detector_name="ocsvm",
        params={"nu": np.float64(0.25)},
        scale="standard",
        columns=("a", "b", "c", "d"),
        summary={"rows": np.int64(60), "auc": 0.75, "worst": float("inf"), "notes": ["old"]},
        versions={"netml": "0.1", "scikit-learn": "1.2.3"},
    )


@pytest.fixture
def path(tmp_path, model):
    write_model(tmp_path / "m.netml", model)
    return tmp_path / "m.netml"


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_manifest(path, **changes):
    members = members_of(path)
    members["manifest.json"] = json.dumps({**json.loads(members["manifest.json"]), **changes})
    write_members(path, members)


def with_plan(path, change, rest=()):
    """Change the plan in the skops dump, which tells what is made."""
    members = members_of(path)
    inner = members_of(io.BytesIO(members["detector.skops"]))
    plan = json.loads(inner["schema.json"])
    inner["schema.json"] = json.dumps(change(plan) or plan)
    dump = io.BytesIO()
    with zipfile.ZipFile(dump, "w") as archive:
        for name, content in (inner | dict(rest)).items():
            archive.writestr(name, content)
    write_members(path, members | {"detector.skops": dump.getvalue()})


def with_dump(path, content):
    write_members(path, members_of(path) | {"detector.skops": skops_io.dumps(content)})


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - UNWRITABLE))
def test_every_detector_scores_the_same_after_it_was_written(tmp_path, name):
    detector = fitted(name)
    for suffix in ("netml", "dat"):
        file = tmp_path / f"m.{suffix}"
        FlowModel(detector, detector_name=name).save(file)
        loaded, _ = load_data(file)
        assert loaded.decision_function(TEST).tobytes() == detector.decision_function(TEST).tobytes()
        assert loaded.predict(TEST).tolist() == detector.predict(TEST).tolist()
        assert loaded.threshold == detector.threshold_


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - UNWRITABLE))
def test_no_type_is_missing_in_the_list(name):
    missing = foreign_types(skops_io.dumps(fitted(name)))
    assert not missing, f"{name} needs {sorted(missing)}: read what they do, then list them in src/netml/trusted.py"


@pytest.mark.parametrize("name", sorted(UNWRITABLE))
def test_what_cannot_be_held_is_said_at_once(tmp_path, name):
    with pytest.raises(OutputError, match=rf"cannot hold the detector {name}.*a \.dat file can, but loads only with"):
        write_model(tmp_path / "m.netml", FlowModel(fitted(name), detector_name=name))


def test_what_cannot_be_held_leaves_the_old_file(tmp_path):
    target = tmp_path / "m.netml"
    target.write_bytes(b"old")
    detector = OCSVM().fit(TRAIN)
    detector.rest_ = (number for number in ())
    with pytest.raises(OutputError, match=r"m\.netml: cannot hold the detector OCSVM: .*generator.*; a \.dat file can"):
        write_model(target, FlowModel(detector))
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m.netml"]


def test_what_would_not_be_read_is_not_written(tmp_path):
    strange = FlowModel(OCSVM().fit(TRAIN), scaler=FunctionTransformer(np.log1p), detector_name="ocsvm")
    log1p = r"numpy\.(_core\._multiarray_umath\.)?log1p"  # the name depends on numpy's release
    with pytest.raises(OutputError, match=rf"cannot hold the detector ocsvm, for it holds {log1p}, sklearn\."):
        write_model(tmp_path / "m.netml", strange)
    assert not (tmp_path / "m.netml").exists()


@pytest.mark.parametrize("scale", SCALERS)
def test_every_scaler_goes_along(tmp_path, scale):
    scaler = make_scaler(scale)
    rows = TRAIN if scaler is None else scaler.fit_transform(TRAIN)
    kept = FlowModel(OCSVM().fit(rows), scaler=scaler, scale=scale)
    write_model(tmp_path / "m.netml", kept)
    loaded = read_model(tmp_path / "m.netml")
    assert loaded.scale == scale
    assert loaded.decision_function(TEST).tobytes() == kept.decision_function(TEST).tobytes()


def test_all_parts_come_back(path, model):
    loaded = read_model(path)
    assert loaded.decision_function(TEST).tobytes() == model.decision_function(TEST).tobytes()
    assert (loaded.detector_name, loaded.params, loaded.scale) == ("ocsvm", {"nu": 0.25}, "standard")
    assert loaded.columns == ("a", "b", "c", "d")
    assert loaded.representation.to_dict() == model.representation.to_dict()
    assert loaded.threshold == model.threshold
    assert {**loaded.summary, "notes": 0} == {"rows": 60, "auc": 0.75, "worst": "inf", "notes": 0}
    assert loaded.versions["scikit-learn"] == "1.2.3"


def test_the_pickle_holds_the_same(tmp_path, model):
    dump_data((model, {"score": 0.75}), tmp_path / "m.dat")
    loaded, history = load_data(tmp_path / "m.dat")
    assert loaded.decision_function(TEST).tobytes() == model.decision_function(TEST).tobytes()
    assert loaded.representation.to_dict() == model.representation.to_dict()
    assert history == {"score": 0.75}


def test_load_data_gives_the_pair_of_the_original(path):
    loaded, history = load_data(path)
    assert isinstance(loaded, FlowModel)
    assert (history["score"], history["rows"]) == (0.75, 60)


def test_the_manifest_can_be_read(path):
    manifest = json.loads(members_of(path)["manifest.json"])
    assert (manifest["format"], manifest["format_version"]) == ("netml-model", 1)
    assert set(manifest["versions"]) == {"netml", "python", "numpy", "scikit-learn", "pyod", "skops"}
    assert manifest["created"].endswith("+00:00")
    assert manifest["threshold"] == read_model(path).threshold
    assert "notes" not in manifest["summary"]


def test_a_model_of_other_versions_says_so_in_its_summary(path):
    def change(plan):
        text = json.dumps(plan)
        key = '"_sklearn_version": {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": '
        changed = text.replace(key + '"\\"1.', key + '"\\"0.')
        assert changed != text
        return json.loads(changed)

    with_plan(path, change)
    with pytest.warns(UserWarning, match="Trying to unpickle"):  # what skops alone would let through
        skops_io.loads(members_of(path)["detector.skops"], trusted=list(TRUSTED_TYPES))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (note,) = read_model(path).summary["notes"]
    assert note.startswith("trained with scikit-learn 1.2, this is ")
    assert version_notes({}) == []


def test_what_another_version_wrote_and_this_cannot_read_names_both(path):
    with_plan(path, lambda plan: plan["content"].update(detector={**plan["content"]["detector"], "content": {}}))
    with pytest.raises(DamagedFileError, match=r"written with scikit-learn 1\.2\.3 \(here \S+\).*: cannot be read: "):
        read_model(path)


def test_files_of_development_versions_ask_for_another_training(path):
    detector = make_detector("gmm").fit(TRAIN)
    members = members_of(path)
    write_members(path, members | {"detector.skops": skops_io.dumps({"detector": detector, "scaler": None})})
    with pytest.raises(DamagedFileError, match=r"written by an earlier development version .*: train it again$"):
        read_model(path)
    write_members(path, members)
    with_plan(path, lambda plan: plan["content"]["detector"].update(__module__="netml._tails", __class__="ECOD"))
    for trust in (False, True):
        with pytest.raises(DamagedFileError, match="by an earlier development version"):
            read_model(path, trust=trust)
    path.with_suffix(".dat").write_bytes(b"cnetml.learning\nFlowModel\n.")
    for trust in (False, True):
        with pytest.raises(DamagedFileError, match="by an earlier development version"):
            load_data(path.with_suffix(".dat"), trust=trust)


def test_a_model_without_representation(tmp_path):
    write_model(tmp_path / "m.netml", FlowModel(OCSVM().fit(TRAIN)))
    loaded = read_model(tmp_path / "m.netml")
    assert (loaded.representation, loaded.scaler, loaded.columns) == (None, None, None)


def test_writing_is_whole_or_not_at_all(path, model, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *places: (_ for _ in ()).throw(OSError(28, "no space")))
    with pytest.raises(OutputError, match="no space left on the device"):
        write_model(path, model)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_pipe_is_read(path):
    read, write = os.pipe()
    with open(write, "wb") as stream:
        stream.write(path.read_bytes())
    assert read_model(f"/dev/fd/{read}").detector_name == "ocsvm"
    os.close(read)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04N.", b"no model" * 50], ids=str)
def test_what_is_no_model(path, content):
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"m\.netml: not a netml model$"):
        read_model(path)


def test_other_archives_are_no_models(path):
    np.savez(path.with_suffix(".npz"), a=TRAIN)
    with pytest.raises(DamagedFileError, match=r"\.npz: not a netml model$"):
        read_model(path.with_suffix(".npz"))
    with_manifest(path, format="another")
    with pytest.raises(DamagedFileError, match=r"not a netml model$"):
        read_model(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_model(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedFileError, match=r"m\.netml: a cut or damaged model file$"):
        read_model(path)


@pytest.mark.parametrize("suffix", ["netml", "dat"])
def test_a_package_that_is_missing_is_named(tmp_path, suffix, monkeypatch):
    FlowModel(fitted("lof"), detector_name="lof").save(tmp_path / f"m.{suffix}")
    monkeypatch.setitem(sys.modules, "pyod.models.lof", None)
    with pytest.raises(DamagedFileError, match=r"needs a package that is not there: .*pyod\.models\.lof"):
        load_data(tmp_path / f"m.{suffix}")


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_model(tmp_path / "none.netml")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format_version": 2}, r"written by a newer netml \(format 2\)"),
        ({"format_version": "1"}, "damaged"),
        ({"params": []}, "the params in its manifest is damaged"),
        ({"columns": "a"}, "the columns in its manifest is damaged"),
        ({"representation": {"families": []}}, "the representation in its manifest is damaged: "),
        ({"representation": {"families": ["IAT"], "dim": -1, "interval_s": "x"}}, "the representation in its manifest"),
    ],
    ids=str,
)
def test_a_damaged_manifest(path, changes, reason):
    with_manifest(path, **changes)
    with pytest.raises(DamagedFileError, match=reason):
        read_model(path)


def test_files_that_would_fill_the_memory(path):
    members = members_of(path)
    write_members(path, members | {"manifest.json": b" " * (17 << 20) + members["manifest.json"]})
    with pytest.raises(DamagedFileError, match="would unpack to 17,"):
        read_model(path)
    write_members(path, members | {"detector.skops": bytes(257 << 20)})
    with pytest.raises(DamagedFileError, match=r"its members would unpack to 269,48\d,\d{3} bytes"):
        read_model(path)


def test_a_dump_that_names_one_file_many_times(path):
    def change(plan):
        array = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy"}
        many = [{**array, "__id__": number, "file": "large.npy"} for number in range(1, 2000)]
        plan["content"]["detector"]["content"]["content"]["gamma"] = {
            "__class__": "list",
            "__module__": "builtins",
            "__loader__": "ListNode",
            "content": many,
        }

    large = io.BytesIO()
    np.save(large, np.zeros(100_000))
    with_plan(path, change, {"large.npy": large.getvalue()})
    with pytest.raises(DamagedFileError):
        read_model(path)


class WithReduce:
    def __reduce__(self):
        return os.system, ("true",)  # never run: skops takes the attributes


ATTACKS = {
    "posix.system": os.system,
    "builtins.eval": eval,
    "builtins.exec": exec,
    "functools.partial": functools.partial(os.system, "true"),
    "numpy.load": np.load,
    "numpy.fromfile": np.fromfile,
    "operator.methodcaller": operator.methodcaller("tofile", "x"),
    "operator.attrgetter": operator.attrgetter("x"),
    "netml.ndm.make_detector": make_detector,
    "sklearn.preprocessing._function_transformer.FunctionTransformer": FunctionTransformer(os.system),
    "sklearn.utils._bunch.Bunch": Bunch(a=1),
    f"{__name__}.WithReduce": WithReduce(),
    "sklearn.preprocessing._data.StandardScaler.fit": StandardScaler().fit,
    "datetime.timezone": UTC,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_not_listed_is_refused(path, name):
    detector = OCSVM().fit(TRAIN)
    for content in (
        {"detector": ATTACKS[name], "scaler": None},
        {"detector": detector, "scaler": [ATTACKS[name]]},
        {"detector": FlowModel(detector, scaler=ATTACKS[name]), "scaler": None},
    ):
        with_dump(path, content)
        with pytest.raises(UntrustedFileError, match=rf"m\.netml: holds .*\b{name}\b.*; pass trust=True"):
            read_model(path)


def test_trust_loads_what_is_not_listed(path):
    with_dump(path, {"detector": OCSVM().fit(TRAIN), "scaler": FunctionTransformer(np.log1p)})
    with pytest.raises(UntrustedFileError, match="FunctionTransformer"):
        read_model(path)
    assert read_model(path, trust=True).scaler.func is np.log1p


@pytest.mark.parametrize(
    ("loader", "kind"),
    [
        ("ListNode", ("numpy", "load")),
        ("DictNode", ("netml.ndm.ocsvm", "OCSVM")),
        ("ListNode", ("netml.ndm.ocsvm", "OCSVM")),
        ("ConstructorFromReduceNode", ("netml.ndm.ocsvm", "OCSVM")),
        ("TypeNode", ("netml.ndm.ocsvm", "OCSVM")),
        ("TypeNode", ("builtins", "map")),
        ("FunctionNode", ("numpy", "absolute")),
        ("ObjectNode", ("sklearn.tree._tree", "Tree")),
        ("ObjectNode", ("sklearn.pipeline", "Pipeline")),
        ("NoSuchNode", ("builtins", "list")),
    ],
)
def test_types_are_made_in_their_own_way_only(path, loader, kind):
    part = {"__loader__": loader, "__module__": kind[0], "__class__": kind[1], "content": []}
    with_plan(path, lambda plan: plan["content"].update(scaler=part))
    with pytest.raises(UntrustedFileError, match=f"holds {kind[0]}.{kind[1]},"):
        read_model(path)


def test_nothing_is_imported_for_what_is_refused(path, tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w').close()\nclass A: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    part = {"__loader__": "ObjectNode", "__module__": "stranger", "__class__": "A", "content": None}
    with_plan(path, lambda plan: plan["content"].update(scaler=part))
    with pytest.raises(UntrustedFileError, match=r"holds stranger\.A,"):
        read_model(path)
    assert not (tmp_path / "marker").exists()
    with pytest.raises(DamagedFileError, match="holds no scaler"):
        read_model(path, trust=True)
    assert (tmp_path / "marker").exists()
    sys.modules.pop("stranger")


def test_arrays_that_lead_out_of_their_bounds(path):
    forest = make_detector("if", {"n_estimators": 1, "max_samples": 8}).fit(TRAIN)
    with_dump(path, {"detector": forest, "scaler": None})
    read_model(path)
    n_broken = 0
    for name, content in members_of(io.BytesIO(members_of(path)["detector.skops"])).items():
        array = np.load(io.BytesIO(content)) if name.endswith(".npy") else np.empty(0)
        if array.dtype.names is not None:
            array["left_child"][0] = 1 << 40
            changed = io.BytesIO()
            np.save(changed, array)
            with_plan(path, lambda plan: None, {name: changed.getvalue()})
            n_broken += 1
    assert n_broken
    with pytest.raises(DamagedFileError):
        read_model(path)


def test_a_tree_with_classes_missing(path):
    forest = make_detector("if", {"n_estimators": 1, "max_samples": 8}).fit(TRAIN)
    with_dump(path, {"detector": forest, "scaler": None})

    def change(plan):
        text = json.dumps(plan)
        start = text.index('"__reduce__"')
        place = text.index('"content": "1"', start)
        return json.loads(text[:place] + '"content": "127"' + text[place + len('"content": "1"') :])

    read_model(path)
    with_plan(path, change)
    with pytest.raises(DamagedFileError):
        read_model(path)


def test_a_clustering_with_a_million_threads(path):
    detector = make_detector("cblof").fit(TRAIN)
    with_dump(path, {"detector": detector, "scaler": None})
    read_model(path)
    detector.model_.clustering_estimator_._n_threads = 10**6
    with_dump(path, {"detector": detector, "scaler": None})
    with pytest.raises(DamagedFileError):
        read_model(path)


def test_damage_of_any_kind_is_one_error(path):
    generator = random.Random(7)
    whole, members = path.read_bytes(), members_of(path)
    inner = members_of(io.BytesIO(members["detector.skops"]))
    n_errors = 0
    for number in range(600):
        if number % 2:
            content = bytearray(whole)
            for _ in range(generator.choice((1, 4))):
                content[generator.randrange(len(content))] = generator.randrange(256)
            path.write_bytes(content[: generator.randrange(len(content))] if number % 3 == 0 else content)
        else:
            # Inside, with the checksums of what is there.
            name = generator.choice(["schema.json"] * 5 + list(inner))
            content = bytearray(inner[name])
            for _ in range(generator.choice((1, 4))):
                content[generator.randrange(len(content))] = generator.choice(b'0123456789"{}[],:aeN\\\x00\xff')
            dump = io.BytesIO()
            write_stored(dump, inner | {name: bytes(content)})
            write_members(path, members | {"detector.skops": dump.getvalue()})
        try:
            read_model(path)
        except NetmlError:
            n_errors += 1
    assert n_errors > 200


def write_stored(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_the_list_is_light():
    heavy = {"sklearn", "pyod", "skops", "scipy"}
    program = f"import sys, netml.files.trusted_types, netml.models.model_file\nassert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
