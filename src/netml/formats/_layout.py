"""The columns of a table of flows, in their order: the same for every format that has named columns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.families import REPEATED_COLUMN

if TYPE_CHECKING:
    from netml.flows import FlowIndex
    from netml.matrix import FeatureMatrix

ADDRESS_COLUMNS = ("src_ip", "dst_ip")
FLOW_COLUMNS = (
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "protocol",
    "start_ns",
    "end_ns",
    "packets",
    "bytes",
)
# Stand behind FLOW_COLUMNS where they are known: of biflows, and the first where flows were taken as they ended.
OPTIONAL_COLUMNS: dict[str, type[np.integer[Any]]] = {
    "end_reason": np.uint8,
    "vlan_id": np.uint16,
    "icmp_type": np.int16,
    "icmp_code": np.int16,
}
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


def flow_names(flows: FlowIndex) -> tuple[str, ...]:
    """Name the columns that say who the flows are."""
    known = {*flows.facts, *([] if flows.end_reason is None else ["end_reason"])}
    return (*FLOW_COLUMNS, *(name for name in OPTIONAL_COLUMNS if name in known))


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


def index_from_columns(columns: dict[str, Any]) -> FlowIndex:
    """Build a flow index from a table's columns; the addresses are text.

    Raises
    ------
    ValueError
        If an address is none.
    """
    from netml.flows import FLOW_KEY, FlowIndex

    n_flows = len(columns["src_port"])
    keys = np.zeros(n_flows, FLOW_KEY)
    for name in ADDRESS_COLUMNS:
        keys[name], versions = _packed_addresses(columns[name])
        keys["ip_version"] = np.maximum(keys["ip_version"], versions)
    for name in ("src_port", "dst_port", "protocol"):
        keys[name] = columns[name]
    start_ns, end_ns, packets, n_bytes = (np.asarray(columns[name], np.int64) for name in FLOW_COLUMNS[-4:])
    facts = {name: columns[name] for name in OPTIONAL_COLUMNS if name in columns and name != "end_reason"}
    return FlowIndex(keys, start_ns, end_ns, packets, n_bytes, columns.get("end_reason"), facts)


def _packed_addresses(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    import ipaddress

    known: dict[str, tuple[bytes, int]] = {}
    rows, versions = bytearray(), bytearray()
    for text in texts:
        if text not in known:
            address = ipaddress.ip_address(text)
            known[text] = address.packed.ljust(16, b"\0"), address.version
        packed, version = known[text]
        rows += packed
        versions.append(version)
    return np.frombuffer(bytes(rows), np.uint8).reshape(-1, 16), np.frombuffer(bytes(versions), np.uint8)


def empty_index(n_flows: int) -> FlowIndex:
    """Stand in for the flows of a format that keeps none: all keys, times and counts 0."""
    from netml.flows import FLOW_KEY, FlowIndex

    counts = [np.zeros(n_flows, np.int64) for _ in range(4)]
    return FlowIndex(np.zeros(n_flows, FLOW_KEY), *counts)
