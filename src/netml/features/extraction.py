"""The extraction of feature matrices from captures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from netml.capture.reader import Progress, ReadOptions
from netml.errors import OptionError
from netml.families import DEFAULT_FAMILY_OPTIONS, FamilyOptions
from netml.features.compute import compute, compute_spilled
from netml.features.fitting import fit
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions, make_plan
from netml.flow.options import FlowOptions, choose_flow
from netml.flow.subflows import SpilledSubflows, read_subflows_within
from netml.memory import available_bytes
from netml.validation import require_whole

if TYPE_CHECKING:
    from netml.labels.reader import Labels
    from netml.schema.choices import Families, Size

LARGEST_MEMORY = 1 << 62
MEMORY_SHARE = 2  # packets may take half of the available memory: rows need some, too


def extract(
    source: Any,
    families: Families = "IAT",
    *,
    fft: bool = False,
    header: bool = False,
    flow: FlowOptions | None = None,
    interval: float | None = None,
    dim: int | None = None,
    rate: float | None = None,
    size: Size = "captured",
    max_packets: int | None = None,
    family_options: FamilyOptions | None = None,
    labels: str | os.PathLike[str] | Labels | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
    max_memory: int | None = None,
) -> FeatureMatrix:
    """Turn captures into a feature matrix, a row for each flow.

    Parameters
    ----------
    source : path, "-", binary file, dpkt reader, iterable of (time, bytes), or an iterable of paths and files
        Where packets come from; see `read_flows`.
    families : str or sequence of str, default "IAT"
        Names of families (IAT, SIZE, STATS, FLOW ...), see `netml families`; "FFT-IAT" is IAT with `fft`.
    fft : bool, default False
        Take the real part of each block's Fourier transform.
    header : bool, default False
        Put the TCP flag counts and TTLs in front.
    flow : FlowOptions, optional
        How packets become flows.
    interval : float, optional
        Length to which flows are cut, s; as in `read_flows`.
    dim : int, optional
        Packets that a row has room for; by default ``floor(quantile(packets per flow, q_interval))``.
    rate : float, optional
        Length of a SAMP window, s; by default the 0.3 quantile of the flow durations.
    size : {"captured", "wire", "ip", "payload"}
        Which length is a packet's size; see `read_flows`.
    max_packets : int, optional
        Make rows of the first packets of each flow only: this many.
    family_options : FamilyOptions, optional
        Options of single families.
    labels : path or Labels, optional
        CSV of labels to join, or the result of `netml.labels.read_labels`.
    strict, link_type, progress
        As in `read_flows`.
    max_memory : int, optional
        Memory for packets of original flows, bytes; by default half of what is available. Packets beyond it go to a
        temporary file in the folder that TMPDIR names, and are counted in ``metadata["spilled"]``.

    Returns
    -------
    FeatureMatrix
        `X` float64 (n_flows, n_features), column names, the flows, and `metadata` with all numbers learned.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError, UnknownNameError
        If an option is out of range, or `max_memory` given for biflows, or `flow` has another interval than
        `interval`, or a family is unknown.
    SpillError
        If the temporary file cannot be written.

    Examples
    --------
    >>> import netml
    >>> netml.extract("examples/data/demo.pcap", ["IAT", "STATS"], dim=8).shape[1]  # doctest: +SKIP
    19
    """
    named = families if isinstance(families, str) else tuple(families)
    family_options = family_options or DEFAULT_FAMILY_OPTIONS
    wanted = RepresentationOptions(named, fft, header, dim, rate, size, family_options, max_packets)
    label_table = _read_labels(labels) if labels is not None else None
    flow = choose_flow(flow, interval)
    plan = make_plan(wanted, flow)
    if max_memory is not None and plan.flow.definition != "original":
        raise OptionError("max_memory", max_memory, "left out: only original flows can wait in a file, or use a stream")
    reading = ReadOptions(strict, link_type, progress)
    subflows = read_subflows_within(_memory_for_packets(max_memory), source, plan, reading)
    interval_ns = subflows.learn_interval_ns()
    if isinstance(subflows, SpilledSubflows):
        matrix = compute_spilled(subflows, interval_ns, wanted, flow)
    else:
        table = subflows.cut(interval_ns)
        matrix = compute(table, fit([table], wanted, flow, interval_ns / 1e9))
    if label_table is not None:
        from netml.labels.matching import join_labels

        matrix.labels = join_labels(label_table, matrix.flows)
    return matrix


def _memory_for_packets(max_memory: int | None) -> int:
    if max_memory is not None:
        require_whole("max_memory", max_memory, 1, LARGEST_MEMORY)
        return max_memory
    n_bytes = available_bytes()
    return LARGEST_MEMORY if n_bytes is None else n_bytes // MEMORY_SHARE


def _read_labels(labels: str | os.PathLike[str] | Labels) -> Labels:
    from netml.labels.reader import Labels, read_labels

    return labels if isinstance(labels, Labels) else read_labels(labels)
