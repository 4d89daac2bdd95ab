"""`netml evaluate`: a model and captures whose truth is known, to figures."""

from __future__ import annotations

import os

import click

from netml.cli.options import shared
from netml.cli.options.labelled import (
    LabelledCaptures,
    check_outputs,
    check_plots,
    is_damaged,
    labelled_captures,
    plots,
    summarise,
)
from netml.cli.options.models import BareModelOptions, bare_model_options, load_complete_model
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK


@click.command("evaluate")
@shared.model
@labelled_captures
@shared.threshold
@shared.as_json
@plots("the ROC and precision-recall curves, and the scores,")
@shared.random_state
@bare_model_options
@shared.trust
@import_option
@shared.read_options
def command(
    model_path: str,
    captures: LabelledCaptures,
    threshold: float | None,
    as_json: bool,
    plot_paths: tuple[str, ...],
    random_state: int,
    bare: BareModelOptions,
    trust: bool,
    read: shared.RunOptions,
) -> int:
    """Measure how well a model tells abnormal flows from normal ones.

    A flow is normal or abnormal as its capture is, or as the label file says; flows without a label are left out. The
    AUC comes with its 95 % interval, and each figure with the number of flows behind it.

    A model that was trained on a .npy, .csv or .dat file does not know how its features were made. The options marked
    "(bare model)" tell it, and are for such models only.

    \b
    netml evaluate --model model.netml --pcap-normal tuesday.pcap --pcap-abnormal attacks.pcap
    netml evaluate --model model.netml --pcap demo.pcap --labels demo.csv --plot demo.svg
    """
    from netml.cli.runtime.progress import progress_bar
    from netml.cli.runtime.worker import run_in_worker
    from netml.evaluation import evaluate_tables, known_representation
    from netml.labels.truth import label_tables

    captures.require_both_classes()
    check_outputs(plot_paths, [*captures.inputs, model_path])
    check_plots(plot_paths)
    truth = captures.read_truth()
    model = load_complete_model(model_path, bare, trust=trust, quiet=read.quiet)
    with progress_bar(captures.paths, quiet=read.quiet) as progress:
        tables = known_representation(model).read_tables(captures.paths, strict=read.strict, progress=progress)
    y = label_tables(tables, truth)
    if not read.quiet:
        summarise(tables, y)
    evaluation = run_in_worker(
        lambda: evaluate_tables(model, tables, y, threshold=threshold, random_state=random_state)
    )
    title = f"{model.detector_name or type(model.detector).__name__} in {os.path.basename(model_path)}"
    if as_json:
        import json

        inputs = {"model": model_path, "detector": model.detector_name, "captures": captures.paths}
        click.echo(json.dumps({**inputs, **evaluation.to_dict()}, indent=2, allow_nan=False))
    else:
        click.echo(f"{'model':<20} {title}\n{evaluation.to_text()}")
    for path in plot_paths:
        from netml.visual import plot_evaluation

        plot_evaluation(path, evaluation, title=title)
        if not read.quiet:
            click.echo(f"plot     {path}", err=True)
    return EXIT_FAILURE if is_damaged(tables) else EXIT_OK
