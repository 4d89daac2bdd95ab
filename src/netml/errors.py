"""The exceptions of netml, and the words for damaged captures and for errors of the operating system.

NetmlError
    CaptureError (ValueError)            .path .record_no .offset
        NotACaptureError                 neither pcap nor pcapng
        TruncatedCaptureError            cut or damaged framing
        UnsupportedLinkTypeError
    OptionError (ValueError)             .option .value .allowed
    UnknownNameError (KeyError)          .kind .name .known
    FamilyError                          a custom family fails
    LabelFileError (ValueError)          a label file cannot be read
    UnmatchedLabelsError (ValueError)    no label belongs to a flow
    MissingColumnError (AttributeError)  .column .columns: packet columns that were not read
    MissingExtraError (ImportError)      .what .extra
    OutputError (OSError)                .path .reason
    SpillError (OSError)                 .folder .reason .n_bytes
    DamagedFileError (ValueError)        .path .reason
    UntrustedFileError                   a file that would run code
    TrainingError (ValueError)           features that no detector learns from
    TooManyRowsError                     training would take too long
    EvaluationError (ValueError)         labels and scores without a conclusion
CaptureWarning (UserWarning)             a damaged capture, read up to the damage
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from itertools import islice
from typing import Any

_MOST_NAMES = 64  # in a message; some matrices have thousands of columns
_OS_REASONS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EISDIR: "is a folder",
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EPIPE: "the reader of the pipe is gone",
}
# Kind of damage -> words; the first five kinds are those of `_flowcore.DAMAGE_KINDS`.
_DAMAGE = {
    "length": "a length of {n_wanted} bytes cannot be: the framing is damaged",
    "block": "a pcapng block that contradicts its own lengths: the framing is damaged",
    "section": "a pcapng section header of an unknown byte order or version",
    "interface": "a packet of an interface that was not described",
    "unreadable": "the file cannot be read on: it shrank while it was read, or its disk failed",
    "header cut": "cut in the capture header: {n_left} bytes are there",
    "record header cut": "cut: {n_left} bytes of the record are there",
    "record cut": "cut: {n_left} of {n_wanted} bytes of the record are there",
    "compression cut": "the {method} compression is cut",
    "compression": "the {method} compression is damaged ({reason})",
    "dpkt": "dpkt cannot read on: {reason}",
}


def describe_damage(kind: str, **details: object) -> str:
    """Return the words for a kind of damage; `details` are the numbers and names that the words hold."""
    return _DAMAGE[kind].format(**details)


def describe_os_error(error: OSError) -> str:
    """Return the reason of an operating system error in words, without the path."""
    return _OS_REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


class NetmlError(Exception):
    """Base class of everything that netml raises on purpose."""


class CaptureError(NetmlError, ValueError):
    """A capture that cannot be read, or not to its end.

    Parameters
    ----------
    message : str
        What is wrong, without the place.
    path : str, optional
        The capture's path or name.
    record_no : int, optional
        Number of the record (pcap) or block (pcapng) at fault, counted from 1.
    offset : int, optional
        Byte offset of that record in the (uncompressed) capture.
    """

    def __init__(
        self, message: str, *, path: str | None = None, record_no: int | None = None, offset: int | None = None
    ) -> None:
        self.message = message
        self.path = path
        self.record_no = record_no
        self.offset = offset
        super().__init__(message)

    def __str__(self) -> str:
        place = ""
        if self.record_no is not None:
            place = f"record {self.record_no}"
        if self.offset is not None:
            place += f"{' at ' if place else ''}byte {self.offset}"
        return ": ".join(part for part in (self.path, place, self.message) if part)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {"path": self.path, "record_no": self.record_no, "offset": self.offset}
        return _rebuild_capture_error, (type(self), self.message, fields)


def _rebuild_capture_error(kind: type[CaptureError], message: str, fields: dict[str, Any]) -> CaptureError:
    return kind(message, **fields)


class NotACaptureError(CaptureError):
    """The source is neither pcap nor pcapng."""


class TruncatedCaptureError(CaptureError):
    """The capture ends in the middle of a record, or its framing is damaged."""


def damaged_capture(
    kind: str, path: str, *, record_no: int | None = None, offset: int | None = None, **details: object
) -> TruncatedCaptureError:
    """Make the error of a damaged capture; `kind` and `details` as of `describe_damage`, the place as of its class."""
    return TruncatedCaptureError(describe_damage(kind, **details), path=path, record_no=record_no, offset=offset)


class UnsupportedLinkTypeError(CaptureError):
    """The capture's link type is not one that netml decodes."""


class CaptureWarning(UserWarning):
    """A capture was damaged; what was read before the damage is kept."""


class OptionError(NetmlError, ValueError):
    """An option has a value outside its range.

    Parameters
    ----------
    option : str
        Name of the option.
    value : object
        The value given.
    allowed : str
        The allowed range, in words.
    """

    def __init__(self, option: str, value: object, allowed: str) -> None:
        self.option = option
        self.value = value
        self.allowed = allowed
        super().__init__(option, value, allowed)

    def __str__(self) -> str:
        return f"{self.option}={self.value!r}: must be {self.allowed}"


class UnknownNameError(NetmlError, KeyError):
    """A name that no registry has, or no column of a matrix.

    Parameters
    ----------
    kind : str
        What was looked up ("family", "format").
    name : str
        The unknown name.
    known : iterable of str
        The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        super().__init__(kind, name, self.known)

    def __str__(self) -> str:
        known = ", ".join(self.known[:_MOST_NAMES])
        if len(self.known) > _MOST_NAMES:
            known += f" ... ({len(self.known):,} names)"
        near = nearest_name(self.name, self.known)
        meant = f". Did you mean {near}?" if near else ""
        return f"unknown {self.kind} {self.name!r}; known: {known}{meant}"


class MissingColumnError(NetmlError, AttributeError):
    """Packet columns that a table of flows was read without.

    Parameters
    ----------
    *columns : str
        Names of the columns; `column` is the first.
    """

    def __init__(self, *columns: str) -> None:
        self.columns = columns
        self.column = columns[0]
        super().__init__(*columns, name=columns[0])

    def __str__(self) -> str:
        is_one = len(self.columns) == 1
        named = f"name {'it' if is_one else 'them'} in columns=, as in netml.read_flows(..., columns={self.columns!r})"
        without = f"the packet column {self.column!r}" if is_one else "packet columns"
        return f"this table of flows was read without {without}: {named}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.columns


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is spelled most like a name, in upper or lower case; None if none is near."""
    from difflib import get_close_matches

    # A matrix may have a million columns: more names than these would take seconds.
    lowered = {each.lower(): each for each in islice(known, 10_000)}
    near = get_close_matches(str(name).lower(), lowered, n=1)
    return lowered[near[0]] if near else None


class FamilyError(NetmlError):
    """A custom family that cannot be loaded, fails, or returns something else than a row for each flow.

    Parameters
    ----------
    about : str
        The family ("family BURST"), package or module at fault.
    reason : str
        What is wrong.
    """

    def __init__(self, about: str, reason: str) -> None:
        self.about = about
        self.reason = reason
        super().__init__(about, reason)

    def __str__(self) -> str:
        return f"{self.about}: {self.reason}"


class MissingExtraError(NetmlError, ImportError):
    """An optional dependency is needed and not installed.

    Parameters
    ----------
    what : str
        What needs it ("writing Parquet").
    extra : str
        The extra of netml that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        self.what = what
        self.extra = extra
        super().__init__(what, extra)

    def __str__(self) -> str:
        return f"{self.what} needs an optional package: pip install netml[{self.extra}]"


class DamagedFileError(NetmlError, ValueError):
    """A feature or model file that is cut, damaged, or not of the kind its name says.

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


class UntrustedFileError(NetmlError):
    """A model or feature file that would run code when loaded."""


class TrainingError(NetmlError, ValueError):
    """Features that no detector can learn from: too few rows, or values that are no numbers."""


class TooManyRowsError(NetmlError):
    """Training would not end in a sensible time, or not fit into the memory."""


class OutputError(NetmlError, OSError):
    """An output file that cannot be written.

    Parameters
    ----------
    path : str
        The output's path as the user gave it.
    reason : str
        Why, in words.
    code : int, optional
        The system's error number, kept in `errno`.
    """

    def __init__(self, path: str, reason: str, code: int | None = None) -> None:
        super().__init__(code, reason, path)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    def __reduce__(self) -> tuple[type[OutputError], tuple[str, str, int | None]]:
        return type(self), (self.path, self.reason, self.errno)


def output_error(path: str | os.PathLike[str], error: OSError) -> OutputError:
    """Make the error of a path that could not be written.

    Parameters
    ----------
    path : str or os.PathLike
        The output as the user named it.
    error : OSError
        The error of the operating system.

    Returns
    -------
    OutputError
        Its path, reason and error number.
    """
    name = os.fspath(path)
    folder = os.path.dirname(name) or "."
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and not os.path.isdir(folder):
        reason = f"no such folder: {folder}"
    else:
        reason = describe_os_error(error)
    return OutputError(name, reason, error.errno)


class SpillError(NetmlError, OSError):
    """The temporary file, where packets go that do not fit into the memory, cannot be written or read.

    Parameters
    ----------
    folder : str
        Where the file is.
    reason : str
        Why, in words.
    n_bytes : int
        How much had been written.
    code : int, optional
        The system's error number, kept in `errno`.
    """

    def __init__(self, folder: str, reason: str, n_bytes: int = 0, code: int | None = None) -> None:
        super().__init__(code, reason, folder)
        self.folder = folder
        self.reason = reason
        self.n_bytes = n_bytes

    def __str__(self) -> str:
        written = f" after {self.n_bytes / 1e6:,.1f} MB" if self.n_bytes else ""
        about = f"temporary file in {self.folder}: {self.reason}{written}"
        return f"{about}; let TMPDIR name a folder with more room, or raise the memory that packets may take"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.folder, self.reason, self.n_bytes, self.errno)


class LabelFileError(NetmlError, ValueError):
    """A label file that lacks a column, or has a row that cannot be read."""


class UnmatchedLabelsError(NetmlError, ValueError):
    """A label file without a label for any flow of its capture."""


class EvaluationError(NetmlError, ValueError):
    """Labels and scores from which no figure can be computed."""
