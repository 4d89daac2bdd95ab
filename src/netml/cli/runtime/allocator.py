"""Memory of commands that run for long: what is free goes back to the system at once."""

from __future__ import annotations

import contextlib
import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, malloc.h of glibc
_SPARE_BYTES = 1 << 20
_MAPPED_BYTES = 128 << 10


def give_memory_back() -> None:
    """Let no freed memory pile up, for the rest of the process.

    glibc keeps more the larger the blocks are that were freed, and Arrow's own allocators keep what they have had:
    after hours a process would hold the sum of its largest moments. Blocks of 128 KiB and more go back at once, smaller
    ones when more than 1 MiB is free at the end of the heap. Nothing happens without glibc. Call this before pyarrow is
    loaded.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _SPARE_BYTES)
        mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES)
