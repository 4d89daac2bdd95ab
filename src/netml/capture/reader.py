"""Sources fed to an assembler: whole blocks for pcap and pcapng (fast path), single packets else (generic path)."""

from __future__ import annotations

import contextlib
import struct
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from netml import _flowcore
from netml.capture.framing import Wait, map_capture, walk_blocks, walk_map
from netml.capture.source import Capture, describe_link_type, open_captures
from netml.errors import CaptureError, CaptureWarning, TruncatedCaptureError, UnsupportedLinkTypeError, damaged_capture

PACKETS_AT_A_TIME = 4096
SLOW_S = 0.05  # an iterable that takes longer for some packets is asked for one at a time

Progress = Callable[[int, int], None]  # bytes read of all captures, packets read
Frame = tuple[int, bytes, int]  # time since 1970 in ns, the frame as captured, its LINKTYPE_ value


class ReadOptions(NamedTuple):
    """Options of reading: the keywords of `netml.read_flows` that public functions hand on together."""

    strict: bool = False
    link_type: int | None = None
    progress: Progress | None = None


DEFAULT_READING = ReadOptions()


def iter_frames(source: Any, *, link_type: int | None = None) -> Iterator[Frame]:
    """Iterate over the frames of a source, undecoded: time since 1970, ns, the bytes captured, and LINKTYPE_ value.

    At damage it warns and goes on to the next capture. Raises `CaptureError` if a source cannot be opened.
    """
    for capture in open_captures(source, link_type):
        for fault in capture.warnings:
            warnings.warn(CaptureWarning(str(fault)), stacklevel=3)
        try:
            yield from _iter_capture(capture)
        except TruncatedCaptureError as error:
            warnings.warn(CaptureWarning(str(error)), stacklevel=3)


def _iter_capture(capture: Capture) -> Iterator[Frame]:
    if capture.packets is not None:
        assert capture.link_type is not None
        yield from _iter_packets(capture.packets, capture.name, capture.link_type)
        return
    framer = capture.framer
    assert framer is not None
    frames: list[Frame] = []

    def take(buffer: np.ndarray, start: int, length: int) -> tuple[int, int, str]:
        frames[:], n_left, n_wanted, damage = framer.take_frames(buffer, start, length)
        return n_left, n_wanted, damage

    for _ in walk_blocks(capture, take):
        yield from frames


def _iter_packets(packets: Iterator[Any], name: str, link_type: int) -> Iterator[Frame]:
    """Iterate over the frames of a source of pairs, with the errors of `_walk_generic`."""
    n_read = 0
    with _naming_record(name, lambda: n_read + 1):
        for pair in packets:
            time, frame = _flowcore.take_pair(pair)
            yield _flowcore.convert_time(time), frame, link_type
            n_read += 1


def read_packets(
    assembler: _flowcore.PacketAssembler,
    source: Any,
    reading: ReadOptions = DEFAULT_READING,
    *,
    on_step: Callable[[], None] | None = None,
    stacklevel: int = 5,
    **options: Any,
) -> tuple[list[str], list[CaptureError]]:
    """Read every packet of a source, or of several, into an assembler; return the captures' names and their damage.

    `on_step` is called after each block, or some packets; `options` are those of `walk_packets`. Raises `CaptureError`
    if a source cannot be opened or, with `strict`, not be read to its end.
    """
    names: list[str] = []
    damage: list[CaptureError] = []
    with contextlib.closing(
        walk_packets(assembler, source, names, damage, reading, stacklevel=stacklevel, **options)
    ) as walk:
        for _ in walk:
            if on_step is not None:
                on_step()
    return names, damage


def walk_packets(
    assembler: _flowcore.PacketAssembler,
    source: Any,
    names: list[str],
    damage: list[CaptureError],
    reading: ReadOptions = DEFAULT_READING,
    *,
    on_open: Callable[[Capture], None] | None = None,
    wait_s: Wait | None = None,
    stacklevel: int = 2,
) -> Generator[bool, None, None]:
    """Read as `read_packets` does, step by step: a block, or some packets, at each step.

    `names` and `damage` are filled on the way; `on_open` is called with each `Capture` as it is opened. `wait_s`
    returns the time, s, after which a live source without bytes makes an empty step, which yields False; without it,
    reading waits. `stacklevel` is that of the warnings, counted from this generator.
    """
    n_bytes = 0
    with contextlib.closing(open_captures(source, reading.link_type)) as captures:
        for capture in captures:
            names.append(capture.name)
            if on_open is not None:
                on_open(capture)
            report = reading.progress and partial(_add_bytes, reading.progress, n_bytes)
            n_bytes += capture.n_bytes or 0
            faults = list(capture.warnings)
            if not (reading.strict and faults):
                try:
                    yield from _walk_capture(assembler, capture, report, wait_s)
                except TruncatedCaptureError as error:
                    faults.append(error)
            for fault in faults:
                if reading.strict:
                    raise fault
                damage.append(fault)
                warnings.warn(CaptureWarning(str(fault)), stacklevel=stacklevel)


def _add_bytes(progress: Progress, n_bytes_before: int, n_bytes: int, n_packets: int) -> None:
    progress(n_bytes_before + n_bytes, n_packets)


def _walk_capture(
    assembler: _flowcore.PacketAssembler, capture: Capture, progress: Progress | None, wait_s: Wait | None
) -> Generator[bool, None, None]:
    _refuse_unsupported(capture)
    if capture.packets is not None:
        yield from _walk_generic(assembler, capture, progress)
    else:
        yield from _walk_fast(assembler, capture, progress, wait_s)
        _refuse_unsupported(capture)  # a pcapng tells its link types on the way


def _walk_fast(
    assembler: _flowcore.PacketAssembler, capture: Capture, progress: Progress | None, wait_s: Wait | None
) -> Generator[bool, None, None]:
    """Assemble on the fast path: the kernel frames megabytes at a time."""
    framer = capture.framer
    assert framer is not None
    mapped = map_capture(capture)

    def assemble(buffer: np.ndarray, start: int, length: int) -> tuple[int, int, str]:
        return assembler.assemble(framer, buffer, start, length, is_mapped=mapped is not None)

    walk = walk_blocks(capture, assemble, wait_s) if mapped is None else walk_map(capture, mapped, assemble)
    before = -1
    with contextlib.closing(walk):
        for offset in walk:
            if progress is not None:
                position = capture.position() if mapped is None else offset
                progress(offset if position is None else position, assembler.n_packets_read)
            yield offset != before
            before = offset


def _refuse_unsupported(capture: Capture) -> None:
    """Refuse a capture without a link type that is decoded; with one, packets of the others are counted as skipped."""
    seen = capture.framer.seen["link_types"] if capture.framer is not None else {capture.link_type or 0}
    if seen and not any(0 <= link_type < 2**32 and _flowcore.is_supported(link_type) for link_type in seen):
        names = ", ".join(map(describe_link_type, sorted(seen)))
        raise UnsupportedLinkTypeError(f"link type {names} is not decoded", path=capture.name)


def _walk_generic(
    assembler: _flowcore.PacketAssembler, capture: Capture, progress: Progress | None
) -> Generator[bool, None, None]:
    """Assemble on the generic path: pairs (time, bytes), one packet at a time."""
    assert capture.packets is not None
    assert capture.link_type is not None
    n_before = assembler.n_packets_read
    n_most, begin_s = 1, time.monotonic()
    with _naming_record(capture.name, lambda: assembler.n_packets_read - n_before + 1):
        while assembler.assemble_packets(capture.packets, capture.link_type, n_most):
            if progress is not None:
                progress(0, assembler.n_packets_read)
            n_most = min(2 * n_most, PACKETS_AT_A_TIME) if time.monotonic() - begin_s < SLOW_S else 1
            yield True
            begin_s = time.monotonic()


@contextlib.contextmanager
def _naming_record(name: str, find_record_no: Callable[[], int]) -> Iterator[None]:
    """Add the number of the record to the errors of a source of packets."""
    import dpkt

    try:
        yield
    except (dpkt.dpkt.Error, struct.error) as error:
        raise damaged_capture("dpkt", name, record_no=find_record_no(), reason=error) from error
    except CaptureError as error:
        if error.path is None and error.record_no is None:
            # No pair, or a time out of range: the kernel found it and does not know the place.
            error.path, error.record_no = name, find_record_no()
        raise
    except Exception as error:
        # The error of a user's iterable keeps its type; a note has the place.
        error.add_note(f"{name}: record {find_record_no()}: the source raised this")
        raise
