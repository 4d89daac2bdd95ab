"""Memory of commands that run for long: what is free goes back to the system at once."""

from __future__ import annotations

import contextlib
import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, malloc.h of glibc
_SPARE_BYTES = 1 << 20
_DEFAULT_MAPPED_BYTES = 128 << 10
# Of rounds whose blocks are the same again and again: each page of a new mapping is a fault, and without this these
# take a quarter of the time of `extract --stream`, for 6 MB less.
RECURRING_BYTES = 2 << 20


def give_memory_back(least_mapped_bytes: int = _DEFAULT_MAPPED_BYTES) -> None:
    """Let no freed memory pile up, for the rest of the process.

    glibc keeps more the larger the blocks are that were freed, and Arrow's own allocators keep what they have had:
    after hours a process would hold the sum of its largest moments. Where there is no glibc, nothing happens.
    To be called before pyarrow is loaded. Blocks of `least_mapped_bytes` and more go back at once, smaller ones when
    what is free at the end of the heap is more than a megabyte.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _SPARE_BYTES)
        mallopt(_MMAP_THRESHOLD, least_mapped_bytes)
