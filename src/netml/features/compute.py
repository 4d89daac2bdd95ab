"""Flows into rows: a feature matrix of a table of flows, or of flows that come some at a time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from netml import _flowcore
from netml.errors import CaptureWarning, OptionError
from netml.families import NO_CODE, Block, FamilyOptions, find_family, lay_out
from netml.families.header_columns import parse_headers
from netml.features.concat import concat_text_columns
from netml.features.fft import transform_rows
from netml.features.matrix import FeatureMatrix
from netml.features.options import LARGEST_DIM, RepresentationOptions
from netml.features.tcp_history import trace_connections
from netml.flow.subflows import SpilledSubflows, linear_quantile
from netml.flow.table import FlowTable
from netml.schema.flow_index import FlowIndex
from netml.validation import nanoseconds

_ANY_GAP_NS = 2**64 - 1
# Family -> function that makes its text columns of a table.
TEXT_MAKERS = {"TCP": trace_connections}
Q_RATE = 0.3  # quantile of the flow durations that is a SAMP window (the original)


def represent(table: FlowTable, options: RepresentationOptions, *, q_dim: float = 0.9) -> FeatureMatrix:
    """Turn a table of flows into a feature matrix.

    Parameters
    ----------
    table : FlowTable
        The flows.
    options : RepresentationOptions
        Families and the rest; `options.size` is ignored: the table has its size.
    q_dim : float, default 0.9
        Quantile of the packets per flow that is `dim`, if that is not given.

    Returns
    -------
    FeatureMatrix
        A row for each flow; its metadata is the table's and, under "representation", the options with what was learned.
    """
    if options.max_packets is not None:
        table = table.first(options.max_packets)
    learned, rate_ns = _learn(table.flows, options, q_dim, table.size_kind)
    blocks, columns = lay_out(options.request, learned["dim"], header=options.header, options=options.family_options)
    if options.makes_bits:
        X = _write_bits(table, learned["dim"], options.family_options)
    else:
        X = np.zeros((len(table), len(columns)))
        _fill(X, blocks, table, options, learned["dim"], rate_ns)
        _transform(X, blocks, learned)
    metadata = {**table.metadata, "representation": learned}
    return FeatureMatrix(X, columns, table.flows, metadata, texts=_describe(table, options))


def _write_bits(table: FlowTable, dim: int, options: FamilyOptions) -> np.ndarray:
    if table.headers is None:
        raise OptionError("families", "NPRINT", "made of whole captures: this table of flows has no headers")
    return table.headers.write_bits(dim, parse_headers(options.nprint_headers), options.payload_bytes)


def compute_spilled(
    pieces: SpilledSubflows, interval_ns: float, options: RepresentationOptions, *, q_dim: float = 0.9
) -> FeatureMatrix:
    """Do what `represent` does for flows that are not all in memory.

    Parameters
    ----------
    pieces : SpilledSubflows
        The flows, not cut by the interval yet.
    interval_ns : float
        Length to which they are to be cut, ns.
    options, q_dim
        As in `represent`.

    Returns
    -------
    FeatureMatrix
        As of `represent`, to the last bit; its metadata has "spilled" besides.
    """
    parts = pieces.cut_times(interval_ns, options.max_packets)
    index = FlowIndex.concat([FlowIndex(**part, bytes=np.zeros_like(part["packets"])) for part in parts])
    learned, rate_ns = _learn(index, options, q_dim, options.size)
    blocks, columns = lay_out(options.request, learned["dim"], header=options.header, options=options.family_options)
    X = np.zeros((len(index), len(columns)))
    texts = []
    first = 0
    for table in pieces.cut_tables(interval_ns, options.packet_columns):
        if options.max_packets is not None:
            table = table.first(options.max_packets)
        rows = slice(first, first := first + len(table))
        index.bytes[rows] = table.flows.bytes
        _fill(X[rows], blocks, table, options, learned["dim"], rate_ns)
        texts.append(_describe(table, options))
        del table  # before the next one is made
    _transform(X, blocks, learned)
    metadata = {**pieces.describe(interval_ns), "representation": learned}
    return FeatureMatrix(X, columns, index, metadata, texts=concat_text_columns(texts))


def _learn(index: FlowIndex, options: RepresentationOptions, q_dim: float, size: str) -> tuple[dict[str, Any], float]:
    """What a row is made of, options or what the flows say, for the metadata; and the rate to the last bit, ns."""
    request = options.request
    rate_ns = nanoseconds(options.rate) if options.rate is not None else 0.0
    if options.rate is None and any(find_family(name).needs_rate for name in request.names):
        rate_ns = linear_quantile(_durations_ns(index), Q_RATE)
    dim = options.default_dim if options.default_dim is not None else _learn_dim(index.packets, q_dim)
    return {**describe_learned(options, dim, rate_ns), "size": size}, rate_ns


def describe_learned(options: RepresentationOptions, dim: int, rate_ns: float) -> dict[str, Any]:
    """Give what a row is made of, as the metadata holds it."""
    request = options.request
    return {
        "families": list(request.names),
        "fft": request.is_fft,
        "header": options.header,
        "dim": dim,
        "rate_s": rate_ns / 1e9,
        "size": options.size,
        "max_packets": options.max_packets,
        "family_options": asdict(options.family_options),
    }


def _fill(
    X: np.ndarray, blocks: Sequence[Block], table: FlowTable, options: RepresentationOptions, dim: int, rate_ns: float
) -> None:
    settings = settings_of(options.family_options, rate_ns)
    names = [*["header"] * options.header, *options.request.names]
    for block, name in zip(blocks, names, strict=True):
        if block.code == NO_CODE:
            from netml.features.custom_rows import compute_custom_rows

            X[:, block.first_column : block.first_column + block.width] = compute_custom_rows(
                name, table, dim, block.width
            )
            continue
        _flowcore.fill_family(
            block.code,
            X,
            block.first_column,
            block.width,
            table.offsets,
            {**table.columns, "size": table.size},
            settings,
            table.attributes,
        )


def _describe(table: FlowTable, options: RepresentationOptions) -> dict[str, np.ndarray]:
    """What the families say of the flows in words."""
    texts: dict[str, np.ndarray] = {}
    for name in options.request.names:
        if name in TEXT_MAKERS:
            texts |= TEXT_MAKERS[name](table)
    return texts


def settings_of(options: FamilyOptions, rate_ns: float) -> dict[str, Any]:
    """Give the kernel's `FamilySettings`."""
    return {
        "rate_ns": rate_ns,
        "cic_extra": options.cic_extra,
        "bulk_gap_ns": _threshold_ns(options.bulk_gap),
        "subflow_gap_ns": _threshold_ns(options.subflow_gap),
        "activity_timeout_ns": _threshold_ns(options.activity_timeout),
        "bulk_packets": options.bulk_packets,
    }


def _threshold_ns(seconds: float) -> int:
    """Give what a gap may not exceed, in whole ns; the longest gap there is, if it may be any."""
    whole = nanoseconds(seconds)
    return int(whole) if whole < _ANY_GAP_NS else _ANY_GAP_NS


def _transform(X: np.ndarray, blocks: Sequence[Block], learned: dict[str, Any]) -> None:
    if learned["fft"]:
        for block in blocks:
            transform_rows(X[:, block.first_column : block.first_column + block.width])


def learn_dim(table: FlowTable, q: float) -> int:
    """Packets that a row has room for: floor of a quantile of the packets per flow; 0 without flows.

    At most what can be asked for, with a `CaptureWarning`: one giant flow must not make a row of gigabytes.
    """
    return _learn_dim(table.lengths, q)


def _learn_dim(packets: np.ndarray, q: float) -> int:
    dim = int(linear_quantile(packets, q))
    if dim > LARGEST_DIM:
        text = f"dim {dim:,} would be learned from giant flows: rows have room for {LARGEST_DIM:,} packets"
        warnings.warn(CaptureWarning(text), stacklevel=3)
    return min(dim, LARGEST_DIM)


def learn_rate_ns(*tables: FlowTable) -> float:
    """Length of a SAMP window, ns: a quantile of the flow durations; 0 without flows."""
    return linear_quantile(np.concatenate([_durations_ns(table.flows) for table in tables]), Q_RATE)


def _durations_ns(index: FlowIndex) -> np.ndarray:
    """Durations; those that no int64 holds, of captures with absurd clocks, are the largest int64."""
    durations_ns = index.end_ns - index.start_ns
    return np.where(durations_ns < 0, np.iinfo(np.int64).max, durations_ns)
