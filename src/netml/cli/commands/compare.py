"""`netml compare`: representations and detectors on labelled captures, to a leaderboard."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options import shared
from netml.cli.options.completion import complete_family
from netml.cli.options.features import size
from netml.cli.options.flow import flow_options
from netml.cli.options.groups import OptionGroup
from netml.cli.options.labelled import (
    LabelledCaptures,
    check_outputs,
    check_plots,
    is_damaged,
    labelled_captures,
    plots,
    summarise,
)
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK

if TYPE_CHECKING:
    from netml.comparison.candidates import Entry
    from netml.comparison.leaderboard import Comparison
    from netml.comparison.study import Study
    from netml.flow.options import FlowOptions


def _make_study(**values: Any) -> Study:
    from netml.comparison.study import Study

    return Study(**{name: value for name, value in values.items() if value != ()})


study_options = OptionGroup(
    "study",
    _make_study,
    click.option(
        "-f", "--family", "families", metavar="FAMILY", multiple=True, shell_complete=complete_family,
        help="Family of features; repeat it for several. `IAT,SIZE` is one matrix of two families. "
        "[default: the six of the original, each alone]",
    ),
    click.option(
        "--header", type=click.Choice(["both", "yes", "no"]), default="both", show_default=True,
        help="Compare matrices with TCP flag counts and TTLs in front (yes), without (no), or both kinds.",
    ),
    size,
    shared.detector(
        "detectors", multiple=True,
        help="Detector; repeat it for several. `netml detectors` lists them. [default: ocsvm kde gmm if pca ae]",
    ),
    click.option(
        "--scale", "scales", type=click.Choice(["none", "standard", "robust", "log"]), multiple=True,
        help="Scaling of the features before they go to the detector; repeat it for several. [default: none]",
    ),
    click.option("--tune", is_flag=True, help="Try several parameters of each detector, and several SAMP rates."),
    click.option(
        "--validation-size", type=float, metavar="V", default=0.5, show_default=True,
        help="Share of the abnormal flows for the validation, which orders the leaderboard.",
    ),
    click.option(
        "--test-size", type=float, metavar="T", default=0.5, show_default=True,
        help="Share of the abnormal flows for the test, by which nothing is chosen.",
    ),
    click.option(
        "--split", "split_by", type=click.Choice(["connection", "flow"]), default="connection", show_default=True,
        help="Keep all flows of a connection in the same part, or divide flow by flow.",
    ),
    click.option(
        "--max-train-rows", type=int, metavar="N", default=5000, show_default=True,
        help="Train on N flows, chosen at random, if there are more.",
    ),
    click.option("--force", is_flag=True, help="Train even what takes very long."),
    click.option("--jobs", type=int, metavar="N", default=1, show_default=True, help="Train N candidates at a time."),
    shared.random_state,
)  # fmt: skip


@click.command("compare")
@labelled_captures
@study_options
@click.option(
    "-o", "--output", "output_path", metavar="CSV", type=shared.any_path, help="Write the leaderboard to this file."
)
@shared.as_json
@plots("the leaderboard")
@flow_options
@import_option
@shared.read_options
def command(
    captures: LabelledCaptures,
    study: Study,
    output_path: str | None,
    as_json: bool,
    plot_paths: tuple[str, ...],
    flow: FlowOptions,
    read: shared.RunOptions,
) -> int:
    """Compare representations and detectors on labelled captures.

    Detectors are trained on normal flows. The abnormal flows, with as many normal ones (at most half of those), are
    divided: one part validates, and orders the leaderboard; the other part tests, and nothing is chosen by it.

    \b
    netml compare --pcap demo.pcap --labels demo.csv
    netml compare -p demo.pcap -l demo.csv -f STATS -f SIZE -d ecod -d oc-kjl --scale log -o leaderboard.csv
    """
    from netml.cli.runtime.progress import progress_bar
    from netml.cli.runtime.worker import run_in_worker
    from netml.comparison import compare_flows, read_captures
    from netml.labels.truth import label_tables

    captures.require_both_classes()
    study = replace(study, q_dim=flow.q_interval)
    _check_outputs(output_path, plot_paths, captures.inputs)
    truth = captures.read_truth()
    with progress_bar(captures.paths, quiet=read.quiet) as progress:
        tables = read_captures(captures.paths, truth, study, flow, strict=read.strict, progress=progress)
    y = label_tables(tables, truth)
    if not read.quiet:
        summarise(tables, y)
    show = _show_progress(study, quiet=read.quiet)

    def work() -> Comparison:
        return compare_flows(tables, y, study, on_entry=show)

    # Several candidates at a time are trained in processes of their own, for which the main thread only waits.
    comparison = run_in_worker(work) if study.jobs == 1 else work()
    _print(comparison, as_json=as_json)
    for path in _write(comparison, output_path, plot_paths):
        if not read.quiet:
            click.echo(f"written  {path}", err=True)
    return EXIT_FAILURE if is_damaged(tables) or comparison.best is None else EXIT_OK


def _check_outputs(output_path: str | None, plot_paths: Sequence[str], inputs: Sequence[str]) -> None:
    from netml.errors import UnknownNameError

    if output_path is not None and not output_path.lower().endswith(".csv"):
        raise UnknownNameError("leaderboard format", output_path, [".csv"])
    check_outputs([*([output_path] if output_path else []), *plot_paths], inputs)
    check_plots(plot_paths)


def _show_progress(study: Study, *, quiet: bool) -> Callable[[Entry], None] | None:
    """Return a callback that keeps one line on a terminal up to date; None without a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return None
    n_done = 0

    def show(entry: Entry) -> None:
        nonlocal n_done
        n_done += 1
        text = f"{n_done}/{study.n_candidates}  {entry.name}"[:78]
        click.echo(f"\r\x1b[K{text}" if n_done < study.n_candidates else "\r\x1b[K", nl=False, err=True)

    return show


def _print(comparison: Comparison, *, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(comparison.to_dict(), indent=2, allow_nan=False))
        return
    title, *lines = comparison.table_lines()
    is_bold = comparison.best is not None and sys.stdout.isatty()
    best = [click.style(line, bold=True) if is_bold else line for line in lines[:1]]
    parts = [*comparison.header_lines(), "", title, *best, *lines[1:], "", *comparison.note_lines()]
    click.echo("\n".join(parts))


def _write(comparison: Comparison, output_path: str | None, plot_paths: Sequence[str]) -> list[str]:
    """Write pictures and leaderboard; return the files."""
    for path in plot_paths:
        from netml.visual import plot_leaderboard

        plot_leaderboard(path, comparison.standings(), title="Leaderboard, by validation AUC")
    if output_path:
        comparison.save(output_path)
    return [*plot_paths, *([output_path] if output_path else [])]
