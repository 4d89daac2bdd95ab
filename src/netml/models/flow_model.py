"""Trained models: a representation, a scaler and a detector that belong together."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from netml.errors import NetmlError, OptionError
from netml.features.matrix import FeatureMatrix
from netml.models.verdicts import Verdicts

if TYPE_CHECKING:
    from netml.capture.reader import Progress
    from netml.features.representation import FlowRepresentation
    from netml.streaming.flow_stream import FlowStream


def describe_columns(columns: Sequence[str]) -> str:
    """Return the names of the first and the last column, and how many there are, for messages."""
    return f"{columns[0]} .. {columns[-1]} ({len(columns):,})" if columns else "none"


class FlowModel:
    """A trained detector with its scaler and its representation: it classifies the flows of any capture.

    `netml.learn` makes one, `netml.load_model` reads one.

    Parameters
    ----------
    detector : Detector
        Fitted.
    representation : FlowRepresentation, optional
        Fitted; None if the model was trained on a bare matrix of features.
    scaler : transformer, optional
        Fitted; None if features go to the detector as they are.
    detector_name : str
        Name of the detector in `netml.ndm.DETECTORS`.
    params : mapping, optional
        Parameters given to the detector.
    scale : str, default "none"
        Name of the scaler.
    columns : sequence of str, optional
        Names of the features.
    summary : dict, optional
        Training data and test results, in types that JSON has.
    versions : dict, optional
        Versions of netml and of the libraries that trained the model.
    """

    def __init__(
        self,
        detector: Any,
        *,
        representation: FlowRepresentation | None = None,
        scaler: Any = None,
        detector_name: str = "",
        params: Mapping[str, Any] | None = None,
        scale: str = "none",
        columns: Sequence[str] | None = None,
        summary: dict[str, Any] | None = None,
        versions: dict[str, str] | None = None,
    ) -> None:
        self.detector = detector
        self.representation = representation
        self.scaler = scaler
        self.detector_name = detector_name
        self.params = dict(params or {})
        self.scale = scale
        self.columns = None if columns is None else tuple(columns)
        self.summary = dict(summary or {})
        self.versions = dict(versions or {})

    def __repr__(self) -> str:
        about = "no representation" if self.representation is None else repr(self.representation)
        return f"<FlowModel: {self.detector_name or type(self.detector).__name__}, {about}>"

    @property
    def threshold(self) -> float | None:
        """Score above which a flow is abnormal; None for a model of the original netml that has none."""
        threshold = getattr(self.detector, "threshold_", None)
        return None if threshold is None else float(threshold)

    def decision_function(self, X: Any) -> np.ndarray:
        """Score rows of features.

        Parameters
        ----------
        X : array_like (n_flows, n_features) or FeatureMatrix
            With the columns of the training.

        Returns
        -------
        ndarray (n_flows,) of float64
            Higher = more abnormal.

        Raises
        ------
        OptionError
            If a `FeatureMatrix` has other columns.
        """
        if isinstance(X, FeatureMatrix):
            if self.columns is not None and X.columns != self.columns:
                given, wanted = describe_columns(X.columns), describe_columns(self.columns)
                raise OptionError("X", f"columns {given}", f"the columns of the training: {wanted}")
            X = X.X
        X = np.asarray(X, np.float64)
        try:
            if self.scaler is not None and len(X):
                X = self.scaler.transform(X)
            return np.asarray(self.detector.decision_function(X), np.float64)
        except (AttributeError, TypeError, LookupError) as error:
            # A made-up model file loads, as its code is not run; attributes that scoring needs may be missing.
            if isinstance(error, NetmlError):
                raise
            raise NetmlError(f"this model cannot score: {error}") from error

    def predict(self, X: Any) -> np.ndarray:
        """Classify rows of features as scikit-learn's outlier detectors do.

        Parameters
        ----------
        X : array_like (n_flows, n_features) or FeatureMatrix
            With the columns of the training.

        Returns
        -------
        ndarray (n_flows,) of int64
            -1 abnormal: the score is above the threshold; +1 normal.
        """
        scores = self.decision_function(X)
        return np.where(scores > self.find_threshold(), -1, 1).astype(np.int64)

    def classify(
        self,
        captures: Any,
        *,
        threshold: float | None = None,
        keep_tail: bool = False,
        strict: bool = False,
        link_type: int | None = None,
        progress: Progress | None = None,
    ) -> Verdicts:
        """Classify the flows of captures.

        Parameters
        ----------
        captures : source, FlowTable, or an iterable of either
            As in `netml.FlowRepresentation`.
        threshold : float, optional
            Threshold instead of the trained one.
        keep_tail : bool, default False
            Classify also the last part of a flow that was cut, which the training left out.
        strict, link_type, progress
            As in `netml.read_flows`.

        Returns
        -------
        Verdicts
            A score and a verdict for each flow.

        Raises
        ------
        CaptureError
            If a source cannot be opened.
        OptionError
            If the model has no representation or no threshold.
        """
        threshold = self.find_threshold(threshold)
        representation = self._require_representation()
        if keep_tail:
            representation = representation.keeping_tail()
        tables = representation.read_tables(captures, strict=strict, link_type=link_type, progress=progress)
        return self.classify_matrix(representation.compute(tables), threshold=threshold)

    def classify_matrix(self, matrix: FeatureMatrix, *, threshold: float | None = None) -> Verdicts:
        """Classify the flows of a feature matrix.

        Parameters
        ----------
        matrix : FeatureMatrix
            Made with this model's representation.
        threshold : float, optional
            Threshold instead of the trained one.

        Returns
        -------
        Verdicts
            A score and a verdict for each flow.
        """
        threshold = self.find_threshold(threshold)
        return Verdicts(matrix.flows, self.decision_function(matrix), threshold, matrix.metadata)

    def stream(self, source: Any, **options: Any) -> FlowStream:
        """Open a source for `follow`.

        Parameters
        ----------
        source : source
            As in `netml.read_flows`.
        **options
            Of `netml.streaming.FlowStream`.

        Returns
        -------
        FlowStream
            Its `metadata` describes what was read so far.
        """
        from netml.features.spec import read_spec
        from netml.streaming.feature_batches import open_stream

        return open_stream(source, read_spec(self._require_representation()), **options)

    def follow(self, stream: Any, *, threshold: float | None = None, **options: Any) -> Iterator[Verdicts]:
        """Classify flows as they end: when they idle for longer than a timeout, or pause for the interval.

        Parameters
        ----------
        stream : source or FlowStream
            As in `netml.read_flows`, or made by `stream`.
        threshold : float, optional
            Threshold instead of the trained one.
        **options
            Of `netml.streaming.FlowStream`.

        Yields
        ------
        Verdicts
            Of the flows that have ended since the last. Flows open at the end of the source are included.
        """
        from netml.streaming.flow_stream import FlowStream

        threshold = self.find_threshold(threshold)
        representation = self._require_representation()
        for part in stream if isinstance(stream, FlowStream) else self.stream(stream, **options):
            matrix = part if isinstance(part, FeatureMatrix) else representation.compute([part])
            yield self.classify_matrix(matrix, threshold=threshold)

    def save(self, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> None:
        """Write the model.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            `.netml`: safe to load, wherever it comes from. `.dat`: the original's pickle of (model, history). An open
            file is written at the end, and stays open.
        format : {"netml", "dat"}, optional
            Format, whatever the suffix; "netml" for an open file whose name does not end in `.dat`.

        Raises
        ------
        OptionError
            If an open file was not opened in binary mode.
        UnknownNameError
            If there is no such format.
        OutputError
            If the file cannot be written; an older file of this name stays as it was.
        """
        from netml.formats import find_suffix
        from netml.formats.streams import open_target

        if find_suffix(path, format, among=(".netml", ".dat"), default=".netml") == ".netml":
            from netml.models.model_file import write_model

            write_model(path, self)
            return
        from netml.files.output import make_folder

        history = {"score": self.summary["auc"]} if self.summary.get("auc") is not None else {}
        if isinstance(path, str | os.PathLike):
            make_folder(path)
        with open_target(path) as stream:
            pickle.dump((self, history), stream)

    def _require_representation(self) -> FlowRepresentation:
        if self.representation is None:
            raise OptionError("representation", None, "given: this model was trained on a bare matrix and has none")
        return self.representation

    def find_threshold(self, given: float | None = None) -> float:
        """Return the given threshold, or else the trained one.

        Parameters
        ----------
        given : float, optional
            The user's threshold.

        Returns
        -------
        float
            Score above which a flow is abnormal.

        Raises
        ------
        OptionError
            If there is neither, or it is NaN.
        """
        threshold = self.threshold if given is None else given
        if threshold is None:
            raise OptionError("threshold", None, "given: this model has none")
        if np.isnan(threshold):
            raise OptionError("threshold", threshold, "a number")
        return float(threshold)
