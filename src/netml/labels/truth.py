"""Captures with the truth about their flows: a label file for each, or captures that are all normal or all abnormal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netml.errors import EvaluationError, OptionError, UnmatchedLabelsError
from netml.flow.reader import list_captures
from netml.flow.table import FlowTable
from netml.labels.matching import binary_labels, join_labels
from netml.labels.reader import Labels, read_labels
from netml.schema.classes import ABNORMAL, NORMAL
from netml.schema.flow_index import FlowIndex
from netml.summary import plural


def pair_captures(
    *, pcap_normal: Any = (), pcap_abnormal: Any = (), pcap: Any = (), labels: Any = ()
) -> tuple[list[Any], list[Any]]:
    """List captures with the truth about the flows of each.

    Parameters
    ----------
    pcap_normal, pcap_abnormal : source, or an iterable of them
        Captures whose flows are all normal, or all abnormal.
    pcap : source, or an iterable of them
        Captures with labels.
    labels : path or Labels, or a list of them
        A label file for each of `pcap`, in order.

    Returns
    -------
    captures : list of source
        The normal ones, the abnormal ones, those with labels.
    truth : list of 0, 1, path or Labels
        One for each capture.

    Raises
    ------
    OptionError
        If there is nothing, or not a label file for each capture.
    """
    normal, abnormal, captures = (
        [] if given is None else list_captures(given) for given in (pcap_normal, pcap_abnormal, pcap)
    )
    files = [] if labels is None else list(labels) if isinstance(labels, list | tuple) else [labels]
    if len(captures) != len(files):
        raise OptionError("labels", f"{len(files)} of them", f"one for each of the {len(captures)} captures")
    truth = [*(NORMAL for _ in normal), *(ABNORMAL for _ in abnormal), *files]
    if not truth:
        raise OptionError("pcap", None, "given, with labels, or else pcap_normal and pcap_abnormal")
    return [*normal, *abnormal, *captures], truth


def label_tables(tables: Sequence[FlowTable], truth: Sequence[Any]) -> np.ndarray:
    """Label the flows of captures: int64 (n_flows,), 1 abnormal, 0 normal, -1 without a label; table after table.

    `truth` is what `pair_captures` returned. Raises `LabelFileError` if a label file cannot be read,
    `UnmatchedLabelsError` if none of its labels belongs to a flow of its capture, `EvaluationError` if there are no
    flows at all.
    """
    if not any(map(len, tables)):
        raise EvaluationError(f"no flows in {_names(tables)}: nothing can be evaluated")
    return np.concatenate([binary_labels(label_texts(*pair)) for pair in zip(tables, truth, strict=True)])


def label_texts(table: FlowTable, truth: Any) -> np.ndarray:
    """Return the labels of a capture's flows as text: the file's, "" where it has none; or NORMAL, or ABNORMAL.

    `truth` is the class of all flows, 0 or 1, or the labels. Raises as `label_tables` does.
    """
    if isinstance(truth, int):
        return np.full(len(table), "ABNORMAL" if truth == ABNORMAL else "NORMAL")
    labels = truth if isinstance(truth, Labels) else read_labels(truth)
    texts = join_labels(labels, table.flows)
    if len(table) and not (texts != "").any():
        raise UnmatchedLabelsError(explain_unmatched(labels, table.flows, _names([table])))
    return texts


def explain_unmatched(labels: Labels, flows: FlowIndex, capture: str) -> str:
    """Describe in one line that no label belongs to a flow of a capture, and the likely reason."""
    said = f"none of the labels of {labels.path} ({len(labels):,}) belongs to a flow of {capture} ({len(flows):,})"
    if labels.windows_ns:
        without_times = join_labels(replace(labels, windows_ns=None), flows)
        n_found = int((without_times != "").sum())
        if n_found:
            starts, ends = zip(*labels.windows_ns, strict=True)
            ours = _format_times(flows.start_ns.min(), flows.end_ns.max())
            return (
                f"{said}: labels have the addresses and ports of {plural(n_found, 'flow')}, but not the times; "
                f"the labels' times are {_format_times(min(starts), max(ends))}, the capture's {ours}: "
                "another time zone or unit?"
            )
    return f"{said}: are the labels of this capture, and their columns the right ones (columns= or --label-column)?"


def _format_times(start_ns: int, end_ns: int) -> str:
    start, end = np.array([start_ns, end_ns], "datetime64[ns]").astype("datetime64[s]").astype(str)
    return f"{start} to {end}"


def _names(tables: Sequence[FlowTable]) -> str:
    names = [os.path.basename(str(name)) for table in tables for name in table.metadata.get("captures", [])]
    return ", ".join(names) or "the capture"


def connection_of(flows: FlowIndex) -> np.ndarray:
    """Number the connections: flows of one five-tuple, in either direction; returns an int64 (n_flows,)."""
    keys = flows.keys
    ends = []
    for side in ("src", "dst"):
        port = keys[f"{side}_port"].astype(">u2").view(np.uint8).reshape(-1, 2)
        octets = np.concatenate([keys[f"{side}_ip"].reshape(len(keys), 16), port], axis=1)
        ends.append(np.ascontiguousarray(octets).view("S18").ravel())
    source, destination = ends
    is_low = source < destination
    first, second = np.where(is_low, source, destination), np.where(is_low, destination, source)
    kind = np.stack([keys["protocol"], keys["ip_version"]], axis=1).astype(np.uint8).view(np.uint16).ravel()
    numbers = [np.unique(values, return_inverse=True)[1] for values in (first, second)]
    whole = np.stack([*numbers, kind.astype(np.int64)], axis=1)
    connections: np.ndarray = np.unique(whole, axis=0, return_inverse=True)[1].reshape(-1)
    return connections
