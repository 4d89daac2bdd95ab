"""Standard output for commands: nothing is lost silently, and errors name the place."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, NoReturn

from netml.errors import NetmlError


class ClosedOutput(io.TextIOBase):
    """Stands for standard output where there is none (`>&-`): what a command says must not be lost without a word."""

    @property
    def buffer(self) -> Any:
        """The stream that takes bytes: this one."""
        return self

    def write(self, text: Any) -> int:
        """Take nothing."""
        raise NetmlError("standard output: is closed")

    def writelines(self, lines: Any) -> None:
        """Take nothing."""
        self.write("")


class StandardOutput(io.BufferedWriter):
    """Bytes to standard output, all of them; a failure names its place.

    A raw file, as there is with `python -u`, may take a part only and leaves the rest to whoever looks at the count.
    The interpreter flushes once more when it has taken modules apart: until something fails nothing of ours is used.
    """

    def write(self, octets: Any) -> int:
        """Write all of it."""
        try:
            return super().write(octets)
        except OSError as error:
            _raise_named(error)

    def flush(self) -> None:
        """Write what waits."""
        try:
            super().flush()
        except OSError as error:
            _raise_named(error)


def _raise_named(error: OSError) -> NoReturn:
    """Raise it with its place; that the reader of a pipe has gone is no failure of ours."""
    from netml.errors import OutputError, output_error

    if isinstance(error, BrokenPipeError | OutputError):
        raise error
    raise output_error("standard output", error) from error


def prepare_output() -> None:
    """Put what commands rely on in the place of `sys.stdout`, if that is the process's own, and of no `sys.stderr`."""
    if sys.stderr is None:  # `2>&-`: before click 8.1.4, `echo` fails there
        sys.stderr = open(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
        return
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if isinstance(raw, io.FileIO) and not isinstance(buffer, StandardOutput):
        sys.stdout.flush()
        is_prompt = bool(getattr(sys.stdout, "line_buffering", False)) or raw is buffer
        sys.stdout = io.TextIOWrapper(
            StandardOutput(raw), sys.stdout.encoding, sys.stdout.errors, "\n", line_buffering=is_prompt
        )


def give_up_output() -> None:
    """Write what waits for standard output, or keep the interpreter from trying once more, with its own exit status."""
    with contextlib.suppress(ValueError, AttributeError):  # closed, or not there at all
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
