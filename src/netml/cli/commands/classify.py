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
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_ANOMALY, EXIT_FAILURE, EXIT_OK, stopping_with

if TYPE_CHECKING:
    from netml.models.flow_model import FlowModel
    from netml.models.verdicts import Verdicts
    from netml.streaming.flow_stream import FlowStream

Report = Callable[["Verdicts"], None]


@click.command("classify")
@click.argument("captures", metavar="[CAPTURE]...", nargs=-1, type=shared.any_path)
@shared.pcaps
@shared.model
@click.option(
    "--follow", is_flag=True,
    help="Judge flows as they end, while a pipe is still being written, in bounded memory.",
)  # fmt: skip
@click.option("--report-all/--no-report-all", default=None, help="Print normal flows, too. [default: with -v 2]")
@click.option(
    "-o", "--output", "output_path", metavar="OUT", type=shared.any_path,
    help="Verdicts for programs, instead of the lines for people: .csv, .jsonl or .parquet; - is standard output.",
)  # fmt: skip
@click.option(
    "--format", "output_format", type=click.Choice(["csv", "jsonl", "parquet"]),
    help="Format of OUT, if its name does not tell.",
)  # fmt: skip
@click.option("--fail-on-anomaly", is_flag=True, help="Exit status 3 if a flow is abnormal.")
@click.option("--threshold", type=float, metavar="T", help="Abnormal is a score above T. [default: the model's]")
@click.option("--keep-tail", is_flag=True, help="Judge the last piece of a flow that was cut, too.")
@shared.bare_model_options
@shared.trust
@import_option
@shared.strict
@shared.verbosity
@shared.quiet
def command(captures: tuple[str, ...], pcaps: tuple[str, ...], **chosen: Any) -> int:
    """Find the abnormal flows of captures.

    Standard input is read if no CAPTURE is named. Features are made as they were in training, so that any capture will
    do. A line has the flow's time span (UTC), endpoints, protocol and score.

    \b
    netml classify --model model.netml < today.pcap
    netml classify --model model.netml monday.pcap tuesday.pcap.gz -o verdicts.csv
    tcpdump -i eth0 -U -w - | netml classify --model model.netml --follow
    """
    from netml.cli.options.models import load_complete_model

    sources = [*pcaps, *captures] or ["-"]
    if sources == ["-"] and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("name a capture with -p/--pcap, or pipe one in")
    suffix = _check_output(sources, chosen)
    model = load_complete_model(chosen)
    threshold = model.find_threshold(chosen["threshold"])
    start_s = time.perf_counter()
    n_flows = n_abnormal = 0
    read: Mapping[str, Any] = {}
    stream = _open_stream(model, sources, chosen) if chosen["follow"] else None
    parts = _judge(model, sources, threshold, chosen) if stream is None else _follow(model, stream, threshold)
    with _open_report(chosen, suffix) as report:
        for verdicts, metadata in parts:
            read = metadata
            report(verdicts)
            n_flows += len(verdicts)
            n_abnormal += int(verdicts.is_abnormal.sum())
    if not chosen["quiet"] and chosen["verbosity"] > 0:
        judged = f"with {model.algorithm}: {n_abnormal:,} abnormal (score above {threshold:.6g})"
        _summarise(read, n_flows, judged, time.perf_counter() - start_s, stream)
    if read["damage"]:
        return EXIT_FAILURE
    return EXIT_ANOMALY if n_abnormal and chosen["fail_on_anomaly"] else EXIT_OK


def _check_output(sources: Sequence[str], chosen: Mapping[str, Any]) -> str | None:
    path, named = chosen["output_path"], chosen["output_format"]
    if path is None:
        if named is not None:
            raise click.UsageError("--format is the format of -o/--output: name one")
        return None
    from netml.files.output import check_not_input
    from netml.formats import check_output
    from netml.models.verdicts import find_verdict_format

    if path == "-" and named is None:
        raise click.UsageError("-o - needs --format csv, jsonl or parquet")
    found = find_verdict_format(path, f".{named}" if named else None)
    check_not_input(path, [*sources, chosen["model_path"]])
    check_output(path, found)
    return found.suffix


def _judge(
    model: FlowModel, sources: list[str], threshold: float, chosen: Mapping[str, Any]
) -> Iterator[tuple[Verdicts, Mapping[str, Any]]]:
    """All flows at once."""
    from netml.cli.runtime.progress import progress_bar
    from netml.cli.runtime.worker import run_in_worker

    representation = model.representation
    assert representation is not None  # `load_complete_model` sees to it
    if chosen["keep_tail"]:
        representation = representation.keeping_tail()
    with progress_bar(sources, quiet=chosen["quiet"]) as progress:
        tables = representation.read_tables(sources, strict=chosen["strict"], progress=progress)
    verdicts = run_in_worker(lambda: model.classify_matrix(representation.compute(tables), threshold=threshold))
    yield verdicts, verdicts.metadata


def _open_stream(model: FlowModel, sources: list[str], chosen: Mapping[str, Any]) -> FlowStream:
    from netml.cli.runtime.allocator import give_memory_back

    give_memory_back()
    return model.stream(sources if len(sources) > 1 else sources[0], strict=chosen["strict"])


def _follow(model: FlowModel, stream: FlowStream, threshold: float) -> Iterator[tuple[Verdicts, Mapping[str, Any]]]:
    """Flows as they end."""
    from netml.models.verdicts import no_verdicts

    with stopping_with(stream.interrupt):
        for verdicts in model.follow(stream, threshold=threshold):
            yield verdicts, stream.metadata
    yield no_verdicts(threshold), stream.metadata  # there may have been no flow at all


@contextlib.contextmanager
def _open_report(chosen: Mapping[str, Any], suffix: str | None) -> Iterator[Report]:
    """Where verdicts go: a file, or lines for people on standard output."""
    if suffix is not None:
        from netml.models.verdicts import open_verdict_file

        with open_verdict_file(chosen["output_path"], suffix) as write:
            yield write if chosen["report_all"] is not False else lambda verdicts: write(verdicts[verdicts.is_abnormal])
        return
    wants_all = chosen["verbosity"] > 1 if chosen["report_all"] is None else chosen["report_all"]
    is_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    tags = {True: click.style("ANOMALY", fg="red", bold=True) if is_terminal else "ANOMALY", False: "NORMAL"}

    def report(verdicts: Verdicts) -> None:
        told = verdicts if wants_all else verdicts[verdicts.is_abnormal]
        sys.stdout.writelines(f"{line} {tags[is_abnormal]}\n" for line, is_abnormal in told.lines())
        sys.stdout.flush()

    yield report


def _summarise(
    metadata: Mapping[str, Any], n_flows: int, judged: str, duration_s: float, stream: FlowStream | None
) -> None:
    from netml.summary import plural, summarise_table

    for line in summarise_table(dict(metadata), n_flows):
        click.echo(line, err=True)
    if stream is not None and stream.was_interrupted:
        click.echo("stopped  before the end of the input: what was open is judged, too", err=True)
    judged = f"{plural(n_flows, 'flow')} {judged}" if n_flows else "nothing: there are no flows"
    click.echo(f"judged   {judged}", err=True)
    rate = metadata["packets_read"] / max(duration_s, 1e-9)
    click.echo(f"time     {duration_s:.2f} s, {rate:,.0f} packets/s", err=True)
