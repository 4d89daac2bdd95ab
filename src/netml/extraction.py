"""The main job: captures in, flows and feature matrices out. Pure functions."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netml import _flowcore
from netml.errors import CaptureWarning
from netml.families import FAMILIES, lay_out
from netml.flows import FlowTable
from netml.matrix import FeatureMatrix
from netml.options import LARGEST_DIM, FlowOptions, RepresentationOptions, nanoseconds
from netml.pieces import read_pieces
from netml.quantile import linear_quantile
from netml.reading import Progress
from netml.spectrum import transform_rows

if TYPE_CHECKING:
    from netml.labels import Labels

Q_RATE = 0.3  # quantile of the flow durations that is a SAMP window (the seed)


def read_flows(
    source: Any,
    *,
    flow: FlowOptions | None = None,
    size: str = "captured",
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> FlowTable:
    """Read captures into a table of flows.

    Parameters
    ----------
    source : path, "-", binary file, dpkt reader, iterable of (time, bytes), or a list of paths and files
        Where packets come from; pcap or pcapng, plain or compressed. Several are read as one capture.
    flow : FlowOptions, optional
        How packets become flows.
    size : {"captured", "wire"}
        Which length of a frame is a packet's size.
    strict : bool, default False
        Raise at damaged framing, instead of warning and keeping what was read before it.
    link_type : int, optional
        LINKTYPE_ value of the frames of an iterable of (time, bytes).
    progress : callable, optional
        Called as ``progress(bytes_read, packets_read)`` block by block.

    Returns
    -------
    FlowTable
        All flows with all their packets. `metadata` says what was read, skipped and dropped.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError
        If an option is out of range.

    Warns
    -----
    CaptureWarning
        At damaged framing, unless `strict`.
    """
    columns = ("caplen", "wirelen", "flags", "ttl")
    pieces = read_pieces(source, flow, size, columns, strict=strict, link_type=link_type, progress=progress)
    return pieces.cut(pieces.learn_interval_ns())


def extract(
    source: Any,
    families: str | Sequence[str] = "IAT",
    *,
    fft: bool = False,
    header: bool = False,
    flow: FlowOptions | None = None,
    dim: int | None = None,
    rate: float | None = None,
    size: str = "captured",
    labels: str | os.PathLike[str] | Labels | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> FeatureMatrix:
    """Turn captures into a feature matrix, a row for each flow.

    Parameters
    ----------
    source : path, "-", binary file, dpkt reader, iterable of (time, bytes), or a list of paths and files
        Where packets come from; see `read_flows`.
    families : str or sequence of str, default "IAT"
        Names of families: IAT, SIZE, IAT_SIZE, STATS, SAMP_NUM, SAMP_SIZE. "FFT-IAT" is IAT with `fft`.
    fft : bool, default False
        Take the real part of each block's Fourier transform.
    header : bool, default False
        Put the TCP flag counts and TTLs in front.
    flow : FlowOptions, optional
        How packets become flows.
    dim : int, optional
        Packets that a row has room for; by default ``floor(quantile(packets per flow, q_interval))``.
    rate : float, optional
        Length of a SAMP window, s; by default the 0.3 quantile of the flow durations.
    size : {"captured", "wire"}
        Which length of a frame is a packet's size.
    labels : path or Labels, optional
        CSV of labels to join, or what `netml.labels.read_labels` gave.
    strict, link_type, progress
        As in `read_flows`.

    Returns
    -------
    FeatureMatrix
        `X` float64 (n_flows, n_features), column names, the flows, and `metadata` with all that was learned.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError, UnknownNameError
        If an option is out of range, or a family unknown.

    Examples
    --------
    >>> import netml
    >>> netml.extract("examples/data/demo.pcap", ["IAT", "STATS"], dim=8).shape[1]  # doctest: +SKIP
    19
    """
    named = families if isinstance(families, str) else tuple(families)
    wanted = RepresentationOptions(named, fft, header, dim, rate, size)
    label_table = _read_labels(labels) if labels is not None else None
    columns = wanted.packet_columns
    pieces = read_pieces(source, flow, size, columns, strict=strict, link_type=link_type, progress=progress)
    table = pieces.cut(pieces.learn_interval_ns())
    matrix = represent(table, wanted, q_dim=(flow or FlowOptions()).q_interval)
    if label_table is not None:
        from netml.labels import join_labels

        matrix.labels = join_labels(label_table, matrix.flows)
    return matrix


def _read_labels(labels: str | os.PathLike[str] | Labels) -> Labels:
    from netml.labels import Labels, read_labels

    return labels if isinstance(labels, Labels) else read_labels(labels)


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
    request = options.request
    dim = options.dim if options.dim is not None else learn_dim(table, q_dim)
    rate_ns = nanoseconds(options.rate) if options.rate is not None else 0.0
    if options.rate is None and any(FAMILIES[name].needs_rate for name in request.names):
        rate_ns = learn_rate_ns(table)
    blocks, columns = lay_out(request, dim, header=options.header)
    X = np.zeros((len(table), len(columns)))
    for block in blocks:
        _flowcore.fill_family(
            block.code,
            X,
            block.first_column,
            block.width,
            table.offsets,
            table.time_ns,
            table.size,
            table.flags if options.header else None,
            table.ttl if options.header else None,
            rate_ns,
        )
        if request.is_fft:
            transform_rows(X[:, block.first_column : block.first_column + block.width])
    learned = {
        "families": list(request.names),
        "fft": request.is_fft,
        "header": options.header,
        "dim": dim,
        "rate_s": rate_ns / 1e9,
        "size": table.size_kind,
    }
    return FeatureMatrix(X, columns, table.index, {**table.metadata, "representation": learned})


def learn_dim(table: FlowTable, q: float) -> int:
    """Packets that a row has room for: floor of a quantile of the packets per flow; 0 without flows.

    At most what can be asked for, with a `CaptureWarning`: one giant flow must not make a row of gigabytes.
    """
    dim = int(linear_quantile(table.lengths, q))
    if dim > LARGEST_DIM:
        text = f"dim {dim:,} would be learned from giant flows: rows have room for {LARGEST_DIM:,} packets"
        warnings.warn(CaptureWarning(text), stacklevel=2)
    return min(dim, LARGEST_DIM)


def learn_rate_ns(*tables: FlowTable) -> float:
    """Length of a SAMP window, ns: a quantile of the flow durations; 0 without flows."""
    return linear_quantile(np.concatenate([_durations_ns(table) for table in tables]), Q_RATE)


def _durations_ns(table: FlowTable) -> np.ndarray:
    """Durations; those that no int64 holds, of captures with absurd clocks, are the largest int64."""
    durations_ns = table.index.end_ns - table.index.start_ns
    return np.where(durations_ns < 0, np.iinfo(np.int64).max, durations_ns)
