"""The types that a saved model may hold, and the checks of what compiled code would follow blindly.

A file names types; only these are looked up. Both readers make an instance without calling its class, fill its
attributes from the file and know no functions, so nothing of a file's own choosing runs. Every name below was read
for what `__new__`, `__setstate__` and `__del__` do: they set attributes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

_NETML = """
flow_model.FlowModel representation.FlowRepresentation options.FlowOptions options.RepresentationOptions
families._family.FamilyOptions
ndm.model.MODEL ndm.scaling.LogScaler ndm.tails.ECOD ndm.tails.COPOD
ndm.ocsvm.OCSVM ndm.kde.KDE ndm.gmm.GMM ndm.iforest.IF ndm.pca.PCA ndm.ae.AE
ndm.oc_nystroem.OCNystroem ndm.oc_kjl.OCKJL ndm.ocsvm_sgd.OCSVMSGD ndm.pyod_detector.PyODDetector
"""

# PyOD's detectors, less those that hold networks of torch or a model of any library (embedding, suod, xgbod).
_PYOD = """
abod.ABOD cblof.CBLOF cd.CD cof.COF copod.COPOD ecod.ECOD feature_bagging.FeatureBagging gmm.GMM hbos.HBOS
hdbscan.HDBSCAN iforest.IForest inne.INNE kde.KDE knn.KNN kpca.KPCA kpca.PyODKernelPCA loci.LOCI loda.LODA lof.LOF
lscp.LSCP mad.MAD mcd.MCD ocsvm.OCSVM pca.PCA qmcd.QMCD rgraph.RGraph rod.ROD sampling.Sampling sod.SOD sos.SOS
"""

# What stands behind those and behind netml's own. Estimators that take a function as a parameter, read files or
# keep a cache are not here.
_SKLEARN = """
cluster._hdbscan.hdbscan.HDBSCAN cluster._kmeans.KMeans cluster._kmeans.MiniBatchKMeans
covariance._robust_covariance.MinCovDet decomposition._pca.PCA ensemble._iforest.IsolationForest
kernel_approximation.Nystroem linear_model._base.LinearRegression linear_model._stochastic_gradient.SGDOneClassSVM
mixture._gaussian_mixture.GaussianMixture neighbors._kde.KernelDensity neighbors._lof.LocalOutlierFactor
neighbors._unsupervised.NearestNeighbors neural_network._multilayer_perceptron.MLPRegressor
neural_network._stochastic_optimizers.AdamOptimizer neural_network._stochastic_optimizers.SGDOptimizer
preprocessing._data.KernelCenterer preprocessing._data.MinMaxScaler preprocessing._data.RobustScaler
preprocessing._data.StandardScaler preprocessing._label.LabelBinarizer svm._classes.OneClassSVM
tree._classes.ExtraTreeRegressor
"""

# Compiled, with indices that they follow unchecked: `check_arrays` looks at each of them.
_COMPILED = """
tree._tree.Tree neighbors._kd_tree.KDTree neighbors._ball_tree.BallTree metrics._dist_metrics.EuclideanDistance64
metrics._dist_metrics.ManhattanDistance64 metrics._dist_metrics.ChebyshevDistance64
metrics._dist_metrics.MinkowskiDistance64 linear_model._sgd_fast.Hinge
"""


def _full_names(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names.split())


TRUSTED_TYPES: tuple[str, ...] = tuple(
    sorted(
        _full_names("netml", _NETML)
        + _full_names("pyod.models", _PYOD)
        + _full_names("sklearn", _SKLEARN)
        + _full_names("sklearn", _COMPILED)
    )
)
TREE, HINGE = "sklearn.tree._tree.Tree", "sklearn.linear_model._sgd_fast.Hinge"

_SCALARS = frozenset(
    _full_names("numpy", "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str_")
)
# What a dump may be made of: skops' names of its parts, and the types that each of them may stand for.
_PARTS: dict[str, frozenset[str]] = {
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict"}),
    "ListNode": frozenset({"builtins.list"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "SetNode": frozenset({"builtins.set"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "TypeNode": _SCALARS | {f"builtins.{name}" for name in ("str", "int", "float", "bool")},
    "NdArrayNode": _SCALARS | {"numpy.ndarray"},
    "DTypeNode": frozenset({"numpy.dtype"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "ObjectNode": frozenset(TRUSTED_TYPES) - {TREE, HINGE},
    "TreeNode": frozenset({TREE}),
    "LossNode": frozenset({HINGE}),
}


_MAX_THREADS = 1024


def name_of(kind: type) -> str:
    """Give the name under which a type is listed.

    Parameters
    ----------
    kind : type
        The type.

    Returns
    -------
    str
        Its module and name.
    """
    return f"{kind.__module__}.{kind.__qualname__}"


def foreign_types(dump: bytes) -> set[str]:
    """Go through the plan of a skops dump before skops does.

    Parameters
    ----------
    dump : bytes
        What `skops.io.dumps` gave, or a file says it gave.

    Returns
    -------
    set of str
        The types, functions and methods in it that are not known here.

    Raises
    ------
    ValueError, LookupError, TypeError, BadZipFile
        If it is no dump that skops writes, or one that would take far more memory than it has bytes.
    """
    with zipfile.ZipFile(io.BytesIO(dump)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        is_plain = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries.values())
        if not is_plain or sum(entry.file_size for entry in archive.infolist()) > len(dump):
            raise ValueError("a packed dump")
        parts = list(_parts_of(json.loads(archive.read("schema.json"))))
        variants: dict[Any, list[dict[str, Any]]] = {}
        for part in parts:
            variants.setdefault(part.get("__id__") or id(part), []).append(part)
        # A file is read anew for each part that names it and has an identity of its own.
        files = {(key, part["file"]) for key, same in variants.items() for part in same if "file" in part}
        if sum(entries[file].file_size for _, file in files) > len(dump):
            raise ValueError("a dump that would unpack to more than it holds")
        trees = [part["__reduce__"]["args"] for part in parts if part["__loader__"] == "TreeNode"]
        if not all(_makes_a_tree(each, variants, archive) for each in trees):
            raise ValueError("a tree that is not one of a forest")
    return {kind for part in parts for kind in _foreign_in(part)}


def _parts_of(plan: Any) -> Iterator[dict[str, Any]]:
    waiting = [plan]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, dict):
            waiting.extend(found.values())
            if {"__loader__", "__class__", "__module__", "__id__"} & set(found):
                yield found


def _foreign_in(part: dict[str, Any]) -> Iterator[str]:
    loader, kind = part["__loader__"], f"{part['__module__']}.{part['__class__']}"
    if loader != "JsonNode" and kind not in _PARTS.get(loader, ()):
        yield f"{kind}.{part['content']['func']}" if loader == "MethodNode" else kind


def _makes_a_tree(arguments: Any, variants: Mapping[Any, list[dict[str, Any]]], archive: zipfile.ZipFile) -> bool:
    """See that a tree has one output: it would read as many numbers of classes, however many are there."""
    # skops takes the first part with an identity for all of them, so whichever comes first must do.
    for whole in variants[arguments["__id__"]]:
        _, n_classes, n_outputs = whole["content"]
        for array in variants[n_classes["__id__"]]:
            if np.load(io.BytesIO(archive.read(array["file"])), allow_pickle=False).shape != (1,):
                return False
        if any(number["content"] != "1" for number in variants[n_outputs["__id__"]]):
            return False
    return True


def check_arrays(root: object) -> None:
    """See that no array in a loaded model leads compiled code out of its bounds.

    scikit-learn's trees, neighbour trees and support vector machines follow the indices in their arrays without
    looking, so that made-up ones would read foreign memory at the first score.

    Parameters
    ----------
    root : object
        What was loaded; lists, dicts, object arrays and attributes are searched.

    Raises
    ------
    ValueError
        If an array does not fit, with the type in the text.
    """
    waiting, seen = [root], set()
    while waiting:
        found = waiting.pop()
        if found is None or isinstance(found, str | bytes | int | float) or id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list | tuple | set | frozenset):
            waiting.extend(found)
        elif isinstance(found, np.ndarray):
            waiting.extend(found.ravel().tolist() if found.dtype == object else ())
        else:
            for kind in type(found).__mro__:
                if name_of(kind) in _CHECKS and not _CHECKS[name_of(kind)](found):
                    raise ValueError(f"the arrays of a {name_of(kind)} do not fit together")
            waiting.extend(getattr(found, "__dict__", {}).values())


def _is_within(values: Any, start: int, stop: int) -> bool:
    return len(values) == 0 or bool(values.min() >= start and values.max() < stop)


def _is_sound_tree(tree: Any) -> bool:
    n_nodes = tree.node_count
    if not 0 < n_nodes <= tree.capacity:
        return False
    left, right = tree.children_left, tree.children_right
    inner = np.flatnonzero(left != -1)
    # Children come after their parent, and each has one: no loop, and an end.
    children = np.concatenate([left[inner], right[inner]])
    if not (
        _is_within(children, 1, n_nodes)
        and (left[inner] > inner).all()
        and (right[inner] > inner).all()
        and len(np.unique(children)) == len(children)
        and _is_within(tree.feature[inner], 0, tree.n_features)
    ):
        return False
    level, depth = np.zeros(1, dtype=np.intp), 0
    while len(level := level[left[level] != -1]):
        level, depth = np.concatenate([left[level], right[level]]), depth + 1
    return bool(depth <= tree.max_depth)


def _is_sound_forest(forest: Any) -> bool:
    # Of one that is not fitted, here and below, nothing is used.
    width = getattr(forest, "n_features_in_", 0)
    return all(each.n_features_in_ <= width for each in getattr(forest, "estimators_", ()))


def _is_sound_tree_owner(owner: Any) -> bool:
    return not hasattr(owner, "tree_") or bool(owner.tree_.n_features == owner.n_features_in_)


def _is_sound_neighbour_tree(tree: Any) -> bool:
    state = tree.__getstate__()
    rows, order, nodes, bounds = (np.asarray(part) for part in state[:4])
    n_nodes, weights = state[6], state[12]
    if not 0 < n_nodes == len(nodes) or len(rows) != len(order):
        return False
    n_sides = 2 if "KDTree" in type(tree).__name__ else 1
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    return bool(
        bounds.shape == (n_sides, n_nodes, rows.shape[1])
        and _is_within(order, 0, len(rows))
        and (nodes["idx_start"] >= 0).all()
        and (nodes["idx_start"] <= nodes["idx_end"]).all()
        and (nodes["idx_end"] <= len(rows)).all()
        and _is_within(inner, 0, (n_nodes - 1) // 2)
        and (weights is None or len(weights) == len(rows))
        and name_of(type(state[11])) in TRUSTED_TYPES
    )


def _is_sound_minkowski(metric: Any) -> bool:
    return len(metric.__getstate__()[1]) == 0  # no weights: as many as the columns would have to be there


def _is_sound_clustering(means: Any) -> bool:
    if not hasattr(means, "cluster_centers_"):
        return True
    # As many threads as it says are started; OpenMP ends the program if it has no memory for them.
    return bool(means.cluster_centers_.shape[1] == means.n_features_in_ and 0 < means._n_threads <= _MAX_THREADS)


def _is_sound_svm(machine: Any) -> bool:
    if not hasattr(machine, "support_"):
        return True
    n_vectors = len(machine.support_)
    return bool(
        np.shape(machine.support_vectors_) == (n_vectors, machine.n_features_in_)
        and np.shape(machine._n_support) == (2,)
        and machine._n_support[0] == n_vectors
        and all(np.shape(each) == (1, n_vectors) for each in (machine.dual_coef_, machine._dual_coef_))
        and all(np.shape(each) == (1,) for each in (machine.intercept_, machine._intercept_))
    )


_CHECKS: dict[str, Callable[[Any], bool]] = {
    TREE: _is_sound_tree,
    "sklearn.ensemble._iforest.IsolationForest": _is_sound_forest,
    "sklearn.tree._classes.ExtraTreeRegressor": _is_sound_tree_owner,
    "sklearn.cluster._kmeans.KMeans": _is_sound_clustering,
    "sklearn.cluster._kmeans.MiniBatchKMeans": _is_sound_clustering,
    "sklearn.neighbors._kd_tree.KDTree": _is_sound_neighbour_tree,
    "sklearn.neighbors._ball_tree.BallTree": _is_sound_neighbour_tree,
    "sklearn.metrics._dist_metrics.MinkowskiDistance64": _is_sound_minkowski,
    "sklearn.svm._classes.OneClassSVM": _is_sound_svm,
}
