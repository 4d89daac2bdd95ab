"""The fitting of a representation: dimension and rate, learned from flows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from netml.errors import CaptureWarning
from netml.families import find_family
from netml.features.options import LARGEST_DIM, RepresentationOptions
from netml.features.spec import RepresentationSpec
from netml.flow.options import FlowOptions
from netml.flow.subflows import linear_quantile
from netml.flow.table import FlowTable
from netml.schema.flow_index import FlowIndex
from netml.validation import nanoseconds

Q_RATE = 0.3  # quantile of the flow durations that is a SAMP window, as in the original


def fit(
    tables: Sequence[FlowTable],
    options: RepresentationOptions,
    flow: FlowOptions | None = None,
    interval_s: float = 0.0,
) -> RepresentationSpec:
    """Learn `dim` and the rate from tables of flows that are cut to `interval_s` already, unless they are given.

    The `q_interval` of `flow` is the quantile of the packets per flow that is `dim`. If giant flows would make rows of
    more than `LARGEST_DIM` packets, a `CaptureWarning` says so, and `dim` is `LARGEST_DIM`.
    """
    if options.max_packets is not None:
        tables = [table.first(options.max_packets) for table in tables]
    return fit_flows([table.flows for table in tables], options, flow, interval_s)


def fit_flows(
    flows: Sequence[FlowIndex], options: RepresentationOptions, flow: FlowOptions | None = None, interval_s: float = 0.0
) -> RepresentationSpec:
    """Fit as `fit` does, from indices of flows that are cut to `options.max_packets` already."""
    flow = (flow or FlowOptions()).resolve(options.definition)
    dim = options.default_dim
    if dim is None:
        dim = _learn_dim(np.concatenate([index.packets for index in flows]), flow.q_interval)
    rate_ns = 0.0
    if any(find_family(name).needs_rate for name in options.request.names):
        rate_ns = linear_quantile(durations_ns(flows), Q_RATE) if options.rate is None else nanoseconds(options.rate)
    return RepresentationSpec(options, flow, dim, interval_s, rate_ns)


def _learn_dim(packets: np.ndarray, q: float) -> int:
    """Return the floor of a quantile of the packets per flow; 0 without flows."""
    dim = int(linear_quantile(packets, q))
    if dim > LARGEST_DIM:
        text = f"dim {dim:,} would be learned from giant flows: rows have room for {LARGEST_DIM:,} packets"
        warnings.warn(CaptureWarning(text), stacklevel=4)
    return min(dim, LARGEST_DIM)


def durations_ns(flows: Sequence[FlowIndex]) -> np.ndarray:
    """Return the durations of flows, ns; those that no int64 holds, of absurd clocks, are the largest int64."""
    durations = np.concatenate([index.end_ns - index.start_ns for index in flows])
    return np.where(durations < 0, np.iinfo(np.int64).max, durations)
