"""Spellings of columns, numbers and times in label files."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeVar

# Spellings without case, blanks and punctuation; the first that a file has counts.
FIELDS = {
    "src_ip": ("srcip", "sourceip", "srcaddr", "sourceaddress", "saddr", "sip", "ipsrc", "idorigh"),
    "dst_ip": (
        "dstip",
        "destinationip",
        "destip",
        "dstaddr",
        "destinationaddress",
        "daddr",
        "dip",
        "idresph",
    ),
    "src_port": ("srcport", "sourceport", "sport", "spt", "srcpt", "idorigp"),
    "dst_port": ("dstport", "destinationport", "destport", "dport", "dpt", "dstpt", "idrespp"),
    "protocol": ("protocol", "proto", "prot", "ipprotocol", "ipproto"),
    "label": ("label", "labels", "class", "attack", "attackcat", "category"),
    "start": ("start", "starttime", "stime", "flowstart", "firstseen", "datefirstseen", "ts", "timestamp"),
    "end": ("end", "endtime", "ltime", "etime", "flowend", "lastseen", "datelastseen"),
    "duration": ("duration", "dur", "flowduration"),
}
PROTOCOLS = {"6": 6, "tcp": 6, "17": 17, "udp": 17}

_NEEDED = ("src_ip", "dst_ip", "src_port", "dst_port", "protocol", "label")
_UNITS_NS = {
    "nanoseconds": 1,
    "microseconds": 1_000,
    "milliseconds": 1_000_000,
    "seconds": 1_000_000_000,
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
}
_UNIT = re.compile(r"[\s_.\-(\[]+(" + "|".join(_UNITS_NS) + r")[)\]]?$")
_LIMIT = Decimal(10**20)  # of any unit since 1970; far beyond it, Python makes integers of millions of digits
_SHOWN = 60  # characters of a value in a message
_Value = TypeVar("_Value")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def find_columns(header: list[str], named: Mapping[str, str]) -> dict[str, int]:
    """Find the place of each field.

    The six that are needed, and `start` with `end` or `duration` if the file has a window. `named` has fields whose
    column the caller named. Raises `LookupError` with the names of the fields without a column.
    """
    titles = [title.strip() for title in header]
    places, missing = {}, []
    for field, spellings in FIELDS.items():
        place = _place(titles, spellings, named.get(field))
        if place is not None:
            places[field] = place
        elif field in named:
            missing.append(f"{field} ({named[field]!r})")
        elif field in _NEEDED:
            missing.append(field)
    if missing:
        raise LookupError(", ".join(missing))
    has_window = "start" in places and ("end" in places or "duration" in places)
    # CIC-IDS2017: "Timestamp" is local, often to the minute, without AM and PM: no window, unless asked for.
    simple = {field: _simple(titles[place]) for field, place in places.items()}
    is_cic = (simple.get("start"), simple.get("duration")) == ("timestamp", "flowduration")
    if not has_window or (is_cic and "start" not in named):
        places = {field: place for field, place in places.items() if field in _NEEDED}
    return places


def _place(titles: list[str], spellings: tuple[str, ...], name: str | None) -> int | None:
    if name is not None:
        return titles.index(name.strip()) if name.strip() in titles else None
    simple = [_simple(title) for title in titles]
    return next((simple.index(spelling) for spelling in spellings if spelling in simple), None)


def _simple(title: str) -> str:
    return re.sub(r"[^a-z0-9]", "", _UNIT.sub("", title.lower()))


def read_field(
    values: Mapping[str, str], field: str, titles: Mapping[str, str], parse: Callable[[str], _Value]
) -> _Value:
    """Parse one value of a row; the `ValueError` of one that cannot be read names the column."""
    try:
        return parse(values[field])
    except ValueError as error:
        raise ValueError(f"column {titles[field]!r}: {error}") from None


def read_window(values: Mapping[str, str], titles: Mapping[str, str]) -> tuple[int, int]:
    """Parse the time window of a row: its first and its last ns, both included."""

    def read(field: str, text: str) -> tuple[int, int]:
        return read_field({field: text}, field, titles, lambda text: parse_time(text, titles[field]))

    start, resolution = read("start", values["start"])
    last = "end" if "end" in titles else "duration"
    if last == "end":
        end, resolution = read("end", values["end"])
    else:
        # The start's own digits were cut, too: the end is as uncertain as the coarser of the two.
        # Zeek writes "-" for a connection of one packet.
        duration, finer = read("duration", values["duration"].strip("-") or "0")
        end, resolution = start + duration, max(resolution, finer)
    if end < start:
        raise ValueError(f"column {titles[last]!r}: {quote(values[last])}: the window ends before it starts")
    return start, end + resolution - 1


def quote(text: str) -> str:
    """Quote a value for a message, cut after 60 characters."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... ({len(text):,} characters)"


def parse_number(text: str) -> int:
    """Read a port: a whole number, perhaps in hexadecimal, or as a float that some program made of it.

    Raises
    ------
    ValueError
        If it is none from 0 to 65535.

    Examples
    --------
    >>> parse_number("443"), parse_number("443.0"), parse_number("0x01bb")
    (443, 443, 443)
    """
    try:
        number = int(text, 16) if text.lower().startswith("0x") else int(text.removesuffix(".0"))
    except ValueError:
        raise ValueError(f"{quote(text)} is no port") from None
    if not 0 <= number <= 65535:
        raise ValueError(f"{quote(text)} is no port")
    return number


def parse_time(text: str, title: str) -> tuple[int, int]:
    """Read a time or a duration.

    Parameters
    ----------
    text : str
        A number, or a time in ISO 8601; UTC if it names no zone.
    title : str
        The column's name, whose end tells the number's unit; seconds if it does not.

    Returns
    -------
    time_ns : int
        Nanoseconds, since 1970 for a time.
    resolution_ns : int
        The value of one unit of the last digit given.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> parse_time("1499083689.704", "stime")
    (1499083689704000000, 1000000)
    >>> parse_time("1499083689704", "start_ms")
    (1499083689704000000, 1000000)
    >>> parse_time("2017-07-03T12:08:09", "start")
    (1499083689000000000, 1000000000)
    """
    number = _decimal(text)
    if number is not None:
        if not number.is_finite():
            raise ValueError(f"{quote(text)} is no time")
        if number.copy_abs() >= _LIMIT:
            raise ValueError(f"{quote(text)} is no time: must be below 1e20")
        unit_ns = _unit_ns(title)
        n_decimals = max(0, -int(number.as_tuple().exponent))
        return int(number * unit_ns), max(1, unit_ns // 10 ** min(n_decimals, 9))
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{quote(text)} is no time: neither a number nor ISO 8601") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    time_ns = (moment - _EPOCH) // datetime.timedelta(microseconds=1) * 1000
    fraction = re.search(r":\d\d:\d\d[.,](\d+)", text)
    n_digits = min(len(fraction[1]), 6) if fraction else 0
    return time_ns, 10 ** (9 - n_digits)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _unit_ns(title: str) -> int:
    unit = _UNIT.search(title.strip().lower())
    if unit:
        return _UNITS_NS[unit[1]]
    # CICFlowMeter writes this column in microseconds, and its name has no unit.
    return 1_000 if _simple(title) == "flowduration" else 1_000_000_000
