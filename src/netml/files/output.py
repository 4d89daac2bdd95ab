"""Output files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import stat
from collections import deque
from collections.abc import Iterable, Iterator

from netml.errors import NetmlError, OutputError, output_error

# The last output that is whole, for the message of an interrupted run.
finished_outputs: deque[str] = deque(maxlen=1)

_DESCRIPTORS = ("/dev/fd/", "/dev/std", "/proc/")


@contextlib.contextmanager
def atomic_output(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield a path to write to; it becomes `path` when the block ends without an error.

    The file is written under a hidden, random name in the same folder and renamed at the end; after any
    exception (Ctrl-C too) it is removed, and an older file at `path` stays as it was. Devices, FIFOs and
    sockets are written directly. Permissions are those that `open(path, "wb")` would have given.

    `OutputError` if the folder is missing, the target is a folder, writing is not permitted, or the disk is full.
    """
    try:
        mode = check_output(path)
        # An open descriptor may stand at the end of a file that somebody appends to: never replace that file.
        if mode is not None and (not stat.S_ISREG(mode) or os.path.abspath(path).startswith(_DESCRIPTORS)):
            yield os.fspath(path)
        else:
            # Through a symbolic link the file behind it is replaced, as open() would do.
            with _renamed_on_success(os.path.realpath(path), mode) as partial:
                yield partial
            finished_outputs.append(os.fspath(path))
    except NetmlError:
        raise
    except OSError as error:
        raise output_error(path, error) from error


def check_output(path: str | os.PathLike[str]) -> int | None:
    """Check before the work that `path` can be written; return its `st_mode`, None if it does not exist.

    `OutputError` if the folder is missing, the target is a folder, or writing is not permitted.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise output_error(path, error) from error
    folder = os.path.dirname(os.path.realpath(path))
    if mode is None and not os.path.isdir(folder):
        code = errno.ENOENT
    elif mode is not None and stat.S_ISDIR(mode):
        code = errno.EISDIR
    elif not all(os.access(place, needed) for place, needed in _needed_access(path, folder, mode)):
        code = errno.EACCES
    else:
        return mode
    raise output_error(path, OSError(code, None))


def check_not_input(output: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str] | None]) -> None:
    """Raise an `OutputError` if the output is one of the inputs, under any name; None and "-" are no files."""
    for each in inputs:
        if each is not None and _is_same_file(each, output):
            raise OutputError(os.fspath(output), "is an input: it would be lost")


def _is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    try:
        return stat.S_ISREG(os.stat(one).st_mode) and os.path.samefile(one, other)
    except OSError:
        return False


def _needed_access(
    path: str | os.PathLike[str], folder: str, mode: int | None
) -> Iterator[tuple[str | os.PathLike[str], int]]:
    if mode is not None:
        yield path, os.W_OK
    if mode is None or stat.S_ISREG(mode):
        yield folder, os.W_OK | os.X_OK


@contextlib.contextmanager
def _renamed_on_success(target: str, mode: int | None) -> Iterator[str]:
    folder, name = os.path.split(target)
    # A name may have 255 bytes; the hidden one must not be too long where the target is not. It is left to
    # the writer to create: ext4 flushes a file at closing if it was there before and was truncated.
    partial = os.path.join(folder, f".{name[:48]}.{os.urandom(8).hex()}.part")
    try:
        yield partial
        if mode is not None:
            os.chmod(partial, stat.S_IMODE(mode))
        os.replace(partial, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make the missing folder of an output file, as the original netml does."""
    try:
        os.makedirs(os.path.dirname(os.fspath(path)) or ".", exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error


def write_pickle(path: str | os.PathLike[str], content: object) -> None:
    """Pickle an object to a file that appears whole or not at all; a missing folder is created."""
    make_folder(path)
    with atomic_output(path) as partial, open(partial, "wb") as stream:
        pickle.dump(content, stream)
