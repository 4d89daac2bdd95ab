"""The walk over an opened capture's bytes, block by block, and the place of damage in them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator

import numpy as np

from netml.capture import blocks
from netml.capture.source import Capture
from netml.errors import TruncatedCaptureError, damaged_capture

Consume = Callable[[np.ndarray, int, int], tuple[int, int, str]]  # buffer, start, length -> left, wanted, damage
Wait = Callable[[], float]  # how long to wait for bytes of a live source before an empty step, s


def map_capture(capture: Capture) -> blocks.MappedFile | None:
    """Map a capture that is a large regular file; None if it is none, or cannot be mapped."""
    if capture.mappable is None or capture.n_bytes is None:
        return None
    try:
        return blocks.MappedFile(capture.mappable, capture.n_bytes)
    except (OSError, ValueError):
        return None  # some file systems have no mappings


def walk_map(capture: Capture, mapped: blocks.MappedFile, consume: Consume) -> Generator[int, None, None]:
    """Hand a mapped capture to `consume`, a window at a time; yield the offset of the first byte not consumed.

    The file's size is checked before and after each window: behind the end of a file that shrinks, the rest of its last
    page reads as zeros, which would be framed as records.
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
            n_left, n_wanted, damage = consume(mapped.octets, offset, end - offset)
            offset = end - n_left
            mapped.give_back(offset)
            yield offset
            if not damage and (n_there <= end < n_bytes or os.fstat(descriptor).st_size < end):
                damage = "unreadable"
            if damage:
                raise _damage(capture, offset, damage, n_wanted)
    if offset < n_bytes:
        raise _damage(capture, offset, "", n_wanted, n_bytes - offset)


def _damage(capture: Capture, offset: int, kind: str, n_wanted: int = 0, n_left: int = 0) -> TruncatedCaptureError:
    """Make the error of damage at a record; without a kind the record is cut."""
    assert capture.framer is not None
    return damaged_capture(
        kind or ("record cut" if n_wanted else "record header cut"),
        capture.name,
        record_no=capture.framer.n_passed + 1,
        offset=offset,
        n_wanted=n_wanted,
        n_left=n_left,
    )


def walk_blocks(capture: Capture, consume: Consume, wait_s: Wait | None = None) -> Generator[int, None, None]:
    """Hand a capture's blocks to `consume`; yield the offset of the first byte not consumed.

    An incomplete record is put in front of the next block.
    """
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
            n_left, n_wanted, damage = consume(buffer, start, length)
            offset += length - n_left
            yield offset
            if damage:
                raise _damage(capture, offset, damage, n_wanted)
            rest = buffer[start + length - n_left : start + length].copy()
    if capture.plain_bytes is not None and offset + len(rest) < capture.plain_bytes:
        raise _damage(capture, offset, "unreadable")
    if len(rest):
        raise _damage(capture, offset, "", n_wanted, len(rest))


def _join(rest: np.ndarray, block: np.ndarray, n_read: int) -> tuple[np.ndarray, int]:
    """Put the rest of the last block in front of a block's bytes; return the buffer and the place of its first byte."""
    start = blocks.HEADROOM_BYTES - len(rest)
    if start >= 0:
        block[start : blocks.HEADROOM_BYTES] = rest
        return block, start
    return np.concatenate([rest, block[blocks.HEADROOM_BYTES : blocks.HEADROOM_BYTES + n_read]]), 0
