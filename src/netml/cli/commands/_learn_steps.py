"""The steps of `netml learn`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from netml.cli.commands._learn_usage import TRAINING
from netml.cli.options import shared
from netml.cli.options.families import make_family_options
from netml.cli.runtime.progress import progress_bar

if TYPE_CHECKING:
    from netml.features.matrix import FeatureMatrix
    from netml.features.representation import FlowRepresentation
    from netml.models.flow_model import FlowModel
    from netml.models.training import TrainOptions

OWN = ("ocsvm", "kde", "if", "ae", "gmm", "pca", "oc-nystroem", "oc-kjl", "ocsvm-sgd")


def extract_features(chosen: Mapping[str, Any]) -> tuple[FeatureMatrix, FlowRepresentation]:
    """Read the captures; keep the features if a file for them is named."""
    from netml.features.representation import FlowRepresentation
    from netml.features.table_layout import write_matrix
    from netml.models.learn import label_matrix

    representation = FlowRepresentation(
        chosen["families"] or "IAT",
        **{name: chosen[name] for name in ("fft", "header", "dim", "rate", "size", "max_packets")},
        family_options=make_family_options(chosen),
        flow=shared.make_flow_options(chosen),
    )
    columns = chosen["label_columns"]
    files: list[Any] = [shared.label_table(path, columns) for path in chosen["labels"]] or [None] * len(chosen["pcaps"])
    captures = [*chosen["pcaps"], *chosen["normal"], *chosen["abnormal"]]
    truth = [*files, *(0 for _ in chosen["normal"]), *(1 for _ in chosen["abnormal"])]
    with progress_bar(captures, quiet=is_quiet(chosen)) as progress:
        tables = representation.fit_tables(captures, strict=chosen["strict"], progress=progress)
    matrix = label_matrix(representation, tables, truth)
    if not is_quiet(chosen):
        from netml.summary import summarise_table

        for line in summarise_table(matrix.metadata, len(matrix)):
            click.echo(line, err=True)
    if chosen["feature_path"]:
        write_matrix(chosen["feature_path"], matrix)
    _say_matrix(matrix, chosen)
    return matrix, representation


def read_features(chosen: Mapping[str, Any]) -> tuple[FeatureMatrix, FlowRepresentation | None]:
    """Read a feature file, and how its features were made, if it tells."""
    from netml.errors import DamagedFileError, OptionError, UnknownNameError
    from netml.features.representation import FlowRepresentation

    path = chosen["feature_path"]
    matrix = _read_matrix(path, trust=chosen["trust"])
    if matrix.labels is None and shared.is_given("test_size"):
        raise click.UsageError(f"--test-size is the share of labelled flows: {path} has no labels")
    try:
        representation = FlowRepresentation.from_metadata(matrix.metadata)
    except (OptionError, UnknownNameError) as error:
        raise DamagedFileError(path, f"does not tell rightly how its features were made: {error}") from error
    _say_matrix(matrix, chosen)
    if not is_quiet(chosen) and "representation" not in matrix.metadata:
        click.echo(
            "note     this file does not tell how its features were made: `netml classify` will need --family and"
            " --interval (--family alone for biflows), and take them as made of the family's own flows, without"
            " --flow, --max-packets and the like; .npz, .parquet and .arrow files tell",
            err=True,
        )
    return matrix, representation


def _read_matrix(path: str, *, trust: bool) -> FeatureMatrix:
    """Read features; any name that is of no known format is a pickle, as in the original."""
    from netml.errors import DamagedFileError
    from netml.features.table_layout import SUFFIXES, read_matrix

    if os.path.splitext(path)[1].lower() in SUFFIXES:
        return read_matrix(path, trust=trust)
    try:
        return read_matrix(path, suffix=".dat", trust=trust)
    except DamagedFileError as error:
        kinds = ", ".join(SUFFIXES)
        what = f"{error.reason}; features are read from {kinds}, and captures by `netml learn --pcap`"
        raise DamagedFileError(path, what) from error


def _say_matrix(matrix: FeatureMatrix, chosen: Mapping[str, Any]) -> None:
    if is_quiet(chosen):
        return
    from netml.features.table_layout import count_written

    path = chosen["feature_path"]
    n_rows = count_written(path, matrix) if path else len(matrix)
    if matrix.labels is not None:
        from netml.labels.matching import binary_labels

        y = binary_labels(matrix.labels)
        rest = "; a .dat file leaves the others out" if n_rows < len(y) else ""
        about = f"{int((y >= 0).sum()):,} of {len(y):,} flows, {int((y == 1).sum()):,} abnormal"
        click.echo(f"labels   {about}{rest}", err=True)
    place = f" in {path}" if path else ""
    click.echo(f"matrix   {n_rows:,} x {matrix.shape[1]:,}{place}", err=True)


def is_quiet(chosen: Mapping[str, Any]) -> bool:
    """Whether nothing is to be said on stderr."""
    return bool(chosen["quiet"]) or chosen["verbosity"] <= 0


def make_training(chosen: Mapping[str, Any]) -> TrainOptions:
    """Check all that training needs, before anything is read."""
    from netml.errors import OptionError
    from netml.models.training import TrainOptions
    from netml.ndm import make_detector

    given = parse_params(chosen["param"], chosen["algorithm"])
    try:
        make_detector(chosen["algorithm"], given)
    except OptionError as error:
        if error.option == "param":
            raise
        raise OptionError("param", f"{error.option}: {error.value}", error.allowed) from error
    return TrainOptions(detector=chosen["algorithm"], params=given, **{name: chosen[name] for name in TRAINING})


def train_model(
    matrix: FeatureMatrix, representation: FlowRepresentation | None, training: TrainOptions, chosen: Mapping[str, Any]
) -> None:
    """Train, write the model, and say how well it does."""
    from netml.cli.runtime.worker import run_in_worker
    from netml.models.training import train

    def announce(n_rows: int, n_features: int) -> None:
        from netml.ndm.costs import describe_long

        text = "" if is_quiet(chosen) else describe_long(training.detector, n_rows, n_features)
        if text:
            click.echo(f"training {text}", err=True)

    model = run_in_worker(lambda: train(matrix, training, representation=representation, on_fit=announce))
    model.save(chosen["output_path"])
    if not is_quiet(chosen):
        for line in describe_training(model, chosen["output_path"], in_detail=chosen["verbosity"] > 1):
            click.echo(line)


def describe_training(model: FlowModel, path: str, *, in_detail: bool = False) -> list[str]:
    """Say what a model was trained on and how well it did, in lines for people."""
    summary = model.summary
    n_used, n_train = summary["rows_used"], summary["rows_train"]
    chosen = f", {n_used:,} of them chosen at random" if n_used < n_train else ""
    scaled = "" if model.scale == "none" else f", features scaled ({model.scale})"
    kind = "normal flows" if summary["train_on"] == "normal" else "flows"
    lines = [
        f"model    {model.algorithm}{scaled} in {path}",
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


def parse_params(text: str | None, algorithm: str) -> dict[str, Any]:
    """Read --param: YAML or JSON text, or a file of it; flat, or with a part for each algorithm.

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
    if isinstance(found, dict) and isinstance(found.get(algorithm), dict):
        found = found[algorithm]
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise click.BadParameter(
            f"{text!r} is no mapping of names to values, like '{{nu: 0.1}}', nor a file of one", param_hint="'--param'"
        )
    return found


def describe_algorithms(*, with_text: bool) -> None:
    """Print the original's detectors and netml's own, with their parameters and defaults."""
    import json

    from netml.errors import MissingExtraError
    from netml.ndm import DETECTORS, parameters_of

    for name in OWN:
        click.echo(f"{name}:{f'  # {DETECTORS[name].description}' if with_text else ''}")
        try:
            for parameter, default in parameters_of(name).items():
                click.echo(f"  {parameter}: {json.dumps(default, default=str)}")
        except MissingExtraError as error:
            click.echo(f"  # {error}")
    click.echo("# more of them: netml detectors; their parameters: netml detectors NAME")
