"""Distributions of features in each class: small multiples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import OptionError
from netml.visual._canvas import (
    CLASSES,
    COLOURS,
    LARGEST_SCORE,
    checked_classes,
    compact,
    drawing,
    set_scale,
    shortened,
    spread_bins,
)
from netml.visual.units import unit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_BINS = 30
MOST_FEATURES = 24
_COLUMNS = 4


def plot_features(
    path: str | os.PathLike[str],
    X: Any,
    columns: Sequence[str],
    y: Any = None,
    *,
    most: int = MOST_FEATURES,
    title: str = "",
) -> None:
    """Plot the distribution of each feature, normal against abnormal.

    Parameters
    ----------
    X : array_like of float, shape (n_flows, n_features)
        The features.
    columns : sequence of str
        Their names.
    y : array_like of int, shape (n_flows,), optional
        1 abnormal, 0 normal, -1 not labelled.
    most : int, default 24
        Features to plot. If there are more, those in which the classes differ most (by the AUC of the feature alone);
        the first ones if there are not both classes.
    path, title
        As of all plots, and with their errors: see `netml.visual`.

    Raises
    ------
    OptionError
        If the shapes do not fit together.
    """
    values = np.asarray(X, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(columns) or not len(columns):
        raise OptionError("X", values.shape, f"of two dimensions, with the {len(columns)} columns that are named")
    labels = checked_classes(y, len(values))
    chosen, how = _choose(values, labels, max(most, 1))
    n_rows = -(-len(chosen) // _COLUMNS)
    n_columns = min(len(chosen), _COLUMNS)
    with drawing(path, 2.6 * max(n_columns, 2), 1.75 * n_rows + 0.9) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, column in zip(grid, chosen, strict=False):
            _draw(axes, values[:, column], labels, columns[column])
        for axes in grid[len(chosen) :]:
            axes.set_axis_off()
        for axes in grid[:: max(n_columns, 1)]:
            axes.set_ylabel("% of class")
        handles, names = grid[0].get_legend_handles_labels()
        some = f"{len(chosen)} of " if len(chosen) < len(columns) else ""
        about = f"{some}{len(columns):,} feature{'' if len(columns) == 1 else 's'}{how}"
        figure.suptitle(f"{title + ': ' if title else ''}{about}")
        if handles:
            figure.legend(handles, names, loc="outside lower center", ncols=3)


def _choose(X: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, str]:
    n_features = X.shape[1]
    if n_features <= most:
        return np.arange(n_features), ""
    if not ((y == 0).any() and (y == 1).any()):
        return np.arange(most), ", the first ones"
    from netml.evaluation.metrics import auc_of

    known = np.nan_to_num(X)
    separation = np.array([abs(auc_of(y, known[:, column]) - 0.5) for column in range(n_features)])
    order = np.argsort(-separation, kind="stable")[:most]
    return np.sort(order), ", those in which the classes differ most"


def _draw(axes: Axes, values: np.ndarray, y: np.ndarray, name: str) -> None:
    is_drawn = np.abs(values) < LARGEST_SCORE  # not NaN either
    edges, linear_width = spread_bins(values[is_drawn], N_BINS)
    set_scale(axes, linear_width)
    for label, number in CLASSES.items():
        own = values[is_drawn & (y == number)]
        if len(own):
            shares = 100 * np.histogram(own, edges)[0] / len(own)
            axes.stairs(shares, edges, fill=True, alpha=0.3, color=COLOURS[label])
            axes.stairs(shares, edges, color=COLOURS[label], linewidth=1.2, label=label)
    axes.set_title(shortened(name, 24), fontsize=9)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    if linear_width is None:
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter(compact)
    else:
        axes.tick_params(axis="x", rotation=30)
    axes.set_xlabel(unit_of(name), fontsize=7, labelpad=1)
