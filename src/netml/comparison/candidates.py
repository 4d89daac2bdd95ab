"""One candidate of a comparison: features and a detector, trained, chosen on the validation flows, tested."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from netml.errors import NetmlError
from netml.evaluation.metrics import Evaluation, auc_of, evaluate_scores

if TYPE_CHECKING:
    from netml.schema.choices import Scale

_ENOUGH_S = 0.1  # scoring that takes less is timed again
_MOST_TIMINGS = 5


class Features(NamedTuple):
    """The flows of a split as rows of one representation."""

    X_train: np.ndarray
    X_validation: np.ndarray
    X_test: np.ndarray
    dim: int
    rate_s: float


@dataclass(frozen=True)
class Candidate:
    """Features and a detector: the best variant and parameters on the validation flows count."""

    representation: str
    variants: Sequence[Features]  # one, or several that differ in the tuned rate
    detector: str
    scale: Scale
    tune: bool  # the detector's parameters
    force: bool  # train for however long it takes


@dataclass(frozen=True)
class Entry:
    """A line of the leaderboard. A figure that is missing is None."""

    representation: str
    detector: str
    scale: Scale
    params: Mapping[str, Any] = field(default_factory=dict)  # chosen on the validation flows, if they are tuned
    n_tried: int = 1  # sets of parameters, and variants of the representation, from which these were chosen
    dim: int = 0  # learned from the training flows, as the rate
    rate_s: float = 0.0
    n_features: int = 0
    validation_auc: float | None = None  # the order of the leaderboard; None if the candidate failed
    test: Evaluation | None = None  # figures of the test flows, by which nothing was chosen
    fit_s: float | None = None  # time to train scaler and detector
    predict_us: float | None = None  # time to scale and score a flow
    reason: str = ""  # of the failure

    @property
    def name(self) -> str:
        """Representation, detector and scaler in a few words."""
        scaled = "" if self.scale == "none" else f", {self.scale}"
        return f"{self.representation}, {self.detector}{scaled}"

    def to_dict(self) -> dict[str, Any]:
        """Return the line for JSON."""
        names = ("representation", "detector", "scale", "n_tried", "dim", "rate_s", "n_features", "validation_auc")
        line: dict[str, Any] = {name: getattr(self, name) for name in names}
        line["params"] = dict(self.params)
        line["test"] = None if self.test is None else self.test.to_dict()
        return {**line, "fit_s": self.fit_s, "predict_us": self.predict_us, "reason": self.reason}


class _Fitted(NamedTuple):
    features: Features
    params: Mapping[str, Any]
    scaler: Any
    detector: Any
    fit_s: float
    validation_auc: float


def try_candidate(
    candidate: Candidate, y_validation: np.ndarray, y_test: np.ndarray, *, random_state: int, n_resamples: int
) -> Entry:
    """Train, choose on the validation flows, then test once; labels are 1 abnormal, 0 normal.

    An entry with a reason is returned if nothing of the candidate could be trained.
    """
    best: _Fitted | None = None
    n_tried, reason = 0, ""
    for features in candidate.variants:
        try:
            found, n_sets = _fit_best(candidate, features, y_validation, random_state)
        except (NetmlError, MemoryError, ValueError) as error:
            reason = reason or " ".join(str(error).split()) or type(error).__name__
            continue
        n_tried += n_sets
        # The first of equals: the choice must not depend on times.
        if best is None or found.validation_auc > best.validation_auc:
            best = found
    about: dict[str, Any] = {
        "representation": candidate.representation,
        "detector": candidate.detector,
        "scale": candidate.scale,
    }
    if best is None:
        return Entry(**about, n_features=candidate.variants[0].X_train.shape[1], reason=reason)
    scores, duration_s = _score_timed(best)
    threshold = float(best.detector.threshold_)
    return Entry(
        **about,
        params=best.params,
        n_tried=n_tried,
        dim=best.features.dim,
        rate_s=best.features.rate_s,
        n_features=best.features.X_train.shape[1],
        validation_auc=best.validation_auc,
        test=evaluate_scores(y_test, scores, threshold, n_resamples=n_resamples, random_state=random_state),
        fit_s=best.fit_s,
        predict_us=duration_s / len(scores) * 1e6,
    )


def _fit_best(candidate: Candidate, features: Features, y: np.ndarray, seed: int) -> tuple[_Fitted, int]:
    """Fit every set of parameters; one that does not fit is left out, if another does."""
    from netml.ndm import make_detector
    from netml.ndm.costs import check_cost
    from netml.ndm.scaling import make_scaler

    make_detector(candidate.detector)  # a missing package is reported before the cost of its detector
    if not candidate.force:
        check_cost(candidate.detector, *features.X_train.shape)
    start_s = time.perf_counter()
    scaler = make_scaler(candidate.scale)
    X = features.X_train if scaler is None else scaler.fit_transform(features.X_train)
    scaling_s = time.perf_counter() - start_s
    X_validation = features.X_validation if scaler is None else scaler.transform(features.X_validation)
    grid: Sequence[Mapping[str, Any]] = [{}]
    if candidate.tune:
        from netml.comparison.grids import make_grid

        grid = make_grid(candidate.detector, X, seed)
    best: _Fitted | None = None
    failure: NetmlError | None = None
    for params in grid:
        try:
            detector, fit_s = _fit(candidate.detector, params, X, seed)
            auc = auc_of(y, detector.decision_function(X_validation))
        except NetmlError as error:
            failure = failure or error
            continue
        if best is None or auc > best.validation_auc:
            best = _Fitted(features, params, scaler, detector, scaling_s + fit_s, auc)
    if best is None:
        assert failure is not None
        raise failure
    return best, len(grid)


def _fit(name: str, params: Mapping[str, Any], X: np.ndarray, seed: int) -> tuple[Any, float]:
    from netml.ndm import make_detector

    detector = make_detector(name, params, random_state=seed)
    start_s = time.perf_counter()
    detector.fit(X)
    return detector, time.perf_counter() - start_s


def _score_timed(best: _Fitted) -> tuple[np.ndarray, float]:
    """Score the test flows; the shortest of a few times is the least disturbed one."""
    durations_s: list[float] = []
    scores = np.empty(0)
    while not durations_s or (sum(durations_s) < _ENOUGH_S and len(durations_s) < _MOST_TIMINGS):
        start_s = time.perf_counter()
        X = best.features.X_test
        scores = best.detector.decision_function(X if best.scaler is None else best.scaler.transform(X))
        durations_s.append(time.perf_counter() - start_s)
    return scores, min(durations_s)
