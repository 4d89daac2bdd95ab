"""The command line: a group whose commands load when they are called."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
from importlib import import_module

import click

from netml._version import __version__
from netml.errors import nearest_name

# Command, whose module in `commands` has its name, -> its line in `netml --help`. The
# line stands here so that the help loads no command; a test holds it against the command's own help.
COMMANDS = {
    "extract": "Turn captures into a feature matrix, a row for each flow.",
    "learn": "Train a model on the flows of captures.",
    "classify": "Find the abnormal flows of captures.",
    "evaluate": "Measure how well a model tells abnormal flows from normal ones.",
    "compare": "Compare representations and detectors on labelled captures.",
    "packets": "Turn captures into a table of packets.",
    "info": "Describe captures.",
    "families": "List the families of features.",
    "detectors": "List the detectors, or the parameters of one.",
    "completion": "Print the completion script of a shell.",
}


class LazyGroup(click.Group):
    """Looks its commands up in `COMMANDS`; `--help` imports no more than click."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, the main job first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"netml.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their lines."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an error of an unknown one suggests the nearest name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = nearest_name(args[0], COMMANDS)
            # A later click may suggest one itself.
            if near and "Did you mean" not in error.format_message():
                raise click.UsageError(f"{error.message} Did you mean {near}?", ctx) from None
            raise


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="netml")
@click.option("-v", "--verbosity", type=int, hidden=True)
@click.option("--random-state", type=int, hidden=True)
@click.option("--flow-pkts-threshold", "min_packets", type=int, hidden=True)
@click.option("--q-interval", type=float, hidden=True)
@click.pass_context
def group(ctx: click.Context, /, **original_options: int | float | None) -> None:
    """Turn packet captures into feature matrices, and find what is abnormal in them.

    \b
    netml extract capture.pcap -f IAT -o features.npz
    netml learn --pcap normal.pcap --output model.netml
    netml classify --model model.netml < today.pcap
    """
    # The original takes these in front of the command; see `options.shared.original_option`.
    ctx.obj = {name: value for name, value in original_options.items() if value is not None}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: one clear line for what goes wrong, exit status 1, or 2 for usage."""
    # A command's memory is numpy's. To look for cycles among the objects of the imports, again and again while they
    # load and once more at the end, takes a sixth of a short command's time.
    gc.set_threshold(200_000, 50, 50)
    from netml.cli.runtime.errors import EXIT_INTERRUPTED, handle_signals, run
    from netml.cli.runtime.stdout import give_up_output
    from netml.cli.runtime.worker import is_worker_left, leave_worker

    status = run(group, arguments, minds_signals=True)
    with contextlib.suppress(KeyboardInterrupt):  # no traceback out of the interpreter's own end
        handle_signals(signal.SIG_DFL, signal.SIG_DFL)
    give_up_output()
    if is_worker_left():
        leave_worker(status)
    if status == EXIT_INTERRUPTED:
        # A Ctrl-C in code that was compiled from a string, such as a dataclass's methods, leaves a mark in the
        # interpreter: it would end by SIGINT instead of with this status. The next such code clears the mark.
        exec("")
    gc.freeze()
    sys.exit(status)
