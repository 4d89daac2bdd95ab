"""`netml extract`: captures to a feature matrix."""

from __future__ import annotations

import time
from typing import Any

import click

from netml.cli.commands._extract_stream import Size, check_combination, extract_stream, options_like
from netml.cli.options import families, shared
from netml.cli.options.completion import complete_family
from netml.cli.options.plugins import import_option
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK, fail


@click.command("extract")
@shared.captures
@shared.output
@click.option(
    "-f", "--family", "families", metavar="FAMILY", multiple=True, default=("IAT",), show_default=True,
    shell_complete=complete_family,
    help="Family of features; repeat it for several in one matrix. See `netml families`.",
)  # fmt: skip
@click.option("--fft", is_flag=True, help="Real part of the rows' Fourier transform.")
@click.option("--header", is_flag=True, help="TCP flag counts and TTLs in front.")
@shared.flow_options
@click.option("--dim", type=int, metavar="N", help="Packets that a row has room for. [default: learned]")
@click.option("--rate", type=float, metavar="S", help="Length of a SAMP window. [default: learned]")
@shared.size
@families.family_options
@click.option("--labels", type=shared.any_path, metavar="CSV", help="Labels to join (CIC-IDS2017 or named columns).")
@shared.label_columns
@click.option(
    "--stream", is_flag=True,
    help="Write rows as flows end, in bounded memory. Flows of the original need --interval then, and rows whose width "
    "hangs on it --dim.",
)  # fmt: skip
@click.option(
    "--like", type=shared.any_path, metavar="FILE",
    help="Make rows as those of a feature file or a model, with its interval and dim.",
)  # fmt: skip
@click.option("--max-flows", type=int, metavar="N", help="With --stream: flow keys held at most.")
@click.option(
    "--max-memory", type=Size(), metavar="SIZE",
    help="Memory for packets (500M, 2G): more of them wait in a temporary file (seed); with --stream flows end early. "
    "[default: half of what is available; 1G]",
)  # fmt: skip
@click.option(
    "--format", "output_format", type=click.Choice(["csv", "jsonl", "arrow", "parquet"]),
    help="With --stream: format of OUT. [default: as its name says]",
)  # fmt: skip
@import_option
@shared.strict
@shared.quiet
def command(captures: tuple[str, ...], output_path: str, **chosen: Any) -> int:
    """Turn captures into a feature matrix.

    A row for each flow. CAPTURE is a pcap or pcapng file, plain or compressed, or - for standard input. Several are
    read as one. OUT ends in .npz, .npy, .csv, .parquet, .arrow or .dat.

    \b
    netml extract monday.pcap -f IAT -f STATS -o monday.csv
    tcpdump -w - | netml extract - --header -o now.npz
    tcpdump -U -w - | netml extract - --stream --interval 5 --dim 10 --format jsonl -o -

    With --stream rows are written as flows end, all tails kept: OUT is .csv, .jsonl, .parquet or .arrow, or - for
    standard output. Over --max-flows or --max-memory the flows least recently seen end early.
    """
    check_combination(chosen, output_path)
    if chosen["stream"]:
        return extract_stream(captures, output_path, chosen)
    from netml.cli.runtime.allocator import give_memory_back
    from netml.cli.runtime.progress import progress_bar
    from netml.features.extraction import extract
    from netml.features.table_layout import check_matrix_output, write_matrix
    from netml.files.output import check_not_input

    chosen |= {"flow": shared.make_flow_options(chosen), **families.take_family_options(chosen)}
    if chosen["like"] is not None:
        chosen |= options_like(chosen["like"], keep_tail=chosen["keep_tail"])
    for name in (*shared.FLOW_NAMES, "stream", "max_flows", "output_format"):
        del chosen[name]
    if chosen["max_memory"] is not None:
        give_memory_back()
    like = chosen.pop("like")
    quiet = chosen.pop("quiet")
    label_path, label_columns = chosen.pop("labels"), chosen.pop("label_columns")
    check_matrix_output(output_path, is_bits=families.makes_bits(chosen["families"]))
    check_not_input(output_path, [*captures, label_path, like])
    start_s = time.perf_counter()
    labels = None if label_path is None else shared.label_table(label_path, label_columns)
    with progress_bar(captures, quiet=quiet) as progress:
        matrix = extract(list(captures), labels=labels, progress=progress, **chosen)
    write_matrix(output_path, matrix)
    if labels is not None:
        _warn_of_unmatched(labels, matrix, captures)
    if not quiet:
        _summarise(matrix, output_path, time.perf_counter() - start_s)
    return EXIT_FAILURE if matrix.metadata["damage"] else EXIT_OK


def _warn_of_unmatched(labels: Any, matrix: Any, captures: tuple[str, ...]) -> None:
    """Say why all rows have an empty label, if they have: that is rarely what was meant."""
    if len(matrix) and not (matrix.labels != "").any():
        from netml.labels.truth import explain_unmatched

        fail(f"warning: {explain_unmatched(labels, matrix.flows, ', '.join(captures))}")


def _summarise(matrix: Any, output_path: str, duration_s: float) -> None:
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
