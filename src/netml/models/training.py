"""Training of a detector on a feature matrix: split, choose rows, scale, fit, test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import OptionError, TrainingError
from netml.features.matrix import FeatureMatrix
from netml.labels.matching import binary_labels
from netml.models.flow_model import FlowModel
from netml.models.versions import library_versions
from netml.validation import require_number, require_whole

if TYPE_CHECKING:
    from netml.features.representation import FlowRepresentation
    from netml.schema.choices import DetectorName, Scale, TrainOn


@dataclass(frozen=True)
class TrainOptions:
    """Options of `train`, as in `netml.learn`; `OptionError` if a value is out of range."""

    detector: DetectorName = "ocsvm"
    params: Mapping[str, Any] | None = None
    scale: Scale = "none"
    contamination: float | None = None
    random_state: int = 42
    test_size: float = 0.33
    train_on: TrainOn = "all"
    max_train_rows: int | None = None
    force: bool = False

    def __post_init__(self) -> None:
        require_number("test_size", self.test_size, lowest=0.0, highest=1.0)
        if not 0.0 < self.test_size < 1.0:
            raise OptionError("test_size", self.test_size, "a number between 0 and 1, both excluded")
        if self.train_on not in ("all", "normal"):
            raise OptionError("train_on", self.train_on, "all or normal")
        require_whole("random_state", self.random_state, 0, 2**32 - 1)
        if self.max_train_rows is not None:
            require_whole("max_train_rows", self.max_train_rows, 2)
        if self.contamination is not None:
            require_number("contamination", self.contamination, lowest=0.0, highest=0.5)


def train(
    matrix: FeatureMatrix,
    training: TrainOptions | None = None,
    *,
    representation: FlowRepresentation | None = None,
    on_fit: Callable[[int, int], None] | None = None,
) -> FlowModel:
    """Train a detector on a feature matrix; raises the errors of `netml.learn`.

    With labels, flows without one are left out, and a share of the rest is kept for the test. `representation` is by
    default that of the matrix's metadata. `on_fit` is called with the numbers of rows and features before the fit.
    """
    from netml import ndm
    from netml.features.representation import FlowRepresentation
    from netml.ndm._base import training_rows
    from netml.ndm.costs import check_cost
    from netml.ndm.model import MODEL
    from netml.ndm.scaling import make_scaler

    wanted = training or TrainOptions()
    detector = ndm.make_detector(
        wanted.detector, wanted.params, random_state=wanted.random_state, contamination=wanted.contamination
    )
    scaler = make_scaler(wanted.scale)
    rows, test_rows, y = _split(matrix, wanted)
    summary = _summarise(matrix, wanted, y, rows, test_rows)
    rows = _choose(rows, wanted)
    summary["rows_used"] = len(rows)
    if not wanted.force:
        check_cost(wanted.detector, len(rows), matrix.shape[1])
    if on_fit is not None:
        on_fit(len(rows), matrix.shape[1])
    X = matrix.X if len(rows) == len(matrix) else matrix.X[rows]
    trainer = MODEL(detector, random_state=wanted.random_state)
    if scaler is not None:
        training_rows(X)  # the check of the detectors comes first: scalers word the same errors in other ways
        X = scaler.fit_transform(X)
    trainer.train(X)
    summary["train_s"] = trainer.train.tot_time * 60
    model = FlowModel(
        detector,
        representation=representation or FlowRepresentation.from_metadata(matrix.metadata),
        scaler=scaler,
        detector_name=wanted.detector,
        params=wanted.params,
        scale=wanted.scale,
        columns=None if is_unnamed(matrix.columns) else matrix.columns,
        summary=summary,
        versions=library_versions(),
    )
    if test_rows is not None:
        _test(model, matrix.X[test_rows], y[test_rows])
    return model


def is_unnamed(columns: Sequence[str]) -> bool:
    """True if the columns are numbered, as those of a `.npy` or `.dat` file, which have no names."""
    return all(name == f"x_{position}" for position, name in enumerate(columns))


def _split(matrix: FeatureMatrix, wanted: TrainOptions) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return the rows to learn from, those for the test (None without labels), and the class of all rows."""
    all_rows = np.arange(len(matrix))
    if matrix.labels is None:
        if wanted.train_on == "normal":
            raise OptionError("train_on", "normal", "all, where there are no labels")
        return all_rows, None, np.full(len(matrix), -1)
    y = binary_labels(matrix.labels)
    labelled = all_rows[y >= 0]
    if len(labelled) < 3:
        raise TrainingError(
            f"{len(labelled)} labelled flows: at least 3 are needed to learn from some and test on others"
        )
    from sklearn.model_selection import train_test_split

    try:
        rows, test_rows = train_test_split(labelled, test_size=wanted.test_size, random_state=wanted.random_state)
    except ValueError as error:
        raise OptionError(
            "test_size", wanted.test_size, f"such that {len(labelled)} flows can be split: {error}"
        ) from error
    if wanted.train_on == "normal":
        rows = rows[y[rows] == 0]
        if len(rows) == 0:
            raise TrainingError("none of the flows to learn from is normal")
    return rows, test_rows, y


def _choose(rows: np.ndarray, wanted: TrainOptions) -> np.ndarray:
    """Choose at most `max_train_rows` of the rows at random, and keep their order."""
    if wanted.max_train_rows is None or len(rows) <= wanted.max_train_rows:
        return rows
    chosen = np.random.default_rng(wanted.random_state).choice(rows, wanted.max_train_rows, replace=False)
    return np.sort(chosen)


def _summarise(
    matrix: FeatureMatrix, wanted: TrainOptions, y: np.ndarray, rows: np.ndarray, test_rows: np.ndarray | None
) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "captures": matrix.metadata.get("captures", []),
        "packets_read": matrix.metadata.get("packets_read"),
        "rows": len(matrix),
        "features": matrix.shape[1],
        "rows_labelled": int((y >= 0).sum()),
        "rows_train": len(rows),
        "rows_test": 0 if test_rows is None else len(test_rows),
        "train_on": wanted.train_on,
        "max_train_rows": wanted.max_train_rows,
        "random_state": wanted.random_state,
    }
    if test_rows is not None:
        summary |= {"test_size": wanted.test_size, "abnormal_test": int((y[test_rows] == 1).sum())}
    return summary


def _test(model: FlowModel, X_test: np.ndarray, y_test: np.ndarray) -> None:
    """Write to the summary the AUC of the rows kept for the test, or why there is none."""
    from netml.ndm.model import MODEL

    tester = MODEL(model)
    try:
        tester.test(X_test, y_test)
    except TrainingError as error:
        model.summary |= {"auc": None, "auc_note": str(error)}
        return
    model.summary |= {"auc": tester.score, "test_s": tester.test.tot_time * 60}
