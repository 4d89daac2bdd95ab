"""`netml learn`: captures, or features, to a model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options import shared
from netml.cli.options.features import representation_options
from netml.cli.options.flow import flow_options
from netml.cli.options.groups import Decorator, Option, OptionGroup
from netml.cli.options.labelled import LabelledCaptures, labelled_captures
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK

if TYPE_CHECKING:
    from netml.features.options import RepresentationOptions
    from netml.flow.options import FlowOptions
    from netml.models.training import TrainOptions


def _describing(*names: str, with_text: bool, **attributes: Any) -> Decorator:
    """Make an option that describes the detectors and ends the command."""

    def describe(ctx: click.Context, param: click.Parameter, is_asked: bool) -> None:
        if is_asked and not ctx.resilient_parsing:
            from netml.cli.commands import _learn_steps

            _learn_steps.describe_detectors(with_text=with_text)
            ctx.exit()

    return click.option(
        *names, is_flag=True, is_eager=True, expose_value=False, callback=describe, cls=Option, **attributes
    )


def _make_training(**values: Any) -> TrainOptions:
    from netml.cli.commands._learn_steps import make_training

    return make_training(**values)


training_options = OptionGroup(
    "training",
    _make_training,
    shared.detector(
        "detector", default="ocsvm", show_default=True, help="Detector to train. `netml detectors` lists them."
    ),
    click.option(
        "--param", metavar="YAML", help="Parameters of the detector, as YAML or JSON text, or the name of such a file."
    ),
    click.option(
        "--scale", type=click.Choice(["none", "standard", "robust", "log"]), default="none", show_default=True,
        help="Scaling of the features before they go to the detector.",
    ),
    click.option(
        "--contamination", type=float, metavar="C",
        help="Share of the training flows whose score is above the threshold. [default: 0.1]",
    ),
    click.option(
        "--test-size", type=float, metavar="T", default=0.33, show_default=True,
        help="Share of the labelled flows that is kept for the test.",
    ),
    click.option(
        "--train-on", type=click.Choice(["all", "normal"]), default="all", show_default=True,
        help="Train on all flows, or on those that are labelled normal.",
    ),
    click.option(
        "--max-train-rows", type=int, metavar="N", help="Train on N flows, chosen at random, if there are more."
    ),
    click.option("--force", is_flag=True, help="Train even if it takes very long."),
    shared.random_state,
)  # fmt: skip


@click.command("learn")
@click.argument("action", required=False, type=click.Choice(["extract", "train"]))
@labelled_captures
@click.option(
    "--feature-file", "feature_path", metavar="FILE", cls=Option, hidden_names=["--feature"], type=shared.any_path,
    help="Features: `extract` writes this file, `train` reads it. .npz, .csv, .parquet, .arrow, .npy or .dat.",
)  # fmt: skip
@click.option(
    "-o", "-m", "--output", "--model", "output_path", metavar="FILE", type=shared.any_path,
    help="Model to write: .netml, or .dat for a pickle as the original's.",
)  # fmt: skip
@training_options
@_describing(
    "--help-detector", with_text=True, hidden_names=["--help-algorithm"], help="Describe the detectors, and exit."
)
@_describing("--help-param", with_text=False, help="Show the detectors' parameters, and exit.")
@representation_options
@flow_options
@shared.trust
@import_option
@shared.verbose_read_options
def command(
    action: str | None,
    captures: LabelledCaptures,
    feature_path: str | None,
    output_path: str | None,
    training: TrainOptions,
    features: RepresentationOptions,
    flow: FlowOptions,
    trust: bool,
    read: shared.RunOptions,
) -> int:
    """Train a model on the flows of captures.

    In one step, or in two: `extract` turns captures into features, `train` turns features into a model.

    \b
    netml learn --pcap monday.pcap --output model.netml --detector oc-nystroem --scale log
    netml learn --pcap demo.pcap --labels demo.csv --output model.netml
    netml learn extract --pcap demo.pcap --labels demo.csv --feature-file features.npz
    netml learn train --feature-file features.npz --output model.netml
    """
    from netml.cli.commands import _learn_steps, _learn_usage

    _learn_usage.check_usage(action, captures, features.families, training_options, feature_path, output_path)
    if action != "extract":
        _learn_steps.check_detector(training)
    start_s = time.perf_counter()
    if action == "train":
        assert feature_path is not None  # by check_usage
        matrix, representation = _learn_steps.read_features(feature_path, trust=trust, quiet=read.quiet)
    else:
        matrix, representation = _learn_steps.extract_features(captures, features, flow, feature_path, read)
    if output_path is not None:
        _learn_steps.train_model(matrix, representation, training, output_path, read)
    if not read.quiet:
        click.echo(f"time     {time.perf_counter() - start_s:.2f} s", err=True)
    return EXIT_FAILURE if matrix.metadata.get("damage") else EXIT_OK
