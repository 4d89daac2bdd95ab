"""`netml classify`: a model and captures to verdicts."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options import shared
from netml.cli.options.models import BareModelOptions, bare_model_options, load_complete_model
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_ANOMALY, EXIT_FAILURE, EXIT_OK, stopping_with

if TYPE_CHECKING:
    from netml.models.flow_model import FlowModel
    from netml.models.verdicts import Verdicts
    from netml.streaming.flow_stream import FlowStream

Report = Callable[["Verdicts"], None]


@click.command("classify")
@click.argument("captures", metavar="[CAPTURE]...", nargs=-1, type=shared.any_path)
@click.option(
    "-p", "--pcap", "pcaps", metavar="FILE", multiple=True, type=shared.any_path,
    help="Capture, as CAPTURE; - is standard input. May be repeated.",
)  # fmt: skip
@shared.model
@click.option(
    "--follow", is_flag=True,
    help="Classify flows as they end, in bounded memory, while the input is still being written.",
)  # fmt: skip
@click.option("--report-all/--no-report-all", default=None, help="Report normal flows, too. [default: with -v 2]")
@click.option(
    "-o", "--output", "output_path", metavar="OUT", type=shared.any_path,
    help="Write verdicts for programs to a .csv, .jsonl or .parquet file, instead of lines for people; - is standard "
    "output.",
)  # fmt: skip
@click.option(
    "--format", "output_format", type=click.Choice(["csv", "jsonl", "parquet"]),
    help="Format of OUT. [default: by its suffix]",
)  # fmt: skip
@click.option("--fail-on-anomaly", is_flag=True, help="Exit with status 3 if a flow is abnormal.")
@shared.threshold
@click.option("--keep-tail", is_flag=True, help="Classify the last subflow of a flow that was cut, too (original).")
@bare_model_options
@shared.trust
@import_option
@shared.verbose_read_options
def command(
    captures: tuple[str, ...],
    pcaps: tuple[str, ...],
    model_path: str,
    follow: bool,
    report_all: bool | None,
    output_path: str | None,
    output_format: str | None,
    fail_on_anomaly: bool,
    threshold: float | None,
    keep_tail: bool,
    bare: BareModelOptions,
    trust: bool,
    read: shared.RunOptions,
) -> int:
    """Find the abnormal flows of captures.

    Standard input is read if no CAPTURE is named. Features are made as in the training, whatever the capture. A line
    has the flow's first and last time (UTC), endpoints, protocol and score.

    A model that was trained on a .npy, .csv or .dat file does not know how its features were made. The options marked
    "(bare model)" tell it, and are for such models only.

    \b
    netml classify --model model.netml < today.pcap
    netml classify --model model.netml monday.pcap tuesday.pcap.gz -o verdicts.csv
    tcpdump -i eth0 -U -w - | netml classify --model model.netml --follow
    """
    sources = [*pcaps, *captures] or ["-"]
    if sources == ["-"] and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("name a capture with -p/--pcap, or pipe one in")
    suffix = _check_output(output_path, output_format, [*sources, model_path])
    model = load_complete_model(model_path, bare, trust=trust, quiet=read.quiet)
    limit = model.find_threshold(threshold)
    start_s = time.perf_counter()
    n_flows = n_abnormal = 0
    metadata: Mapping[str, Any] = {}
    stream = _open_stream(model, sources, strict=read.strict) if follow else None
    if stream is None:
        parts = _classify_all(model, sources, limit, keep_tail=keep_tail, read=read)
    else:
        parts = _follow(model, stream, limit)
    if suffix is not None:
        report = _open_file_report(str(output_path), suffix, wants_all=report_all is not False)
    else:
        report = _open_line_report(wants_all=read.is_detailed if report_all is None else report_all)
    with report as write:
        for verdicts, read_so_far in parts:
            metadata = read_so_far
            write(verdicts)
            n_flows += len(verdicts)
            n_abnormal += int(verdicts.is_abnormal.sum())
    if not read.quiet:
        found = f"with {model.detector_name}: {n_abnormal:,} abnormal (score above {limit:.6g})"
        _summarise(metadata, n_flows, found, time.perf_counter() - start_s, stream)
    if metadata["damage"]:
        return EXIT_FAILURE
    return EXIT_ANOMALY if n_abnormal and fail_on_anomaly else EXIT_OK


def _check_output(path: str | None, output_format: str | None, inputs: Sequence[str]) -> str | None:
    """Check that verdicts can be written; return the suffix of their format, None if no file is asked for."""
    if path is None:
        if output_format is not None:
            raise click.UsageError("--format is the format of -o/--output: name one")
        return None
    from netml.files.output import check_not_input
    from netml.formats import check_output
    from netml.models.verdicts import find_verdict_format

    if path == "-" and output_format is None:
        raise click.UsageError("-o - needs --format csv, jsonl or parquet")
    found = find_verdict_format(path, output_format)
    check_not_input(path, inputs)
    check_output(path, found)
    return found.suffix


def _classify_all(
    model: FlowModel, sources: list[str], threshold: float, *, keep_tail: bool, read: shared.RunOptions
) -> Iterator[tuple[Verdicts, Mapping[str, Any]]]:
    """Yield the verdicts on all flows at once, and what was read."""
    from netml.cli.runtime.progress import progress_bar
    from netml.cli.runtime.worker import run_in_worker

    representation = model.representation
    assert representation is not None  # by load_complete_model
    if keep_tail:
        representation = representation.keeping_tail()
    with progress_bar(sources, quiet=read.quiet) as progress:
        tables = representation.read_tables(sources, strict=read.strict, progress=progress)
    verdicts = run_in_worker(lambda: model.classify_matrix(representation.compute(tables), threshold=threshold))
    yield verdicts, verdicts.metadata


def _open_stream(model: FlowModel, sources: list[str], *, strict: bool) -> FlowStream:
    from netml.cli.runtime.allocator import give_memory_back

    give_memory_back()
    return model.stream(sources if len(sources) > 1 else sources[0], strict=strict)


def _follow(model: FlowModel, stream: FlowStream, threshold: float) -> Iterator[tuple[Verdicts, Mapping[str, Any]]]:
    """Yield verdicts as flows end, and what was read so far."""
    from netml.models.verdicts import no_verdicts

    with stopping_with(stream.interrupt):
        for verdicts in model.follow(stream, threshold=threshold):
            yield verdicts, stream.metadata
    yield no_verdicts(threshold), stream.metadata  # also if there was no flow at all


@contextlib.contextmanager
def _open_file_report(path: str, suffix: str, *, wants_all: bool) -> Iterator[Report]:
    """Open a file for verdicts."""
    from netml.models.verdicts import open_verdict_file

    with open_verdict_file(path, suffix) as write:
        yield write if wants_all else lambda verdicts: write(verdicts[verdicts.is_abnormal])


@contextlib.contextmanager
def _open_line_report(*, wants_all: bool) -> Iterator[Report]:
    """Report verdicts as lines for people on standard output."""
    is_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    tags = {True: click.style("ANOMALY", fg="red", bold=True) if is_terminal else "ANOMALY", False: "NORMAL"}

    def report(verdicts: Verdicts) -> None:
        shown = verdicts if wants_all else verdicts[verdicts.is_abnormal]
        sys.stdout.writelines(f"{line} {tags[is_abnormal]}\n" for line, is_abnormal in shown.lines())
        sys.stdout.flush()

    yield report


def _summarise(
    metadata: Mapping[str, Any], n_flows: int, found: str, duration_s: float, stream: FlowStream | None
) -> None:
    from netml.summary import plural, summarise_table

    for line in summarise_table(dict(metadata), n_flows):
        click.echo(line, err=True)
    if stream is not None and stream.was_interrupted:
        click.echo("stopped  before the end of the input: open flows are classified, too", err=True)
    found = f"{plural(n_flows, 'flow')} {found}" if n_flows else "nothing: there are no flows"
    click.echo(f"verdicts {found}", err=True)
    rate = metadata["packets_read"] / max(duration_s, 1e-9)
    click.echo(f"time     {duration_s:.2f} s, {rate:,.0f} packets/s", err=True)
