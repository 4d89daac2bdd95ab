"""`netml packets`: captures to a table of packets."""

from __future__ import annotations

from typing import Any

import click

from netml.cli import params
from netml.cli.failures import EXIT_FAILURE, EXIT_OK


@click.command("packets")
@params.captures
@params.output
@params.decoding_options
@params.strict
@params.quiet
def command(captures: tuple[str, ...], output_path: str, strict: bool, quiet: bool, **chosen: Any) -> int:
    """Turn captures into a table of packets.

    A row for each TCP or UDP packet, in order of arrival: time_ns, src_ip, src_port, dst_ip, dst_port, protocol,
    caplen, wirelen, flags, ttl. OUT ends in .csv, .parquet, .arrow or .npz (which has addresses and ports as keys,
    and for each packet the number of its key, flow).
    """
    from netml.cli.progress import progress_bar
    from netml.packets import check_packets_output, read_packet_table
    from netml.persist import check_not_input

    flow = params.make_flow_options(chosen, params.DECODING_NAMES)
    check_packets_output(output_path)
    check_not_input(output_path, captures)
    with progress_bar(captures, quiet=quiet) as progress:
        table = read_packet_table(list(captures), flow=flow, strict=strict, progress=progress)
    table.save(output_path)
    if not quiet:
        n_read, n_kept = table.metadata["packets_read"], len(table)
        click.echo(f"read     {n_read:,} packets: {n_kept:,} of TCP or UDP, {n_read - n_kept:,} skipped", err=True)
        for reason, count in table.metadata["skipped"].items():
            if count:
                click.echo(f"skipped  {count:,} {reason.replace('_', ' ')}", err=True)
        click.echo(f"table    {n_kept:,} packets in {output_path}", err=True)
    return EXIT_FAILURE if table.metadata["damage"] else EXIT_OK
