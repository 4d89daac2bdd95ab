"""One picture of an evaluation: both curves, and the scores below them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from netml.visual._canvas import drawing
from netml.visual.curves import draw_precision_recall, draw_roc
from netml.visual.scores import draw_scores

if TYPE_CHECKING:
    from netml.evaluation.metrics import Evaluation


def plot_evaluation(path: str | os.PathLike[str], evaluation: Evaluation, *, title: str = "") -> None:
    """Plot the ROC curve, the precision-recall curve and the scores with the threshold.

    Parameters
    ----------
    evaluation : Evaluation
        From `netml.evaluation.metrics.evaluate_scores` or `netml.evaluation.evaluate`.
    path, title
        As of all plots, and with their errors: see `netml.visual`.
    """
    with drawing(path, 9.0, 9.0) as figure:
        axes = figure.subplot_mosaic([["roc", "precision"], ["scores", "scores"]], height_ratios=[1.6, 1])
        draw_roc(axes["roc"], evaluation)
        draw_precision_recall(axes["precision"], evaluation)
        draw_scores(axes["scores"], evaluation.y, evaluation.scores, evaluation.threshold)
        if title:
            figure.suptitle(title)
