"""Exit statuses, and one line for everything that can go wrong: no traceback ever reaches a user."""

from __future__ import annotations

import os
import sys
import warnings

import click

from netml.errors import CaptureWarning, NetmlError, OptionError, UnknownNameError

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def fail(text: object) -> None:
    """Say on stderr, in one line, what is wrong."""
    click.echo(f"netml: {' '.join(str(text).split())}", err=True)


def run(group: click.Group, arguments: list[str] | None) -> int:
    """Run a command and turn what happens into an exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", CaptureWarning)
        warnings.showwarning = _show_warning
        try:
            status = group.main(arguments, prog_name="netml", standalone_mode=False)
            sys.stdout.flush()
            return status if isinstance(status, int) else EXIT_OK
        except click.exceptions.Exit as leave:
            return leave.exit_code
        except click.UsageError as error:
            error.show()
            return EXIT_USAGE
        except (KeyboardInterrupt, click.Abort):
            fail("interrupted: nothing was written")
            return EXIT_INTERRUPTED
        except BrokenPipeError:
            # The reader of stdout is gone; keep the interpreter from trying to flush it once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_BROKEN_PIPE
        except (OptionError, UnknownNameError) as error:
            fail(error)
            return EXIT_USAGE
        except MemoryError as error:
            fail(f"out of memory{f': {error}' if str(error) else ''}")
        except click.ClickException as error:
            fail(error.format_message())
        except (NetmlError, OSError, OverflowError) as error:
            fail(error)
        return EXIT_FAILURE


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **more: object) -> None:
    if issubclass(category, CaptureWarning):
        fail(f"warning: {message}")
