"""Costs of training, from measurements: `estimate` computes them, `check_cost` refuses what takes too long."""

from __future__ import annotations

import math
from typing import NamedTuple

from netml.errors import TooManyRowsError
from netml.memory import available_bytes
from netml.ndm import DETECTORS, registry_name

REFERENCE_ROWS, REFERENCE_FEATURES = 2000, 20
MAX_SECONDS = 600.0
LONG_SECONDS = 10.0  # longer training is announced
MAX_MEMORY_SHARE = 0.75
ALTERNATIVES = "oc-nystroem, oc-kjl, ocsvm-sgd, ecod"


class Cost(NamedTuple):
    """Estimated costs of training."""

    seconds: float
    bytes: int


EXPONENTS = {"linear": 1.0, "n log n": 1.0, "quadratic": 2.0, "cubic": 3.0}


def estimate(name: str, n_rows: int, n_features: int) -> Cost:
    """Estimate the costs of training.

    Parameters
    ----------
    name : str
        A detector's name; `UnknownNameError` if there is no such detector.
    n_rows, n_features : int
        Shape of the training rows.

    Returns
    -------
    Cost
        Seconds on one core, right within a factor of a few, and bytes of memory beside the rows.
    """
    name = registry_name(name)
    line = DETECTORS[name]
    scale = n_rows / REFERENCE_ROWS
    seconds = line.seconds * scale ** (line.exponent or EXPONENTS[line.cost])
    if line.cost == "n log n":
        seconds *= math.log(max(n_rows, 2)) / math.log(REFERENCE_ROWS)
    seconds *= (
        max(n_features / REFERENCE_FEATURES, 0.25) ** line.feature_exponent
    )  # a part does not depend on the columns
    return Cost(seconds, int(8 * (2 * n_rows * n_features + line.matrix_values * n_rows**2)))


def check_cost(name: str, n_rows: int, n_features: int) -> None:
    """Refuse training that would take more than 10 minutes, or three quarters of the memory that is available.

    Arguments are those of `estimate`; the `TooManyRowsError` names the estimate, other detectors and the ways round.
    """
    name = registry_name(name)
    cost = estimate(name, n_rows, n_features)
    memory_bytes = available_bytes()
    if cost.seconds <= MAX_SECONDS and (memory_bytes is None or cost.bytes <= MAX_MEMORY_SHARE * memory_bytes):
        return
    others = ", ".join(other for other in ALTERNATIVES.split(", ") if other != name)
    raise TooManyRowsError(
        f"{name} would need {_duration(cost.seconds)} and {_size(cost.bytes)} of memory for {n_rows:,} rows; "
        f"made for as many rows are {others}. Or train on a random part of the rows (--max-train-rows N, in Python "
        "max_train_rows=N), or take the time (--force, force=True)"
    )


def describe_long(name: str, n_rows: int, n_features: int) -> str:
    """Describe training that is estimated to take `LONG_SECONDS` or more; return "" for shorter training.

    Examples
    --------
    >>> describe_long("ocsvm", 100_000, 19), describe_long("ocsvm", 25_000, 19), describe_long("ocsvm", 2_000, 19)
    ('ocsvm on 100,000 rows, some 9 minutes', 'ocsvm on 25,000 rows, some 30 seconds', '')
    """
    seconds = estimate(name, n_rows, n_features).seconds
    if seconds < LONG_SECONDS:
        return ""
    # One figure of the seconds: the estimate is right within a factor of a few.
    duration = f"{round(seconds, -1):.0f} seconds" if seconds < 60 else _duration(seconds).removeprefix("about ")
    return f"{name} on {n_rows:,} rows, some {duration}"


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
