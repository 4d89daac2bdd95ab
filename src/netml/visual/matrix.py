"""A feature matrix as an image: a line for each flow, normal above abnormal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import OptionError
from netml.summary import plural
from netml.visual._canvas import CLASSES, COLOURS, checked_classes, drawing, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

MOST_ROWS = 2000
MOST_COLUMNS = 2000
_NAMED_COLUMNS = 45
_ROBUST = (1.0, 99.0)


def plot_matrix(
    path: str | os.PathLike[str],
    X: Any,
    columns: Sequence[str],
    y: Any = None,
    scores: Any = None,
    *,
    log: bool = False,
    by_column: bool = True,
    title: str = "",
) -> None:
    """Plot a feature matrix as an image.

    Parameters
    ----------
    X : array_like of float, shape (n_flows, n_features)
        The features.
    columns : sequence of str
        Their names.
    y : array_like of int, shape (n_flows,), optional
        1 abnormal, 0 normal, -1 not labelled: the lines are ordered by class ...
    scores : array_like of float, shape (n_flows,), optional
        ... and within a class by score, rising.
    log : bool, default False
        Colour by the logarithm: sign(x) log(1 + abs(x)).
    by_column : bool, default True
        Colours reach from the 1st to the 99th percentile of each column by itself; else of the whole matrix.
    path, title
        As of all plots, and with their errors: see `netml.visual`.

    Raises
    ------
    OptionError
        If the shapes do not fit together.
    """
    values = np.asarray(X, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(columns) or not values.size:
        raise OptionError("X", values.shape, f"(n_flows, {len(columns)}): the named columns, one row or more")
    labels = checked_classes(y, len(values))
    order = _order(labels, scores)
    shown = order[_evenly(len(order), MOST_ROWS)]
    picked = _evenly(len(columns), MOST_COLUMNS)
    image = _colour(values[np.ix_(shown, picked)], log=log, by_column=by_column)
    width = float(np.clip(2.8 + 0.2 * len(picked), 5.0, 12.0))
    with drawing(path, width, 6.4) as figure:
        strip, axes = figure.subplots(1, 2, width_ratios=[0.25, width - 2.4])
        _draw_strip(strip, labels[shown], scores is not None)
        figure.legend(handles=_name_classes(labels), loc="outside lower center", ncols=3)
        drawn = axes.imshow(image, aspect="auto", cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
        axes.set_facecolor("#bbbbbb")
        axes.set_yticks([])
        _name_columns(axes, [columns[i] for i in picked])
        bar = figure.colorbar(drawn, ax=axes, ticks=[0, 1], shrink=0.6, pad=0.02)
        whose = "each column's" if by_column else "the matrix's"
        bar.ax.set_yticklabels(["1 %", "99 %"])
        bar.set_label(f"from {whose} 1st to its 99th percentile{', logarithmic' if log else ''}")
        rows = f"{len(shown):,} of " if len(shown) < len(values) else ""
        some = f"{len(picked):,} of " if len(picked) < len(columns) else ""
        figure.suptitle(
            f"{title + ': ' if title else ''}{rows}{plural(len(values), 'flow')} x {some}{len(columns):,} features"
        )


def _order(y: np.ndarray, scores: Any) -> np.ndarray:
    rank = np.array([1, 2, 0])[y]  # of -1 the last: unlabelled, normal, abnormal
    if scores is None:
        return np.argsort(rank, kind="stable")
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != y.shape:
        raise OptionError("scores", values.shape, f"{y.shape}: one for each row")
    return np.lexsort((values, rank))


def _evenly(n: int, most: int) -> np.ndarray:
    """Return at most `most` of n places, evenly spread, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def _colour(values: np.ndarray, *, log: bool, by_column: bool) -> np.ndarray:
    """Scale numbers to 0 .. 1 between robust bounds; those that are not finite become NaN, drawn grey."""
    values = np.where(np.isfinite(values), values, np.nan)
    if log:
        values = np.sign(values) * np.log1p(np.abs(values))
    known = np.where(np.isnan(values).all(axis=0), 0.0, values)  # a column without a number has no percentile
    axis = 0 if by_column else None
    low, high = np.nanpercentile(known, _ROBUST, axis=axis)
    # If all but a few are equal, as in columns of padding, the bounds are those of the few: they shall be visible.
    is_flat = high <= low
    low = np.where(is_flat, np.nanmin(known, axis=axis), low)
    high = np.where(is_flat, np.nanmax(known, axis=axis), high)
    image: np.ndarray = np.clip((values - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    return image


def _draw_strip(axes: Axes, y: np.ndarray, is_scored: bool) -> None:
    """Draw the class of each line beside the image."""
    from matplotlib.colors import ListedColormap

    numbers = np.array([0, 1, 2])[y]  # normal, abnormal, unlabelled: the order of COLOURS
    axes.imshow(numbers[:, None], aspect="auto", cmap=ListedColormap(list(COLOURS.values())), vmin=-0.5, vmax=2.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_ylabel("flows by class, then by score" if is_scored else "flows by class")


def _name_classes(y: np.ndarray) -> list[Patch]:
    from matplotlib.patches import Patch

    counts = {name: int((y == number).sum()) for name, number in CLASSES.items()}
    return [Patch(color=COLOURS[name], label=f"{name} ({plural(n, 'flow')})") for name, n in counts.items() if n]


def _name_columns(axes: Axes, names: Sequence[str]) -> None:
    places = _evenly(len(names), _NAMED_COLUMNS)
    axes.set_xticks(places, [shortened(names[place], 22) for place in places], rotation=90, fontsize=7)
    axes.spines[:].set_visible(False)
