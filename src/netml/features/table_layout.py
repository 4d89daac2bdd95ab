"""The columns of a table of flows, in their order: the same for every format that has named columns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from netml.families import REPEATED_COLUMN
from netml.schema.flow_index import FLOW_COLUMNS, OPTIONAL_COLUMNS, flow_names

if TYPE_CHECKING:
    from netml.features.matrix import FeatureMatrix

LABEL_COLUMN = "label"
_CLASH_PREFIX = "feature_"
_REPEAT_MARK = ".1"  # as pandas names the second column of a name


def feature_names(columns: Iterable[str], texts: Iterable[str] = ()) -> tuple[str, ...]:
    """Name the features in a table: those named like a flow's own column, or like a text, get a prefix.

    STATS has `packets` and `bytes` too, and a table with two columns of one name is refused by most readers. The second
    `Fwd Header Length` of CIC-2017 is `Fwd Header Length.1`.

    Examples
    --------
    >>> feature_names(["size_mean", "packets"])
    ('size_mean', 'feature_packets')
    >>> feature_names([" Fwd Header Length", " Fwd Header Length"])
    (' Fwd Header Length', ' Fwd Header Length.1')
    """
    return distinct_names(prefixed_names(columns, texts))


def distinct_names(names: Iterable[str]) -> tuple[str, ...]:
    """Mark names that have stood there before, as pandas does.

    Examples
    --------
    >>> distinct_names(["a", "b", "a"])
    ('a', 'b', 'a.1')
    """
    found: dict[str, None] = {}
    for name in names:
        distinct = name
        while distinct in found:
            distinct += _REPEAT_MARK
        found[distinct] = None
    return tuple(found)


def prefixed_names(columns: Iterable[str], texts: Iterable[str] = ()) -> tuple[str, ...]:
    """Name the features as `feature_names` does, but a name that stands twice stays as it is: for CSV."""
    taken = {*FLOW_COLUMNS, *OPTIONAL_COLUMNS, LABEL_COLUMN, *texts}
    return tuple(_CLASH_PREFIX + name if name in taken else name for name in columns)


def column_names(names: Iterable[str], texts: Iterable[str] = ()) -> tuple[str, ...]:
    """Undo `feature_names`.

    Examples
    --------
    >>> column_names(["size_mean", "feature_packets"])
    ('size_mean', 'packets')
    >>> column_names([" Fwd Header Length", " Fwd Header Length.1"])
    (' Fwd Header Length', ' Fwd Header Length')
    """
    names = tuple(names)
    taken = {_CLASH_PREFIX + name: name for name in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS, LABEL_COLUMN, *texts)}
    taken |= {name + _REPEAT_MARK: name for name in names if name.endswith(REPEATED_COLUMN)}
    return tuple(taken.get(name, name) for name in names)


def table_names(matrix: FeatureMatrix) -> tuple[str, ...]:
    """Name all columns of a table, in order."""
    features = feature_names(matrix.columns, matrix.texts)
    return (*flow_names(matrix.flows), *matrix.texts, *features, *([LABEL_COLUMN] if matrix.labels is not None else []))


def split_names(names: Sequence[str], is_text: Callable[[str], bool]) -> tuple[list[str], list[str], bool]:
    """Find the texts and the features among a table's columns.

    Parameters
    ----------
    names : sequence of str
        All columns.
    is_text : callable
        Whether a column is no numbers. Texts stand together, before the features.

    Returns
    -------
    texts : list of str
        What families say in words.
    features : list of str
        As they are called in the table.
    has_labels : bool
        True if the table ends with labels.

    Raises
    ------
    ValueError
        If a flow's own column is missing.
    """
    missing = [name for name in FLOW_COLUMNS if name not in names]
    if missing:
        raise ValueError(f"not a feature table of netml: no column {', '.join(missing)}")
    features = [name for name in names if name not in (*FLOW_COLUMNS, *OPTIONAL_COLUMNS)]
    has_labels = bool(features) and features[-1] == LABEL_COLUMN
    features = features[: len(features) - has_labels]
    texts = list(itertools.takewhile(is_text, features))
    return texts, features[len(texts) :], has_labels
