"""The file formats, a table by suffix: a new one is a module with `write` or `open_writer`, and a line here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import IO, Any, NamedTuple

from netml.errors import OptionError, UnknownNameError
from netml.files import output
from netml.formats.streams import Target, damage_as_error, name_of, open_source, open_target, require_binary


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


def find_suffix(
    target: Target,
    format: str | None = None,
    *,
    among: Iterable[str],
    what: str = "output format",
    default: str | None = None,
) -> str:
    """Find the suffix of a format: of `format` ("csv"), or else of the name of a path or of an open file, or `default`.

    A name that is in no format raises an `UnknownNameError` that says `what` is unknown; an open file whose name tells
    no format an `OptionError`.
    """
    among = tuple(among)
    if format is not None:
        suffix = f".{format.lower().removeprefix('.')}"
        if suffix not in among:
            raise UnknownNameError("format", format, [name[1:] for name in among])
        return suffix
    is_path = isinstance(target, str | os.PathLike)
    given = target if is_path else getattr(target, "name", "")  # a number, of a file opened by its descriptor
    name = os.path.basename(given) if isinstance(given, str | os.PathLike) else ""
    suffix = name.lower() if name.lower() in among else os.path.splitext(name)[1].lower()
    if suffix in among:
        return suffix
    if default is not None:
        return default
    if is_path:
        raise UnknownNameError(what, suffix or name, among)
    choices = ", ".join(name[1:] for name in among)
    raise OptionError("format", None, f"given for a file whose name does not tell it: one of {choices}")


def find_format(
    target: Target, format: str | None = None, *, among: Iterable[str] = tuple(FORMATS), what: str = "output format"
) -> Format:
    """Find the format of a path, a suffix or an open file; see `find_suffix`.

    Examples
    --------
    >>> find_format("out/Friday.PARQUET").module
    'parquet'
    """
    return FORMATS[find_suffix(target, format, among=among, what=what)]


def check_output(target: Target, found: Format) -> None:
    """Raise what writing would raise after the work: `MissingExtraError`, or `OutputError` for a path."""
    _require_extra(found, "writing")
    if isinstance(target, str | os.PathLike) and target != "-":
        output.check_output(target)


def _require_extra(found: Format, doing: str) -> None:
    if found.extra is not None:
        from netml.formats._table import import_pyarrow

        import_pyarrow(f"{doing} {found.suffix}")


def write(target: Target, found: Format, content: Any) -> None:
    """Write `content`, of the kind that `found.content` names, to a file that appears whole or not at all."""
    _require_extra(found, "writing")
    with open_target(target) as stream:
        if found.content != "columns":
            found.code.write(stream, content)
            return
        with found.code.open_writer(stream, content[:0]) as write_rows:
            write_rows(content)


@contextlib.contextmanager
def open_input(source: Target, found: Format, damaged: str | None = None) -> Iterator[IO[bytes]]:
    """Open a file for the format's `read`; errors inside the block become a `DamagedFileError` that names the file.

    `damaged` is said of a damaged file in place of `found.damaged`. Errors of the system and of memory stay.
    """
    _require_extra(found, "reading")
    require_binary(source, "read")
    said = found.damaged if damaged is None else damaged
    with damage_as_error(name_of(source), said), open_source(source) as stream:
        yield stream
