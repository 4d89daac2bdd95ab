"""ROC and precision-recall curves, with the point where the model's threshold stands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from netml.summary import plural
from netml.visual._canvas import COLOURS, INK, drawing, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from netml.evaluation.metrics import Evaluation


def plot_curves(path: str | os.PathLike[str], evaluation: Evaluation, *, title: str = "") -> None:
    """Plot the ROC curve and the precision-recall curve side by side.

    Parameters
    ----------
    evaluation : Evaluation
        From `netml.evaluation.metrics.evaluate_scores`.
    path, title
        As of all plots, and with their errors: see `netml.visual`.
    """
    with drawing(path, 9.0, 6.2) as figure:
        roc, precision_recall = figure.subplots(1, 2)
        draw_roc(roc, evaluation)
        draw_precision_recall(precision_recall, evaluation)
        if title:
            figure.suptitle(title)


def draw_roc(axes: Axes, evaluation: Evaluation) -> None:
    """Draw the ROC curve, chance, and the threshold's point."""
    curve = evaluation.roc()
    interval = f"AUC {evaluation.auc:.3f} (95 %: {evaluation.auc_low:.3f} to {evaluation.auc_high:.3f})"
    axes.plot(*thinned(curve.x, curve.y), color=COLOURS["abnormal"], linewidth=1.8, label=interval)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=":", label="a guess: 0.5")
    if evaluation.false_positive_rate is not None and evaluation.recall is not None:
        _mark(axes, evaluation.false_positive_rate, evaluation.recall, evaluation)
    axes.set_title("ROC")
    axes.set_xlabel(f"false positive rate (of {plural(evaluation.n_normal, 'normal flow')})")
    axes.set_ylabel(f"recall (of {plural(evaluation.n_abnormal, 'abnormal flow')})")
    _frame(axes)


def draw_precision_recall(axes: Axes, evaluation: Evaluation) -> None:
    """Draw precision over recall, chance, and the threshold's point."""
    curve = evaluation.precision_recall()
    label = f"average precision {evaluation.average_precision:.3f}"
    # A step, as the average precision sums it: no precision between two thresholds is promised.
    x, y = thinned(curve.x, curve.y)
    axes.step(x, y, where="pre", color=COLOURS["abnormal"], linewidth=1.8, label=label)
    share = evaluation.prevalence
    axes.axhline(share, color=INK, linewidth=0.9, linestyle=":", label=f"a guess: {share:.3f}, the share abnormal")
    if evaluation.recall is not None and evaluation.precision is not None:
        _mark(axes, evaluation.recall, evaluation.precision, evaluation)
    axes.set_title("Precision and recall")
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    _frame(axes)


def _mark(axes: Axes, x: float, y: float, evaluation: Evaluation) -> None:
    label = f"threshold {evaluation.threshold:.4g}"
    axes.plot([x], [y], "o", color=INK, markersize=6, zorder=3, clip_on=False, label=label)


def _frame(axes: Axes) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_aspect("equal")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    # Below: within the frame there is no corner that every curve leaves free.
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=8)
