"""Labels from a CSV file.

A file has a row for each labelled connection: addresses, ports, protocol, label, and perhaps a time window.
The CIC-IDS2017 files are read as they come; of any other file the columns are found by common spellings or by
name.
"""

from __future__ import annotations

import contextlib
import csv
import io
import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

import numpy as np

from netml.errors import LabelFileError, OptionError
from netml.labels.csv_columns import FIELDS, PROTOCOLS, find_columns, parse_number, quote, read_field, read_window
from netml.schema.flow_index import address_texts

FiveTuple: TypeAlias = tuple[str, str, int, int, int]

_ENDS = ("src_ip", "dst_ip")
_PORTS = ("src_port", "dst_port")


@dataclass(frozen=True)
class Labels:
    """The rows of a label file that can belong to a flow, in the file's order."""

    path: str
    five_tuples: list[FiveTuple]
    texts: list[str]
    windows_ns: list[tuple[int, int]] | None  # first and last ns of each row, both included; None: no times

    def __len__(self) -> int:
        return len(self.texts)


def read_labels(
    path: str | os.PathLike[str] | IO[Any],
    *,
    columns: Mapping[str, str] | None = None,
    abnormal: Iterable[str] | None = None,
) -> Labels:
    """Read a label file.

    Parameters
    ----------
    path : str, os.PathLike or file
        A CSV file with a header line, divided by commas, semicolons or tabs.
    columns : mapping of str to str, optional
        The file's names for src_ip, dst_ip, src_port, dst_port, protocol, label, start, end, duration. What
        is not named is found by its common spellings ("Source IP", "srcip", "saddr", "id.orig_h" ...),
        whatever the case and the blanks.
    abnormal : iterable of str, optional
        The labels that count as abnormal, whatever the case. If given, these labels become "1" and all
        others "0".

    Returns
    -------
    Labels
        Rows of protocols other than TCP and UDP, and rows without one, are left out. A row has a time
        window if the file has a start and an end, or a start and a duration: ISO 8601 (UTC where no zone is
        given), or numbers since 1970, in seconds unless the column's name ends in ms, us or ns. The window
        reaches to the end of the last digit given. The CIC-IDS2017 times (local, often to the minute) are not
        taken for windows.

    Raises
    ------
    LabelFileError
        If a column is missing, or a value cannot be read.
    OptionError
        If `columns` names a field that does not exist.
    OSError
        If the file cannot be opened.
    """
    unknown = sorted(set(columns or {}) - set(FIELDS))
    if unknown:
        raise OptionError("columns", unknown, f"a mapping from some of {', '.join(FIELDS)}")
    with _opened(path) as (stream, name):
        header_line = stream.readline()
        if not header_line.strip():
            raise LabelFileError(f"{name}: no header line: the file is empty")
        delimiter = max(",;\t", key=header_line.count)
        bad = None if abnormal is None else frozenset(map(str.upper, abnormal))
        try:
            header = next(csv.reader([header_line], delimiter=delimiter))
            places = find_columns(header, columns or {})
            return _read_rows(name, header, places, csv.reader(stream, delimiter=delimiter), bad)
        except LookupError as error:
            found = ", ".join(title.strip() for title in header)
            if not found.isprintable():
                raise LabelFileError(f"{name}: not a CSV file with a header line") from None
            hint = "name them with columns= or --label-column"
            raise LabelFileError(f"{name}: no column for {error.args[0]} ({hint}); columns found: {found}") from None
        except csv.Error as error:
            raise LabelFileError(f"{name}: not a CSV file ({error})") from None


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str] | IO[Any]) -> Iterator[tuple[IO[str], str]]:
    if isinstance(path, str | os.PathLike):
        # The CIC-IDS2017 files mix encodings: an unreadable dash in a label must not stop the reading.
        with open(path, newline="", encoding="utf-8-sig", errors="replace") as stream:
            yield stream, os.fspath(path)
        return
    content = path.read()
    text = content.decode("utf-8-sig", "replace") if isinstance(content, bytes) else content
    yield io.StringIO(text, newline=""), str(getattr(path, "name", "labels"))


def _read_rows(
    name: str,
    header: list[str],
    places: dict[str, int],
    rows: Iterable[list[str]],
    abnormal: frozenset[str] | None,
) -> Labels:
    found = Labels(name, [], [], [] if "start" in places else None)
    addresses: dict[str, str] = {}
    titles = {field: header[place].strip() for field, place in places.items()}
    for line_no, row in enumerate(rows, start=2):
        values = {field: row[place].strip() if place < len(row) else "" for field, place in places.items()}
        # Some CIC-IDS2017 files end in thousands of rows of commas.
        protocol = PROTOCOLS.get(values["protocol"].lower().removesuffix(".0"))
        if protocol is None:
            continue
        try:
            ends = [read_field(values, field, titles, lambda text: _canonical(text, addresses)) for field in _ENDS]
            ports = [read_field(values, field, titles, parse_number) for field in _PORTS]
            if found.windows_ns is not None:
                found.windows_ns.append(read_window(values, titles))
        except ValueError as error:
            raise LabelFileError(f"{name}: line {line_no}: {error}") from None
        found.five_tuples.append((ends[0], ends[1], ports[0], ports[1], protocol))
        label = values["label"]
        found.texts.append(label if abnormal is None else str(int(label.upper() in abnormal)))
    return found


def _canonical(text: str, known: dict[str, str]) -> str:
    if text not in known:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise ValueError(f"{quote(text)} does not appear to be an IPv4 or IPv6 address") from None
        known[text] = str(address) if address.version == 4 else _text_of(address.packed)
    return known[text]


def _text_of(packed: bytes) -> str:
    """Format an IPv6 address as flows do: `str()` of an IPv4-mapped address differs between versions of Python."""
    octets = np.frombuffer(packed, np.uint8).reshape(1, 16)
    return str(address_texts(octets, np.array([6], np.uint8))[0])
