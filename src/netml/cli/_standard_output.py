"""Standard output as commands rely on it: nothing is lost without a word, and errors say where they happened."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any

from netml.errors import NetmlError


class ClosedOutput(io.TextIOBase):
    """Stands for standard output where there is none (`>&-`): what a command says must not be lost without a word."""

    @property
    def buffer(self) -> Any:
        """What takes bytes."""
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
    """

    def write(self, octets: Any) -> int:
        """Write all of it."""
        with _named():
            return super().write(octets)

    def flush(self) -> None:
        """Write what waits."""
        with _named():
            super().flush()


@contextlib.contextmanager
def _named() -> Any:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        from netml.persist import OutputError, output_error

        raise error if isinstance(error, OutputError) else output_error("standard output", error) from error


def prepare_output() -> None:
    """Put what commands rely on in the place of `sys.stdout`, if that is the process's own."""
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
