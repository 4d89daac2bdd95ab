"""Pickles of numpy arrays and Python's own containers, read without running what a stranger's file brings."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

from netml.errors import NetmlError, UntrustedFileError

# What a pickled numpy array is made of, under the names of numpy 1 and 2. Nothing here runs what the file
# brings.
_SAFE_GLOBALS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("collections", "OrderedDict"),
    ("builtins", "bytearray"),
    ("builtins", "complex"),
    ("builtins", "frozenset"),
    ("builtins", "set"),
    ("builtins", "range"),
    ("builtins", "slice"),
}


class DamagedFileError(NetmlError, ValueError):
    """A feature file that is cut, damaged, or not of the kind its name says.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        What is wrong, in words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def unpickle(stream: BinaryIO, name: str, trust: bool) -> Any:
    """Unpickle a file.

    Parameters
    ----------
    stream : binary file
        The pickle.
    name : str
        Its path, for the errors.
    trust : bool
        Run what it brings. Otherwise only numpy arrays and Python's own containers are admitted.

    Returns
    -------
    object
        What was pickled.

    Raises
    ------
    UntrustedFileError
        If it holds anything else, and `trust` is False.
    DamagedFileError
        If it is no pickle, or cut.
    """
    if trust:
        return pickle.load(stream)
    try:
        return _SafeUnpickler(stream, name).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError) as error:
        # A damaged pickle fails in any of these ways, with texts that tell a user nothing.
        raise DamagedFileError(name, "not a pickle, or a damaged one") from error


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, which old pickles of arrays call, always with latin1."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"unexpected encoding {encoding!r}")
    return text.encode("latin1")


class _SafeUnpickler(pickle.Unpickler):
    """Admits numpy arrays and Python's own containers, and names whatever else the file holds."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__(stream)
        self._name = name

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _encode_latin1
        if (module, name) not in _SAFE_GLOBALS:
            raise UntrustedFileError(
                f"{self._name}: holds {module}.{name}, which would run code; pass trust=True if you trust it"
            )
        # numpy 2 still answers to the old name, with a warning.
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)
