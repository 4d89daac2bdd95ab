"""Division of flows for training, validation and test: no flow serves twice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netml.errors import EvaluationError, OptionError
from netml.evaluation.metrics import require_both_classes
from netml.validation import require_number, require_whole


class Split(NamedTuple):
    """Rows for each purpose, rising."""

    train: np.ndarray  # int64: normal flows only
    validation: np.ndarray  # int64: of both classes
    test: np.ndarray  # int64: of both classes


def split_flows(
    y: np.ndarray,
    groups: np.ndarray,
    *,
    validation_size: float = 0.5,
    test_size: float = 0.5,
    max_train_rows: int | None = None,
    random_state: int = 42,
) -> Split:
    """Divide flows as in novelty detection: normal ones train, both classes validate and test.

    `validation_size` and `test_size` of the abnormal flows are for validation and test, and as many normal ones beside
    them, but never more than half of the normal ones; these train.

    Parameters
    ----------
    y : ndarray (n_flows,) of int
        1 abnormal, 0 normal.
    groups : ndarray (n_flows,) of int
        Flows of one group stay together. Large groups are placed first, most often among the training flows.
    validation_size, test_size : float
        Shares of the abnormal flows; together at most 1.
    max_train_rows : int, optional
        Train on a random choice of at most N flows.
    random_state : int
        Seed.

    Returns
    -------
    Split
        Three sets of rows without any in common.

    Raises
    ------
    OptionError
        If a share is out of range.
    EvaluationError
        If a class is missing, or there are too few flows, or groups, to divide.
    """
    for name, share in (("validation_size", validation_size), ("test_size", test_size)):
        require_number(name, share, lowest=0.0, highest=1.0, excludes_lowest=True)
    if validation_size + test_size > 1 + 1e-9:
        raise OptionError("test_size", test_size, f"at most 1 together with validation_size={validation_size}")
    if max_train_rows is not None:
        require_whole("max_train_rows", max_train_rows, 2)
    random = np.random.default_rng(random_state)
    normal, abnormal = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    require_both_classes(len(normal), len(abnormal))
    n_test = max(round(test_size * len(abnormal)), 1)
    n_validation = min(max(round(validation_size * len(abnormal)), 1), len(abnormal) - n_test)
    n_held = min(n_test + n_validation, len(normal) // 2)
    n_test_normal = round(n_held * n_test / (n_test + n_validation))
    wanted = (n_test, n_validation), (n_test_normal, n_held - n_test_normal)
    bad = _divide(abnormal, groups, wanted[0], random)
    good = _divide(normal, groups, wanted[1], random)
    train = good[2]
    if min(map(len, (*bad[:2], *good))) == 0 or len(train) < 2:
        raise EvaluationError(
            f"{len(normal):,} normal and {len(abnormal):,} abnormal flows, of {len(np.unique(groups)):,} connections, "
            "are too few to train, validate and test with flows apart"
        )
    if max_train_rows is not None and len(train) > max_train_rows:
        train = np.sort(random.choice(train, max_train_rows, replace=False))
    validation, test = (np.sort(np.concatenate([bad[part], good[part]])) for part in (1, 0))
    return Split(train, validation, test)


def _divide(
    rows: np.ndarray, groups: np.ndarray, wanted: tuple[int, int], random: np.random.Generator
) -> list[np.ndarray]:
    """Place whole groups into parts of about the wanted sizes, and a third with the rest."""
    names, where, counts = np.unique(groups[rows], return_inverse=True, return_counts=True)
    missing = [*wanted, len(rows) - sum(wanted)]
    part_of = np.empty(len(names), np.int64)
    shuffled = random.permutation(len(names))
    for group in shuffled[np.argsort(-counts[shuffled], kind="stable")].tolist():
        part = missing.index(max(missing))
        part_of[group] = part
        missing[part] -= int(counts[group])
    return [rows[part_of[where] == part] for part in range(3)]
