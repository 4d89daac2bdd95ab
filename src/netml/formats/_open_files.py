"""Binary files that the caller has opened, in place of paths: written and read by way of a temporary file."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any

from netml.errors import (
    DamagedFileError,
    OptionError,
    OutputError,
    UnknownNameError,
    UntrustedFileError,
    describe_os_error,
)

Target = str | os.PathLike[str] | IO[bytes]
_CHUNK_BYTES = 1 << 20


@contextlib.contextmanager
def output_path(
    target: Target, format: str | None, known: Iterable[str], default: str | None = None
) -> Iterator[tuple[str | os.PathLike[str], str | None]]:
    """Find the path to write to: the one given, or a temporary file whose content an open file gets at the end.

    Parameters
    ----------
    target : path or binary file
        Where to write; an open file is written at its place, and stays open.
    format : str or None
        Name of the format ("npz" or ".npz"); None if the name of the path or of the file tells it.
    known : iterable of str
        The suffixes that can be written.
    default : str, optional
        The suffix for an open file of which nothing tells the format.

    Yields
    ------
    path : str or os.PathLike
        Where to write.
    suffix : str or None
        The format's suffix; None if the path tells it.

    Raises
    ------
    OptionError
        If nothing tells the format of an open file, or it was not opened in binary mode.
    UnknownNameError
        If there is no such format.
    OutputError
        If the open file cannot be written.
    """
    suffix = _find_suffix(target, format, tuple(known), default)
    if isinstance(target, str | os.PathLike):
        yield target, suffix
        return
    _require_binary(target, "write")
    with _temporary_path(target, suffix or "") as path:
        yield path, suffix
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                _write_all(target, chunk)


@contextlib.contextmanager
def input_path(
    source: Target, format: str | None, known: Iterable[str], default: str | None = None
) -> Iterator[tuple[str | os.PathLike[str], str | None]]:
    """Find the path to read from: the one given, or a temporary file with the rest of what an open file holds.

    Parameters
    ----------
    source : path or binary file
        What to read; an open file is read from its place to its end, and stays open.
    format, known, default
        As in `output_path`.

    Yields
    ------
    path : str or os.PathLike
        Where to read.
    suffix : str or None
        The format's suffix; None if the path tells it.

    Raises
    ------
    OptionError, UnknownNameError
        As in `output_path`.
    """
    suffix = _find_suffix(source, format, tuple(known), default)
    if isinstance(source, str | os.PathLike):
        yield source, suffix
        return
    _require_binary(source, "read")
    with _temporary_path(source, suffix or "") as path:
        with open(path, "wb") as stream:
            while chunk := source.read(_CHUNK_BYTES):
                stream.write(chunk)
        yield path, suffix


def _find_suffix(target: Target, format: str | None, known: tuple[str, ...], default: str | None) -> str | None:
    if format is not None:
        suffix = f".{format.lower().removeprefix('.')}"
        if suffix not in known:
            raise UnknownNameError("format", format, [name[1:] for name in known])
        return suffix
    if isinstance(target, str | os.PathLike):
        return None
    name = getattr(target, "name", None)  # a number, of a file that was opened by its descriptor
    suffix = os.path.splitext(name)[1].lower() if isinstance(name, str) else ""
    if suffix in known:
        return suffix
    if default is None:
        choices = ", ".join(name[1:] for name in known)
        raise OptionError("format", None, f"given for a file whose name does not tell it: one of {choices}")
    return default


def _require_binary(file: Any, method: str) -> None:
    if isinstance(file, io.TextIOBase) or not hasattr(file, method):
        raise OptionError("path", type(file).__name__, f"a path, or a file opened in binary mode, to {method}")


def _name_of(file: Any) -> str:
    return str(getattr(file, "name", f"<{type(file).__name__}>"))


@contextlib.contextmanager
def _temporary_path(file: Any, suffix: str) -> Iterator[str]:
    """Make a temporary path; errors that name it name the open file instead."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="netml-") as folder:
        path = os.path.join(folder, f"data{suffix}")
        try:
            yield path
        except DamagedFileError as error:
            raise DamagedFileError(_name_of(file), error.reason) from error
        except OutputError as error:
            raise OutputError(_name_of(file), error.reason, error.errno) from error
        except UntrustedFileError as error:
            raise UntrustedFileError(str(error).replace(path, _name_of(file))) from error


def _write_all(file: Any, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            n_written = file.write(rest)
            # A raw file may take a part; an object that gives no count has taken all.
            rest = rest[n_written:] if isinstance(n_written, int) else rest[:0]
    except OSError as error:
        raise OutputError(_name_of(file), describe_os_error(error), error.errno) from error
