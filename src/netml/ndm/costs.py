"""What training costs, from measurements: `estimate` says it, `check_cost` refuses what would not end."""

from __future__ import annotations

import math
import os
from typing import NamedTuple

from netml.errors import TooManyRowsError
from netml.ndm import DETECTORS, registry_name

REFERENCE_ROWS, REFERENCE_FEATURES = 2000, 20
MAX_SECONDS = 600.0
LONG_SECONDS = 10.0  # from here on a fit is announced
MAX_MEMORY_SHARE = 0.75
ALTERNATIVES = "oc-nystroem, oc-kjl, ocsvm-sgd, ecod"


class Cost(NamedTuple):
    """What training is estimated to take."""

    seconds: float
    bytes: int


class Line(NamedTuple):
    """Measured costs of one detector."""

    seconds: float  # training, with the scores of the training rows, on REFERENCE_ROWS x REFERENCE_FEATURES, one core
    matrix_values: float = 0.0  # float64 values for each pair of rows, where pairs are held in memory
    exponent: float = 0.0  # of the rows; 0: by the cost of the registry
    feature_exponent: float = 1.0


EXPONENTS = {"linear": 1.0, "n log n": 1.0, "quadratic": 2.0, "cubic": 3.0}

# Measured by benchmarks/detectors.py (benchmarks/results/detectors-2026-11-24.json) on the most rows that it took, and
# scaled from there to the reference.
LINES: dict[str, Line] = {
    "ocsvm": Line(0.18, exponent=2.05),
    "kde": Line(0.054),  # benchmarks/results/detectors-2026-12-01.json
    "gmm": Line(0.004),
    "if": Line(0.075),
    "pca": Line(0.0044),
    "ae": Line(2.8),
    "oc-nystroem": Line(0.09),
    "oc-kjl": Line(0.07),
    "ocsvm-sgd": Line(0.016),
    "abod": Line(0.055),
    "anogan": Line(300),
    "auto_encoder": Line(1.6),
    "cblof": Line(0.0037),
    "cd": Line(0.054),
    "cof": Line(0.95, matrix_values=2),
    "copod": Line(0.011),
    "deep_svdd": Line(5.8),
    "dif": Line(6.5),
    "ecod": Line(0.01),
    "feature_bagging": Line(0.27),
    "hbos": Line(0.0028),
    "hdbscan": Line(0.093),
    "inne": Line(0.16),
    "knn": Line(0.015),
    "kpca": Line(2.6, matrix_values=3),
    "lmdd": Line(11),
    "loci": Line(1600, matrix_values=1, exponent=2.4),
    "loda": Line(0.011),
    "lof": Line(0.019),
    "lscp": Line(5.7),
    "lunar": Line(17, exponent=1),  # the network, not the neighbours
    "mcd": Line(0.58),
    "rgraph": Line(2500, matrix_values=3),
    "rod": Line(74, feature_exponent=3),  # it turns each three columns
    "sampling": Line(0.0017),
    "sod": Line(2.6, matrix_values=1),
    "sos": Line(1.4, matrix_values=3),
    "vae": Line(7.1),
}


def estimate(name: str, n_rows: int, n_features: int) -> Cost:
    """Estimate what training costs.

    Parameters
    ----------
    name : str
        A detector's name.
    n_rows, n_features : int
        Shape of the training rows.

    Returns
    -------
    Cost
        Seconds on one core, right within a factor of a few, and bytes of memory beside the rows.

    Raises
    ------
    UnknownNameError
        If there is no detector of this name.
    """
    name = registry_name(name)
    line, growth = LINES[name], DETECTORS[name].cost
    scale = n_rows / REFERENCE_ROWS
    seconds = line.seconds * scale ** (line.exponent or EXPONENTS[growth])
    if growth == "n log n":
        seconds *= math.log(max(n_rows, 2)) / math.log(REFERENCE_ROWS)
    seconds *= max(n_features / REFERENCE_FEATURES, 0.25) ** line.feature_exponent  # a part is always there
    return Cost(seconds, int(8 * (2 * n_rows * n_features + line.matrix_values * n_rows**2)))


def check_cost(name: str, n_rows: int, n_features: int) -> None:
    """Refuse training that would take more than 10 minutes, or three quarters of the machine's memory.

    Parameters
    ----------
    name : str
        A detector's name.
    n_rows, n_features : int
        Shape of the training rows.

    Raises
    ------
    TooManyRowsError
        With the estimate, the alternatives and the ways round.
    UnknownNameError
        If there is no detector of this name.
    """
    name = registry_name(name)
    cost = estimate(name, n_rows, n_features)
    if cost.seconds <= MAX_SECONDS and cost.bytes <= MAX_MEMORY_SHARE * _memory_bytes():
        return
    others = ", ".join(other for other in ALTERNATIVES.split(", ") if other != name)
    raise TooManyRowsError(
        f"{name} would need {_duration(cost.seconds)} and {_size(cost.bytes)} of memory for {n_rows:,} rows; "
        f"made for so many are {others}. Or train on a random part of the rows (--max-train-rows N, in Python "
        "max_train_rows=N), or take the time (--force, force=True)"
    )


def describe_long(name: str, n_rows: int, n_features: int) -> str:
    """Say that training will take its time; nothing where it will not.

    Parameters
    ----------
    name : str
        A detector's name.
    n_rows, n_features : int
        Shape of the training rows.

    Returns
    -------
    str
        Some words, "" if it is estimated to take less than `LONG_SECONDS`.

    Examples
    --------
    >>> describe_long("ocsvm", 100_000, 19), describe_long("ocsvm", 25_000, 19), describe_long("ocsvm", 2_000, 19)
    ('ocsvm on 100,000 rows, some 9 minutes', 'ocsvm on 25,000 rows, some 30 seconds', '')
    """
    seconds = estimate(name, n_rows, n_features).seconds
    if seconds < LONG_SECONDS:
        return ""
    # An estimate is right within a factor of a few: no more than one figure of the seconds.
    duration = f"{round(seconds, -1):.0f} seconds" if seconds < 60 else _duration(seconds).removeprefix("about ")
    return f"{name} on {n_rows:,} rows, some {duration}"


def _memory_bytes() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # not on every system
        return math.inf


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"about {count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _size(n_bytes: int) -> str:
    for size, unit in ((1e12, "TB"), (1e9, "GB")):
        if n_bytes >= size:
            return f"{n_bytes / size:,.0f} {unit}"
    return f"{max(n_bytes / 1e6, 1):,.0f} MB"
