"""Exit statuses, and one line for everything that can go wrong: no traceback ever reaches a user."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import click

from netml.cli.runtime.stdout import prepare_output
from netml.errors import CaptureWarning, NetmlError, OptionError, UnknownNameError, describe_os_error

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_ANOMALY = 3
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
# Where a command calls an option otherwise than Python.
OPTIONS = {
    "families": "family",
    "columns": "label-column",
    "definition": "flow",
    "vlan_key": "no-vlan-key",
    "tunnel_ports": "tunnel-port",
    "output_format": "format",
}
_FEATURES = "X"  # what Python calls them; to a command they are no option
COMPLETION_VARIABLE = "_NETML_COMPLETE"


def spell_option(name: str) -> str:
    """Return the command line's name of a parameter of Python."""
    return f"--{OPTIONS.get(name, name.replace('_', '-'))}"


class Terminated(KeyboardInterrupt):
    """SIGTERM, or SIGHUP of a terminal that goes: whoever cleans up after Ctrl-C does so for these, too."""


_terminated_by: list[int] = []  # the signals; libraries may swallow the exception, or raise another one in its place


def terminate(number: int, _: object) -> None:
    """Handle SIGTERM and SIGHUP as Python handles SIGINT."""
    _terminated_by.append(number)
    raise Terminated


def handle_signals(on_interrupt: Any, on_end: Any) -> None:
    """Set what SIGINT does, and SIGTERM and SIGHUP, unless they are ignored (`nohup`, a shell's background jobs)."""
    for number, handler in {signal.SIGINT: on_interrupt, signal.SIGTERM: on_end, signal.SIGHUP: on_end}.items():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


@contextlib.contextmanager
def stopping_with(interrupt: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the reading of a stream, whose open flows still come; the second ends all."""

    def stop(number: int, _: object) -> None:
        try:
            interrupt()
        except KeyboardInterrupt:
            if number != signal.SIGINT:
                terminate(number, None)
            raise

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def printable(text: str) -> str:
    """Return a text without control characters: names of files and of columns are hostile input, too."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def fail(text: object) -> None:
    """Write one line to stderr: the failure, or a warning."""
    click.echo(f"netml: {printable(' '.join(str(text).split()))}", err=True)


def run(group: click.Group, arguments: list[str] | None, *, minds_signals: bool = False) -> int:
    """Run a command and turn what happens, signals of a whole program too, into an exit status."""
    _terminated_by.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("always", CaptureWarning)
        warnings.showwarning = _show_warning
        try:
            if minds_signals:
                handle_signals(signal.default_int_handler, terminate)
            prepare_output()
            status = _invoke(group, sys.argv[1:] if arguments is None else arguments)
            sys.stdout.flush()
            if minds_signals:
                handle_signals(signal.SIG_DFL, signal.SIG_DFL)  # all is said and written
            return status if isinstance(status, int) else EXIT_OK
        except click.exceptions.Exit as leave:
            return leave.exit_code
        except getattr(click.exceptions, "NoArgsIsHelpError", ()) as error:  # since click 8.2
            error.show()
            return EXIT_USAGE
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx is not None else "netml"
            fail(f"{error.format_message()} (see {command} --help)")
            return EXIT_USAGE
        except (KeyboardInterrupt, click.Abort):
            return _tell_stopped()
        except BrokenPipeError:
            return EXIT_BROKEN_PIPE
        except OptionError as error:
            given = "" if error.value is None or isinstance(error.value, bool) else f" {error.value}"
            about = "the features," if error.option == _FEATURES else spell_option(error.option)
            fail(f"{about}{given}: must be {error.allowed}")
            return EXIT_USAGE
        except UnknownNameError as error:
            fail(error)
            return EXIT_USAGE
        except MemoryError as error:
            fail(f"out of memory{f': {error}' if str(error) else ''}")
        except click.ClickException as error:
            fail(error.format_message())
        except (NetmlError, OverflowError) as error:
            fail(error)
        except ImportError as error:  # installed, but not for this machine, or there is no memory left for it
            fail(f"{error.name or 'a library'} cannot be loaded: {error}")
        except RuntimeError as error:
            if isinstance(error.__cause__, KeyboardInterrupt):  # while a class was being made
                return _tell_stopped()
            if "start new thread" not in str(error):
                raise
            fail("out of memory, or of threads: no thread can be started")
        except OSError as error:
            fail(f"{error.filename}: {describe_os_error(error)}" if error.filename else describe_os_error(error))
        return EXIT_FAILURE


def _invoke(group: click.Group, arguments: list[str]) -> object:
    """Run a command without `click.Group.main`, which hides a broken pipe and prints an empty line at Ctrl-C."""
    instruction = os.environ.get(COMPLETION_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        from netml.cli.options.completion import join_words

        if instruction == "bash_complete":
            join_words(os.environ)
        return shell_complete(group, {}, "netml", COMPLETION_VARIABLE, instruction)
    with group.make_context("netml", list(arguments)) as context:
        return group.invoke(context)


def _tell_stopped() -> int:
    """Write to stderr that a signal has ended the command; return the exit status."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(err=True)  # the terminal stands behind "^C" or the progress bar
    fail(f"{'terminated' if _terminated_by else 'interrupted'}: {_tell_written()}")
    return 128 + _terminated_by[-1] if _terminated_by else EXIT_INTERRUPTED


def _tell_written() -> str:
    """Return a text on the output that is whole nevertheless: a command may have several."""
    persist = sys.modules.get("netml.files.output")
    finished = list(persist.finished_outputs) if persist is not None else []
    return f"{finished[-1]} is whole, nothing after it was written" if finished else "nothing was written"


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **more: object) -> None:
    if issubclass(category, CaptureWarning):
        fail(f"warning: {message}")
