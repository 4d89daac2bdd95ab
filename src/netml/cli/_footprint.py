"""Memory of commands that run for long: what is free goes back to the system at once."""

from __future__ import annotations

import contextlib
import ctypes
import os

_TRIM_THRESHOLD = -1  # mallopt's M_TRIM_THRESHOLD, malloc.h of glibc
_SPARE_BYTES = 1 << 20


def give_memory_back() -> None:
    """Let no freed memory pile up, for the rest of the process.

    glibc keeps more the larger the blocks are that were freed, and Arrow's own allocators keep what they have had:
    after hours a process would hold the sum of its largest moments. Where there is no glibc, nothing happens.
    To be called before pyarrow is loaded.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_TRIM_THRESHOLD, _SPARE_BYTES)
