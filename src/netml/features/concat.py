"""The concatenation of feature matrices of several captures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netml.errors import OptionError
from netml.features.matrix import FeatureMatrix
from netml.schema.flow_index import FlowIndex

_SUMS = ("packets_read", "packets_kept", "captured_bytes")


def concat_matrices(matrices: Sequence[FeatureMatrix], columns: Sequence[str]) -> FeatureMatrix:
    """Concatenate matrices of the same columns, one for each capture; `columns` also where there is no matrix at all.

    Labels and text columns stay only if all have them. Counts in the metadata are added up; all else is the first
    one's. Columns that differ raise an `OptionError`.
    """
    for matrix in matrices:
        if matrix.columns != tuple(columns):
            raise OptionError("columns", matrix.columns, f"the same in all: {tuple(columns)}")
    if len(matrices) == 1:
        return matrices[0]
    labels = None
    if matrices and all(matrix.labels is not None for matrix in matrices):
        labels = np.concatenate([matrix.labels for matrix in matrices if matrix.labels is not None])
    kind = np.int8 if matrices and all(matrix.X.dtype == np.int8 for matrix in matrices) else np.float64
    X = np.concatenate([np.empty((0, len(columns)), kind), *(matrix.X for matrix in matrices)])
    flows = FlowIndex.concat([matrix.flows for matrix in matrices])
    metadata = merge_metadata([matrix.metadata for matrix in matrices])
    return FeatureMatrix(
        X, columns, flows, metadata, labels, concat_text_columns([matrix.text_columns for matrix in matrices])
    )


def concat_text_columns(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Concatenate text columns of flows; columns that some parts lack are left out.

    Examples
    --------
    >>> concat_text_columns([{"history": np.array(["Sh"])}, {"history": np.array(["S"]), "mine": np.array(["x"])}])
    {'history': array(['Sh', 'S'], dtype='<U2')}
    """
    shared = [name for name in (parts[0] if parts else {}) if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in shared}


def merge_metadata(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Merge the metadata of tables or matrices of several captures.

    Counts are added up, captures and damage listed, start and end the outermost; all else is the first one's.
    """
    merged: dict[str, Any] = {**parts[0]} if parts else {}
    if len(parts) < 2:
        return merged
    for name in ("captures", "damage"):
        merged[name] = [each for part in parts for each in part.get(name, [])]
    for name in _SUMS:
        merged[name] = sum(part.get(name, 0) for part in parts)
    merged["skipped"] = _add_up([part.get("skipped", {}) for part in parts])
    rules = dict.fromkeys(name for part in parts for name in part.get("dropped", {}))
    merged["dropped"] = {name: _add_up([part.get("dropped", {}).get(name, {}) for part in parts]) for name in rules}
    for name, outermost in (("start_ns", min), ("end_ns", max)):
        times = [part[name] for part in parts if part.get(name) is not None]
        merged[name] = outermost(times) if times else None
    return merged


def _add_up(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total
