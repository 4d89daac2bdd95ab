"""The leaderboard of a comparison: validation and test AUC of each candidate, best on top."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netml.comparison.leaderboard import Standing
from netml.errors import OptionError
from netml.visual._canvas import COLOURS, INK, drawing, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 80


def plot_leaderboard(path: str | os.PathLike[str], standings: Sequence[Standing], *, title: str = "") -> None:
    """Plot a leaderboard, in the order given.

    Parameters
    ----------
    standings : sequence of Standing
        Best first; of more than 80 the first 80 are drawn.
    path, title
        As of all plots, and with their errors: see `netml.visual`.

    Raises
    ------
    OptionError
        If there is nothing to plot.
    """
    if not standings:
        raise OptionError("standings", 0, "one or more")
    shown = list(standings[:MOST_ROWS])
    rest = f" (the first {len(shown)} of {len(standings)})" if len(shown) < len(standings) else ""
    with drawing(path, 8.5, 0.21 * len(shown) + 1.5) as figure:
        axes = figure.subplots()
        _draw(axes, shown)
        figure.suptitle(f"{title or 'Leaderboard'}{rest}")
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=2, fontsize=8)


def _draw(axes: Axes, shown: Sequence[Standing]) -> None:
    names = [shortened(one.name, 60) for one in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=8)
    axes.axvline(0.5, color=INK, linewidth=0.9, linestyle=":")
    ranked = [(row, one) for row, one in enumerate(shown) if one.validation_auc is not None]
    drawn = [0.5]
    if ranked:
        rows = [row for row, _ in ranked]
        axes.get_yticklabels()[rows[0]].set_fontweight("bold")
        lows, highs = [one.test_low for _, one in ranked], [one.test_high for _, one in ranked]
        axes.hlines(rows, lows, highs, color=COLOURS["abnormal"], alpha=0.45, linewidth=2)
        tests = [one.test_auc for _, one in ranked]
        validations = [one.validation_auc for _, one in ranked if one.validation_auc is not None]
        axes.plot(tests, rows, "o", color=COLOURS["abnormal"], markersize=5, label="test AUC, 95 % interval")
        label = "validation AUC: the order goes by it"
        axes.plot(validations, rows, "D", color=COLOURS["normal"], markersize=5, fillstyle="none", label=label)
        drawn += lows + validations
    for row, one in enumerate(shown):
        if one.validation_auc is None:
            place = axes.get_yaxis_transform()
            text = shortened(one.reason, 80)
            axes.text(0.01, row, text, fontsize=7, va="center", color="#666666", transform=place)
    axes.set_xlim(max(min(drawn) - 0.03, -0.02), 1.02)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("AUC (dotted: a guess)")
