"""Detectors by name: an explicit table, a line each; nothing heavy is loaded before a detector is made."""

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
    """One line of the registry."""

    attribute: str  # its class
    description: str
    cost: str  # how training and scoring grow with the rows: "linear", "n log n", "quadratic" or "cubic"
    extra: str = ""  # extra of netml that it needs
    module: str = "pyod_detector"  # in this package
    is_joint: bool = False  # PyOD's judges rows only among others: the training rows stay, new rows are put beside them
    is_reversed: bool = False  # PyOD's scores are upside down

    @property
    def is_pyod(self) -> bool:
        """Whether it is one of PyOD's, behind `PyODDetector`."""
        return self.module == "pyod_detector"


def _own(module: str, attribute: str, description: str, cost: str) -> Entry:
    return Entry(attribute, description, cost, module=module)


DETECTORS: dict[str, Entry] = {
    # The original's.
    "ocsvm": _own("ocsvm", "OCSVM", "one-class SVM, exact", "quadratic"),
    "kde": _own("kde", "KDE", "kernel density estimate", "quadratic"),
    "gmm": _own("gmm", "GMM", "mixture of Gaussians", "linear"),
    "if": _own("iforest", "IF", "isolation forest", "linear"),
    "pca": _own("pca", "PCA", "distances along the principal components", "linear"),
    "ae": _own("ae", "AE", "autoencoder: how badly a row is reconstructed", "linear"),
    # For millions of flows.
    "oc-nystroem": _own("oc_nystroem", "OCNystroem", "kernel projection (Nystroem), then Gaussians", "linear"),
    "oc-kjl": _own("oc_kjl", "OCKJL", "kernel projection (random sketch), then Gaussians", "linear"),
    "ocsvm-sgd": _own("ocsvm_sgd", "OCSVMSGD", "one-class SVM, approximate, by gradient descent", "linear"),
    # PyOD's.
    "abod": Entry("ABOD", "variance of the angles to the neighbours", "quadratic"),
    "anogan": Entry("AnoGAN", "what a trained generator cannot imitate", "linear", "torch"),
    "auto_encoder": Entry("AutoEncoder", "PyOD's own autoencoder", "linear", "torch"),
    "cblof": Entry("CBLOF", "distance to the nearest large cluster", "linear"),
    "cd": Entry("CD", "Cook's distance: weight in a linear regression", "linear", is_joint=True),
    "cof": Entry("COF", "connectivity to the neighbours", "quadratic", is_joint=True),
    "copod": _own("tails", "COPOD", "tails of the empirical copula", "n log n"),
    "deep_svdd": Entry("DeepSVDD", "distance to the centre of a learned sphere", "linear", "torch"),
    "dif": Entry("DIF", "isolation forests on random networks", "linear", "torch"),
    "ecod": _own("tails", "ECOD", "tails of each column's distribution", "n log n"),
    "feature_bagging": Entry("FeatureBagging", "LOF on random subsets of the columns", "quadratic", "combo"),
    "hbos": Entry("HBOS", "a histogram of each column", "linear"),
    "hdbscan": Entry("HDBSCAN", "outside the density clusters of HDBSCAN", "quadratic"),
    "inne": Entry("INNE", "isolation by nearest neighbours", "linear"),
    "knn": Entry("KNN", "distance to the k-th neighbour", "quadratic"),
    "kpca": Entry("KPCA", "reconstruction by kernel principal components", "cubic"),
    "lmdd": Entry("LMDD", "how much less varied the rest is without it", "quadratic", is_joint=True),
    "loci": Entry("LOCI", "local correlation integral", "cubic", is_joint=True),
    "loda": Entry("LODA", "histograms of random projections", "linear"),
    "lof": Entry("LOF", "density compared to the neighbours'", "quadratic"),
    "lscp": Entry("LSCP", "of several LOFs, the locally best ones", "quadratic", "combo"),
    "lunar": Entry("LUNAR", "what a network makes of the distances to neighbours", "quadratic", "torch"),
    "mcd": Entry("MCD", "Mahalanobis distance, robust covariance", "linear"),
    "rgraph": Entry(
        "RGraph", "random walks on a graph of self-representation", "cubic", is_joint=True, is_reversed=True
    ),
    "rod": Entry("ROD", "rotations in three dimensions", "linear", is_joint=True),
    "sampling": Entry("Sampling", "distance to the nearest of a few sampled rows", "linear"),
    "sod": Entry("SOD", "deviation in the subspace of the neighbours", "quadratic", is_joint=True),
    "sos": Entry("SOS", "stochastic outlier selection: affinity to the others", "quadratic", is_joint=True),
    "vae": Entry("VAE", "variational autoencoder", "linear", "torch"),
}
ALIASES = {"iforest": "if"}
PYOD_DETECTORS = {name: entry for name, entry in DETECTORS.items() if entry.is_pyod}


def registry_name(name: str) -> str:
    """Resolve a name.

    Parameters
    ----------
    name : str
        A detector's name, in lower or upper case, or an alias.

    Returns
    -------
    str
        The name in `DETECTORS`.

    Raises
    ------
    UnknownNameError
        If there is no detector of this name.
    """
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
        If it has no such parameter, or not with such a value.
    MissingExtraError
        If a package that it needs is not installed.
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
    """Name a detector's parameters.

    Parameters
    ----------
    name : str
        Its name in `DETECTORS`, or an alias.

    Returns
    -------
    dict of str to object
        Its parameters and their defaults.

    Raises
    ------
    UnknownNameError
        If there is no detector of this name.
    MissingExtraError
        If a package that it needs is not installed.
    """
    name = registry_name(name)
    entry = DETECTORS[name]
    if not entry.is_pyod:
        return _defaults(_load(entry))
    return {**pyod_parameters(name), "contamination": 0.1, "random_state": 42}


def pyod_parameters(name: str) -> dict[str, Any]:
    """Name the parameters of a class of PyOD.

    Parameters
    ----------
    name : str
        Its name in `PYOD_DETECTORS`.

    Returns
    -------
    dict of str to object
        Its parameters and their defaults; None for those that have none and that netml fills in.

    Raises
    ------
    MissingExtraError
        If a package that it needs is not installed.
    """
    entry = PYOD_DETECTORS[name]
    if entry.extra and not is_installed(entry.extra):
        raise MissingExtraError(f"the detector {name}", entry.extra)
    return _defaults(getattr(import_module(f"pyod.models.{name}"), entry.attribute))


def is_installed(extra: str) -> bool:
    """Tell whether the packages of an extra are there."""
    return all(find_spec(package) is not None for package in PACKAGES[extra])


def array_detector_name(detector: object) -> str | None:
    """Return the name of a detector whose fitted state is arrays; None for others, and for what is no detector here."""
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
