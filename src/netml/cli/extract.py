"""`netml extract`: captures to a feature matrix."""

from __future__ import annotations

import time
from typing import Any

import click

from netml.cli import params
from netml.cli.failures import EXIT_FAILURE, EXIT_OK


@click.command("extract")
@params.captures
@params.output
@click.option(
    "-f", "--family", "families", metavar="FAMILY", multiple=True, default=("IAT",), show_default=True,
    help="Family of features; repeat it for several in one matrix. See `netml families`.",
)  # fmt: skip
@click.option("--fft", is_flag=True, help="Real part of the rows' Fourier transform.")
@click.option("--header", is_flag=True, help="TCP flag counts and TTLs in front.")
@params.flow_options
@click.option("--dim", type=int, metavar="N", help="Packets that a row has room for. [default: learned]")
@click.option("--rate", type=float, metavar="S", help="Length of a SAMP window. [default: learned]")
@params.size
@click.option("--labels", type=params.any_path, metavar="CSV", help="Labels to join (CIC-IDS2017 or named columns).")
@params.strict
@params.quiet
def command(captures: tuple[str, ...], output_path: str, **chosen: Any) -> int:
    """Turn captures into a feature matrix, a row for each flow.

    CAPTURE is a pcap or pcapng file, plain or compressed, or - for standard input. Several are read as one. OUT ends in
    .npz, .npy, .csv, .parquet, .arrow or .dat.

    \b
    netml extract monday.pcap -f IAT -f STATS -o monday.parquet
    tcpdump -w - | netml extract - --header -o now.npz
    """
    from netml.cli.progress import progress_bar
    from netml.extraction import extract
    from netml.formats import check_matrix_output, write_matrix
    from netml.options import FlowOptions

    flow_names = ("interval", "q_interval", "tcp_timeout", "udp_timeout", "min_packets", "keep_tail")
    flow = FlowOptions(**{name: chosen.pop(name) for name in flow_names})
    quiet = chosen.pop("quiet")
    check_matrix_output(output_path)
    start_s = time.perf_counter()
    with progress_bar(captures, quiet=quiet) as progress:
        matrix = extract(list(captures), flow=flow, progress=progress, **chosen)
    write_matrix(output_path, matrix)
    if not quiet:
        _summarise(matrix, output_path, time.perf_counter() - start_s)
    return EXIT_FAILURE if matrix.metadata["damage"] else EXIT_OK


def _summarise(matrix: Any, output_path: str, duration_s: float) -> None:
    from netml.summary import summarise_table

    for line in summarise_table(matrix.metadata, len(matrix)):
        click.echo(line, err=True)
    if matrix.labels is not None:
        click.echo(f"labels   {int((matrix.labels != '').sum()):,} of {len(matrix):,} flows", err=True)
    learned = matrix.metadata["representation"]
    names = ", ".join(("FFT-" if learned["fft"] else "") + name for name in learned["families"])
    header = " with header" if learned["header"] else ""
    click.echo(f"matrix   {matrix.shape[0]:,} x {matrix.shape[1]:,} ({names}{header}) in {output_path}", err=True)
    rate = matrix.metadata["packets_read"] / duration_s
    click.echo(f"time     {duration_s:.2f} s, {rate:,.0f} packets/s", err=True)
