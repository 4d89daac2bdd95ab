"""Options that name captures and the truth about their flows, for `learn`, `evaluate` and `compare`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from netml.cli.options import shared
from netml.cli.options.groups import Decorator, OptionGroup

if TYPE_CHECKING:
    import numpy as np

    from netml.flow.table import FlowTable


class LabelledCaptures(NamedTuple):
    """Captures, with what is known of their flows.

    Parameters
    ----------
    pcaps : tuple of str
        Captures whose flows `labels` describe.
    labels : tuple of str
        Label files, one for each of `pcaps`, or none.
    label_columns : tuple of str
        Names of columns in the label files, as FIELD=NAME.
    normal, abnormal : tuple of str
        Captures whose flows are all normal, or all abnormal.
    """

    pcaps: tuple[str, ...]
    labels: tuple[str, ...]
    label_columns: tuple[str, ...]
    normal: tuple[str, ...]
    abnormal: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """All captures, in the order of `read_truth`."""
        return [*self.pcaps, *self.normal, *self.abnormal]

    @property
    def inputs(self) -> list[str]:
        """All files that are read."""
        return [*self.paths, *self.labels]

    def check_pairs(self) -> None:
        """Refuse label files that do not match the captures one by one, and names of columns without a label file."""
        shared.check_label_columns(self.label_columns, self.labels)
        if self.labels and len(self.labels) != len(self.pcaps):
            raise click.UsageError(
                f"{len(self.labels)} of -l/--labels and {len(self.pcaps)} of -p/--pcap: give one label file for each"
                " capture"
            )
        if self.pcaps and not self.labels and (self.normal or self.abnormal):
            raise click.UsageError("-p/--pcap beside --pcap-normal or --pcap-abnormal needs -l/--labels, too")

    def require_both_classes(self) -> None:
        """Refuse captures that cannot have both normal and abnormal flows."""
        if not self.inputs:
            raise click.UsageError("name captures: --pcap-normal and --pcap-abnormal, or -p/--pcap with -l/--labels")
        self.check_pairs()
        if self.pcaps and not self.labels:
            raise click.UsageError("-p/--pcap needs -l/--labels: which of its flows are abnormal is not known")
        if not self.pcaps and not (self.normal and self.abnormal):
            missing = "--pcap-normal" if self.abnormal else "--pcap-abnormal"
            raise click.UsageError(f"{missing} is missing: both normal and abnormal flows are needed")

    def read_truth(self) -> list[Any]:
        """Read the label files; return for each capture its labels, 0 (normal), 1 (abnormal) or None (unknown)."""
        labels: list[Any] = [shared.read_label_file(path, self.label_columns) for path in self.labels]
        return [*(labels or [None] * len(self.pcaps)), *(0 for _ in self.normal), *(1 for _ in self.abnormal)]


labelled_captures = OptionGroup(
    "captures",
    LabelledCaptures,
    click.option(
        "-p", "--pcap", "pcaps", metavar="FILE", multiple=True, type=shared.any_path,
        help="Capture; - is standard input. May be repeated.",
    ),
    shared.labels(multiple=True, help="Label file of a --pcap; repeat it for each, in the same order."),
    shared.label_columns,
    click.option(
        "--pcap-normal", "normal", metavar="FILE", multiple=True, type=shared.any_path,
        help="Capture whose flows are all normal. May be repeated.",
    ),
    click.option(
        "--pcap-abnormal", "abnormal", metavar="FILE", multiple=True, type=shared.any_path,
        help="Capture whose flows are all abnormal. May be repeated.",
    ),
)  # fmt: skip


def plots(subject: str) -> Decorator:
    """Make the option that asks for pictures of something."""
    return click.option(
        "--plot", "plot_paths", metavar="FILE", multiple=True, type=shared.any_path,
        help=f"Plot {subject} to a .png, .svg or .pdf file. May be repeated.",
    )  # fmt: skip


def check_outputs(paths: Iterable[str], inputs: Sequence[str]) -> None:
    """Refuse outputs that are inputs, or cannot be written."""
    from netml.files.output import check_not_input, check_output

    for path in paths:
        check_not_input(path, inputs)
        check_output(path)


def check_plots(paths: Iterable[str]) -> None:
    """Refuse pictures of unknown formats, or without the library that draws them."""
    from netml.visual import check_plot

    for path in paths:
        check_plot(path)


def summarise(tables: Sequence[FlowTable], y: np.ndarray) -> None:
    """Write to stderr how much was read, and how many flows are normal and abnormal."""
    from netml.features.concat import merge_metadata
    from netml.summary import summarise_table

    for line in summarise_table(merge_metadata([table.metadata for table in tables]), len(y)):
        click.echo(line, err=True)
    counts = f"{int((y == 0).sum()):,} normal, {int((y == 1).sum()):,} abnormal, {int((y < 0).sum()):,} without a label"
    click.echo(f"labels   {counts}", err=True)


def is_damaged(tables: Sequence[FlowTable]) -> bool:
    """True if a capture could not be read to its end."""
    return any(table.metadata["damage"] for table in tables)
