"""Representations and detectors side by side on labelled flows: the study of arXiv 2006.16993 as one call.

As in the study, normal flows train, and both classes validate and test (novelty detection). dim and rate of a
representation are learned from the training flows. The interval is learned from all: flows must be cut before they can
be divided. All choices are made by the validation flows; the test flows are reported only.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.capture.reader import ReadOptions
from netml.comparison.candidates import Candidate, Entry, Features, try_candidate
from netml.comparison.leaderboard import Comparison
from netml.comparison.splits import Split, split_flows
from netml.comparison.study import Study
from netml.evaluation.metrics import require_both_classes
from netml.families import find_family
from netml.features.options import RepresentationOptions
from netml.flow.options import FlowOptions, TablePlan, choose_flow
from netml.flow.reader import read_tables
from netml.flow.table import FlowTable
from netml.labels.truth import connection_of, label_tables, pair_captures

if TYPE_CHECKING:
    from netml.schema.choices import Definition

__all__ = ["Comparison", "Study", "compare", "compare_flows", "read_captures"]


def compare(
    *,
    pcap_normal: Any = (),
    pcap_abnormal: Any = (),
    pcap: Any = (),
    labels: Any = (),
    flow: FlowOptions | None = None,
    study: Study | None = None,
    on_entry: Callable[[Entry], None] | None = None,
    strict: bool = False,
    **options: Any,
) -> Comparison:
    """Compare representations and detectors on captures with labels, or captures of one class.

    Parameters
    ----------
    pcap_normal, pcap_abnormal, pcap, labels
        As of `netml.evaluation.evaluate`. Each capture is read once.
    flow : FlowOptions, optional
        How packets become flows. The interval is learned from the normal captures if there are any, else from all.
    study : Study, optional
        What is compared.
    on_entry : callable, optional
        Called with each line of the leaderboard as it is known.
    strict : bool, default False
        As in `netml.read_flows`.
    **options
        Parameters of `Study`, which replace those of `study`.

    Returns
    -------
    Comparison
        The leaderboard.

    Raises
    ------
    CaptureError, LabelFileError
        If a file cannot be read.
    UnmatchedLabelsError, EvaluationError
        If labels belong to no flow, a class is missing, or flows are too few.
    OptionError, UnknownNameError
        If an option is out of range, or a name unknown.

    Examples
    --------
    >>> from netml.comparison import compare
    >>> found = compare(pcap="examples/data/demo.pcap", labels="examples/data/demo.csv")  # doctest: +SKIP
    >>> found.best.name  # doctest: +SKIP
    'IAT_SIZE header, gmm'
    """
    study = replace(study or Study(), **options)
    captures, truth = pair_captures(pcap_normal=pcap_normal, pcap_abnormal=pcap_abnormal, pcap=pcap, labels=labels)
    tables = read_captures(captures, truth, study, flow, strict=strict)
    return compare_flows(tables, label_tables(tables, truth), study, on_entry=on_entry)


def read_captures(
    captures: Sequence[Any], truth: Sequence[Any], study: Study, flow: FlowOptions | None = None, **reading: Any
) -> list[FlowTable]:
    """Read captures into flows that are all cut to the same interval.

    `captures` and `truth` are what `netml.labels.truth.pair_captures` returned; `reading` is strict, link_type and
    progress, as in `netml.read_flows`. Returns a table for each capture.
    """
    wanted = study.representations
    columns = tuple(dict.fromkeys(name for options in wanted for name in options.packet_columns))
    # All are compared on the same flows: biflows, if any family has them.
    definition: Definition = "bi" if "bi" in {options.definition for options in wanted} else "original"
    plan = TablePlan(choose_flow(flow).resolve(definition), study.size, columns)
    n_normal = sum(isinstance(known, int) and known == 0 for known in truth)
    first = captures[: n_normal or len(captures)]
    tables, interval_s = read_tables(list(first), plan, ReadOptions(**reading))
    rest = list(captures[len(first) :])
    return tables + read_tables(rest, plan, ReadOptions(**reading), interval_s)[0]


def compare_flows(
    tables: Sequence[FlowTable], y: np.ndarray, study: Study, *, on_entry: Callable[[Entry], None] | None = None
) -> Comparison:
    """Compare representations and detectors on labelled flows.

    Parameters
    ----------
    tables : sequence of FlowTable
        All cut to the same interval.
    y : ndarray (n_flows,) of int
        1 abnormal, 0 normal, -1 without a label; table after table.
    study, on_entry
        As of `compare`.

    Returns
    -------
    Comparison
        The leaderboard.
    """
    n_unlabelled = int((y < 0).sum())
    require_both_classes(int((y == 0).sum()), int((y == 1).sum()), n_unlabelled)
    table = FlowTable.concat(tables)[y >= 0]
    y = y[y >= 0]
    groups = connection_of(table.flows) if study.split_by == "connection" else np.arange(len(y))
    split = split_flows(
        y,
        groups,
        validation_size=study.validation_size,
        test_size=study.test_size,
        max_train_rows=study.max_train_rows,
        random_state=study.random_state,
    )
    parts = [table[rows] for rows in split]
    entries = []
    for entry in _run(study, parts, y[split.validation], y[split.test]):
        entries.append(entry)
        if on_entry is not None:
            on_entry(entry)
    return Comparison.of(entries, study, _describe(split, y, n_unlabelled, tables))


def _run(study: Study, parts: Sequence[FlowTable], y_validation: np.ndarray, y_test: np.ndarray) -> Iterator[Entry]:
    how = {"random_state": study.random_state, "n_resamples": study.n_resamples}
    candidates = _candidates(study, parts)
    if study.jobs == 1:
        for candidate in candidates:
            yield try_candidate(candidate, y_validation, y_test, **how)
        return
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    calls = (delayed(try_candidate)(candidate, y_validation, y_test, **how) for candidate in candidates)
    yield from Parallel(n_jobs=study.jobs, return_as="generator")(calls)


def _candidates(study: Study, parts: Sequence[FlowTable]) -> Iterator[Candidate]:
    for options in study.representations:
        variants = _represent(options, parts, study)
        pairs = itertools.product(dict.fromkeys(study.detectors), dict.fromkeys(study.scales))
        for detector, scale in pairs:
            yield Candidate(_name(options), variants, detector, scale, study.tune, study.force)


def _represent(options: RepresentationOptions, parts: Sequence[FlowTable], study: Study) -> list[Features]:
    """Make the rows of each part, with what is learned from the first, the training flows."""
    from netml.comparison.grids import RATE_QUANTILES
    from netml.features.compute import compute
    from netml.features.fitting import durations_ns, fit
    from netml.flow.subflows import linear_quantile

    train = parts[0]
    spec = fit([train], options, FlowOptions(q_interval=study.q_dim))
    rates_ns = [spec.rate_ns]
    if study.tune and any(find_family(name).needs_rate for name in options.request.names):
        rates_ns += [linear_quantile(durations_ns([train.flows]), q) for q in RATE_QUANTILES]
    variants = []
    for rate_ns in dict.fromkeys(rates_ns):
        variant = replace(spec, rate_ns=rate_ns)
        X_train, X_validation, X_test = (compute(part, variant).X for part in parts)
        variants.append(Features(X_train, X_validation, X_test, variant.dim, variant.rate_s))
    return variants


def _name(options: RepresentationOptions) -> str:
    request = options.request
    plain = "+".join(f"FFT-{name}" if request.is_fft else name for name in request.names)
    return f"{plain} header" if options.header else plain


def _describe(split: Split, y: np.ndarray, n_unlabelled: int, tables: Sequence[FlowTable]) -> dict[str, Any]:
    counts = {
        name: {"normal": int((y[rows] == 0).sum()), "abnormal": int((y[rows] == 1).sum())}
        for name, rows in split._asdict().items()
    }
    used = sum(map(len, split))
    return {
        **counts,
        "n_unlabelled": n_unlabelled,
        "n_unused": len(y) - used,
        "interval_s": tables[0].metadata.get("interval_s"),
        "captures": [name for table in tables for name in table.metadata.get("captures", [])],
    }
