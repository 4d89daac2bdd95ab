"""Labels from a CSV file, and their flows.

A file has a row for each labelled connection: addresses, ports, protocol, label, and perhaps a time window.
The CIC-IDS2017 files are read as they come; of any other file the columns are found by common spellings or by
name.
"""

from __future__ import annotations

import contextlib
import csv
import io
import ipaddress
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np

from netml._label_columns import FIELDS, PROTOCOLS, find_columns, parse_number, quote, read_field, read_window
from netml.errors import LabelFileError, OptionError
from netml.schema.flow_index import address_texts

if TYPE_CHECKING:
    from netml.schema.flow_index import FlowIndex

FiveTuple: TypeAlias = tuple[str, str, int, int, int]

_ENDS = ("src_ip", "dst_ip")
_PORTS = ("src_port", "dst_port")

EVER_NS = 2**63 - 1
NORMAL_NAMES = frozenset({"BENIGN", "NORMAL", "0", "0.0"})


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
        The labels that count as abnormal, whatever the case. If given, the labels' texts become "1" for these
        and "0" for all others.

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
    """Write an IPv6 address as flows do: `str()` of one that maps an IPv4 address differs between Pythons."""
    octets = np.frombuffer(packed, np.uint8).reshape(1, 16)
    return str(address_texts(octets, np.array([6], np.uint8))[0])


def join_labels(labels: Labels, flows: FlowIndex, *, both_directions: bool = True) -> np.ndarray:
    """Find the label of each flow.

    Parameters
    ----------
    labels : Labels
        From `read_labels`.
    flows : FlowIndex
        The flows.
    both_directions : bool, default True
        Also look for rows with source and destination exchanged, if none has them as they are: label files
        name connections, and a flow is one direction of one. The original does not.

    Returns
    -------
    numpy.ndarray
        U (n_flows,): the label, or "" where the file has none. With windows, a row counts only for flows that
        share some time with it. Of several rows the last counts.
    """
    rows_of = _rows_by_five_tuple(labels)
    found = []
    spans = zip(flows.start_ns.tolist(), flows.end_ns.tolist(), strict=True)
    for five_tuple, span in zip(flows.five_tuples(), spans, strict=True):
        last = _last_row(labels, rows_of.get(five_tuple, ()), span)
        if last is None and both_directions:
            last = _last_row(labels, rows_of.get(_reverse(five_tuple), ()), span)
        found.append("" if last is None else labels.texts[last])
    return np.array(found, dtype=np.str_)


def _rows_by_five_tuple(labels: Labels) -> dict[FiveTuple, list[int]]:
    rows_of: dict[FiveTuple, list[int]] = {}
    for row, five_tuple in enumerate(labels.five_tuples):
        rows_of.setdefault(five_tuple, []).append(row)
    return rows_of


def _reverse(five_tuple: FiveTuple) -> FiveTuple:
    src_ip, dst_ip, src_port, dst_port, protocol = five_tuple
    return dst_ip, src_ip, dst_port, src_port, protocol


def _last_row(labels: Labels, rows: Iterable[int], span_ns: tuple[int, int]) -> int | None:
    rows = list(rows)
    if labels.windows_ns is None:
        return rows[-1] if rows else None
    for row in reversed(rows):
        first, last = labels.windows_ns[row]
        if span_ns[0] <= last and span_ns[1] >= first:
            return row
    return None


def seed_labels(
    label_file: str | os.PathLike[str] | IO[Any],
    five_tuples: Iterable[FiveTuple],
    *,
    spans_ns: Iterable[tuple[int, int]] | None = None,
    columns: Mapping[str, str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Label flows as the original's `label_flows` does: by five-tuple, in the flow's own direction.

    Parameters
    ----------
    label_file : str, os.PathLike or file
        A label file; see `read_labels`.
    five_tuples : iterable of tuple
        (src_ip, dst_ip, src_port, dst_port, protocol) of each flow.
    spans_ns : iterable of (int, int), optional
        First and last time of each flow, ns: where the file gives time windows, a row counts only for flows that share
        some time with it.
    columns : mapping of str to str, optional
        See `read_labels`.

    Returns
    -------
    kept : numpy.ndarray
        int64 (n_kept,): positions of the flows that the file knows, rising. The original forgets all others.
    labels : numpy.ndarray
        int64 (n_kept,): 0 for BENIGN and NORMAL, whatever the case, else 1. Of several rows with one
        five-tuple the last counts.
    """
    labels = read_labels(label_file, columns=columns)
    rows_of = _rows_by_five_tuple(labels)
    spans = itertools.repeat((-EVER_NS, EVER_NS)) if spans_ns is None else spans_ns
    rows = [_last_row(labels, rows_of.get(key, ()), span) for key, span in zip(five_tuples, spans, strict=False)]
    kept = np.array([position for position, row in enumerate(rows) if row is not None], dtype=np.int64)
    return kept, binary_labels([labels.texts[row] for row in rows if row is not None])


def binary_labels(labels: Iterable[str] | np.ndarray, abnormal: Iterable[str] | None = None) -> np.ndarray:
    """Turn labels into numbers.

    Parameters
    ----------
    labels : iterable of str
        Labels of flows.
    abnormal : iterable of str, optional
        The labels that count as abnormal, whatever the case. By default all but BENIGN, NORMAL and 0.

    Returns
    -------
    numpy.ndarray
        int64 (n_labels,): 1 abnormal, 0 normal, -1 where the label is "".

    Examples
    --------
    >>> binary_labels(["BENIGN", "PortScan", "", "normal"])
    array([ 0,  1, -1,  0])
    """
    bad = None if abnormal is None else frozenset(map(str.upper, abnormal))
    texts, where = np.unique(np.array(list(labels), dtype=np.str_), return_inverse=True)
    uppers = [text.upper() for text in texts.tolist()]
    is_bad = [text not in NORMAL_NAMES if bad is None else text in bad for text in uppers]
    numbers = [int(flag) if text else -1 for text, flag in zip(uppers, is_bad, strict=True)]
    return np.array(numbers, dtype=np.int64)[where]
