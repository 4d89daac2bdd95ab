"""Captures of which the truth is known, as options: what `evaluate` and `compare` share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netml.cli.options import shared

if TYPE_CHECKING:
    import numpy as np

    from netml.flow.table import FlowTable

Function = TypeVar("Function", bound=Callable[..., Any])


def labelled_captures(function: Function) -> Function:
    """Add the options that name captures and what is known of them."""
    for option in (shared.label_columns, shared.labels, shared.pcaps, shared.abnormal, shared.normal):
        function = option(function)
    return function


def plots(help: str) -> Callable[[Function], Function]:
    """Make the option that asks for pictures."""
    return click.option(
        "--plot", "plot_paths", metavar="FILE", multiple=True, type=shared.any_path,
        help=f"{help} FILE ends in .png, .svg or .pdf; repeat it for several.",
    )  # fmt: skip


def check_captures(chosen: Mapping[str, Any]) -> None:
    """Refuse, before anything is read, captures that cannot give both classes.

    Raises
    ------
    click.UsageError
        If an option is missing, or labels do not match captures one by one.
    """
    normal, abnormal, pcaps, labels = (chosen[name] for name in ("normal", "abnormal", "pcaps", "labels"))
    if not (normal or abnormal or pcaps or labels):
        raise click.UsageError("name captures: --pcap-normal and --pcap-abnormal, or -p/--pcap with -l/--label")
    check_label_columns(chosen["label_columns"], labels)
    if len(pcaps) != len(labels):
        raise click.UsageError(
            f"{len(labels)} of -l/--label and {len(pcaps)} of -p/--pcap: there must be one label file for each capture"
        )
    if not pcaps and not (normal and abnormal):
        missing = "--pcap-normal" if abnormal else "--pcap-abnormal"
        raise click.UsageError(f"{missing} is missing: both normal and abnormal flows are needed")


def check_label_columns(named: Sequence[str], labels: object) -> None:
    """Refuse names of columns where there is no file of labels that could have them."""
    if named and not labels:
        raise click.UsageError("--label-column names a column of a label file: there is none")


def check_outputs(paths: Iterable[str], chosen: Mapping[str, Any]) -> None:
    """Refuse outputs that are inputs, or cannot be written."""
    from netml.files.output import check_not_input, check_output

    inputs = [*list_captures(chosen), *chosen["labels"], chosen.get("model_path")]
    for path in paths:
        check_not_input(path, inputs)
        check_output(path)


def list_captures(chosen: Mapping[str, Any]) -> list[str]:
    """Give the captures in the order of `read_truth`."""
    return [*chosen["normal"], *chosen["abnormal"], *chosen["pcaps"]]


def read_truth(chosen: Mapping[str, Any]) -> list[Any]:
    """Read the label files; give what is known of each capture: 0 normal, 1 abnormal, or its labels."""
    tables = [shared.label_table(path, chosen["label_columns"]) for path in chosen["labels"]]
    return [*(0 for _ in chosen["normal"]), *(1 for _ in chosen["abnormal"]), *tables]


def summarise(tables: Sequence[FlowTable], y: np.ndarray) -> dict[str, Any]:
    """Say on stderr what was read; give the counts of all captures together."""
    from netml.features.concat import merge_metadata
    from netml.summary import summarise_table

    metadata = merge_metadata([table.metadata for table in tables])
    for line in summarise_table(metadata, len(y)):
        click.echo(line, err=True)
    about = f"{int((y == 0).sum()):,} normal, {int((y == 1).sum()):,} abnormal, {int((y < 0).sum()):,} without a label"
    click.echo(f"labels   {about}", err=True)
    return metadata


def is_damaged(tables: Sequence[FlowTable]) -> bool:
    """Whether a capture could not be read to its end."""
    return any(table.metadata["damage"] for table in tables)
