"""Distributions of the scores of normal and abnormal flows, with the threshold."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import OptionError
from netml.summary import plural
from netml.visual._canvas import (
    CLASSES,
    COLOURS,
    INK,
    LARGEST_SCORE,
    checked_classes,
    compact,
    drawing,
    set_scale,
    spread_bins,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_BINS = 50
_LOG_FROM = 50  # the axis is logarithmic if the largest bar is this many times the smallest


def plot_scores(
    path: str | os.PathLike[str], y: Any, scores: Any, threshold: float | None = None, *, title: str = ""
) -> None:
    """Plot a histogram of the scores of each class, and the threshold.

    Parameters
    ----------
    y : array_like of int, shape (n_flows,), or None
        1 abnormal, 0 normal, -1 not labelled; None: none is labelled.
    scores : array_like of float, shape (n_flows,)
        Higher is more abnormal.
    threshold : float, optional
        Drawn as a line.
    path, title
        As of all plots, and with their errors: see `netml.visual`.

    Raises
    ------
    OptionError
        If the shapes do not fit together, or a score is NaN.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or np.isnan(values).any():
        raise OptionError("scores", values.shape, "of one dimension, and without NaN")
    with drawing(path, 8.0, 4.2) as figure:
        draw_scores(figure.subplots(), checked_classes(y, len(values)), values, threshold)
        if title:
            figure.suptitle(title)


def draw_scores(axes: Axes, y: np.ndarray, scores: np.ndarray, threshold: float | None) -> None:
    """Draw a histogram of each class, and the threshold."""
    is_drawn = np.abs(scores) < LARGEST_SCORE
    within = scores[is_drawn]
    line = threshold if threshold is not None and abs(threshold) < LARGEST_SCORE else None
    edges, linear_width = spread_bins(within, N_BINS, core=scores[is_drawn & (y == 0)], also=line)
    set_scale(axes, linear_width)
    if linear_width is None:
        axes.xaxis.set_major_formatter(compact)
    heights = []
    for name, number in CLASSES.items():
        values = np.clip(scores[y == number], edges[0], edges[-1])
        if len(values):
            counts = np.histogram(values, edges)[0]
            heights.append(counts)
            label = f"{name} ({plural(len(values), 'flow')})"
            axes.stairs(counts, edges, fill=True, alpha=0.35, color=COLOURS[name])
            axes.stairs(counts, edges, color=COLOURS[name], linewidth=1.4, label=label)
    _set_counts(axes, np.concatenate(heights) if heights else np.zeros(1))
    if line is not None:
        n_flagged = int((scores > line).sum())
        label = f"threshold {line:.4g}: {plural(n_flagged, 'flow')} above"
        axes.axvline(line, color=INK, linewidth=1.4, linestyle="--", label=label)
    n_beyond = int((~is_drawn).sum())
    beyond = f"; {plural(n_beyond, 'flow')} beyond {LARGEST_SCORE:g} at the end of the axis" if n_beyond else ""
    axes.set_title("Scores")
    axes.set_xlabel(f"score (higher: more abnormal){beyond}")
    # Above the bars: no corner is free in all histograms.
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0.12, 1.0), ncols=4, fontsize=8, borderaxespad=0.3)


def _set_counts(axes: Axes, counts: np.ndarray) -> None:
    highest = max(float(counts.max()), 1.0)
    is_skewed = highest >= _LOG_FROM * float(counts[counts > 0].min(initial=highest))
    if is_skewed:
        axes.set_yscale("log")
    axes.set_ylim(0.7 if is_skewed else 0.0, highest * (1.6 if is_skewed else 1.06))
    axes.set_ylabel("flows (logarithmic)" if is_skewed else "flows")
