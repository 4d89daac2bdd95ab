"""The file formats, a table by suffix: a new one is a module with `write` or `open_writer`, and a line here."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import IO, Any, NamedTuple

from netml.errors import UnknownNameError
from netml.files import output

Target = str | os.PathLike[str] | IO[bytes]


class Format(NamedTuple):
    """Properties of the files of one suffix."""

    suffix: str
    module: str  # name of the module in this package
    content: str  # what it takes and returns: "columns" (`Columns`), "arrays" (by name), "array", "pair"
    extra: str | None = None  # the extra of netml that it needs
    keeps_int8: bool = False  # bits stay bits: the others write numbers as text, or as float64
    keeps_unlabelled: bool = True  # flows without a label stay where others have one
    is_streamed: bool = False  # a reader can follow while it is written
    damaged: str = ""  # said of a file that cannot be read, before the reader's own words

    @property
    def code(self) -> ModuleType:
        """The module."""
        return import_module(f"{__name__}.{self.module}")


_NO_NPZ, _NO_MATRIX = "not an .npz file, or a damaged one", "not a matrix of features"
FORMATS = {
    each.suffix: each
    for each in (
        Format(".npz", "npz", "arrays", keeps_int8=True, damaged=_NO_NPZ),
        Format(".npy", "npy", "array", keeps_int8=True, damaged=_NO_MATRIX),
        Format(".csv", "csv", "columns", is_streamed=True),
        Format(".parquet", "parquet", "columns", "parquet", keeps_int8=True),
        Format(".arrow", "arrow", "columns", "parquet", keeps_int8=True, is_streamed=True),
        Format(".dat", "dat", "pair", keeps_unlabelled=False, damaged="not a pair of features and labels"),
        Format(".jsonl", "jsonl", "columns", is_streamed=True),
    )
}


def find_format(
    target: Target, suffix: str | None = None, *, among: Iterable[str] = tuple(FORMATS), what: str = "output format"
) -> Format:
    """Find the format of a path by its suffix.

    Parameters
    ----------
    target : str, os.PathLike or binary file
        A path, or a suffix with its dot.
    suffix : str, optional
        The format (".csv"), where the path does not tell (`/dev/stdout`, an open file).
    among : iterable of str, optional
        The suffixes that will do; by default all.
    what : str, optional
        The kind of format, for the error's text.

    Returns
    -------
    Format
        The line of the table.

    Raises
    ------
    UnknownNameError
        If none of `among` has this suffix.

    Examples
    --------
    >>> find_format("out/Friday.PARQUET").module
    'parquet'
    """
    among = tuple(among)
    name = os.path.basename(suffix or name_of(target))
    found = name.lower() if name.lower() in among else os.path.splitext(name)[1].lower()
    if found not in among:
        raise UnknownNameError(what, found or name, among)
    return FORMATS[found]


def name_of(target: Target) -> str:
    """Return a path, or an open file's name, for errors and for its suffix."""
    return os.fspath(target) if isinstance(target, str | os.PathLike) else str(getattr(target, "name", ""))


def check_output(target: Target, found: Format) -> None:
    """Check that a file of this format can be written, before the work is done.

    Raises
    ------
    MissingExtraError
        If the format's package is not installed.
    OutputError
        If the folder is missing, the target is a folder, or writing is not permitted.
    """
    _require_extra(found, "writing")
    if isinstance(target, str | os.PathLike) and target != "-":
        output.check_output(target)


def _require_extra(found: Format, doing: str) -> None:
    if found.extra is not None:
        from netml.formats._table import import_pyarrow

        import_pyarrow(f"{doing} {found.suffix}")


def write(target: Target, found: Format, content: Any) -> None:
    """Write a file; it appears whole or not at all.

    Parameters
    ----------
    target : str, os.PathLike or binary file
        A device, a FIFO or an open file is written directly.
    found : Format
        The format.
    content : Columns, dict of str to ndarray, ndarray or tuple
        As `found.content` has it.

    Raises
    ------
    MissingExtraError
        If the format's package is not installed.
    OutputError
        If the file cannot be written.
    """
    from netml.formats.batch_writer import open_target

    _require_extra(found, "writing")
    with open_target(target) as stream:
        if found.content != "columns":
            found.code.write(stream, content)
            return
        with found.code.open_writer(stream, content[:0]) as write_rows:
            write_rows(content)


@contextlib.contextmanager
def open_input(source: Target, found: Format, damaged: str | None = None) -> Iterator[IO[bytes]]:
    """Open a file whose contents may be anything: whatever is wrong inside the block is the file's fault.

    Parameters
    ----------
    source : str, os.PathLike or binary file
        A file that cannot seek is read into memory.
    found : Format
        The format.
    damaged : str, optional
        Said of a damaged file in place of `found.damaged`.

    Yields
    ------
    binary file
        For the format's `read`.

    Raises
    ------
    MissingExtraError
        If the format's package is not installed.
    DamagedFileError
        If the block raises anything but errors of the system, of memory, and those that say more.
    """
    from netml.formats._damage import damage_as_error

    _require_extra(found, "reading")
    said = found.damaged if damaged is None else damaged
    with damage_as_error(name_of(source), said), contextlib.ExitStack() as stack:
        stream = stack.enter_context(open(source, "rb")) if isinstance(source, str | os.PathLike) else source
        yield stream if stream.seekable() else io.BytesIO(stream.read())
