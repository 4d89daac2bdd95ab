"""Errors of readers of files, turned into `DamagedFileError`s."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from netml.errors import DamagedFileError, MissingExtraError, UntrustedFileError


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
