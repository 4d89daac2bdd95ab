"""`netml packets`: captures to a table of packets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options import shared
from netml.cli.options.flow import decoding_options
from netml.cli.options.groups import is_given
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK

if TYPE_CHECKING:
    from netml.flow.options import FlowOptions


@click.command("packets")
@shared.captures
@shared.output
@click.option(
    "--nprint", "headers", metavar="HEADERS",
    help="Write the bits of these headers in nPrint's columns: 4, 6, t, u, i or ipv4, ipv6, tcp, udp, icmp, separated "
    "by commas.",
)  # fmt: skip
@click.option(
    "--payload-bytes", type=int, metavar="N", help="Write the bits of the payload's first N bytes, too (--nprint)."
)
@decoding_options
@shared.read_options
def command(
    captures: tuple[str, ...],
    output_path: str,
    headers: str | None,
    payload_bytes: int | None,
    flow: FlowOptions,
    read: shared.RunOptions,
) -> int:
    """Turn captures into a table of packets.

    A row for each TCP or UDP packet, with --protocols all for each packet over IP, in order of arrival: time_ns,
    src_ip, src_port, dst_ip, dst_port, protocol, caplen, wirelen, flags, ttl. OUT ends in .csv, .parquet, .arrow or
    .npz (which has addresses and ports as keys, and for each packet the number of its key, flow).

    With --nprint there is a row for each packet over IP (all protocols, unless --protocols is given): time, addresses,
    ports, protocol and lengths, then the bits of its headers: 1, 0, or -1 if the packet has no such bit. OUT ends in
    .parquet (written in bounded memory) or .npz.

    \b
    netml packets monday.pcap -o monday.parquet
    netml packets monday.pcap --nprint 4,t,u,i --payload-bytes 16 -o bits.parquet
    """
    from netml.cli.runtime.progress import progress_bar
    from netml.files.output import check_not_input

    if headers is None and payload_bytes is not None:
        raise click.UsageError("--payload-bytes needs --nprint")
    if headers is not None:
        from netml.families.header_columns import parse_headers
        from netml.packets.header_bits import check_header_output
        from netml.packets.header_reader import write_header_bits

        names = parse_headers(headers)
        if not is_given("protocols"):
            flow = replace(flow, protocols="all")  # ICMP and others have IP headers, too
        check_header_output(output_path)
        check_not_input(output_path, captures)
        with progress_bar(captures, quiet=read.quiet) as progress:
            metadata = write_header_bits(
                list(captures), output_path, names,
                payload_bytes=payload_bytes or 0, flow=flow, strict=read.strict, progress=progress,
            )  # fmt: skip
    else:
        from netml.packets.table import check_packets_output, read_packet_table

        check_packets_output(output_path)
        check_not_input(output_path, captures)
        with progress_bar(captures, quiet=read.quiet) as progress:
            table = read_packet_table(list(captures), flow=flow, strict=read.strict, progress=progress)
        table.save(output_path)
        metadata = table.metadata
    if not read.quiet:
        _summarise(metadata, output_path, "over IP" if flow.protocols == "all" else "of TCP or UDP")
    return EXIT_FAILURE if metadata["damage"] else EXIT_OK


def _summarise(metadata: Mapping[str, Any], output_path: str, which: str) -> None:
    from netml.summary import plural

    n_read, n_kept = metadata["packets_read"], metadata["packets_kept"]
    click.echo(f"read     {plural(n_read, 'packet')}: {n_kept:,} {which}, {n_read - n_kept:,} skipped", err=True)
    for reason, count in metadata["skipped"].items():
        if count:
            click.echo(f"skipped  {count:,} {reason.replace('_', ' ')}", err=True)
    click.echo(f"table    {n_kept:,} packets in {output_path}", err=True)
