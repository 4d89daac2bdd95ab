"""Sources of packets, opened: paths, streams, compressed or not, dpkt readers, iterables of (time, bytes)."""

from __future__ import annotations

import itertools
import os
import stat
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from netml import _flowcore
from netml.capture.compression import DecompressedStream, open_decompressed
from netml.capture.probe import PCAP_HEADER_BYTES, name_link_type, probe_capture
from netml.errors import CaptureError, OptionError, describe_os_error

LARGE_FILE_BYTES = 1 << 22  # worth a mapping, or a thread of its own

# LINKTYPE_ values and what the kernel decodes of them; `_core/link/registry.pxd` has the decoders.
LINK_TYPE_NAMES = {
    0: "BSD loopback (NULL)",
    1: "Ethernet",
    9: "PPP",
    12: "raw IP",
    14: "raw IP",
    50: "PPP in HDLC-like framing",
    101: "raw IP",
    104: "Cisco HDLC",
    105: "802.11",
    108: "OpenBSD loopback (LOOP)",
    113: "Linux cooked (SLL)",
    127: "802.11 with radiotap",
    192: "PPI",
    228: "raw IPv4",
    229: "raw IPv6",
    276: "Linux cooked v2 (SLL2)",
}


@dataclass
class Capture:
    """A source, opened: either a stream that the kernel frames, or packets one by one."""

    name: str  # for messages
    format: str  # "pcap", "pcapng" or "packets"
    framer: _flowcore.Framer | None = None
    stream: Any = None  # has readinto(); stands at the first record
    offset: int = 0  # bytes of the capture before the stream's place
    packets: Iterator[Any] | None = None
    link_type: int | None = None  # pcap and packets; a pcapng's interfaces have their own
    resolution: str = ""  # of the times, in words
    warnings: list[CaptureError] = field(default_factory=list)  # about the header
    plain_bytes: int | None = None  # size of the capture where it is a regular file, as it is; None if unknown
    mappable: int | None = None  # descriptor of such a file, if it is large
    reads_ahead: bool = False  # whether a thread may read the stream
    live: int | None = None  # descriptor of a pipe, socket or terminal that the stream's bytes come from as they are
    n_bytes: int | None = None  # size of the file, compressed as it is; None if unknown
    position: Callable[[], int | None] = lambda: None  # bytes of the file read so far; None: a pipe cannot tell
    close: Callable[[], None] = lambda: None


def describe_link_type(link_type: int) -> str:
    """Return a LINKTYPE_ value with its name."""
    name = LINK_TYPE_NAMES.get(link_type) or name_link_type(link_type)
    return f"{link_type} ({name})" if name else str(link_type)


def open_captures(source: Any, link_type: int | None = None) -> Generator[Capture, None, None]:
    """Open a source, or several one after the other; each is closed when the next is asked for.

    `source` and `link_type` are those of `netml.read_flows`. Raises `CaptureError` if a source cannot be opened, and
    `OptionError` if it is of no known kind, or `link_type` is missing.
    """
    for single in list_sources(source, link_type):
        capture = open_capture(single, link_type)
        try:
            yield capture
        finally:
            capture.close()


def list_sources(source: Any, link_type: int | None = None) -> Iterable[Any]:
    """List the single sources of a source; an iterable of packets, which needs a `link_type`, is one."""
    if isinstance(source, list | tuple):
        if not source:
            raise OptionError("source", source, "at least one capture")
        return source if all(_is_path(item) or hasattr(item, "read") for item in source) else [source]
    if link_type is not None:
        return [source]
    source, is_several = look_inside(source)
    return source if is_several else [source]


def look_inside(source: Any, *tables: type, option: str = "source") -> tuple[Any, bool]:
    """Look at the first item of an iterable: it holds captures, such as a generator of paths, or is one capture.

    Returns the same items, as the iterator given has been advanced, and True if they are captures. `tables` are further
    types that count as a capture, `option` is the user's name for the source. An empty iterable is an `OptionError`.
    """
    is_single = _is_path(source) or _is_reader(source) or isinstance(source, bytes | bytearray | memoryview)
    if is_single or not isinstance(source, Iterable):
        return source, False
    items = iter(source)
    try:
        first = next(items)
    except StopIteration:
        raise OptionError(option, f"an empty {type(source).__name__}", "at least one capture") from None
    is_capture = _is_path(first) or _is_reader(first) or isinstance(first, tables)
    return itertools.chain([first], items) if items is source else source, is_capture


def open_capture(source: Any, link_type: int | None = None) -> Capture:
    """Open one source; see `open_captures`."""
    if _is_path(source):
        return _open_path(os.fspath(source))
    if hasattr(source, "datalink") and hasattr(source, "__iter__"):
        return _open_packets(source, getattr(source, "name", "dpkt reader"), source.datalink())
    if hasattr(source, "read"):
        return _open_stream(source, getattr(source, "name", f"<{type(source).__name__}>"), lambda: None)
    if isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | memoryview):
        if link_type is None:
            raise OptionError("link_type", None, "the LINKTYPE_ value of the frames (1 is Ethernet)")
        return _open_packets(source, f"<{type(source).__name__}>", link_type)
    raise OptionError(
        "source", type(source).__name__, "a path, '-', a binary file, a dpkt reader or (time, bytes) pairs"
    )


def _is_reader(source: Any) -> bool:
    return hasattr(source, "read") or hasattr(source, "datalink")


def _is_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike)


def _open_packets(packets: Iterable[tuple[Any, bytes]], name: Any, link_type: int) -> Capture:
    return Capture(str(name), "packets", packets=iter(packets), link_type=link_type)


def _open_path(path: str) -> Capture:
    if path == "-":
        if sys.stdin is None:
            raise CaptureError("is closed", path="standard input")
        # What has been read ahead into the buffer must not be lost: no detour to the raw stream.
        return _open_stream(sys.stdin.buffer, "standard input", lambda: None)
    try:
        stream = open(path, "rb", buffering=0)  # noqa: SIM115 - closed with the capture
    except OSError as error:
        raise CaptureError(describe_os_error(error), path=path or "''") from error
    try:
        return _open_stream(stream, path, stream.close, is_file=True)
    except BaseException:
        stream.close()
        raise


def _open_stream(stream: BinaryIO, name: Any, close: Callable[[], None], *, is_file: bool = False) -> Capture:
    """Open a stream at its first record: decompress it, probe its format."""
    name = str(name)
    n_bytes = _size_of(stream)
    position = _position_of(stream)
    plain = open_decompressed(stream, name)
    found = probe_capture(plain.peek(PCAP_HEADER_BYTES), name)
    plain.skip(found.header_bytes)
    capture = Capture(
        name,
        found.format,
        found.framer,
        stream=plain,
        offset=found.header_bytes,
        link_type=found.link_type,
        resolution=found.resolution,
        warnings=found.warnings,
        n_bytes=n_bytes,
        position=position,
        close=close,
    )
    if not isinstance(plain, DecompressedStream):
        capture.live = _find_live(stream)
    # A thread that reads a pipe or a user's object may block and cannot be stopped; small files are read at once.
    if is_file and n_bytes is not None:
        is_plain, is_large = not isinstance(plain, DecompressedStream), n_bytes > LARGE_FILE_BYTES
        capture.plain_bytes = n_bytes if is_plain else None
        capture.reads_ahead = is_large and not is_plain
        capture.mappable = stream.fileno() if is_large and is_plain else None
    return capture


def _size_of(stream: Any) -> int | None:
    """Return the size of a regular file; None for pipes and streams without a descriptor."""
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _find_live(stream: Any) -> int | None:
    """Return the descriptor of a pipe, socket or terminal; None for files and streams without one."""
    try:
        descriptor = int(stream.fileno())
        return None if stat.S_ISREG(os.fstat(descriptor).st_mode) else descriptor
    except (AttributeError, OSError, ValueError):
        return None


def _position_of(stream: Any) -> Callable[[], int | None]:
    def position() -> int | None:
        try:
            return int(stream.tell())
        except (AttributeError, OSError, ValueError):
            return None

    return position
