"""Detectors by name: an explicit table, a line each. Nothing heavy is loaded before a detector is made."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from netml.errors import MissingExtraError, OptionError, UnknownNameError

if TYPE_CHECKING:
    from netml.ndm._base import Detector
    from netml.ndm._state import ArrayState

PACKAGES = {"torch": ("torch",), "combo": ("combo",)}  # extra -> what it brings


class Entry(NamedTuple):
    """One detector of the registry.

    Its costs were measured by benchmarks/detectors.py (benchmarks/results/detectors-2026-11-24.json) on the most rows
    that it took, and scaled from there to the rows of `seconds`; `netml.ndm.costs` computes with them.
    """

    attribute: str  # its class
    description: str
    cost: str  # how training and scoring grow with the rows: "linear", "n log n", "quadratic" or "cubic"
    seconds: float  # of training, with the scores of the training rows, on 2,000 rows of 20 columns, one core
    extra: str = ""  # extra of netml that it needs
    module: str = "pyod_detector"  # in this package
    is_joint: bool = False  # PyOD's scores rows only among others: the training rows stay, new rows are put beside them
    is_reversed: bool = False  # PyOD's scores are upside down
    matrix_values: float = 0.0  # float64 values for each pair of rows, where pairs are held in memory
    exponent: float = 0.0  # of the rows; 0: that of `cost`
    feature_exponent: float = 1.0

    @property
    def is_pyod(self) -> bool:
        """True if it is one of PyOD's, behind `PyODDetector`."""
        return self.module == "pyod_detector"


def _builtin(module: str, attribute: str, description: str, cost: str, seconds: float, **known: float) -> Entry:
    return Entry(attribute, description, cost, seconds, module=module, **known)  # type: ignore[arg-type]


DETECTORS: dict[str, Entry] = {
    # The original's.
    "ocsvm": _builtin("ocsvm", "OCSVM", "one-class SVM, exact", "quadratic", 0.18, exponent=2.05),
    "kde": _builtin("kde", "KDE", "kernel density estimate", "quadratic", 0.054),  # detectors-2026-12-01.json
    "gmm": _builtin("gmm", "GMM", "mixture of Gaussians", "linear", 0.004),
    "if": _builtin("iforest", "IF", "isolation forest", "linear", 0.075),
    "pca": _builtin("pca", "PCA", "distances along the principal components", "linear", 0.0044),
    "ae": _builtin("ae", "AE", "autoencoder: how badly a row is reconstructed", "linear", 2.8),
    # For millions of flows.
    "oc-nystroem": _builtin(
        "oc_nystroem", "OCNystroem", "kernel projection (Nystroem), then Gaussians", "linear", 0.09
    ),
    "oc-kjl": _builtin("oc_kjl", "OCKJL", "kernel projection (random sketch), then Gaussians", "linear", 0.07),
    "ocsvm-sgd": _builtin("ocsvm_sgd", "OCSVMSGD", "one-class SVM, approximate, by gradient descent", "linear", 0.016),
    # PyOD's.
    "abod": Entry("ABOD", "variance of the angles to the neighbours", "quadratic", 0.055),
    "anogan": Entry("AnoGAN", "what a trained generator cannot imitate", "linear", 300, "torch"),
    "auto_encoder": Entry("AutoEncoder", "PyOD's own autoencoder", "linear", 1.6, "torch"),
    "cblof": Entry("CBLOF", "distance to the nearest large cluster", "linear", 0.0037),
    "cd": Entry("CD", "Cook's distance: weight in a linear regression", "linear", 0.054, is_joint=True),
    "cof": Entry("COF", "connectivity to the neighbours", "quadratic", 0.95, is_joint=True, matrix_values=2),
    "copod": _builtin("tails", "COPOD", "tails of the empirical copula", "n log n", 0.011),
    "deep_svdd": Entry("DeepSVDD", "distance to the centre of a learned sphere", "linear", 5.8, "torch"),
    "dif": Entry("DIF", "isolation forests on random networks", "linear", 6.5, "torch"),
    "ecod": _builtin("tails", "ECOD", "tails of each column's distribution", "n log n", 0.01),
    "feature_bagging": Entry("FeatureBagging", "LOF on random subsets of the columns", "quadratic", 0.27, "combo"),
    "hbos": Entry("HBOS", "a histogram of each column", "linear", 0.0028),
    "hdbscan": Entry("HDBSCAN", "outside the density clusters of HDBSCAN", "quadratic", 0.093),
    "inne": Entry("INNE", "isolation by nearest neighbours", "linear", 0.16),
    "knn": Entry("KNN", "distance to the k-th neighbour", "quadratic", 0.015),
    "kpca": Entry("KPCA", "reconstruction by kernel principal components", "cubic", 2.6, matrix_values=3),
    "lmdd": Entry("LMDD", "how much less varied the rest is without it", "quadratic", 11, is_joint=True),
    "loci": Entry("LOCI", "local correlation integral", "cubic", 1600, is_joint=True, matrix_values=1, exponent=2.4),
    "loda": Entry("LODA", "histograms of random projections", "linear", 0.011),
    "lof": Entry("LOF", "density compared to the neighbours'", "quadratic", 0.019),
    "lscp": Entry("LSCP", "of several LOFs, the locally best ones", "quadratic", 5.7, "combo"),
    # The network takes the time, not the neighbours.
    "lunar": Entry(
        "LUNAR", "what a network makes of the distances to neighbours", "quadratic", 17, "torch", exponent=1
    ),
    "mcd": Entry("MCD", "Mahalanobis distance, robust covariance", "linear", 0.58),
    "rgraph": Entry(
        "RGraph",
        "random walks on a graph of self-representation",
        "cubic",
        2500,
        is_joint=True,
        is_reversed=True,
        matrix_values=3,
    ),
    # Each three columns are turned.
    "rod": Entry("ROD", "rotations in three dimensions", "linear", 74, is_joint=True, feature_exponent=3),
    "sampling": Entry("Sampling", "distance to the nearest of a few sampled rows", "linear", 0.0017),
    "sod": Entry(
        "SOD", "deviation in the subspace of the neighbours", "quadratic", 2.6, is_joint=True, matrix_values=1
    ),
    "sos": Entry(
        "SOS", "stochastic outlier selection: affinity to the others", "quadratic", 1.4, is_joint=True, matrix_values=3
    ),
    "vae": Entry("VAE", "variational autoencoder", "linear", 7.1, "torch"),
}
ALIASES = {"iforest": "if"}
PYOD_DETECTORS = {name: entry for name, entry in DETECTORS.items() if entry.is_pyod}


def registry_name(name: str) -> str:
    """Return the name in `DETECTORS` for a name in any case or an alias, or raise `UnknownNameError`."""
    found = str(name).lower()
    found = ALIASES.get(found, found)
    if found not in DETECTORS:
        raise UnknownNameError("detector", str(name), DETECTORS)
    return found


def make_detector(
    name: str,
    params: Mapping[str, Any] | None = None,
    *,
    random_state: int | None = 42,
    contamination: float | None = None,
) -> Detector:
    """Make a detector.

    Parameters
    ----------
    name : str
        Its name in `DETECTORS`, or an alias.
    params : mapping, optional
        Its parameters, see `parameters_of`.
    random_state : int, optional
        Seed for those that draw random numbers, unless `params` has one.
    contamination : float, optional
        Share of the training rows that is to count as abnormal, unless `params` has one.

    Returns
    -------
    Detector
        Not fitted; its parameters are checked.

    Raises
    ------
    UnknownNameError
        If there is no detector of this name.
    OptionError
        If the detector has no such parameter, or a value is out of its range.
    MissingExtraError
        If a package that the detector needs is not installed.
    """
    name = registry_name(name)
    entry = DETECTORS[name]
    if entry.extra and not is_installed(entry.extra):
        raise MissingExtraError(f"the detector {name}", entry.extra)
    given = dict(params or {})
    known = parameters_of(name)
    unknown = [parameter for parameter in given if parameter not in known]
    if unknown:
        raise OptionError("param", {key: given[key] for key in unknown}, f"one of {', '.join(known)}")
    if "random_state" in known:
        given.setdefault("random_state", random_state)
    if contamination is not None:
        given.setdefault("contamination", contamination)
    if entry.is_pyod:
        own: dict[str, Any] = {key: given.pop(key) for key in ("contamination", "random_state") if key in given}
        given = {"name": name, "params": given or None, **own}
    detector: Detector = _load(entry)(**given)
    detector.check_parameters()
    return detector


def parameters_of(name: str) -> dict[str, Any]:
    """Return the parameters of a detector and their defaults; errors as of `make_detector`."""
    name = registry_name(name)
    entry = DETECTORS[name]
    if not entry.is_pyod:
        return _defaults(_load(entry))
    return {**pyod_parameters(name), "contamination": 0.1, "random_state": 42}


def pyod_parameters(name: str) -> dict[str, Any]:
    """Return the parameters of a class of PyOD and their defaults: None for those without one, which netml fills in."""
    entry = PYOD_DETECTORS[name]
    if entry.extra and not is_installed(entry.extra):
        raise MissingExtraError(f"the detector {name}", entry.extra)
    return _defaults(getattr(import_module(f"pyod.models.{name}"), entry.attribute))


def is_installed(extra: str) -> bool:
    """True if the packages of an extra are installed."""
    return all(find_spec(package) is not None for package in PACKAGES[extra])


def array_detector_name(detector: object) -> str | None:
    """Return the name of a detector whose fitted state is arrays; None for any other object."""
    place = type(detector).__module__, type(detector).__qualname__
    names = (name for name, entry in DETECTORS.items() if (f"netml.ndm.{entry.module}", entry.attribute) == place)
    name = next(names, None)
    return name if name is not None and hasattr(detector, "get_arrays") else None


def array_detector_class(name: str) -> type[ArrayState]:
    """Return the class of a detector whose fitted state is arrays, or raise a ValueError."""
    found = _load(DETECTORS[name]) if name in DETECTORS and not DETECTORS[name].is_pyod else None
    if not hasattr(found, "get_arrays"):
        raise ValueError(f"{name!r} is no detector that is kept as arrays")
    return cast("type[ArrayState]", found)


def _load(entry: Entry) -> Any:
    name = "PyODDetector" if entry.is_pyod else entry.attribute
    return getattr(import_module(f"netml.ndm.{entry.module}"), name)


def _defaults(found: Any) -> dict[str, Any]:
    parameters = inspect.signature(found).parameters.values()
    return {
        one.name: None if one.default is inspect.Parameter.empty else one.default
        for one in parameters
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    }
