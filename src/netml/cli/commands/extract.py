"""`netml extract`: captures to a feature matrix."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from netml.cli.commands._extract_stream import Size, StreamLimits, check_combination, extract_stream, read_like
from netml.cli.options import shared
from netml.cli.options.features import as_arguments, makes_bits, representation_options
from netml.cli.options.flow import flow_options
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK, fail

if TYPE_CHECKING:
    from netml.features.matrix import FeatureMatrix
    from netml.features.options import RepresentationOptions
    from netml.flow.options import FlowOptions
    from netml.labels.reader import Labels


@click.command("extract")
@shared.captures
@shared.output
@representation_options
@flow_options
@shared.labels(help="Label file whose labels are joined to the flows (CIC-IDS2017, or see --label-column).")
@shared.label_columns
@click.option(
    "--stream", is_flag=True,
    help="Write rows as flows end, in bounded memory. Give --interval for original flows, and --dim for families whose "
    "number of columns depends on it: IAT, SIZE, ...",
)  # fmt: skip
@click.option(
    "--like", type=shared.any_path, metavar="FILE",
    help="Make the same columns as a feature file or a model, with its families, interval and dim.",
)  # fmt: skip
@click.option("--max-flows", type=int, metavar="N", help="Keep at most N flow keys in memory (--stream).")
@click.option(
    "--max-memory", type=Size(), metavar="SIZE",
    help="Memory for packets, such as 500M or 2G. Packets beyond it go to a temporary file (original); with --stream "
    "flows end early. [default: half of the available memory; 1G with --stream]",
)  # fmt: skip
@click.option(
    "--format", "output_format", type=click.Choice(["csv", "jsonl", "arrow", "parquet"]),
    help="Format of OUT (--stream). [default: by its suffix]",
)  # fmt: skip
@import_option
@shared.read_options
def command(
    captures: tuple[str, ...],
    output_path: str,
    features: RepresentationOptions,
    flow: FlowOptions,
    labels: str | None,
    label_columns: tuple[str, ...],
    stream: bool,
    like: str | None,
    max_flows: int | None,
    max_memory: int | None,
    output_format: str | None,
    read: shared.RunOptions,
) -> int:
    """Turn captures into a feature matrix, a row for each flow.

    CAPTURE is a pcap or pcapng file, plain or compressed, or - for standard input. Several are read as one. OUT ends
    in .npz, .npy, .csv, .parquet, .arrow or .dat.

    \b
    netml extract monday.pcap -f IAT -f STATS -o monday.csv
    tcpdump -w - | netml extract - --header -o now.npz
    tcpdump -U -w - | netml extract - --stream --interval 5 --dim 10 --format jsonl -o -

    With --stream, rows are written as flows end, and the last subflow of each flow is kept. OUT then ends in .csv,
    .jsonl, .parquet or .arrow, or is - for standard output. Beyond --max-flows or --max-memory the flows without a
    packet for the longest time end early.
    """
    check_combination(output_path, is_stream=stream, has_labels=labels is not None, has_like=like is not None)
    shared.check_label_columns(label_columns, labels)
    if stream:
        limits = StreamLimits(max_flows, max_memory)
        return extract_stream(captures, output_path, output_format, features, flow, like, limits, read)
    from netml.cli.runtime.allocator import give_memory_back
    from netml.cli.runtime.progress import progress_bar
    from netml.features.extraction import extract
    from netml.features.table_layout import check_matrix_output, write_matrix
    from netml.files.output import check_not_input

    if like is not None:
        features, flow = read_like(like, keep_tail=flow.keep_tail)
    if max_memory is not None:
        give_memory_back()
    check_matrix_output(output_path, is_bits=makes_bits(features.families))
    check_not_input(output_path, [*captures, labels, like])
    start_s = time.perf_counter()
    table = None if labels is None else shared.read_label_file(labels, label_columns)
    with progress_bar(captures, quiet=read.quiet) as progress:
        matrix = extract(
            list(captures), **as_arguments(features), flow=flow, labels=table, strict=read.strict, progress=progress,
            max_memory=max_memory,
        )  # fmt: skip
    write_matrix(output_path, matrix)
    if table is not None:
        _warn_of_unmatched(table, matrix, captures)
    if not read.quiet:
        _summarise(matrix, output_path, time.perf_counter() - start_s)
    return EXIT_FAILURE if matrix.metadata["damage"] else EXIT_OK


def _warn_of_unmatched(labels: Labels, matrix: FeatureMatrix, captures: tuple[str, ...]) -> None:
    """Warn if no flow has a label, with the reason: that is rarely what was meant."""
    if len(matrix) and matrix.labels is not None and not (matrix.labels != "").any():
        from netml.labels.truth import explain_unmatched

        fail(f"warning: {explain_unmatched(labels, matrix.flows, ', '.join(captures))}")


def _summarise(matrix: FeatureMatrix, output_path: str, duration_s: float) -> None:
    from netml.features.table_layout import count_written
    from netml.summary import summarise_table

    for line in summarise_table(matrix.metadata, len(matrix)):
        click.echo(line, err=True)
    n_rows = count_written(output_path, matrix)
    if matrix.labels is not None:
        rest = "; a .dat file leaves the others out" if n_rows < len(matrix) else ""
        click.echo(f"labels   {int((matrix.labels != '').sum()):,} of {len(matrix):,} flows{rest}", err=True)
    elif output_path.lower().endswith(".dat"):
        click.echo("labels   none: a .dat file has None in their place", err=True)
    learned = matrix.metadata["representation"]
    names = ", ".join(("FFT-" if learned["fft"] else "") + name for name in learned["families"])
    header = " with header" if learned["header"] else ""
    window = f", rate {learned['rate_s']:.6g} s" if learned["rate_s"] else ""
    first = f", first {learned['max_packets']} packets" if learned["max_packets"] else ""
    about = f"{names}{header}; dim {learned['dim']}{window}{first}"
    click.echo(f"matrix   {n_rows:,} x {matrix.shape[1]:,} ({about}) in {output_path}", err=True)
    rate = matrix.metadata["packets_read"] / duration_s
    click.echo(f"time     {duration_s:.2f} s, {rate:,.0f} packets/s", err=True)
