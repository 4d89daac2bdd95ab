"""`netml compare`: representations and detectors on labelled captures, to a leaderboard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options import shared
from netml.cli.options.completion import complete_detector, complete_family
from netml.cli.options.labelled import (
    check_captures,
    check_outputs,
    is_damaged,
    labelled_captures,
    list_captures,
    plots,
    read_truth,
    summarise,
)
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK

if TYPE_CHECKING:
    from netml.comparison.candidates import Entry
    from netml.comparison.leaderboard import Comparison
    from netml.comparison.study import Study


@click.command("compare")
@labelled_captures
@click.option(
    "-f", "--family", "families", metavar="FAMILY", multiple=True, shell_complete=complete_family,
    help="Family of features; repeat it for several. `IAT,SIZE` is one matrix of two. "
    "[default: the six of the original, each alone]",
)  # fmt: skip
@click.option(
    "--header", type=click.Choice(["both", "yes", "no"]), default="both", show_default=True,
    help="With TCP flag counts and TTLs in front, without, or one after the other.",
)  # fmt: skip
@click.option(
    "-a", "--algorithm", "algorithms", metavar="NAME", multiple=True, shell_complete=complete_detector,
    help="Detector; repeat it for several. `netml detectors` lists them. [default: ocsvm kde gmm if pca ae]",
)  # fmt: skip
@click.option(
    "--scale", "scales", type=click.Choice(["none", "standard", "robust", "log"]), multiple=True,
    help="What features go through before the detector; repeat it for several. [default: none]",
)  # fmt: skip
@click.option("--tune", is_flag=True, help="Try several parameters of each detector, and several SAMP rates.")
@click.option(
    "--validation-size", type=float, metavar="V", default=0.5, show_default=True,
    help="Share of the abnormal flows by which choices are made.",
)  # fmt: skip
@click.option(
    "--test-size", type=float, metavar="T", default=0.5, show_default=True,
    help="Share of the abnormal flows that only tell how good the choice was.",
)  # fmt: skip
@click.option(
    "--split", "split_by", type=click.Choice(["connection", "flow"]), default="connection", show_default=True,
    help="Whether all flows of a connection are kept together.",
)  # fmt: skip
@click.option(
    "--max-train-rows", type=int, metavar="N", default=5000, show_default=True,
    help="Learn from N flows, chosen at random, if there are more.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Train even what would take very long.")
@click.option("--jobs", type=int, metavar="N", default=1, show_default=True, help="Candidates at a time.")
@click.option("-o", "--output", "output_path", metavar="CSV", type=shared.any_path, help="The leaderboard as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@plots("The leaderboard.")
@shared.random_state
@shared.flow_options
@shared.size
@import_option
@shared.strict
@shared.quiet
def command(**chosen: Any) -> int:
    """Compare representations and detectors on labelled captures.

    Normal flows train. The abnormal flows, and as many normal ones (at most half), are divided: one part validates, and
    orders the leaderboard; the other tests, and nothing is chosen by it.

    \b
    netml compare --pcap demo.pcap --label demo.csv
    netml compare -p demo.pcap -l demo.csv -f STATS -f SIZE -a ecod -a oc-kjl --scale log -o leaderboard.csv
    """
    from netml.cli.runtime.progress import progress_bar
    from netml.cli.runtime.worker import run_in_worker
    from netml.comparison import compare_flows, read_captures
    from netml.labels.truth import label_tables

    check_captures(chosen)
    study = _make_study(chosen)
    _check_outputs(chosen)
    captures, truth, flow = list_captures(chosen), read_truth(chosen), shared.make_flow_options(chosen)
    with progress_bar(captures, quiet=chosen["quiet"]) as progress:
        tables = read_captures(captures, truth, study, flow, strict=chosen["strict"], progress=progress)
    y = label_tables(tables, truth)
    if not chosen["quiet"]:
        summarise(tables, y)
    show = _show_progress(study, quiet=chosen["quiet"])

    def work() -> Comparison:
        return compare_flows(tables, y, study, on_entry=show)

    # Several candidates at a time are trained in processes of their own, for which the main thread only waits.
    comparison = run_in_worker(work) if study.jobs == 1 else work()
    _write(comparison, chosen)
    return EXIT_FAILURE if is_damaged(tables) or comparison.best is None else EXIT_OK


def _make_study(chosen: dict[str, Any]) -> Study:
    from netml.comparison.study import Study

    names = ("header", "tune", "validation_size", "test_size", "split_by", "max_train_rows", "force", "jobs")
    several = {name: chosen[name] for name in ("families", "algorithms", "scales") if chosen[name]}
    same = {name: chosen[name] for name in (*names, "random_state", "size")}
    return Study(**several, **same, q_dim=chosen["q_interval"])


def _check_outputs(chosen: dict[str, Any]) -> None:
    from netml.errors import UnknownNameError
    from netml.visual import check_plot

    path = chosen["output_path"]
    if path is not None and not path.lower().endswith(".csv"):
        raise UnknownNameError("leaderboard format", path, [".csv"])
    check_outputs([*([path] if path else []), *chosen["plot_paths"]], chosen)
    for plot_path in chosen["plot_paths"]:
        check_plot(plot_path)


def _show_progress(study: Study, *, quiet: bool) -> Callable[[Entry], None] | None:
    """Give a callback that keeps one line on a terminal up to date; None where there is none."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return None
    n_done = 0

    def show(entry: Entry) -> None:
        nonlocal n_done
        n_done += 1
        text = f"{n_done}/{study.n_candidates}  {entry.name}"[:78]
        click.echo(f"\r\x1b[K{text}" if n_done < study.n_candidates else "\r\x1b[K", nl=False, err=True)

    return show


def _write(comparison: Comparison, chosen: dict[str, Any]) -> None:
    if chosen["as_json"]:
        import json

        click.echo(json.dumps(comparison.to_dict(), indent=2, allow_nan=False))
    else:
        title, *lines = comparison.table_lines()
        is_bold = comparison.best is not None and sys.stdout.isatty()
        best = [click.style(line, bold=True) if is_bold else line for line in lines[:1]]
        parts = [*comparison.header_lines(), "", title, *best, *lines[1:], "", *comparison.note_lines()]
        click.echo("\n".join(parts))
    written = list(chosen["plot_paths"])
    for path in chosen["plot_paths"]:
        from netml.visual import plot_leaderboard

        plot_leaderboard(path, comparison.standings(), title="Leaderboard, by validation AUC")
    if chosen["output_path"]:
        comparison.save(chosen["output_path"])
        written.append(chosen["output_path"])
    if not chosen["quiet"]:
        for path in written:
            click.echo(f"written  {path}", err=True)
