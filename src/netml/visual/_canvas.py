"""The file, style, class colours and axes for skewed numbers that all plots share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import MissingExtraError, OptionError, UnknownNameError
from netml.files.output import atomic_output, check_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Suffix -> metadata to leave out, because it would make the same plot another file each time.
SUFFIXES: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
# Distinct for all kinds of colour blindness, and in grey (Okabe and Ito's palette).
COLOURS = {"normal": "#0072B2", "abnormal": "#D55E00", "unlabelled": "#999999"}
CLASSES = {"normal": 0, "abnormal": 1, "unlabelled": -1}
INK = "#333333"
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "font.size": 9,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "svg.fonttype": "none",  # text stays text: smaller, and it can be searched
    "svg.hashsalt": "netml",  # the same names inside the file each time
}
LARGEST_SCORE = 1e30  # larger scores are drawn at the end of the axis
_SKEWED = 20  # the axis is not linear if the range is this many times the middle four fifths
_APART_POINTS = 22  # two short labels
_MOST_POINTS = 2000


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a plot's path, or raise `UnknownNameError`."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in SUFFIXES:
        raise UnknownNameError("plot format", suffix or os.path.basename(os.fspath(path)), SUFFIXES)
    return suffix


def check_plot(path: str | os.PathLike[str]) -> None:
    """Check the path of a plot before the work, so that a bad path fails early; errors as of all plots."""
    suffix_of(path)
    _require_matplotlib()
    check_output(path)


def _require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("a plot", "plot") from error


@contextlib.contextmanager
def drawing(path: str | os.PathLike[str], width: float, height: float) -> Iterator[Figure]:
    """Yield a figure of width x height inches, and write it to `path` when the block ends without an error.

    The figure has no window, and the style of netml, whatever the user's settings are.
    """
    suffix = suffix_of(path)
    _require_matplotlib()
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        with atomic_output(path) as partial:
            figure.savefig(partial, format=suffix[1:], metadata=SUFFIXES[suffix])


def checked_classes(y: Any, n_rows: int) -> np.ndarray:
    """Return labels as an array of -1, 0 and 1, one for each row; None becomes "not labelled"."""
    if y is None:
        return np.full(n_rows, -1)
    labels = np.asarray(y)
    if labels.shape != (n_rows,) or not np.isin(labels, (-1, 0, 1)).all():
        raise OptionError("y", labels.shape, f"({n_rows},): 1, 0 or -1 for each row")
    return labels


def spread_bins(
    values: np.ndarray, n_bins: int, *, core: np.ndarray | None = None, also: float | None = None
) -> tuple[np.ndarray, float | None]:
    """Divide the range of finite numbers into bins that look equally wide on the axis.

    Parameters
    ----------
    values : ndarray (n,) of float64
        The numbers.
    n_bins : int
        Number of bins.
    core : ndarray (m,) of float64, optional
        The numbers whose middle must be visible; by default all.
    also : float, optional
        A number that the axis must reach, too.

    Returns
    -------
    edges : ndarray (n_bins + 1,)
        Edges of the bins.
    linear_width : float or None
        For matplotlib's "asinh" scale, if a few numbers are far off; None for a linear axis.
    """
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if also is not None:
        low, high = min(low, also), max(high, also)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        margin = abs(low) / 10 or 0.5
        return np.linspace(low - margin, high + margin, n_bins + 1), None
    seen = values if core is None or not len(core) else core
    middle = np.quantile(seen, (0.1, 0.9)) if len(seen) else np.array([low, high])
    if high - low <= _SKEWED * (middle[1] - middle[0]):
        return np.linspace(low, high, n_bins + 1), None
    # Linear as far as the middle reaches, logarithmic from there.
    width = float(np.abs(middle).max()) or float(np.abs(values[values != 0]).min())
    bounds = np.arcsinh(np.array([low, high]) / width)
    edges = width * np.sinh(np.linspace(bounds[0], bounds[1], n_bins + 1))
    edges[[0, -1]] = low, high
    return edges, width


def set_scale(axes: Axes, linear_width: float | None) -> None:
    """Set the scale of the x axis that `spread_bins` returned."""
    if linear_width is None:
        return
    axes.set_xscale("asinh", linear_width=linear_width)
    write = axes.xaxis.get_major_formatter()

    def write_apart(number: float, _place: object) -> str:
        # Near 0, where the axis is linear, powers of ten crowd: labels that would cover the 0 are left out.
        low, high = axes.get_xlim()
        extent = np.arcsinh(high / linear_width) - np.arcsinh(low / linear_width)
        width_points = axes.bbox.width / axes.figure.dpi * 72
        points = abs(np.arcsinh(number / linear_width)) / extent * width_points
        return "" if low <= 0 <= high and 0 < points < _APART_POINTS else write(number)

    axes.xaxis.set_major_formatter(write_apart)


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out points of a curve that cannot be told apart in a plot."""
    if len(x) <= _MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(np.int64))
    return x[kept], y[kept]


def compact(number: float, _place: object = None) -> str:
    """Write a tick's number in few characters.

    Examples
    --------
    >>> compact(0.25), compact(1500), compact(2.5e7)
    ('0.25', '1,500', '25M')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 10 * size or (abs(number) >= size and size > 1e3):
            return f"{number / size:,.4g}{letter}"
    return f"{number:,.4g}" if abs(number) < 1000 else f"{number:,.0f}"


def shortened(text: str, length: int) -> str:
    """Cut a text that is too long for its place."""
    return text if len(text) <= length else text[: length - 1] + "\u2026"
