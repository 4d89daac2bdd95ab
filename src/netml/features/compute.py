"""The computing of feature matrices: tables of flows and a specification in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netml import _flowcore
from netml.errors import OptionError
from netml.families import NO_CODE, Block, FamilyOptions
from netml.families.header_columns import parse_headers
from netml.features.concat import concat_text_columns
from netml.features.fft import transform_rows
from netml.features.fitting import fit_flows
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions
from netml.features.spec import RepresentationSpec
from netml.features.tcp_history import trace_connections
from netml.flow.options import FlowOptions
from netml.flow.subflows import SpilledSubflows
from netml.flow.table import FlowTable
from netml.schema.flow_index import FlowIndex
from netml.validation import nanoseconds

_ANY_GAP_NS = 2**64 - 1
# Family -> function that makes its text columns of a table.
TEXT_MAKERS = {"TCP": trace_connections}


def compute(table: FlowTable, spec: RepresentationSpec) -> FeatureMatrix:
    """Compute the feature matrix of a table of flows, a row for each flow.

    Sizes are those of the table, whatever `spec` says. The matrix has the table's metadata and, under "representation",
    what rows are made of.
    """
    options = spec.options
    if options.max_packets is not None:
        table = table.first(options.max_packets)
    blocks, columns = spec.lay_out()
    if options.makes_bits:
        if table.headers is None:
            raise OptionError("families", "NPRINT", "made of whole captures: this table of flows has no headers")
        chosen = options.family_options
        X = table.headers.write_bits(spec.dim, parse_headers(chosen.nprint_headers), chosen.payload_bytes)
    else:
        X = np.zeros((len(table), len(columns)))
        _fill(X, blocks, table, spec)
        _transform(X, blocks, spec)
    metadata = {**table.metadata, "representation": {**spec.describe_rows(), "size": table.size_kind}}
    return FeatureMatrix(X, columns, table.flows, metadata, text_columns=_make_texts(table, options))


def compute_spilled(
    subflows: SpilledSubflows, interval_ns: float, options: RepresentationOptions, flow: FlowOptions
) -> FeatureMatrix:
    """Fit and compute flows that are not all in memory and not cut by the interval (ns) yet.

    The matrix is the one of `fit` and `compute` to the last bit; its metadata has "spilled" besides.
    """
    parts = subflows.cut_times(interval_ns, options.max_packets)
    index = FlowIndex.concat([FlowIndex(**part, bytes=np.zeros_like(part["packets"])) for part in parts])
    spec = fit_flows([index], options, flow, interval_ns / 1e9)
    blocks, columns = spec.lay_out()
    X = np.zeros((len(index), len(columns)))
    text_columns = []
    first = 0
    for table in subflows.cut_tables(interval_ns, options.packet_columns):
        if options.max_packets is not None:
            table = table.first(options.max_packets)
        rows = slice(first, first := first + len(table))
        index.bytes[rows] = table.flows.bytes
        _fill(X[rows], blocks, table, spec)
        text_columns.append(_make_texts(table, options))
        del table  # before the next one is made
    _transform(X, blocks, spec)
    metadata = {**subflows.describe(interval_ns), "representation": spec.describe_rows()}
    return FeatureMatrix(X, columns, index, metadata, text_columns=concat_text_columns(text_columns))


def _fill(X: np.ndarray, blocks: Sequence[Block], table: FlowTable, spec: RepresentationSpec) -> None:
    options = spec.options
    settings = settings_of(options.family_options, spec.rate_ns)
    columns: dict[str, np.ndarray | None] = {**table.columns, "size": table.size}
    for block, name in zip(blocks, [*["header"] * options.header, *options.request.names], strict=True):
        first, width = block.first_column, block.width
        if block.code == NO_CODE:
            from netml.features.custom_rows import compute_custom_rows

            X[:, first : first + width] = compute_custom_rows(name, table, spec.dim, width)
            continue
        _flowcore.fill_family(block.code, X, first, width, table.offsets, columns, settings, table.attributes)


def _make_texts(table: FlowTable, options: RepresentationOptions) -> dict[str, np.ndarray]:
    """Make the text columns of the families."""
    made = [TEXT_MAKERS[name](table) for name in options.request.names if name in TEXT_MAKERS]
    return {name: column for columns in made for name, column in columns.items()}


def settings_of(options: FamilyOptions, rate_ns: float) -> dict[str, Any]:
    """Return the kernel's `FamilySettings`."""
    return {
        "rate_ns": rate_ns,
        "cic_extra": options.cic_extra,
        "bulk_gap_ns": _threshold_ns(options.bulk_gap),
        "subflow_gap_ns": _threshold_ns(options.subflow_gap),
        "activity_timeout_ns": _threshold_ns(options.activity_timeout),
        "bulk_packets": options.bulk_packets,
    }


def _threshold_ns(seconds: float) -> int:
    """Return the longest gap of a threshold (s) in whole ns, at most the longest gap there is."""
    whole = nanoseconds(seconds)
    return int(whole) if whole < _ANY_GAP_NS else _ANY_GAP_NS


def _transform(X: np.ndarray, blocks: Sequence[Block], spec: RepresentationSpec) -> None:
    if spec.options.request.is_fft:
        for block in blocks:
            transform_rows(X[:, block.first_column : block.first_column + block.width])
