"""The steps of `netml learn`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options.features import as_arguments
from netml.cli.options.groups import is_given
from netml.cli.runtime.progress import progress_bar

if TYPE_CHECKING:
    from netml.cli.options.labelled import LabelledCaptures
    from netml.cli.options.shared import RunOptions
    from netml.features.matrix import FeatureMatrix
    from netml.features.options import RepresentationOptions
    from netml.features.representation import FlowRepresentation
    from netml.flow.options import FlowOptions
    from netml.models.flow_model import FlowModel
    from netml.models.training import TrainOptions

DESCRIBED = ("ocsvm", "kde", "if", "ae", "gmm", "pca", "oc-nystroem", "oc-kjl", "ocsvm-sgd")


def extract_features(
    captures: LabelledCaptures,
    features: RepresentationOptions,
    flow: FlowOptions,
    feature_path: str | None,
    read: RunOptions,
) -> tuple[FeatureMatrix, FlowRepresentation]:
    """Read the captures; write the features if a file for them is named."""
    from netml.features.representation import FlowRepresentation
    from netml.features.table_layout import write_matrix
    from netml.models.learn import label_matrix

    representation = FlowRepresentation(**as_arguments(features), flow=flow)
    truth = captures.read_truth()
    with progress_bar(captures.paths, quiet=read.quiet) as progress:
        tables = representation.fit_tables(captures.paths, strict=read.strict, progress=progress)
    matrix = label_matrix(representation, tables, truth)
    if not read.quiet:
        from netml.summary import summarise_table

        for line in summarise_table(matrix.metadata, len(matrix)):
            click.echo(line, err=True)
    if feature_path:
        write_matrix(feature_path, matrix)
    if not read.quiet:
        _summarise_matrix(matrix, feature_path)
    return matrix, representation


def read_features(path: str, *, trust: bool, quiet: bool) -> tuple[FeatureMatrix, FlowRepresentation | None]:
    """Read a feature file, and the representation that made its features, if the file has one."""
    from netml.errors import DamagedFileError, OptionError, UnknownNameError
    from netml.features.representation import FlowRepresentation

    matrix = _read_matrix(path, trust=trust)
    if matrix.labels is None and is_given("test_size"):
        raise click.UsageError(f"--test-size is the share of labelled flows: {path} has no labels")
    try:
        representation = FlowRepresentation.from_metadata(matrix.metadata)
    except (OptionError, UnknownNameError) as error:
        raise DamagedFileError(path, f"does not tell rightly how its features were made: {error}") from error
    if not quiet:
        _summarise_matrix(matrix, path)
    if not quiet and "representation" not in matrix.metadata:
        click.echo(
            "note     this file does not tell how its features were made (.npz, .parquet and .arrow files do):"
            " `netml classify` will need --family and --interval (--family alone for families of biflows), and cannot"
            " know of --flow, --max-packets and the like",
            err=True,
        )
    return matrix, representation


def _read_matrix(path: str, *, trust: bool) -> FeatureMatrix:
    """Read features; a file of no known suffix is read as a pickle, as in the original."""
    from netml.errors import DamagedFileError
    from netml.features.table_layout import SUFFIXES, read_matrix

    if os.path.splitext(path)[1].lower() in SUFFIXES:
        return read_matrix(path, trust=trust)
    try:
        return read_matrix(path, format="dat", trust=trust)
    except DamagedFileError as error:
        kinds = ", ".join(SUFFIXES)
        reason = f"{error.reason}; features are read from {kinds}, and captures by `netml learn --pcap`"
        raise DamagedFileError(path, reason) from error


def _summarise_matrix(matrix: FeatureMatrix, path: str | None) -> None:
    from netml.features.table_layout import count_written

    n_rows = count_written(path, matrix) if path else len(matrix)
    if matrix.labels is not None:
        from netml.labels.matching import binary_labels

        y = binary_labels(matrix.labels)
        rest = "; a .dat file leaves the others out" if n_rows < len(y) else ""
        counts = f"{int((y >= 0).sum()):,} of {len(y):,} flows, {int((y == 1).sum()):,} abnormal"
        click.echo(f"labels   {counts}{rest}", err=True)
    place = f" in {path}" if path else ""
    click.echo(f"matrix   {n_rows:,} x {matrix.shape[1]:,}{place}", err=True)


def make_training(*, param: str | None, **values: Any) -> TrainOptions:
    """Make `TrainOptions` of the command's options."""
    from netml.models.training import TrainOptions

    return TrainOptions(params=parse_params(param, values["detector"]), **values)


def check_detector(training: TrainOptions) -> None:
    """Check the detector and its parameters, before any input is read."""
    from netml.errors import OptionError
    from netml.ndm import make_detector

    try:
        make_detector(training.detector, training.params)
    except OptionError as error:
        if error.option == "param":
            raise
        raise OptionError("param", f"{error.option}: {error.value}", error.allowed) from error


def train_model(
    matrix: FeatureMatrix,
    representation: FlowRepresentation | None,
    training: TrainOptions,
    output_path: str,
    read: RunOptions,
) -> None:
    """Train, write the model, and print how well it does."""
    from netml.cli.runtime.worker import run_in_worker
    from netml.models.training import train

    def announce(n_rows: int, n_features: int) -> None:
        from netml.ndm.costs import describe_long

        text = "" if read.quiet else describe_long(training.detector, n_rows, n_features)
        if text:
            click.echo(f"training {text}", err=True)

    model = run_in_worker(lambda: train(matrix, training, representation=representation, on_fit=announce))
    model.save(output_path)
    if not read.quiet:
        for line in describe_training(model, output_path, in_detail=read.is_detailed):
            click.echo(line)


def describe_training(model: FlowModel, path: str, *, in_detail: bool = False) -> list[str]:
    """Return lines on what a model was trained on, and how well it did in the test."""
    summary = model.summary
    n_used, n_train = summary["rows_used"], summary["rows_train"]
    chosen = f", {n_used:,} of them chosen at random" if n_used < n_train else ""
    scaled = "" if model.scale == "none" else f", features scaled ({model.scale})"
    kind = "normal flows" if summary["train_on"] == "normal" else "flows"
    lines = [
        f"model    {model.detector_name}{scaled} in {path}",
        f"trained  on {n_train:,} {kind}{chosen}, in {summary['train_s']:.3g} s",
        f"abnormal is a score above {model.threshold:.6g}",
    ]
    if summary.get("auc") is not None:
        about = f"{summary['rows_test']:,} flows, {summary['abnormal_test']:,} of them abnormal"
        lines.append(f"tested   on {about}, in {summary['test_s']:.3g} s: AUC {summary['auc']:.3f}")
    elif "auc_note" in summary:
        lines.append(f"tested   not: {summary['auc_note']}")
    if in_detail:
        given = ", ".join(f"{name}={value!r}" for name, value in model.params.items()) or "the defaults"
        lines.append(f"params   {given}; seed {summary['random_state']}")
        lines.append(f"features {summary['features']:,}: {', '.join(model.columns or ['without names'])}")
        if model.representation is not None:
            learned = model.representation
            dim = learned.dim_ or "any"  # of a stream's rows that are as wide whatever it is
            lines.append(f"learned  dim {dim}, interval {learned.interval_:.6g} s, rate {learned.rate_:.6g} s")
        lines.append(f"versions {', '.join(f'{name} {version}' for name, version in model.versions.items())}")
    return lines


def parse_params(text: str | None, detector: str) -> dict[str, Any]:
    """Read --param: YAML or JSON text, or a file of it; flat, or with a part for each detector.

    Raises
    ------
    click.BadParameter
        If it is neither, or no mapping.
    """
    if text is None:
        return {}
    import yaml

    try:
        if os.path.isfile(text):
            with open(text, encoding="utf-8") as stream:
                found = yaml.safe_load(stream)
        else:
            found = yaml.safe_load(text)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"neither YAML nor JSON, nor a file of it: {error}", param_hint="'--param'") from error
    if isinstance(found, dict) and isinstance(found.get(detector), dict):
        found = found[detector]
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise click.BadParameter(
            f"{text!r} is no mapping of names to values, like '{{nu: 0.1}}', nor a file of one", param_hint="'--param'"
        )
    return found


def describe_detectors(*, with_text: bool) -> None:
    """Print the original's detectors and netml's own, with their parameters and defaults."""
    import json

    from netml.errors import MissingExtraError
    from netml.ndm import DETECTORS, parameters_of

    for name in DESCRIBED:
        click.echo(f"{name}:{f'  # {DETECTORS[name].description}' if with_text else ''}")
        try:
            for parameter, default in parameters_of(name).items():
                click.echo(f"  {parameter}: {json.dumps(default, default=str)}")
        except MissingExtraError as error:
            click.echo(f"  # {error}")
    click.echo("# more of them: netml detectors; their parameters: netml detectors NAME")
