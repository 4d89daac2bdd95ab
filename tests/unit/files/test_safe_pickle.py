"""Pickles of models load, those of the original too; pickles that would run something, or lie about memory, do not."""

import builtins
import copyreg
import io
import os
import pickle
import random
import runpy
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.tree._tree import Tree

from netml.errors import DamagedFileError, NetmlError, UntrustedFileError
from netml.files.trusted_types import TRUSTED_TYPES
from netml.ndm import make_detector
from netml.ndm.model import MODEL
from netml.ndm.ocsvm import OCSVM
from netml.utils.tool import dump_data, load_data

GOLDEN = Path(__file__).parents[2] / "golden"
ORIGINALS = ("ocsvm", "gmm", "kde", "iforest", "pca")
PROTOCOLS = range(6)
TRAIN = np.random.default_rng(1).normal(size=(60, 4))
TEST = np.random.default_rng(2).normal(size=(20, 4)) * 3


def load_bytes(content):
    return load_data(io.BytesIO(content))


@pytest.fixture(scope="module")
def forest():
    detector = make_detector("if", {"n_estimators": 3, "max_samples": 16})
    return detector.fit(TRAIN)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["ocsvm", "if", "knn", "kpca", "ocsvm-sgd", "pca"])
def test_detectors_of_every_protocol_load(name, protocol):
    detector = make_detector(name).fit(TRAIN)
    loaded, history = load_bytes(pickle.dumps((detector, {"score": 0.5}), protocol))
    assert type(loaded) is type(detector)
    np.testing.assert_array_equal(loaded.decision_function(TEST), detector.decision_function(TEST))
    assert history == {"score": 0.5}


@pytest.mark.parametrize("state", [np.random.RandomState(3), np.random.default_rng(3)], ids=["legacy", "generator"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_random_states_go_on_where_they_were(state, protocol):
    content = pickle.dumps(state, protocol)
    assert load_bytes(content).random_sample(3).tolist() if hasattr(state, "random_sample") else True
    loaded, expected = load_bytes(content), pickle.loads(content)
    assert loaded.normal(size=3).tolist() == expected.normal(size=3).tolist()


def test_a_model_of_the_original_face_loads():
    kept = MODEL(OCSVM())
    kept.train(TRAIN)
    loaded = load_bytes(pickle.dumps(kept))
    assert loaded.model.decision_function(TEST).tolist() == kept.model.decision_function(TEST).tolist()


@pytest.mark.parametrize("module", ORIGINALS)
def test_models_of_the_original_load_and_score(module):
    with np.load(GOLDEN / "original_scores.npz") as golden:
        rows, expected = golden["test"], golden[module]
    model, history = load_data(GOLDEN / f"original_{module}.dat")
    assert type(model).__module__ == f"netml.ndm.{module}"
    assert history == {"score": 0.5}
    # The original's isolation forest was upside down.
    np.testing.assert_allclose(model.decision_function(rows), -expected if module == "iforest" else expected)


def test_trees_that_the_library_cannot_read_name_the_versions(tmp_path):
    path = tmp_path / "old.dat"
    content = (GOLDEN / "original_iforest.dat").read_bytes()
    path.write_bytes(content.replace(b"missing_go_to_left", b"missing_go_to_lost"))
    with pytest.raises(
        DamagedFileError, match=r"^.*old\.dat: written with scikit-learn 1\.5\.2, which \S+ cannot read"
    ):
        load_data(path)


def test_a_model_that_is_cut_is_damaged(tmp_path, forest):
    path = tmp_path / "x.dat"
    dump_data((forest, {}), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DamagedFileError, match="not a pickle, or a damaged one"):
        load_data(path)


def test_what_is_trusted_has_no_other_way_in():
    assert list(TRUSTED_TYPES) == sorted(set(TRUSTED_TYPES))
    assert {name.split(".")[0] for name in TRUSTED_TYPES} == {"netml", "pyod", "sklearn"}


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments, state=None):
        self.made_of = function, arguments, state

    def __reduce__(self):
        return self.made_of


class Touch:
    """Pickles so that setting its state would run a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return copyreg._reconstructor, (Touch, object, None), {"command": self.command}

    def __setstate__(self, state):
        os.system(state["command"])


def hidden_in_an_estimator(found):
    detector = OCSVM().fit(TRAIN)
    detector.gamma = found
    return detector


PLACES = {
    "alone": lambda found: found,
    "in a list": lambda found: [1, [found]],
    "as a key": lambda found: {(found,): 1},
    "in an array": lambda found: np.array([found, None], dtype=object),
    "in an estimator": hidden_in_an_estimator,
    "as an argument": lambda found: Call(builtins.frozenset, [found]),
}


def write_program(marker):
    path = marker.with_suffix(".py")
    path.write_text(f"open({str(marker)!r}, 'w')")
    return str(path)


def attacks(marker):
    """(name of the type that is to be named, object)."""
    command, code = f"touch {marker}", f"open({str(marker)!r}, 'w')"
    yield "posix.system", Call(os.system, command)
    yield "builtins.exec", Call(exec, code)
    yield "builtins.eval", Call(eval, code)
    yield "builtins.getattr", Call(getattr, TRAIN, "tofile")
    yield "builtins.__import__", Call(__import__, "os")
    yield "runpy.run_path", Call(runpy.run_path, write_program(marker))
    yield f"{__name__}.Touch", Touch(command)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("place", PLACES)
def test_commands_do_not_run(tmp_path, place, protocol):
    marker = tmp_path / "marker"
    for name, attack in attacks(marker):
        content = pickle.dumps(PLACES[place](attack), protocol)
        with pytest.raises(UntrustedFileError) as caught:
            load_bytes(content)
        assert f" holds {name}," in str(caught.value)
        assert not marker.exists()


def test_the_attacks_work_where_all_is_trusted(tmp_path):
    path, marker = tmp_path / "x.dat", tmp_path / "marker"
    for protocol in PROTOCOLS:
        for place in PLACES:
            path.write_bytes(pickle.dumps(PLACES[place](Call(os.system, f"touch {marker}")), protocol))
            load_data(path, trust=True)
            assert marker.exists()
            marker.unlink()


def global_of(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


KNN = global_of("pyod.models.knn", "KNN")
# What no pickler writes: steps that would call, or change, what may only be named.
ABUSES = {
    "a class is called": KNN + b")R.",
    "a class is called by its old code": b"(" + KNN[1:] + b"o.",
    "a class is made with arguments": KNN + text("x") + b"\x85\x81.",
    "a class is made with keywords": KNN + b")}\x92.",
    "a class is given attributes": KNN + b"N}" + text("predict") + b"Ns\x86b.",
    "a class is given a dict": KNN + b"}" + text("predict") + b"Nsb.",
    "a function is given attributes": global_of("_codecs", "encode") + b"N}" + text("__defaults__") + b"Ns\x86b.",
    "a function is given a dict": global_of("_codecs", "encode") + b"}" + text("a") + b"Nsb.",
    "a result is called": global_of("builtins", "set") + b")R)R.",
    "another encoding": global_of("_codecs", "encode") + text("a") + text("rot13") + b"\x86R.",
    "an estimator is appended to": KNN + b")\x81K\x01a.",
    "an estimator is added to": KNN + b")\x81(K\x01\x90.",
    "an estimator is set an item of": KNN + b")\x81K\x01K\x01s.",
    "an attribute is called to add": (
        KNN + b")\x81}" + text("extend") + global_of("builtins", "frozenset") + b"sb(K\x01e."
    ),
    "a state is set twice": KNN + b")\x81}b}b.",
    "a state is no dict": KNN + b")\x81K\x01b.",
    "slots": global_of("netml.models.flow_model", "FlowModel") + b")\x81N}" + text("__class__") + KNN + b"s\x86b.",
    "an extension": b"\x82\x01.",
    "a persistent id": b"Pa\n.",
    "newObj of what is not listed": global_of("sklearn.neighbors._kd_tree", "newObj") + b"(K\x01tR.",
    "a bit generator by a function": (
        global_of("numpy.random._pickle", "__bit_generator_ctor") + global_of("builtins", "set") + b"\x85R."
    ),
    "an instance of what is only named": global_of("builtins", "object") + b")\x81.",
    "another base": global_of("copyreg", "_reconstructor") + KNN + global_of("builtins", "set") + b"N\x87R.",
    "a memo of a terabyte": b"Nr\xff\xff\xff\xff0.",
    "a text of a terabyte": b"\x8d" + struct.pack("<Q", 1 << 40) + b".",
    "no end of lists": b"]" * 100_000 + b"a" * 99_999 + b"\x85" * 5,
}


@pytest.mark.parametrize("content", ABUSES.values(), ids=ABUSES)
def test_steps_that_no_pickler_takes(content):
    from pyod.models.knn import KNN as kind

    before = dict(vars(kind))
    with pytest.raises(DamagedFileError, match="not a pickle, or a damaged one"):
        load_bytes(content)
    assert dict(vars(kind)) == before


def dtype_of(text_of_it, state):
    made = global_of("numpy", "dtype") + text(text_of_it) + b"\x89\x88\x87R"
    return made + pickle.dumps(state, 2)[2:-1] + b"b"


LIES = {
    "objects as bytes": dtype_of("O8", (3, "|", None, None, None, -1, -1, 0)),
    "objects in fields": dtype_of("V8", (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)),
    "fields beyond the end": dtype_of("V8", (3, "|", None, ("a",), {"a": (np.dtype("f8"), 800)}, 8, 1, 0)),
    "objects in a subarray": dtype_of("V8", (3, "|", (np.dtype("O"), (1,)), None, None, 8, 1, 0)),
    "dates without a unit": dtype_of("M8", (3, "<", None, None, None, -1, -1, 0)),
    "spans without a unit": dtype_of("m8", (3, "<", None, None, None, -1, -1, 0)),
    "an old state": dtype_of("f8", (3, "<", (None, None), -1, -1, 0)),
    "an older version": dtype_of("f8", (2, "<", None, None, None, -1, -1, 0)),
    "names that are none": dtype_of("V8", (3, "|", None, 7, {"a": (np.dtype("f8"), 0)}, 8, 1, 0)),
    "metadata that are none": dtype_of("S8", (4, "|", None, None, None, 8, 1, 0, 5)),
}


@pytest.mark.parametrize("dtype", LIES.values(), ids=LIES)
def test_dtypes_that_lie_about_memory(dtype):
    start = (
        global_of("numpy._core.multiarray", "_reconstruct") + global_of("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
    )
    content = b"\x80\x03" + start + b"(K\x01K\x01\x85" + dtype + b"\x89C\x08AAAAAAAAtb."
    with pytest.raises(DamagedFileError):
        load_bytes(content)
    with pytest.raises(DamagedFileError):
        load_bytes(b"\x80\x03" + dtype + b".")


def test_honest_dtypes_load():
    for dtype in ("<f8", ">i4", "S5", "U7", "M8[ns]", "?", "O", [("a", "O"), ("b", "<f4", (2, 3))]):
        array = np.ones(3, dtype)
        loaded = load_bytes(pickle.dumps(array))
        assert repr(loaded.tolist()) == repr(array.tolist())
        assert loaded.dtype == pickle.loads(pickle.dumps(array)).dtype  # of the protocol: some swap the bytes
    aligned = np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    assert load_bytes(pickle.dumps(aligned)).dtype == aligned.dtype


@pytest.mark.parametrize(
    "columns",
    [{"left_child": 9999}, {"right_child": -7}, {"feature": 99}, {"feature": -2}, {"left_child": 0}, {"max_depth": 0}],
    ids=str,
)
def test_trees_that_lead_out_of_their_arrays(forest, columns):
    tree = forest.model_.estimators_[0].tree_
    kind, arguments, state = tree.__reduce__()
    assert load_bytes(pickle.dumps([Call(kind, *arguments, state=state)]))[0].node_count == tree.node_count > 1
    nodes = state["nodes"].copy()
    for name, value in columns.items():
        if name in state:
            state[name] = value
        else:
            nodes[name][0] = value
    with pytest.raises(DamagedFileError):
        load_bytes(pickle.dumps([Call(kind, *arguments, state={**state, "nodes": nodes})]))


def test_a_tree_with_classes_missing():
    with pytest.raises(DamagedFileError) as caught:
        load_bytes(pickle.dumps(Call(Tree, 5, np.ones(1, np.intp), 127)))
    assert "as many numbers of classes as outputs" in str(caught.value.__cause__)


def test_a_tree_whose_nodes_are_replaced_by_more(forest):
    first, second = sorted(
        (each.tree_.__reduce__() for each in forest.model_.estimators_), key=lambda it: len(it[2]["nodes"])
    )[::2]
    state = pickle.dumps(second[2], 2)[2:-1]
    once = pickle.dumps(Call(first[0], *first[1], state=first[2]), 2)
    assert load_bytes(once).node_count == len(first[2]["nodes"])
    with pytest.raises(DamagedFileError):
        load_bytes(once[:-1] + state + b"b.")


@pytest.mark.parametrize("position", [1, 2, 3, 6])
def test_neighbour_trees_that_lead_out_of_their_arrays(position):
    tree = make_detector("knn").fit(TRAIN).model_.tree_
    function, arguments, state = tree.__reduce__()
    changed = list(state)
    changed[position] = {
        1: state[1] + 1,
        2: np.concatenate([state[2], state[2]]),
        3: state[3][:, :, :-1].copy(),
        6: state[6] + 1,
    }[position]

    load_bytes(pickle.dumps(Call(function, *arguments, state=state)))
    with pytest.raises(DamagedFileError):
        load_bytes(pickle.dumps(Call(function, *arguments, state=tuple(changed))))


@pytest.mark.parametrize("name", ["_n_support", "_dual_coef_", "support_vectors_", "_intercept_"])
def test_support_vectors_that_do_not_fit(name):
    detector = OCSVM().fit(TRAIN)
    load_bytes(pickle.dumps(detector))
    setattr(detector, name, np.concatenate([getattr(detector, name)] * 2, axis=-1))
    with pytest.raises(DamagedFileError):
        load_bytes(pickle.dumps(detector))


def test_nothing_is_imported_for_what_is_refused(tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w').close()\nclass A: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UntrustedFileError, match=r"holds stranger\.A"):
        load_bytes(global_of("stranger", "A") + b")\x81.")
    assert not (tmp_path / "marker").exists()
    assert "stranger" not in sys.modules


def test_feature_files_load_no_estimators(tmp_path):
    path = tmp_path / "x.dat"
    dump_data((TRAIN, np.zeros(len(TRAIN))), path)
    program = (
        "import sys\nfrom netml.utils.tool import load_data\n"
        f"load_data({str(path)!r})\nassert not {{'sklearn', 'pyod', 'skops', 'scipy'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_damage_of_any_kind_is_one_error(tmp_path, forest):
    generator = random.Random(5)
    whole = pickle.dumps((forest, {"score": 0.5}, TRAIN))
    starts = [whole, pickle.dumps((make_detector("knn").fit(TRAIN), {}), 2), pickle.dumps(TRAIN.tolist(), 0)]
    n_errors = 0
    for number in range(1500):
        content = bytearray(generator.choice(starts))
        for _ in range(generator.choice((1, 1, 2, 8))):
            content[generator.randrange(len(content))] = generator.choice(b"abcRi0.}]()\x81\x92\x93\x00\xff")
        if number % 5 == 0:
            del content[generator.randrange(len(content)) :]
        try:
            load_bytes(bytes(content))
        except NetmlError:
            n_errors += 1
    assert n_errors > 500
