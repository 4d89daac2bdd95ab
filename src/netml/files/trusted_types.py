"""The types that a saved model may hold, and the check of a dump's plan against them.

A file names types; only these are looked up. Both readers make an instance without calling its class, fill its
attributes from the file and know no functions, so nothing of a file's own choosing runs. Every name below was read
for what `__new__`, `__setstate__` and `__del__` do: they set attributes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from netml.errors import DamagedFileError, NetmlError, UntrustedFileError

_NETML = """
models.flow_model.FlowModel features.representation.FlowRepresentation flow.options.FlowOptions
features.options.RepresentationOptions features.spec.RepresentationSpec families.options.FamilyOptions
ndm.model.MODEL ndm.scaling.StandardScaler ndm.scaling.RobustScaler ndm.scaling.LogScaler ndm.tails.ECOD ndm.tails.COPOD
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

# Compiled, with indices that they follow unchecked: `sound_models.check_arrays` looks at each of them.
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
# A class of netml that is not listed was listed under this name once.
OLD_DEVELOPMENT = "written by an earlier development version of netml: train it again"
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


def name_of(kind: type) -> str:
    """Return the name under which a type is listed: its module and qualified name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def untrusted_types(path: str, foreign: Collection[str]) -> NetmlError:
    """Return the error of a file that holds types or functions which are not known here."""
    # No function, and no class of today that stands where it may not.
    if all(re.fullmatch(r"netml(\.\w+)+\.[A-Z]\w*", each) and each not in TRUSTED_TYPES for each in foreign):
        return DamagedFileError(path, OLD_DEVELOPMENT)
    return UntrustedFileError(
        f"{path}: holds {', '.join(sorted(foreign))}, which may run code; pass trust=True (--trust) if you trust it"
    )


def missing_package(error: Exception) -> str | None:
    """Return the reason of a `DamagedFileError` if a module that the file names is missing; None if not."""
    if not isinstance(error, ImportError):
        return None
    is_netml = str(error.name).partition(".")[0] == "netml"
    return OLD_DEVELOPMENT if is_netml else f"needs a package that is not there: {error}"


def foreign_types(dump: bytes) -> set[str]:
    """Find the types, functions and methods in the plan of a skops dump that are not known here, before skops loads it.

    Raises ValueError, LookupError, TypeError or BadZipFile if it is no dump that skops writes, or one that would take
    far more memory than it has bytes.
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
        # A file is read anew for each part that names it and has another identity.
        files = {(key, part["file"]) for key, same in variants.items() for part in same if "file" in part}
        if sum(entries[file].file_size for _, file in files) > len(dump):
            raise ValueError("a dump that would unpack to more than it holds")
        trees = [part["__reduce__"]["args"] for part in parts if part["__loader__"] == "TreeNode"]
        if not all(_makes_a_tree(each, variants, archive) for each in trees):
            raise ValueError("a tree that is not one of a forest")
        objects = [part for part in parts if part["__loader__"] == "NdArrayNode" and part.get("type") == "json"]
        # Those of several dimensions are made of lists in lists, which may hold the same one again and again.
        if any(len(same["content"]) != 1 for part in objects for same in variants[part["shape"]["__id__"]]):
            raise ValueError("objects in several dimensions")
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
    """Return True if a tree has one output: it reads a number of classes for each, however many there are."""
    # skops takes the first part with an identity for all of them, so whichever comes first must do.
    for whole in variants[arguments["__id__"]]:
        _, n_classes, n_outputs = whole["content"]
        for array in variants[n_classes["__id__"]]:
            if np.load(io.BytesIO(archive.read(array["file"])), allow_pickle=False).shape != (1,):
                return False
        if any(number["content"] != "1" for number in variants[n_outputs["__id__"]]):
            return False
    return True
