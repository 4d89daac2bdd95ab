"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

# Whether a file can be read or written is found out by reading and writing it: click's own check is a usage error
# of four lines, and only for files that are there.
any_path = click.Path(readable=False, allow_dash=True)

captures = click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=any_path)
output = click.option(
    "-o",
    "--output",
    "output_path",
    metavar="OUT",
    required=True,
    type=any_path,
    help="File to write; its suffix is the format.",
)
strict = click.option("--strict", is_flag=True, help="Fail at a damaged capture.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress bar, and no summary on stderr.")
size = click.option(
    "--size",
    type=click.Choice(["captured", "wire"]),
    default="captured",
    show_default=True,
    help="Length of a packet: of its frame as captured, or on the wire.",
)


def flow_options(function: Function) -> Function:
    """Add the options of flow assembly."""
    for option in reversed(
        [
            click.option("--interval", type=float, metavar="S", help="Cut flows to this length. [default: learned]"),
            click.option(
                "--q-interval",
                type=float,
                metavar="Q",
                default=0.9,
                show_default=True,
                help="Quantile of durations (interval) and of packets a flow (dim).",
            ),
            click.option(
                "--tcp-timeout", type=float, metavar="S", default=600.0, show_default=True, help="TCP idle timeout."
            ),
            click.option(
                "--udp-timeout", type=float, metavar="S", default=600.0, show_default=True, help="UDP idle timeout."
            ),
            click.option(
                "--min-packets",
                type=int,
                metavar="N",
                default=2,
                show_default=True,
                help="Packets that a flow needs, at least 2.",
            ),
            click.option("--keep-tail", is_flag=True, help="Keep the last piece of a flow that was cut."),
        ]
    ):
        function = option(function)
    return function
