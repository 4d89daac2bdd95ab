"""A progress line with bytes, packets/s and time left: on a terminal, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from netml.capture.reader import Progress

REDRAW_EVERY_S = 0.1
_LONGEST_BAR = 36
_SHORTEST_BAR = 8
_USUAL_WIDTH = 80  # where a terminal does not know its own


def total_bytes(captures: Sequence[str]) -> int | None:
    """Return the bytes of all captures; None if one is not a regular file."""
    if not all(os.path.isfile(path) for path in captures):
        return None
    return sum(os.path.getsize(path) for path in captures)


@contextlib.contextmanager
def progress_bar(captures: Sequence[str], *, quiet: bool) -> Iterator[Progress | None]:
    """Provide a callback that draws a line on stderr; None without a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    length = total_bytes(captures)
    start_s = time.monotonic()
    drawn_s = start_s
    n_bytes = n_packets = 0

    def draw() -> None:
        line = progress_line(n_bytes, length, n_packets, drawn_s - start_s, _terminal_width())
        # The line is erased first: the one before may have been longer.
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)

    def show(n_bytes_now: int, n_packets_now: int) -> None:
        nonlocal drawn_s, n_bytes, n_packets
        n_bytes, n_packets = n_bytes_now, n_packets_now
        now_s = time.monotonic()
        if now_s - drawn_s >= REDRAW_EVERY_S:
            drawn_s = now_s
            draw()

    draw()
    try:
        yield show
        drawn_s, n_bytes = time.monotonic(), length if length is not None else n_bytes
        draw()
    finally:
        click.echo(err=True)


def progress_line(n_bytes: int, length: int | None, n_packets: int, passed_s: float, width: int) -> str:
    """Return the progress in fewer characters than a terminal has columns, so that the line never wraps.

    Parameters
    ----------
    n_bytes, n_packets : int
        Bytes and packets read so far.
    length : int or None
        Bytes of all captures; None if that is not known.
    passed_s : float
        Time since the beginning, s.
    width : int
        Columns of the terminal.

    Returns
    -------
    str
        The percentage first, then bytes, packets, rate and time left as far as they fit, and a bar in the room left.
    """
    room = max(width - 1, 0)  # some terminals wrap after a character in the last column
    share = None if length is None else min(n_bytes / max(length, 1), 1.0)
    of_all = "" if length is None else f"/{length / 1e6:,.0f}"
    parts = [f"{n_bytes / 1e6:,.0f}{of_all} MB", f"{n_packets:,} packets"]
    parts.append(f"{n_packets / max(passed_s, 1e-9) / 1e6:.2f} M/s")
    if share is not None and 0 < share < 1 and passed_s >= 1:
        parts.append(f"{_clock(passed_s * (1 - share) / share)} left")
    line = "netml" if share is None else f"netml  {int(share * 100)}%"
    bar_place = len(line)
    for part in parts:
        if len(line) + 2 + len(part) > room:
            break
        line += f"  {part}"
    bar_length = min(room - len(line) - 4, _LONGEST_BAR)  # two blanks and two brackets
    if share is not None and bar_length >= _SHORTEST_BAR:
        bar = "#" * int(share * bar_length)
        line = f"{line[:bar_place]}  [{bar:-<{bar_length}}]{line[bar_place:]}"
    return line[:room]


def _clock(duration_s: float) -> str:
    """Return a time as 00:01:30."""
    minutes, seconds = divmod(int(duration_s), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _terminal_width() -> int:
    """Return the columns of the terminal of stderr as it is now: it may have been resized."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH
