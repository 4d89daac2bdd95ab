"""Files to write and to read: a path, "-" for standard output, or a binary file that the caller has opened."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

from netml.errors import (
    DamagedFileError,
    MissingExtraError,
    NetmlError,
    OptionError,
    UntrustedFileError,
    output_error,
)
from netml.files.output import atomic_output

Target = str | os.PathLike[str] | IO[bytes]
_CHUNK_BYTES = 1 << 20
_MEMORY_BYTES = 1 << 26  # of an open file's content; beyond it a temporary file holds the content


def name_of(target: Target) -> str:
    """Return a path, or an open file's name (`<BytesIO>` for a file without one), for errors."""
    if isinstance(target, str | os.PathLike):
        return os.fspath(target)
    return str(getattr(target, "name", f"<{type(target).__name__}>"))


def require_binary(target: Target, method: str) -> None:
    """Raise an `OptionError` for an open file of text, or without the method "read" or "write"."""
    if isinstance(target, str | os.PathLike):
        return
    if isinstance(target, io.TextIOBase) or not hasattr(target, method):
        raise OptionError("path", type(target).__name__, f"a path, or a file opened in binary mode, to {method}")


@contextlib.contextmanager
def open_target(target: Target) -> Iterator[IO[bytes]]:
    """Open a file to write to; the content appears when the block ends well, except on standard output and devices.

    An open file gets the content at its place, and stays open. All errors of the system are `OutputError`s.
    """
    if isinstance(target, str) and target == "-":
        sys.stdout.buffer.write(b"")  # a closed standard output fails before the work
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif isinstance(target, str | os.PathLike):
        # Opened here: given a path, pyarrow deletes what stands there when it fails, were it a device or a FIFO.
        with atomic_output(target) as partial, open(partial, "wb") as stream:
            yield stream
    else:
        require_binary(target, "write")
        try:
            with _open_temporary() as stream:
                yield stream
                stream.seek(0)
                while chunk := stream.read(_CHUNK_BYTES):
                    _write_all(target, chunk)
        except NetmlError:
            raise
        except OSError as error:
            raise output_error(name_of(target), error) from error


@contextlib.contextmanager
def open_source(source: Target) -> Iterator[IO[bytes]]:
    """Open a file to read, seekable and at position 0; of an open file the rest is copied, and it stays open."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as stream:
            yield stream if stream.seekable() else io.BytesIO(stream.read())
        return
    require_binary(source, "read")
    with _open_temporary() as copied:
        while chunk := source.read(_CHUNK_BYTES):
            copied.write(chunk)
        copied.seek(0)
        yield copied


def _open_temporary() -> Any:
    import tempfile

    return tempfile.SpooledTemporaryFile(_MEMORY_BYTES, prefix="netml-")


def _write_all(file: Any, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        n_written = file.write(rest)
        # A raw file may take a part; an object that returns no count has taken all.
        rest = rest[n_written:] if isinstance(n_written, int) else rest[:0]


@contextlib.contextmanager
def damage_as_error(path: str | os.PathLike[str], reason: str = "") -> Iterator[None]:
    """Turn what a reader raises into a `DamagedFileError` with the path, `reason`, and what was raised in parentheses.

    zipfile, zlib, numpy's parser of headers and pyarrow fail in dozens of ways, and the types are not all documented.
    Errors of the system (no such file), of memory, and those that say more stay as they are.
    """
    try:
        yield
    except (DamagedFileError, MissingExtraError, UntrustedFileError, MemoryError):
        raise
    except Exception as error:
        # pyarrow's errors of damaged files are OSErrors without a number; EINVAL is a seek to where no file can be.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        said = str(error) or type(error).__name__
        raise DamagedFileError(os.fspath(path), f"{reason} ({said})" if reason else said) from error
