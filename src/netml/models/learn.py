"""Training of models on captures, and reading of saved models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from netml.errors import DamagedFileError, OptionError
from netml.features.concat import concat_matrices
from netml.features.matrix import FeatureMatrix
from netml.formats.streams import name_of, open_source
from netml.labels.truth import label_texts
from netml.models.flow_model import FlowModel
from netml.models.training import TrainOptions, train

if TYPE_CHECKING:
    from netml.capture.reader import Progress
    from netml.families import FamilyOptions
    from netml.features.representation import FlowRepresentation
    from netml.flow.options import FlowOptions
    from netml.flow.table import FlowTable
    from netml.schema.choices import DetectorName, Families, Scale, Size, TrainOn

_ZIP = b"PK"


def learn(
    captures: Any,
    *,
    families: Families = "IAT",
    fft: bool = False,
    header: bool = False,
    flow: FlowOptions | None = None,
    interval: float | None = None,
    dim: int | None = None,
    rate: float | None = None,
    size: Size = "captured",
    max_packets: int | None = None,
    family_options: FamilyOptions | None = None,
    labels: Any = None,
    strict: bool = False,
    progress: Progress | None = None,
    detector: DetectorName = "ocsvm",
    params: Mapping[str, Any] | None = None,
    scale: Scale = "none",
    contamination: float | None = None,
    random_state: int = 42,
    test_size: float = 0.33,
    train_on: TrainOn = "all",
    max_train_rows: int | None = None,
    force: bool = False,
) -> FlowModel:
    """Train a model on the flows of captures.

    Parameters
    ----------
    captures : source, FlowTable, or an iterable of either
        As in `netml.FlowRepresentation`: each is a capture of its own.
    families, fft, header, flow, interval, dim, rate, size, max_packets, family_options
        As in `netml.FlowRepresentation`.
    labels : path, Labels, or a list of them, optional
        One for each capture. Flows without a label are left out then, and a share of the rest is kept for the test.
    strict, progress
        As in `netml.read_flows`.
    detector : str, default "ocsvm"
        Name of the detector; `netml detectors` lists them.
    params : mapping, optional
        Parameters of the detector, where not the defaults.
    scale : {"none", "standard", "robust", "log"}
        Scaling of the features before the detector.
    contamination : float, optional
        Share of the training flows above the threshold, from 0 to 0.5; by default that of the detector, 0.1.
    random_state : int, default 42
        Seed of the split, of the choice of rows and of the detector.
    test_size : float, default 0.33
        Share of the labelled flows that are kept for the test.
    train_on : {"all", "normal"}
        Labelled flows to learn from: all, as the original, or those labelled normal.
    max_train_rows : int, optional
        Learn from a random choice of this many flows, if there are more.
    force : bool, default False
        Train even if it is estimated to take very long.

    Returns
    -------
    FlowModel
        Trained; its `summary` has the training data and, with labels, the results of the test.

    Raises
    ------
    CaptureError
        If a source cannot be opened.
    OptionError, UnknownNameError
        If an option is out of range, or a family, detector or parameter unknown.
    TrainingError
        If there is nothing to learn from.
    TooManyRowsError
        If the detector would not end in a sensible time.
    MissingExtraError
        If the detector needs a package that is not there.

    Examples
    --------
    >>> import netml
    >>> model = netml.learn("examples/data/demo.pcap", families="STATS", detector="ecod")
    >>> int(model.classify("examples/data/demo.pcap").labels.sum())
    61
    """
    from netml.features.representation import FlowRepresentation

    wanted = TrainOptions(
        detector, params, scale, contamination, random_state, test_size, train_on, max_train_rows, force
    )
    representation = FlowRepresentation(
        families,
        fft=fft,
        header=header,
        flow=flow,
        interval=interval,
        dim=dim,
        rate=rate,
        size=size,
        max_packets=max_packets,
        family_options=family_options,
    )
    tables = representation.fit_tables(captures, strict=strict, progress=progress)
    truth = [None] * len(tables) if labels is None else list(labels) if isinstance(labels, list | tuple) else [labels]
    if len(truth) != len(tables):
        raise OptionError("labels", f"{len(truth)} of them", f"{len(tables)}, one for each capture")
    return train(label_matrix(representation, tables, truth), wanted, representation=representation)


def label_matrix(
    representation: FlowRepresentation, tables: Sequence[FlowTable], truth: Sequence[Any]
) -> FeatureMatrix:
    """Make one matrix of several captures, with labels if any capture has some.

    `truth` has for each table a label file or `Labels`, the class of all its flows (0 normal, 1 abnormal), or None.
    """
    matrices = []
    for table, known in zip(tables, truth, strict=True):
        matrix = representation.compute([table])
        if known is not None:
            matrix.labels = label_texts(table, known)
        elif any(other is not None for other in truth):
            matrix.labels = np.full(len(matrix), "")
        matrices.append(matrix)
    return concat_matrices(matrices, representation.columns_)


def load_model(path: str | os.PathLike[str] | IO[bytes], *, trust: bool = False) -> FlowModel:
    """Read a model.

    Parameters
    ----------
    path : str, os.PathLike or binary file
        A `.netml` file, or a pickle of the original's kind: a model, or (model, history); found by content. An open
        file is read from its place to its end, and stays open.
    trust : bool, default False
        Load types that netml does not know. They can run any code: only for files that you wrote.

    Returns
    -------
    FlowModel
        As it was saved; a model of the original netml has no representation.

    Raises
    ------
    UntrustedFileError
        If the file holds unknown types, and `trust` is False.
    DamagedFileError
        If it is cut, damaged, or no model.
    OSError
        If it cannot be opened.
    """
    name = name_of(path)
    with open_source(path) as opened:
        stream = cast(BinaryIO, opened)
        is_zip = stream.read(2) == _ZIP
        stream.seek(0)
        if is_zip or name.lower().endswith(".netml"):
            from netml.models.model_file import parse_model

            return parse_model(stream, name, trust)
        # Here, as numpy.random and zipfile, which it imports, take a tenth of a short run's time.
        from netml.files.safe_pickle import unpickle

        try:
            found = unpickle(stream, name, trust)
        except DamagedFileError as error:
            reason = "not a model, or a damaged one: neither a .netml file nor a pickle"
            raise DamagedFileError(name, reason) from error
    return _unpack_model(found, name)


def _unpack_model(found: Any, name: str) -> FlowModel:
    """Return the model of a pickle: a model, or a model and its history."""
    model, history = found if isinstance(found, tuple) and len(found) == 2 else (found, {})
    if isinstance(model, FlowModel):
        from netml.models.versions import version_notes

        try:
            model.summary["notes"] = version_notes(model.versions)
        except (AttributeError, TypeError) as error:  # a pickle may give an object whatever attributes it likes
            raise DamagedFileError(name, "holds a model that lacks a part of it") from error
        return model
    if not hasattr(model, "decision_function"):
        raise DamagedFileError(name, "holds no model")
    summary = dict(history) if isinstance(history, dict) else {}
    return FlowModel(model, detector_name=str(getattr(model, "name", "")), summary=summary)
