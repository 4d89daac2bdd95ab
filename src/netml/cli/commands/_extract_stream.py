"""`netml extract --stream` and `--like`: rows as flows end, and representations read from files."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from netml.cli.options.features import as_arguments, representation_options
from netml.cli.options.flow import flow_options
from netml.cli.options.groups import is_given
from netml.cli.options.shared import RunOptions
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK, spell_option, stopping_with

if TYPE_CHECKING:
    from netml.features.options import RepresentationOptions
    from netml.flow.options import FlowOptions
    from netml.streaming.feature_batches import FeatureBatches

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LONGEST_SHOWN = 40


# ParamType takes a type argument only since click 8.4: before, `ParamType[int]` is an error when this file is loaded.
class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes: 500M, 2G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", str(value).strip(), re.IGNORECASE)
        n_bytes = float(found[1]) * _UNITS[found[2].upper()] if found else 0.0
        if not 1 <= n_bytes <= 2**62:
            given = value if len(str(value)) <= _LONGEST_SHOWN else f"{str(value)[:_LONGEST_SHOWN]}..."
            self.fail(f"{given!r} is no number of bytes, such as 500M or 2G", param, ctx)
        return int(n_bytes)


class StreamLimits(NamedTuple):
    """Bounds of a stream's memory; None is the default of `netml.extract_batches`.

    Parameters
    ----------
    max_flows : int or None
        Flow keys.
    max_memory : int or None
        Bytes of packets.
    """

    max_flows: int | None
    max_memory: int | None

    def as_arguments(self) -> dict[str, int]:
        """Return the arguments of `netml.extract_batches`."""
        given = {"max_flows": self.max_flows, "max_memory": self.max_memory}
        return {name: value for name, value in given.items() if value is not None}


def check_combination(output_path: str, *, is_stream: bool, has_labels: bool, has_like: bool) -> None:
    """Refuse options that have no meaning together.

    Raises
    ------
    click.UsageError
        If there are any.
    """
    if not is_stream:
        if output_path == "-":
            raise click.UsageError("-o - is standard output: it needs --stream, and --format csv, jsonl or arrow")
        for name in ("max_flows", "output_format"):
            if is_given(name):
                raise click.UsageError(f"{spell_option(name)} is an option of --stream")
    if is_stream and is_given("q_interval"):
        raise click.UsageError("--q-interval is a quantile of all flows, which a stream does not know")
    if is_stream and has_labels:
        raise click.UsageError("--labels are joined to all flows at once: not with --stream")
    if has_like:
        decided = representation_options.find_given() or flow_options.find_given("keep_tail")
        if decided is not None:
            raise click.UsageError(f"{spell_option(decided)} is decided by --like")


def extract_stream(
    captures: Sequence[str],
    output_path: str,
    output_format: str | None,
    features: RepresentationOptions,
    flow: FlowOptions,
    like: str | None,
    limits: StreamLimits,
    read: RunOptions,
) -> int:
    """Write rows as flows end; return the exit status."""
    from netml.cli.runtime.progress import progress_bar
    from netml.features.table_layout import find_batch_format, open_row_file
    from netml.files.output import check_not_input
    from netml.formats import check_output

    if output_path == "-" and output_format is None:
        raise click.UsageError("-o - needs --format csv, jsonl or arrow")
    found = find_batch_format(output_path, output_format)
    check_output(output_path, found)
    check_not_input(output_path, [*captures, like])
    making: dict[str, Any] = {**as_arguments(features), "flow": flow}
    if like is not None:
        making = {"like": like}
    start_s = time.perf_counter()
    n_rows = 0
    with (
        progress_bar(captures, quiet=read.quiet) as progress,
        _open_batches(captures, making | limits.as_arguments(), strict=read.strict, progress=progress) as batches,
        open_row_file(output_path, batches.no_rows(), found.suffix) as write,
    ):
        if like is not None and flow.keep_tail:
            _require_tails(batches.metadata["flow"]["definition"], like)
        for matrix in batches:
            write(matrix)
            n_rows += len(matrix)
    if not read.quiet:
        _summarise(batches, n_rows, output_path, time.perf_counter() - start_s)
    return EXIT_FAILURE if batches.metadata["damage"] else EXIT_OK


@contextmanager
def _open_batches(
    captures: Sequence[str], making: dict[str, Any], *, strict: bool, progress: Any
) -> Iterator[FeatureBatches]:
    """Open a stream of batches of rows; Ctrl-C and SIGTERM end its reading, and open flows are written, too."""
    from netml.streaming.feature_batches import extract_batches

    source = list(captures) if len(captures) > 1 else captures[0]
    with (
        extract_batches(source, strict=strict, progress=progress, **making) as batches,
        stopping_with(batches.stream.interrupt),
    ):
        yield batches


def _summarise(batches: FeatureBatches, n_rows: int, output_path: str, duration_s: float) -> None:
    from netml.summary import summarise_table

    metadata, columns = batches.metadata, batches.no_rows().columns
    for line in summarise_table(metadata, n_rows):
        click.echo(line, err=True)
    if batches.stream.was_interrupted:
        click.echo("stopped  before the end of the input: what was open is written, too", err=True)
    click.echo(f"matrix   {n_rows:,} x {len(columns):,} in {output_path}", err=True)
    rate = metadata["packets_read"] / max(duration_s, 1e-9)
    click.echo(f"time     {duration_s:.2f} s, {rate:,.0f} packets/s", err=True)


def _require_tails(definition: str, like: str) -> None:
    """Refuse --keep-tail if flows are not cut."""
    if definition != "original":
        raise click.UsageError(f"--keep-tail is for original flows, and those of {like} are {definition}")


def read_like(like: str, *, keep_tail: bool) -> tuple[RepresentationOptions, FlowOptions]:
    """Read from a file of features or of a model how its rows were made; `keep_tail` keeps tails besides."""
    from netml.features.spec import read_spec

    spec = read_spec(like)
    flow = spec.flow
    if keep_tail:
        _require_tails(str(flow.definition), like)
    if flow.definition == "original":
        flow = replace(flow, interval=spec.interval_s, keep_tail=keep_tail or flow.keep_tail)
    return spec.options, flow
