"""Plots, each one file: drawn without a display by matplotlib, which loads only when a plot is drawn.

`path` ends in .png, .svg or .pdf, and `title` stands above the plot. Another suffix raises `UnknownNameError`,
a missing matplotlib `MissingExtraError`, and a file that cannot be written `OutputError`.
"""

from netml.comparison.leaderboard import Standing
from netml.visual._canvas import check_plot
from netml.visual.curves import plot_curves
from netml.visual.features import plot_features
from netml.visual.leaderboard import plot_leaderboard
from netml.visual.matrix import plot_matrix
from netml.visual.overview import plot_evaluation
from netml.visual.scores import plot_scores

__all__ = [
    "Standing",
    "check_plot",
    "plot_curves",
    "plot_evaluation",
    "plot_features",
    "plot_leaderboard",
    "plot_matrix",
    "plot_scores",
]
