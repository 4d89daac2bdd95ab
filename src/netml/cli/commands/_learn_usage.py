"""What of the options of `netml learn` cannot be, before anything is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from netml.cli.options import shared
from netml.cli.options.families import FAMILY_NAMES, makes_bits
from netml.cli.options.labelled import check_label_columns
from netml.cli.runtime.errors import spell_option
from netml.families import FAMILIES

MAKING = (
    "families",
    "fft",
    "header",
    "dim",
    "rate",
    "size",
    "max_packets",
    *FAMILY_NAMES,
    *shared.FLOW_NAMES,
    "strict",
)
TRAINING = ("scale", "contamination", "random_state", "test_size", "train_on", "max_train_rows", "force")
# What only training heeds; a seed may stand before any command, as in the original.
OF_TRAINING = ("algorithm", "param", *(name for name in TRAINING if name != "random_state"))


def check_usage(action: str | None, chosen: Mapping[str, Any]) -> None:
    """Refuse what cannot be done, before anything is read.

    Raises
    ------
    click.UsageError
        If an option is missing for the step, or options contradict each other.
    """
    step = f"`netml learn {action}`" if action else "`netml learn`"
    if (chosen["feature_path"] or "").upper().removeprefix("FFT-") in FAMILIES:
        raise click.UsageError(f"-f is --feature here, a file: the family is --family {chosen['feature_path']}")
    pcaps, labels = chosen["pcaps"], chosen["labels"]
    captures = [*pcaps, *chosen["normal"], *chosen["abnormal"]]
    if action == "train":
        if captures or labels or chosen["label_columns"]:
            raise click.UsageError(f"{step} reads features, no captures: leave out -p/--pcap, -l/--label and the like")
        made = next(filter(shared.is_given, MAKING), None)
        if made is not None:
            option = spell_option(made)
            raise click.UsageError(f"{step} takes features as they are: {option} belongs to `netml learn extract`")
        _check_features(chosen["feature_path"])
    else:
        if not captures:
            raise click.UsageError(f"{step} needs -p/--pcap, --pcap-normal or --pcap-abnormal")
        trained = next(filter(shared.is_given, OF_TRAINING), None)
        if action == "extract" and trained is not None:
            raise click.UsageError(f"{step} makes no model: {spell_option(trained)} belongs to `netml learn train`")
        check_label_columns(chosen["label_columns"], labels)
        if shared.is_given("test_size") and len(captures) == len(pcaps) and not labels:
            raise click.UsageError("--test-size is the share of labelled flows: without -l/--label there are none")
    if action and not chosen["feature_path"]:
        raise click.UsageError(f"{step} needs -f/--feature")
    if action == "extract" and chosen["output_path"]:
        raise click.UsageError(f"{step} makes no model: leave out -o/--output")
    if action != "extract" and not chosen["output_path"]:
        raise click.UsageError(f"{step} needs -o/--output")
    _check_pairs(pcaps, labels)
    if pcaps and not labels and (chosen["normal"] or chosen["abnormal"]):
        raise click.UsageError("-p/--pcap beside --pcap-normal or --pcap-abnormal needs -l/--label, too")
    _check_outputs(action, chosen, [*captures, *labels])


def _check_features(path: str | None) -> None:
    """Refuse what netml writes and does not read."""
    from netml.features.table_layout import SUFFIXES

    if (path or "").lower().endswith(".jsonl"):
        raise click.UsageError(f"-f/--feature {path}: JSON lines are written, not read; {', '.join(SUFFIXES)} are")


def _check_pairs(pcaps: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """Refuse labels that do not match the captures one by one."""
    if labels and len(labels) != len(pcaps):
        raise click.UsageError(
            f"{len(labels)} of -l/--label and {len(pcaps)} of -p/--pcap: there must be one label file for each capture"
        )


def _check_outputs(action: str | None, chosen: Mapping[str, Any], inputs: list[str]) -> None:
    from netml.features.table_layout import check_matrix_output
    from netml.files.output import check_not_input, check_output, make_folder

    feature_path, output_path = chosen["feature_path"], chosen["output_path"]
    if feature_path and action != "train":
        check_not_input(feature_path, inputs)
        make_folder(feature_path)
        check_matrix_output(feature_path, is_bits=makes_bits(chosen["families"] or ("IAT",)))
    if output_path:
        check_not_input(output_path, [*inputs, feature_path])
        suffix = os.path.splitext(output_path)[1].lower()
        if suffix not in (".netml", ".dat"):
            raise click.UsageError(f"-o/--output {output_path}: a model's name ends in .netml, or in .dat for a pickle")
        make_folder(output_path)
        check_output(output_path)
