"""`netml evaluate`: a model and captures of which the truth is known, to figures."""

from __future__ import annotations

import os
from typing import Any

import click

from netml.cli.options import shared
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


@click.command("evaluate")
@shared.model
@labelled_captures
@click.option("--threshold", type=float, metavar="T", help="Abnormal is a score above T. [default: the model's]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@plots("ROC and precision-recall curves, and the scores.")
@shared.random_state
@shared.bare_model_options
@shared.trust
@import_option
@shared.strict
@shared.quiet
def command(**chosen: Any) -> int:
    """Say how good a model is, and why to believe it.

    Flows are normal or abnormal as their capture is, or as a label file says; those without a label are left out. The
    AUC comes with its 95 % interval, and each figure with the flows that it rests on.

    \b
    netml evaluate --model model.netml --pcap-normal tuesday.pcap --pcap-abnormal attacks.pcap
    netml evaluate --model model.netml --pcap demo.pcap --label demo.csv --plot demo.svg
    """
    from netml.cli.options.models import load_complete_model
    from netml.cli.runtime.progress import progress_bar
    from netml.cli.runtime.worker import run_in_worker
    from netml.evaluation import evaluate_tables, known_representation
    from netml.labels.truth import label_tables

    check_captures(chosen)
    check_outputs(chosen["plot_paths"], chosen)
    _check_plots(chosen["plot_paths"])
    captures, truth = list_captures(chosen), read_truth(chosen)
    model = load_complete_model(chosen)
    with progress_bar(captures, quiet=chosen["quiet"]) as progress:
        tables = known_representation(model).read_tables(captures, strict=chosen["strict"], progress=progress)
    y = label_tables(tables, truth)
    if not chosen["quiet"]:
        summarise(tables, y)
    how = {name: chosen[name] for name in ("threshold", "random_state")}
    evaluation = run_in_worker(lambda: evaluate_tables(model, tables, y, **how))
    about = f"{model.algorithm or type(model.detector).__name__} in {os.path.basename(chosen['model_path'])}"
    if chosen["as_json"]:
        import json

        files = {"model": chosen["model_path"], "algorithm": model.algorithm, "captures": captures}
        click.echo(json.dumps({**files, **evaluation.to_dict()}, indent=2, allow_nan=False))
    else:
        click.echo(f"{'model':<20} {about}\n{evaluation.to_text()}")
    for path in chosen["plot_paths"]:
        from netml.visual import plot_evaluation

        plot_evaluation(path, evaluation, title=about)
        if not chosen["quiet"]:
            click.echo(f"plot     {path}", err=True)
    return EXIT_FAILURE if is_damaged(tables) else EXIT_OK


def _check_plots(paths: tuple[str, ...]) -> None:
    from netml.visual import check_plot

    for path in paths:
        check_plot(path)
