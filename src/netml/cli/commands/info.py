"""`netml info`: the content of captures."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options import shared
from netml.cli.options.flow import decoding_options
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK, printable

if TYPE_CHECKING:
    from netml.flow.options import FlowOptions


@click.command("info")
@shared.captures
@decoding_options
@shared.read_options
def command(captures: tuple[str, ...], flow: FlowOptions, read: shared.RunOptions) -> int:
    """Describe captures.

    Format, link types, packets, first and last time, number of flow keys, and packets skipped by reason.
    """
    from netml.cli.runtime.progress import progress_bar
    from netml.flow.capture_info import inspect_capture

    is_damaged = False
    for number, path in enumerate(captures):
        if number:
            click.echo()
        with progress_bar([path], quiet=read.quiet) as progress:
            found = inspect_capture(path, flow=flow, strict=read.strict, progress=progress)
        for line in _describe(found, flow.protocols):
            click.echo(line)
        is_damaged = is_damaged or bool(found["damage"])
    return EXIT_FAILURE if is_damaged else EXIT_OK


def _describe(found: dict[str, Any], protocols: str) -> list[str]:
    n_read = found["packets_read"]
    lines = [
        f"capture    {printable(found['capture'])}",
        f"format     {found['format']}, times in {found['resolution']}",
        f"link type  {', '.join(found['link_types']) or 'none'}",
    ]
    if found["format"] == "pcapng":
        lines.append(f"sections   {found['n_sections']:,}; interfaces {found['n_interfaces']:,}")
    lines.append(f"packets    {n_read:,} ({found['captured_bytes']:,} bytes captured)")
    if n_read:
        span_s = (found["end_ns"] - found["start_ns"]) / 1e9
        lines.append(f"time       {_when(found['start_ns'])} to {_when(found['end_ns'])} UTC, {span_s:,.6f} s")
    kind = "IP packets" if protocols == "all" else "TCP or UDP packets"
    lines.append(f"kept       {found['packets_kept']:,} {kind} of {found['n_keys']:,} flow keys")
    lines += [f"skipped    {n:,} {reason.replace('_', ' ')}" for reason, n in found["skipped"].items() if n]
    return lines


def _when(time_ns: int) -> str:
    whole_s, rest_ns = divmod(time_ns, 10**9)
    try:
        moment = datetime.datetime.fromtimestamp(whole_s, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return f"{time_ns / 1e9:.9f} s after 1970"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest_ns:09d}"
