"""Streams that can be peeked into, decompressed by what they contain and not by their names."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from typing import Any

from netml.errors import CaptureError, MissingExtraError, TruncatedCaptureError

MAGICS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
LONGEST_MAGIC = max(map(len, MAGICS))


class PeekedStream(io.RawIOBase):
    """A stream whose first bytes can be looked at; then it reads as if nobody had."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream
        self._peeked = b""
        self._readinto = getattr(stream, "readinto1", None) or getattr(stream, "readinto", None)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def peek(self, n_bytes: int) -> bytes:
        """Give the next `n_bytes` bytes, fewer only at the end, and leave them where they are."""
        while len(self._peeked) < n_bytes:
            more = self._stream.read(n_bytes - len(self._peeked))
            if isinstance(more, str):
                raise CaptureError("a text stream: open the capture in binary mode")
            if not more:
                break
            self._peeked += bytes(more)
        return self._peeked[:n_bytes]

    def skip(self, n_bytes: int) -> None:
        """Drop bytes that `peek` has shown."""
        self._peeked = self._peeked[n_bytes:]

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as bytes are at hand; 0 at the end."""
        if self._peeked:
            taken = self._peeked[: len(buffer)]
            buffer[: len(taken)] = taken
            self._peeked = self._peeked[len(taken) :]
            return len(taken)
        if self._readinto is not None:
            return self._readinto(buffer) or 0
        more = self._stream.read(len(buffer))
        buffer[: len(more)] = more
        return len(more)


class DecompressedStream(PeekedStream):
    """A decompressed stream whose faults name the capture."""

    def __init__(self, stream: Any, name: str, method: str) -> None:
        super().__init__(stream)
        self._name = name
        self._method = method

    def peek(self, n_bytes: int) -> bytes:
        """Give the next bytes; see `PeekedStream.peek`."""
        try:
            return super().peek(n_bytes)
        except _faults() as error:
            raise self._fault(error) from error

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end."""
        try:
            return super().readinto(buffer)
        except _faults() as error:
            raise self._fault(error) from error

    def _fault(self, error: BaseException) -> CaptureError:
        reason = "is cut" if isinstance(error, EOFError) else f"is damaged ({error})"
        return TruncatedCaptureError(f"the {self._method} compression {reason}", path=self._name)


def _faults() -> tuple[type[BaseException], ...]:
    # gzip.BadGzipFile and bzip2's complaints are OSErrors without a number; a read error has one and is not a fault here.
    return (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError, ValueError, *_zstd_faults())


def _zstd_faults() -> tuple[type[BaseException], ...]:
    try:
        import zstandard
    except ImportError:
        return ()
    return (zstandard.ZstdError,)


def open_decompressed(stream: Any, name: str) -> PeekedStream:
    """Look at a stream's first bytes and decompress it if they ask for it.

    Parameters
    ----------
    stream : binary file
        Anything with `read` or `readinto`.
    name : str
        For messages.

    Returns
    -------
    PeekedStream
        The plain bytes.

    Raises
    ------
    MissingExtraError
        If it is zstd and zstandard is not installed.
    CaptureError
        If it is a text stream.
    """
    peeked = PeekedStream(stream)
    try:
        head = peeked.peek(LONGEST_MAGIC)
    except OSError as error:
        raise CaptureError("is a folder, not a capture" if isinstance(error, IsADirectoryError) else str(error.strerror or error), path=name) from error
    method = next((method for magic, method in MAGICS.items() if head.startswith(magic)), None)
    if method is None:
        return peeked
    if method == "gzip":
        return DecompressedStream(gzip.GzipFile(fileobj=io.BufferedReader(peeked)), name, method)
    if method == "bzip2":
        return DecompressedStream(bz2.BZ2File(io.BufferedReader(peeked)), name, method)
    if method == "xz":
        return DecompressedStream(lzma.LZMAFile(io.BufferedReader(peeked)), name, method)
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtraError("reading a zstd capture", "zstd") from error
    reader = zstandard.ZstdDecompressor().stream_reader(peeked, read_across_frames=True)
    return DecompressedStream(reader, name, method)
