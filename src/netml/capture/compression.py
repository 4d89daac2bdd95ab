"""Streams with a look at their first bytes, decompressed by content, not by name."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Callable
from typing import Any

from netml.errors import CaptureError, MissingExtraError, TruncatedCaptureError, damaged_capture, describe_os_error

MAGICS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
# A block of 4 bytes can become 128 kB: of 4096 bytes even a hostile capture makes no more than 128 MB at once.
ZSTD_BYTES_AT_A_TIME = 4096
LONGEST_MAGIC = max(map(len, MAGICS))
PEEK_BYTES = 1 << 16


class PeekedStream(io.RawIOBase):
    """A stream whose first bytes can be peeked at before they are read."""

    def __init__(self, stream: Any, name: str) -> None:
        super().__init__()
        self._stream = stream
        self._name = name
        self._peeked = b""
        self._readinto = getattr(stream, "readinto1", None) or getattr(stream, "readinto", None)

    def readable(self) -> bool:
        """Return True."""
        return True

    def peek(self, n_bytes: int) -> bytes:
        """Return the next `n_bytes` bytes, fewer only at the end, without consuming them."""
        while len(self._peeked) < n_bytes:
            try:
                more = self._take(lambda: self._read_some(n_bytes - len(self._peeked)))
            except UnicodeDecodeError:
                more = ""
            if isinstance(more, str):
                raise CaptureError("a text stream: open the capture in binary mode", path=self._name)
            if not more:
                break
            self._peeked += bytes(more)
        return self._peeked[:n_bytes]

    def _read_some(self, n_bytes: int) -> Any:
        # All that a buffered stream holds is taken, so that poll() on its descriptor tells of everything that follows.
        if isinstance(self._stream, io.BufferedReader):
            return self._stream.read1(PEEK_BYTES)
        return self._stream.read(n_bytes)

    def _take(self, read: Callable[[], Any]) -> Any:
        """Read; wait and read again where a non-blocking descriptor had no bytes, which is not the end."""
        taken = read()
        if not taken and self._wait():
            taken = read()
        return taken

    def _wait(self) -> bool:
        """Wait until a non-blocking descriptor has bytes or ends; return False if it is a blocking one."""
        try:
            descriptor = self._stream.fileno()
            if os.get_blocking(descriptor):
                return False
        except (AttributeError, OSError, ValueError):
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        return True

    @property
    def n_peeked(self) -> int:
        """Bytes that have been peeked at and not read yet."""
        return len(self._peeked)

    def skip(self, n_bytes: int) -> None:
        """Drop bytes that `peek` has shown."""
        self._peeked = self._peeked[n_bytes:]

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the bytes at hand; return their number, 0 at the end."""
        if self._peeked:
            taken = self._peeked[: len(buffer)]
            buffer[: len(taken)] = taken
            self._peeked = self._peeked[len(taken) :]
            return len(taken)
        if self._readinto is not None:
            into = self._readinto
            return self._take(lambda: into(buffer)) or 0
        more = self._take(lambda: self._stream.read(len(buffer))) or b""
        buffer[: len(more)] = more
        return len(more)


class DecompressedStream(PeekedStream):
    """A decompressed stream whose damage is told with the name of the capture."""

    def __init__(self, stream: Any, name: str, method: str, errors: tuple[type[BaseException], ...]) -> None:
        super().__init__(stream, name)
        self._method = method
        # The complaints of gzip and bzip2 are OSErrors, ValueErrors and EOFErrors; the others bring their own.
        self._errors: tuple[type[BaseException], ...] = (OSError, ValueError, EOFError, *errors)

    def peek(self, n_bytes: int) -> bytes:
        """Return the next bytes; see `PeekedStream.peek`."""
        try:
            return super().peek(n_bytes)
        except self._errors as error:
            raise self._damage(error) from error

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; return the number of bytes, 0 at the end."""
        try:
            return super().readinto(buffer)
        except self._errors as error:
            raise self._damage(error) from error

    def _damage(self, error: BaseException) -> TruncatedCaptureError:
        if isinstance(error, EOFError):
            return damaged_capture("compression cut", self._name, method=self._method)
        reason = describe_os_error(error) if isinstance(error, OSError) else error
        return damaged_capture("compression", self._name, method=self._method, reason=reason)


class ZstdStream(io.RawIOBase):
    """Decompressed zstd frames, one after the other; zstandard's own reader takes a cut frame for the end."""

    def __init__(self, stream: PeekedStream, decompressor: Any) -> None:
        super().__init__()
        self._stream = stream
        self._decompressor = decompressor
        self._frame: Any = None  # decompressor of a frame that has begun and not ended
        self._compressed = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; return the number of bytes, 0 at the end; raise EOFError in the middle of a frame."""
        while not self._plain:
            compressed = self._compressed or self._stream.read(ZSTD_BYTES_AT_A_TIME)
            if not compressed:
                if self._frame is not None:
                    raise EOFError
                return 0
            if self._frame is None:
                self._frame = self._decompressor.decompressobj()
            self._plain = memoryview(self._frame.decompress(compressed))
            self._compressed = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        taken, self._plain = self._plain[: len(buffer)], self._plain[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def open_decompressed(stream: Any, name: str) -> PeekedStream:
    """Open a stream, and decompress it if its first bytes are those of a compressed file.

    Raises `MissingExtraError` if it is zstd and zstandard is not installed, `CaptureError` if it is a text stream.
    """
    peeked = PeekedStream(stream, name)
    try:
        head = peeked.peek(LONGEST_MAGIC)
    except OSError as error:
        raise CaptureError(describe_os_error(error), path=name) from error
    method = next((method for magic, method in MAGICS.items() if head.startswith(magic)), None)
    return peeked if method is None else _decompress(peeked, name, method)


def _decompress(peeked: PeekedStream, name: str, method: str) -> DecompressedStream:
    # Each library loads only for captures that need it.
    if method == "gzip":
        import gzip
        import zlib

        return DecompressedStream(gzip.GzipFile(fileobj=io.BufferedReader(peeked)), name, method, (zlib.error,))
    if method == "bzip2":
        import bz2

        return DecompressedStream(bz2.BZ2File(io.BufferedReader(peeked)), name, method, ())
    if method == "xz":
        import lzma

        return DecompressedStream(lzma.LZMAFile(io.BufferedReader(peeked)), name, method, (lzma.LZMAError,))
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtraError("reading a zstd capture", "zstd") from error
    reader = ZstdStream(peeked, zstandard.ZstdDecompressor())
    return DecompressedStream(reader, name, method, (zstandard.ZstdError,))
