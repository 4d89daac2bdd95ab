"""Checks of the options of `netml learn`, before any input is read."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from netml.cli.options.features import makes_bits, representation_options
from netml.cli.options.flow import flow_options
from netml.cli.options.groups import OptionGroup, is_given
from netml.cli.options.labelled import LabelledCaptures
from netml.cli.runtime.errors import spell_option


def check_usage(
    action: str | None,
    captures: LabelledCaptures,
    families: str | Sequence[str],
    training_options: OptionGroup,
    feature_path: str | None,
    output_path: str | None,
) -> None:
    """Check combinations of options, and that outputs can be written.

    Raises
    ------
    click.UsageError
        If an option is missing for the step, or options contradict each other.
    """
    step = f"`netml learn {action}`" if action else "`netml learn`"
    if action == "train":
        if captures.inputs or captures.label_columns:
            raise click.UsageError(f"{step} reads features, no captures: leave out -p/--pcap, -l/--labels and the like")
        making = representation_options.find_given() or flow_options.find_given()
        making = making or ("strict" if is_given("strict") else None)
        if making is not None:
            option = spell_option(making)
            raise click.UsageError(f"{step} takes features as they are: {option} belongs to `netml learn extract`")
        _check_format(feature_path or "")
    else:
        if not captures.paths:
            raise click.UsageError(f"{step} needs -p/--pcap, --pcap-normal or --pcap-abnormal")
        # The seed may stand before any command, as in the original.
        training = training_options.find_given("random_state") if action == "extract" else None
        if training is not None:
            raise click.UsageError(f"{step} makes no model: {spell_option(training)} belongs to `netml learn train`")
        captures.check_pairs()
        if is_given("test_size") and not (captures.labels or captures.normal or captures.abnormal):
            raise click.UsageError("--test-size is the share of labelled flows: without -l/--labels there are none")
    if action and not feature_path:
        raise click.UsageError(f"{step} needs --feature-file")
    if action == "extract" and output_path:
        raise click.UsageError(f"{step} makes no model: leave out -o/--output")
    if action != "extract" and not output_path:
        raise click.UsageError(f"{step} needs -o/--output")
    if feature_path and action != "train":
        _check_feature_output(feature_path, captures.inputs, families)
    if output_path:
        _check_model_output(output_path, [*captures.inputs, feature_path])


def _check_format(feature_path: str) -> None:
    """Refuse a format that netml writes and does not read."""
    from netml.features.table_layout import SUFFIXES

    if feature_path.lower().endswith(".jsonl"):
        raise click.UsageError(
            f"--feature-file {feature_path}: JSON lines are written, not read; {', '.join(SUFFIXES)} are"
        )


def _check_feature_output(path: str, inputs: Sequence[str], families: str | Sequence[str]) -> None:
    from netml.features.table_layout import check_matrix_output
    from netml.files.output import check_not_input, make_folder

    check_not_input(path, inputs)
    make_folder(path)
    check_matrix_output(path, is_bits=makes_bits(families))


def _check_model_output(path: str, inputs: Sequence[str | None]) -> None:
    from netml.files.output import check_not_input, check_output, make_folder

    check_not_input(path, inputs)
    if os.path.splitext(path)[1].lower() not in (".netml", ".dat"):
        raise click.UsageError(f"-o/--output {path}: a model's name ends in .netml, or in .dat for a pickle")
    make_folder(path)
    check_output(path)
