"""The label of each flow, found by five-tuple and time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy as np

from netml.labels.reader import FiveTuple, Labels, read_labels
from netml.schema.flow_index import FlowIndex

EVER_NS = 2**63 - 1
NORMAL_NAMES = frozenset({"BENIGN", "NORMAL", "0", "0.0"})


def join_labels(labels: Labels, flows: FlowIndex, *, both_directions: bool = True) -> np.ndarray:
    """Find the label of each flow.

    Parameters
    ----------
    labels : Labels
        From `read_labels`.
    flows : FlowIndex
        The flows.
    both_directions : bool, default True
        Also look for rows with source and destination exchanged, if none has them as they are: label files
        name connections, and a flow is one direction of one. The original does not.

    Returns
    -------
    numpy.ndarray
        U (n_flows,): the label, or "" where the file has none. With windows, a row counts only for flows that
        share some time with it. Of several rows the last counts.
    """
    rows_of = _rows_by_five_tuple(labels)
    found = []
    times_ns = zip(flows.start_ns.tolist(), flows.end_ns.tolist(), strict=True)
    for five_tuple, start_end_ns in zip(flows.five_tuples(), times_ns, strict=True):
        last = _last_row(labels, rows_of.get(five_tuple, ()), start_end_ns)
        if last is None and both_directions:
            last = _last_row(labels, rows_of.get(_reverse(five_tuple), ()), start_end_ns)
        found.append("" if last is None else labels.texts[last])
    return np.array(found, dtype=np.str_)


def _rows_by_five_tuple(labels: Labels) -> dict[FiveTuple, list[int]]:
    rows_of: dict[FiveTuple, list[int]] = {}
    for row, five_tuple in enumerate(labels.five_tuples):
        rows_of.setdefault(five_tuple, []).append(row)
    return rows_of


def _reverse(five_tuple: FiveTuple) -> FiveTuple:
    src_ip, dst_ip, src_port, dst_port, protocol = five_tuple
    return dst_ip, src_ip, dst_port, src_port, protocol


def _last_row(labels: Labels, rows: Iterable[int], start_end_ns: tuple[int, int]) -> int | None:
    rows = list(rows)
    if labels.windows_ns is None:
        return rows[-1] if rows else None
    for row in reversed(rows):
        first, last = labels.windows_ns[row]
        if start_end_ns[0] <= last and start_end_ns[1] >= first:
            return row
    return None


def original_labels(
    label_file: str | os.PathLike[str] | IO[Any],
    five_tuples: Iterable[FiveTuple],
    *,
    times_ns: Iterable[tuple[int, int]] | None = None,
    columns: Mapping[str, str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Label flows as the original's `label_flows` does: by five-tuple, in the flow's own direction.

    Parameters
    ----------
    label_file : str, os.PathLike or file
        A label file; see `read_labels`.
    five_tuples : iterable of tuple
        (src_ip, dst_ip, src_port, dst_port, protocol) of each flow.
    times_ns : iterable of (int, int), optional
        First and last time of each flow, ns: where the file gives time windows, a row counts only for flows that share
        some time with it.
    columns : mapping of str to str, optional
        See `read_labels`.

    Returns
    -------
    kept : numpy.ndarray
        int64 (n_kept,): positions of the flows that the file knows, ascending. The original drops all others.
    labels : numpy.ndarray
        int64 (n_kept,): 0 for BENIGN and NORMAL, whatever the case, else 1.
    """
    labels = read_labels(label_file, columns=columns)
    rows_of = _rows_by_five_tuple(labels)
    times_ns = itertools.repeat((-EVER_NS, EVER_NS)) if times_ns is None else times_ns
    rows = [_last_row(labels, rows_of.get(key, ()), each) for key, each in zip(five_tuples, times_ns, strict=False)]
    kept = np.array([position for position, row in enumerate(rows) if row is not None], dtype=np.int64)
    return kept, binary_labels([labels.texts[row] for row in rows if row is not None])


def binary_labels(labels: Iterable[str] | np.ndarray, abnormal: Iterable[str] | None = None) -> np.ndarray:
    """Turn labels into numbers.

    Parameters
    ----------
    labels : iterable of str
        Labels of flows.
    abnormal : iterable of str, optional
        The labels that count as abnormal, whatever the case. By default all but BENIGN, NORMAL and 0.

    Returns
    -------
    numpy.ndarray
        int64 (n_labels,): 1 abnormal, 0 normal, -1 where the label is "".

    Examples
    --------
    >>> binary_labels(["BENIGN", "PortScan", "", "normal"])
    array([ 0,  1, -1,  0])
    """
    bad = None if abnormal is None else frozenset(map(str.upper, abnormal))
    texts, where = np.unique(np.array(list(labels), dtype=np.str_), return_inverse=True)
    uppers = [text.upper() for text in texts.tolist()]
    is_bad = [text not in NORMAL_NAMES if bad is None else text in bad for text in uppers]
    numbers = [int(flag) if text else -1 for text, flag in zip(uppers, is_bad, strict=True)]
    return np.array(numbers, dtype=np.int64)[where]
