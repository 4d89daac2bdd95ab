"""Versions of the libraries that train models and read them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from platform import python_version

LIBRARIES = ("netml", "scikit-learn", "pyod", "numpy", "skops")
_NOTED = ("scikit-learn", "pyod")  # what they learned may not mean the same in another version


def installed_version(name: str) -> str:
    """Return the version of a library that is installed, or "not installed"."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of all `LIBRARIES`."""
    return {"python": python_version()} | {name: installed_version(name) for name in LIBRARIES}


def version_notes(versions: Mapping[str, str]) -> list[str]:
    """Compare the versions that trained a model with those that are installed.

    Parameters
    ----------
    versions : mapping of str to str
        `FlowModel.versions`.

    Returns
    -------
    list of str
        "trained with scikit-learn 1.5, this is 1.9", for scikit-learn and PyOD; usually empty.
    """
    pairs = [(name, _minor(versions.get(name)), _minor(installed_version(name))) for name in _NOTED]
    return [f"trained with {name} {there}, this is {here}" for name, there, here in pairs if there and there != here]


def _minor(version: str | None) -> str:
    return ".".join(str(version or "").split(".")[:2])
