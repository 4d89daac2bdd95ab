"""`netml learn`: captures, or features, to a model."""

from __future__ import annotations

import time
from typing import Any

import click

from netml.cli.options import families, shared
from netml.cli.options.completion import complete_detector
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK

ALGORITHMS = "`netml detectors` lists them."


@click.command("learn")
@click.argument("action", required=False, type=click.Choice(["extract", "train"]))
@click.option(
    "-p", "--pcap", "pcaps", metavar="FILE", multiple=True, type=shared.any_path, help="Capture to learn from."
)
@shared.labels
@shared.label_columns
@shared.normal
@shared.abnormal
@click.option(
    "-f", "--feature", "feature_path", metavar="FILE", type=shared.any_path,
    help="Features: written by `extract`, read by `train`; .npz .csv .parquet .arrow .npy .dat.",
)  # fmt: skip
@click.option(
    "-o", "-m", "--output", "--model", "output_path", metavar="FILE", type=shared.any_path,
    help="The model: .netml, or .dat for a pickle as the original's.",
)  # fmt: skip
@click.option(
    "-a", "--algorithm", metavar="NAME", default="ocsvm", show_default=True, shell_complete=complete_detector,
    help=f"Detector. {ALGORITHMS}",
)  # fmt: skip
@click.option("--help-algorithm", is_flag=True, help="Describe the detectors, and exit.")
@click.option("--param", metavar="YAML", help="Parameters of the detector: YAML or JSON text, or a file of it.")
@click.option("--help-param", is_flag=True, help="Show the detectors' parameters, and exit.")
@click.option(
    "--scale", type=click.Choice(["none", "standard", "robust", "log"]), default="none", show_default=True,
    help="What features go through before the detector.",
)  # fmt: skip
@click.option(
    "--contamination", type=float, metavar="C", help="Share of the training flows above the threshold. [default: 0.1]"
)
@click.option(
    "--test-size", type=float, metavar="T", default=0.33, show_default=True,
    help="Share of the labelled flows that is kept for the test.",
)  # fmt: skip
@click.option(
    "--train-on", type=click.Choice(["all", "normal"]), default="all", show_default=True,
    help="Of labelled flows, which to learn from.",
)  # fmt: skip
@click.option(
    "--max-train-rows", type=int, metavar="N", help="Learn from N flows, chosen at random, if there are more."
)
@click.option("--force", is_flag=True, help="Train even if it would take very long.")
@shared.random_state
@shared.representation_options
@families.family_options
@shared.flow_options
@shared.trust
@import_option
@shared.strict
@shared.verbosity
@shared.quiet
def command(action: str | None, **chosen: Any) -> int:
    """Learn from captures what their flows look like.

    In one step, or in two: `extract` turns captures into features, `train` learns from features.

    \b
    netml learn --pcap monday.pcap --output model.netml --algorithm oc-nystroem --scale log
    netml learn --pcap demo.pcap --label demo.csv --output model.netml
    netml learn extract --pcap demo.pcap --label demo.csv --feature features.npz
    netml learn train --feature features.npz --output model.netml
    """
    from netml.cli.commands import _learn_steps, _learn_usage

    if chosen["help_algorithm"] or chosen["help_param"]:
        _learn_steps.describe_algorithms(with_text=chosen["help_algorithm"])
        return EXIT_OK
    _learn_usage.check_usage(action, chosen)
    training = None if action == "extract" else _learn_steps.make_training(chosen)
    start_s = time.perf_counter()
    if action == "train":
        matrix, representation = _learn_steps.read_features(chosen)
    else:
        matrix, representation = _learn_steps.extract_features(chosen)
    if training is not None:
        _learn_steps.train_model(matrix, representation, training, chosen)
    if not chosen["quiet"] and chosen["verbosity"] > 0:
        click.echo(f"time     {time.perf_counter() - start_s:.2f} s", err=True)
    return EXIT_FAILURE if matrix.metadata.get("damage") else EXIT_OK
