"""An opened capture's bytes, a stretch at a time, to whoever frames them; where they are damaged, and how."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator

import numpy as np

from netml.capture import blocks
from netml.capture.source import Capture
from netml.errors import TruncatedCaptureError

Consume = Callable[[np.ndarray, int, int], tuple[int, int, str]]  # buffer, start, length -> left, wanted, fault
Wait = Callable[[], float]  # how long a live source may keep silent until that is told, s
SHRANK = "the file cannot be read on: it shrank while it was read"


def map_capture(capture: Capture) -> blocks.MappedFile | None:
    """Map a capture that is a large regular file; None if it is none, or cannot be mapped."""
    if capture.mappable is None or capture.n_bytes is None:
        return None
    try:
        return blocks.MappedFile(capture.mappable, capture.n_bytes)
    except (OSError, ValueError):
        return None  # some file systems have no mappings


def walk_map(capture: Capture, mapped: blocks.MappedFile, consume: Consume) -> Generator[int, None, None]:
    """Give a mapped capture to `consume`, a window at a time. Yields the bytes done with.

    Behind the end of a file that shrinks the rest of its last page reads as zeros, which would be framed as records: so
    it is asked for its size at each window, before and after.
    """
    n_bytes, descriptor = capture.plain_bytes, capture.mappable
    assert n_bytes is not None
    assert descriptor is not None
    offset = end = capture.offset
    n_wanted = 0
    with contextlib.closing(mapped):
        while end < n_bytes:
            n_there = min(os.fstat(descriptor).st_size, n_bytes)
            end = max(offset, min(end + blocks.WINDOW_BYTES, n_there))
            mapped.want(end)
            assert mapped.octets is not None
            n_left, n_wanted, fault = consume(mapped.octets, offset, end - offset)
            offset = end - n_left
            mapped.give_back(offset)
            yield offset
            if not fault and (n_there <= end < n_bytes or os.fstat(descriptor).st_size < end):
                fault = SHRANK
            if fault:
                raise _damage(capture, fault, offset)
    if offset < n_bytes:
        raise _damage(capture, _describe_cut(n_bytes - offset, n_wanted), offset)


def _damage(capture: Capture, reason: str, offset: int) -> TruncatedCaptureError:
    assert capture.framer is not None
    return TruncatedCaptureError(reason, path=capture.name, record_no=capture.framer.n_passed + 1, offset=offset)


def _describe_cut(n_left: int, n_wanted: int) -> str:
    return f"cut: {n_left}{f' of {n_wanted}' if n_wanted else ''} bytes of the record are there"


def walk_blocks(capture: Capture, consume: Consume, wait_s: Wait | None = None) -> Generator[int, None, None]:
    """Give a capture's blocks to `consume`; an incomplete record waits for the next. Yields the bytes done with."""
    offset, n_wanted, rest = capture.offset, 0, np.empty(0, np.uint8)
    if wait_s is not None and capture.live is not None:
        walk = blocks.read_live(capture.stream, capture.live, wait_s)
    else:
        walk = blocks.read_blocks(capture.stream, ahead=capture.reads_ahead)
    with contextlib.closing(walk) as source:
        for block, n_read in source:
            if n_read == 0:
                yield offset
                continue
            buffer, start = _join(rest, block, n_read)
            length = len(rest) + n_read
            n_left, n_wanted, fault = consume(buffer, start, length)
            offset += length - n_left
            yield offset
            if fault:
                raise _damage(capture, fault, offset)
            rest = buffer[start + length - n_left : start + length].copy()
    if capture.plain_bytes is not None and offset + len(rest) < capture.plain_bytes:
        raise _damage(capture, SHRANK, offset)
    if len(rest):
        raise _damage(capture, _describe_cut(len(rest), n_wanted), offset)


def _join(rest: np.ndarray, block: np.ndarray, n_read: int) -> tuple[np.ndarray, int]:
    """Put what the last block left over in front of this one's bytes; returns the buffer and where they start."""
    start = blocks.HEADROOM_BYTES - len(rest)
    if start >= 0:
        block[start : blocks.HEADROOM_BYTES] = rest
        return block, start
    return np.concatenate([rest, block[blocks.HEADROOM_BYTES : blocks.HEADROOM_BYTES + n_read]]), 0
