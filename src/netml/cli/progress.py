"""A progress bar with bytes, packets/s and time left: on a terminal, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence

import click

from netml.reading import Progress

REDRAW_EVERY_S = 0.1


def total_bytes(captures: Sequence[str]) -> int | None:
    """Bytes of all captures; None if one is not a regular file."""
    if not all(os.path.isfile(path) for path in captures):
        return None
    return sum(os.path.getsize(path) for path in captures)


@contextlib.contextmanager
def progress_bar(captures: Sequence[str], *, quiet: bool) -> Iterator[Progress | None]:
    """Give a callback that draws a bar on stderr, or None where there is no terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    length = total_bytes(captures)
    # Where nobody knows the length, as of a pipe, click wants an iterable that does not know its own.
    unknown = (None for _ in ()) if length is None else None
    with click.progressbar(
        unknown, length, label="netml", file=sys.stderr, item_show_func=lambda text: text or "", show_pos=False
    ) as bar:
        start_s = time.monotonic()
        drawn_s = start_s
        n_bytes = n_packets = 0

        def draw() -> None:
            of_all = f"/{length / 1e6:,.0f}" if length is not None else ""
            rate = n_packets / max(drawn_s - start_s, 1e-9) / 1e6
            text = f"{n_bytes / 1e6:,.0f}{of_all} MB  {n_packets:,} packets  {rate:.2f} M/s"
            bar.update(max(n_bytes - bar.pos, 0), text)  # type: ignore[arg-type]

        def show(n_bytes_now: int, n_packets_now: int) -> None:
            nonlocal drawn_s, n_bytes, n_packets
            n_bytes, n_packets = n_bytes_now, n_packets_now
            now_s = time.monotonic()
            if now_s - drawn_s >= REDRAW_EVERY_S:
                drawn_s = now_s
                draw()

        yield show
        drawn_s, n_bytes = time.monotonic(), length if length is not None else n_bytes
        draw()
