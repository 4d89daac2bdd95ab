"""Bytes of a capture: windows of a mapped file, or blocks of a stream, read ahead by a thread if that pays."""

from __future__ import annotations

import contextlib
import mmap
import os
import queue
import select
import threading
from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from netml import _flowcore

# A block stays in the second-level cache. In front of its bytes is room for what the block before it has left over.
BLOCK_BYTES = 1 << 19
HEADROOM_BYTES = 1 << 17
N_BLOCKS = 4  # two to work on, two on their way

# A mapped file is read only where it is looked at, and nothing is copied: a sixth less time than reading in blocks
# (benchmarks/reading.py). What is done with is given back, so that a process stays as small as when it reads.
WINDOW_BYTES = 1 << 22

Block = tuple[np.ndarray, int]  # buffer, and how many bytes were read to HEADROOM_BYTES


def read_blocks(stream: Any, *, ahead: bool) -> Generator[Block, None, None]:
    """Read a stream to its end: uint8 buffers of HEADROOM_BYTES + BLOCK_BYTES, and the bytes read to each, at least 1.

    The bytes stand at HEADROOM_BYTES; a buffer is used again when the next one is asked for. `ahead` reads some blocks
    ahead in a thread, if there is a second processor: only for a stream that never blocks for long, such as a file on a
    disk.
    """
    if ahead and has_processors():
        return _read_ahead(stream)
    return _read_inline(stream)


def read_live(stream: Any, descriptor: int, wait_s: Callable[[], float]) -> Generator[Block, None, None]:
    """Read a pipe or a terminal as its bytes come, as `read_blocks` does; yield an empty block when none come in time.

    `wait_s` returns the time to wait for bytes, s.
    """
    buffer = _new_buffer()
    room = memoryview(buffer)[HEADROOM_BYTES:]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        if not stream.n_peeked and not poll.poll(max(0.0, wait_s()) * 1000):
            yield buffer, 0
            continue
        n_read = stream.readinto(room)
        if not n_read:
            return
        yield buffer, n_read


class MappedFile:
    """A regular file in memory, to be read from front to back, a window at a time.

    Where there is more than one processor, a thread has the next window's pages entered in the page table meanwhile.
    If it comes too late, the reader does it itself.

    Parameters
    ----------
    descriptor : int
        Descriptor of the open file.
    n_bytes : int
        Its size.

    Raises
    ------
    OSError, ValueError
        If the file cannot be mapped.
    """

    def __init__(self, descriptor: int, n_bytes: int) -> None:
        self._map = mmap.mmap(descriptor, n_bytes, access=mmap.ACCESS_READ)
        self.octets: np.ndarray | None = np.frombuffer(self._map, np.uint8)
        self._n_given_back = 0
        self._wanted: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._helper: threading.Thread | None = None
        if has_processors():
            self._helper = _start_thread(self._populate, "netml-pages", self.octets)

    def _populate(self, octets: np.ndarray) -> None:
        while (start := self._wanted.get()) is not None:
            if start >= self._n_given_back:  # else it is too late: nobody would give these pages back
                _flowcore.populate(octets, start, WINDOW_BYTES)
                if start < self._n_given_back:  # the reader has been faster
                    self._drop(start, self._n_given_back)

    def want(self, offset: int) -> None:
        """Ask the thread to populate the window at `offset`, which comes next."""
        self._wanted.put(offset)

    def give_back(self, offset: int) -> None:
        """Release the pages before `offset`, which are done with."""
        whole = offset // mmap.PAGESIZE * mmap.PAGESIZE
        if whole > self._n_given_back and hasattr(mmap, "MADV_DONTNEED"):
            start, self._n_given_back = self._n_given_back, whole
            self._drop(start, whole)

    def _drop(self, start: int, end: int) -> None:
        """Drop pages from the page table; they are read again if somebody looks at them after all."""
        start = start // mmap.PAGESIZE * mmap.PAGESIZE
        self._map.madvise(mmap.MADV_DONTNEED, start, end // mmap.PAGESIZE * mmap.PAGESIZE - start)

    def close(self) -> None:
        """Unmap the file."""
        self._wanted.put(None)
        if self._helper is not None:
            self._helper.join()
            self._helper = None
        self.octets = None
        # The traceback of an exception under way may hold views of the mapping, which goes with the last of them.
        with contextlib.suppress(BufferError):
            self._map.close()


def has_processors() -> bool:
    """Return True if a thread would run on a second processor."""
    return len(os.sched_getaffinity(0)) > 1


def _start_thread(target: Callable[..., None], name: str, *arguments: Any) -> threading.Thread | None:
    """Start a thread; None where there can be no more of them: it would only have saved time."""
    thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread


def _new_buffer() -> np.ndarray:
    return np.empty(HEADROOM_BYTES + BLOCK_BYTES, np.uint8)


def _read_inline(stream: Any) -> Generator[Block, None, None]:
    buffer = _new_buffer()
    room = memoryview(buffer)[HEADROOM_BYTES:]
    while n_read := stream.readinto(room):
        yield buffer, n_read


def _read_ahead(stream: Any) -> Generator[Block, None, None]:
    free: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
    full: queue.SimpleQueue[Block | BaseException | None] = queue.SimpleQueue()
    for _ in range(N_BLOCKS):
        free.put(_new_buffer())

    is_over = threading.Event()

    def read() -> None:
        try:
            while (buffer := free.get()) is not None and not is_over.is_set():
                n_read = stream.readinto(memoryview(buffer)[HEADROOM_BYTES:])
                if not n_read:
                    break
                full.put((buffer, n_read))
            full.put(None)
        except BaseException as error:
            full.put(error)

    reader = _start_thread(read, "netml-reader")
    if reader is None:
        yield from _read_inline(stream)
        return
    try:
        while (block := full.get()) is not None:
            if isinstance(block, BaseException):
                raise block
            yield block
            free.put(block[0])
    finally:
        # Wait for it: the stream is closed next, and a read under way would go to whatever file gets its descriptor.
        is_over.set()
        free.put(None)
        reader.join()
