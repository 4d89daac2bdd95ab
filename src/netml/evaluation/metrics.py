"""Figures of scores against labels, with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from netml.errors import EvaluationError, OptionError
from netml.evaluation.score_counts import areas_of, bootstrap_auc, count_by_score, recall_and_precision, shares_above
from netml.summary import plural

FEW_FLOWS = 20  # of a class: below, the figures are anecdotes
N_RESAMPLES = 1000


class Curve(NamedTuple):
    """Points of a curve, from the strictest threshold to the most lenient."""

    x: np.ndarray  # float64 (n_points,)
    y: np.ndarray  # float64 (n_points,)


@dataclass(frozen=True)
class Evaluation:
    """Figures of the scores of labelled flows. A figure that is not defined is None.

    Parameters
    ----------
    n_normal, n_abnormal, n_unlabelled : int
        Flows; those without a label count for nothing else.
    auc : float
        Probability that an abnormal flow scores higher than a normal one, ties counting half: the area under the
        ROC curve.
    auc_low, auc_high : float
        Its 95 % interval: percentiles over bootstrap resamples, drawn from each class by itself.
    average_precision : float
        Mean of the precision at each abnormal flow, in the order of the scores.
    threshold : float or None
        A score above it is predicted abnormal.
    true_positives, false_positives : int or None
        Flows predicted abnormal that are abnormal, and that are normal.
    n_resamples : int
        Resamples behind the interval.
    y, scores : ndarray (n_normal + n_abnormal,)
        Labels (0, 1) and scores of the labelled flows.
    remarks : tuple of str
        Remarks about the flows; part of the notes.
    """

    n_normal: int
    n_abnormal: int
    n_unlabelled: int
    auc: float
    auc_low: float
    auc_high: float
    average_precision: float
    threshold: float | None
    true_positives: int | None
    false_positives: int | None
    n_resamples: int
    y: np.ndarray = field(repr=False, compare=False)
    scores: np.ndarray = field(repr=False, compare=False)
    remarks: tuple[str, ...] = ()

    @property
    def prevalence(self) -> float:
        """Share of abnormal flows: the precision, and average precision, of a guess."""
        return self.n_abnormal / (self.n_normal + self.n_abnormal)

    @property
    def true_negatives(self) -> int | None:
        """Normal flows predicted normal."""
        return None if self.false_positives is None else self.n_normal - self.false_positives

    @property
    def false_negatives(self) -> int | None:
        """Abnormal flows predicted normal."""
        return None if self.true_positives is None else self.n_abnormal - self.true_positives

    @property
    def precision(self) -> float | None:
        """Share of the flows predicted abnormal that are abnormal; None if none is predicted so."""
        if self.true_positives is None or self.false_positives is None:
            return None
        n_flagged = self.true_positives + self.false_positives
        return self.true_positives / n_flagged if n_flagged else None

    @property
    def recall(self) -> float | None:
        """Share of the abnormal flows that are predicted abnormal."""
        return None if self.true_positives is None else self.true_positives / self.n_abnormal

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the normal flows that are predicted abnormal."""
        return None if self.false_positives is None else self.false_positives / self.n_normal

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; 0 if no abnormal flow is found."""
        if self.true_positives is None or self.false_positives is None:
            return None
        return 2 * self.true_positives / (self.true_positives + self.false_positives + self.n_abnormal)

    def roc(self) -> Curve:
        """Return the ROC curve: false positive rate, and recall, from (0, 0) to (1, 1)."""
        normal, abnormal = count_by_score(self.y, self.scores)
        return Curve(shares_above(normal), shares_above(abnormal))

    def precision_recall(self) -> Curve:
        """Return recall, and precision, from the highest score down; the first point has recall 0."""
        normal, abnormal = count_by_score(self.y, self.scores)
        recall, precision = recall_and_precision(normal, abnormal)
        return Curve(np.append(0.0, recall), np.append(precision[0], precision))

    def notes(self) -> list[str]:
        """Return warnings about these figures, a sentence each."""
        notes = list(self.remarks)
        for name, count in (("abnormal", self.n_abnormal), ("normal", self.n_normal)):
            if count < FEW_FLOWS:
                notes.append(
                    f"warning: only {plural(count, f'{name} flow')}: these figures can be chance, collect more"
                )
        if self.auc_low <= 0.5 <= self.auc_high:
            notes.append("the AUC's interval holds 0.5: on these flows the scores cannot be told from a guess")
        elif self.auc_high < 0.5:
            notes.append("worse than a guess: abnormal flows score lower than normal ones")
        if self.scores.min() == self.scores.max():
            notes.append("all scores are equal")
        elif self.auc_low == self.auc_high:
            notes.append("the scores divide the classes without a fault: resampling cannot tell what doubt is left")
        if self.true_positives == self.false_positives == 0:
            notes.append("no flow is above the threshold: the precision is not defined")
        return notes

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON: None for those that are not defined, never NaN or infinity."""
        figures: dict[str, Any] = {
            name: getattr(self, name) for name in ("n_normal", "n_abnormal", "n_unlabelled", "prevalence", "auc")
        }
        figures["auc_interval"] = [self.auc_low, self.auc_high]
        names = ("n_resamples", "average_precision", "threshold", "precision", "recall", "f1", "false_positive_rate")
        counts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        figures.update({name: getattr(self, name) for name in names + counts})
        if figures["threshold"] is not None and not math.isfinite(figures["threshold"]):
            figures["threshold"] = None
        return {**figures, "notes": self.notes()}

    def to_text(self) -> str:
        """Return a table for people: each figure, and the flows behind it."""
        return "\n".join([*_rows(self), *(f"note                 {note}" for note in self.notes())])


def evaluate_scores(
    y: Any, scores: Any, threshold: float | None = None, *, n_resamples: int = N_RESAMPLES, random_state: int = 42
) -> Evaluation:
    """Compute the figures of scores against labels.

    Parameters
    ----------
    y : array_like of int, shape (n_flows,)
        1 abnormal, 0 normal, -1 not labelled.
    scores : array_like of float, shape (n_flows,)
        Higher is more abnormal.
    threshold : float, optional
        A score above it is predicted abnormal; without one the figures of predictions are None.
    n_resamples : int, default 1000
        Bootstrap resamples behind the interval of the AUC.
    random_state : int, default 42
        Seed of the resampling: the same seed gives the same interval.

    Returns
    -------
    Evaluation
        The figures.

    Raises
    ------
    EvaluationError
        If a class is missing among the labelled flows, or a score is NaN.
    OptionError
        If the shapes do not fit together, or a label is none of -1, 0 and 1.

    Examples
    --------
    >>> evaluation = evaluate_scores([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], threshold=0.35)
    >>> evaluation.auc, evaluation.precision, evaluation.recall
    (0.75, 0.5, 0.5)
    """
    y, scores = _checked(y, scores)
    if threshold is not None and math.isnan(threshold):
        raise OptionError("threshold", threshold, "a number")
    if n_resamples < 1:
        raise OptionError("n_resamples", n_resamples, "a whole number of at least 1")
    is_labelled = y >= 0
    n_unlabelled = int((~is_labelled).sum())
    y, scores = y[is_labelled], scores[is_labelled]
    n_abnormal = int(y.sum())
    require_both_classes(len(y) - n_abnormal, n_abnormal, n_unlabelled)
    normal, abnormal = count_by_score(y, scores)
    recall, precision = recall_and_precision(normal, abnormal)
    low, high = bootstrap_auc(normal, abnormal, n_resamples, random_state)
    is_flagged = None if threshold is None else scores > threshold
    return Evaluation(
        n_normal=len(y) - n_abnormal,
        n_abnormal=n_abnormal,
        n_unlabelled=n_unlabelled,
        auc=float(areas_of(normal, abnormal)),
        auc_low=low,
        auc_high=high,
        average_precision=float((np.diff(recall, prepend=0.0) * precision).sum()),
        threshold=None if threshold is None else float(threshold),
        true_positives=None if is_flagged is None else int(is_flagged[y == 1].sum()),
        false_positives=None if is_flagged is None else int(is_flagged[y == 0].sum()),
        n_resamples=n_resamples,
        y=y,
        scores=scores,
    )


def auc_of(y: Any, scores: Any) -> float:
    """Return the AUC without an interval; arguments and errors as of `evaluate_scores`."""
    y, scores = _checked(y, scores)
    n_abnormal, n_normal = int((y == 1).sum()), int((y == 0).sum())
    require_both_classes(n_normal, n_abnormal, len(y) - n_abnormal - n_normal)
    return float(areas_of(*count_by_score(y[y >= 0], scores[y >= 0])))


def require_both_classes(n_normal: int, n_abnormal: int, n_unlabelled: int = 0) -> None:
    """Raise `EvaluationError` unless there are flows of both classes."""
    if n_normal and n_abnormal:
        return
    rest = f"; without a label: {plural(n_unlabelled, 'flow')}" if n_unlabelled else ""
    if not n_normal and not n_abnormal:
        raise EvaluationError(f"there are no labelled flows: nothing can be evaluated{rest}")
    found, missing = ("normal", "abnormal") if n_normal else ("abnormal", "normal")
    n_flows = n_normal + n_abnormal
    flows = f"the {n_flows:,} labelled flows are all" if n_flows > 1 else "the one labelled flow is"
    raise EvaluationError(f"{flows} {found}: an evaluation needs {missing} flows, too{rest}")


def _checked(y: Any, scores: Any) -> tuple[np.ndarray, np.ndarray]:
    y, scores = np.asarray(y), np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or scores.shape != y.shape:
        raise OptionError("scores", scores.shape, f"of the labels' shape {y.shape}, with one dimension")
    if not np.isin(y, (-1, 0, 1)).all():
        wrong = y[~np.isin(y, (-1, 0, 1))].tolist()[0]
        raise OptionError("y", wrong, "1 for abnormal, 0 for normal or -1 for not labelled")
    is_nan = np.isnan(scores)
    if is_nan.any():
        first = int(is_nan.argmax())
        raise EvaluationError(f"{int(is_nan.sum()):,} of {len(scores):,} scores are NaN, the first that of row {first}")
    return y.astype(np.int64), scores


def _rows(evaluation: Evaluation) -> list[str]:
    one = evaluation
    unlabelled = f"; {one.n_unlabelled:,} without a label left out" if one.n_unlabelled else ""
    behind = f"95 %: {one.auc_low:.3f} to {one.auc_high:.3f}, {one.n_resamples:,} resamples; a guess has 0.5"
    rows = [
        ("flows", f"{len(one.y):,}", f"{one.n_normal:,} normal, {one.n_abnormal:,} abnormal{unlabelled}"),
        ("AUC", f"{one.auc:.3f}", behind),
        ("average precision", f"{one.average_precision:.3f}", f"a guess has {one.prevalence:.3f}, the share abnormal"),
    ]
    if one.true_positives is not None and one.false_positives is not None:
        n_flagged = one.true_positives + one.false_positives
        rows += [
            ("threshold", f"{one.threshold:.6g}", f"{n_flagged:,} flows score higher and are predicted abnormal"),
            ("precision", _figure(one.precision), f"{one.true_positives:,} of these {n_flagged:,} are abnormal"),
            ("recall", _figure(one.recall), f"{one.true_positives:,} of {one.n_abnormal:,} abnormal flows are found"),
            ("F1", _figure(one.f1), "harmonic mean of precision and recall"),
            (
                "false positive rate",
                _figure(one.false_positive_rate),
                f"{one.false_positives:,} of {one.n_normal:,} normal flows are predicted abnormal",
            ),
        ]
    else:
        rows.append(("threshold", "-", "the model keeps none: no flow is predicted abnormal or normal"))
    return [f"{name:<20} {figure:>10}   {text}" for name, figure, text in rows]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
