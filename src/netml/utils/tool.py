"""The original netml's `dump_data` and `load_data`."""

from __future__ import annotations

import os
import pickle
from typing import Any, BinaryIO

from netml.features.table_layout import SUFFIXES, features_and_labels, read_matrix
from netml.files.output import write_pickle
from netml.files.safe_pickle import unpickle


def dump_data(obj: Any, out_file: str | os.PathLike[str] | BinaryIO, verbose: bool = True) -> None:
    """Pickle an object to a file, as the original netml does.

    Parameters
    ----------
    obj : object
        Usually `(features, labels)`.
    out_file : str, os.PathLike or binary file
        A missing folder is created, an existing file is replaced at the end of writing.
    verbose : bool, default True
        Accepted for callers of the original; without effect.

    Raises
    ------
    OutputError
        If the file cannot be written.
    TypeError
        If `out_file` is neither a path nor a file open for writing.
    """
    if not isinstance(out_file, str | os.PathLike):
        pickle.dump(obj, out_file)
        return
    write_pickle(out_file, obj)


def load_data(path: str | os.PathLike[str] | BinaryIO, trust: bool = False) -> Any:
    """Read a file of `dump_data`, `netml extract` or `netml learn`.

    Parameters
    ----------
    path : str, os.PathLike or binary file
        A model (`.netml`), a feature file by its suffix, or a pickle (`.dat`, any other name, an open file).
    trust : bool, default False
        Load any pickle. It can run any code then: only for files that you wrote.

    Returns
    -------
    object
        The pickled object. For a model the pair `(model, history)` of the original's models: a `FlowModel`, and its
        summary with the AUC as `score` if there is one. For other feature files a pair `(X, y)`: float64 (n_flows,
        n_features), and int64 (n_flows,) labels, 1 abnormal and 0 normal; None if the file has no labels.

    Raises
    ------
    UntrustedFileError
        If the file holds anything but numpy arrays, Python's own containers and netml's models, and `trust`
        is False.
    DamagedFileError
        If the file is cut, or its content is not of its suffix's format.
    OSError
        If it cannot be opened.
    """
    if not isinstance(path, str | os.PathLike):
        return unpickle(path, str(getattr(path, "name", "pickle")), trust)
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix == ".netml":
        from netml.models.model_file import read_model

        model = read_model(path, trust=trust)
        score = model.summary.get("auc")
        return model, {**model.summary, **({} if score is None else {"score": score})}
    if suffix != ".dat" and suffix in SUFFIXES:
        return features_and_labels(read_matrix(path))
    with open(path, "rb") as stream:
        return unpickle(stream, os.fspath(path), trust)
