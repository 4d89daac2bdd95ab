"""Sources into the kernel: block by block where the kernel frames, packet by packet through the general door."""

from __future__ import annotations

import contextlib
import struct
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from netml import _flowcore, blocks
from netml.errors import CaptureError, CaptureWarning, TruncatedCaptureError, UnsupportedLinkTypeError
from netml.source import Capture, describe_link_type, open_captures

PACKETS_AT_A_TIME = 4096

Progress = Callable[[int, int], None]  # bytes read of all captures, packets read
Consume = Callable[[np.ndarray, int, int], tuple[int, int, str]]  # buffer, start, length -> left, wanted, fault
Frame = tuple[int, bytes, int]  # time since 1970 in ns, the frame as captured, its LINKTYPE_ value


def iter_frames(source: Any, *, link_type: int | None = None) -> Iterator[Frame]:
    """Give the frames of a source one by one, undecoded; at damage warn and go on to the next capture.

    Parameters
    ----------
    source, link_type
        As in `netml.read_flows`.

    Yields
    ------
    time_ns : int
        Time since 1970, ns.
    frame : bytes
        The frame as captured.
    link_type : int
        Its LINKTYPE_ value.

    Raises
    ------
    CaptureError
        If a source cannot be opened.
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
        for time, frame in capture.packets:
            yield _flowcore.convert_time(time), bytes(frame), capture.link_type
        return
    framer = capture.framer
    assert framer is not None
    frames: list[Frame] = []

    def take(buffer: np.ndarray, start: int, length: int) -> tuple[int, int, str]:
        frames[:], n_left, n_wanted, fault = framer.take_frames(buffer, start, length)
        return n_left, n_wanted, fault

    for _ in _walk_blocks(capture, take):
        yield from frames


def read_packets(
    assembler: _flowcore.FlowAssembler,
    source: Any,
    *,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
    on_open: Callable[[Capture], None] | None = None,
) -> tuple[list[str], list[CaptureError]]:
    """Read every packet of a source, or of several, into an assembler.

    Parameters
    ----------
    assembler : FlowAssembler
        Where the packets go.
    source, strict, link_type, progress
        As in `netml.read_flows`.
    on_open : callable, optional
        Called with each capture as it is opened.

    Returns
    -------
    names : list of str
        The captures.
    damage : list of CaptureError
        What was wrong with them.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    """
    names: list[str] = []
    damage: list[CaptureError] = []
    n_bytes = 0
    for capture in open_captures(source, link_type):
        names.append(capture.name)
        if on_open is not None:
            on_open(capture)
        n_bytes_before, n_bytes = n_bytes, n_bytes + (capture.n_bytes or 0)
        faults = list(capture.warnings)
        if not (strict and faults):
            try:
                read_capture(assembler, capture, _from(n_bytes_before, progress))
            except TruncatedCaptureError as error:
                faults.append(error)
        for fault in faults:
            if strict:
                raise fault
            damage.append(fault)
            warnings.warn(CaptureWarning(str(fault)), stacklevel=4)
    return names, damage


def _from(n_bytes_before: int, progress: Progress | None) -> Progress | None:
    """Bytes count on over several captures."""
    if progress is None or n_bytes_before == 0:
        return progress
    return lambda n_bytes, n_packets: progress(n_bytes_before + n_bytes, n_packets)


def read_capture(
    assembler: _flowcore.FlowAssembler,
    capture: Capture,
    progress: Progress | None = None,
) -> None:
    """Read one capture to its end.

    Raises
    ------
    TruncatedCaptureError
        At damaged framing; all packets before it are in the assembler.
    UnsupportedLinkTypeError
        If no interface of a pcapng capture is of a link type that is decoded.
    """
    _refuse_unsupported(capture)
    if capture.packets is not None:
        _read_general(assembler, capture, progress)
    else:
        _read_blocks(assembler, capture, progress)
        _refuse_unsupported(capture)  # a pcapng tells its link types on the way


def _read_blocks(assembler: _flowcore.FlowAssembler, capture: Capture, progress: Progress | None) -> None:
    """The native door: the kernel frames megabytes at a time."""
    framer = capture.framer
    assert framer is not None
    mapped = _map(capture)

    def assemble(buffer: np.ndarray, start: int, length: int) -> tuple[int, int, str]:
        return assembler.assemble(framer, buffer, start, length, is_mapped=mapped is not None)

    walk = _walk_blocks(capture, assemble) if mapped is None else _walk_map(capture, mapped, assemble)
    with contextlib.closing(walk):
        for offset in walk:
            if progress is not None:
                position = capture.position() if mapped is None else offset
                progress(offset if position is None else position, assembler.n_packets_read)


def _map(capture: Capture) -> blocks.MappedFile | None:
    if capture.mappable is None or capture.n_bytes is None:
        return None
    try:
        return blocks.MappedFile(capture.mappable, capture.n_bytes)
    except (OSError, ValueError):
        return None  # some file systems have no mappings


def _walk_map(capture: Capture, mapped: blocks.MappedFile, consume: Consume) -> Generator[int, None, None]:
    """Give a mapped capture to `consume`, a window at a time. Yields the bytes done with."""
    framer, n_bytes = capture.framer, capture.n_bytes
    assert framer is not None
    assert n_bytes is not None
    offset = end = capture.offset
    n_wanted = 0
    with contextlib.closing(mapped):
        while end < n_bytes:
            end = min(end + blocks.WINDOW_BYTES, n_bytes)
            mapped.want(end)
            assert mapped.octets is not None
            n_left, n_wanted, fault = consume(mapped.octets, offset, end - offset)
            offset = end - n_left
            mapped.give_back(offset)
            yield offset
            if fault:
                raise _damage(capture, fault, offset)
    if offset < n_bytes:
        raise _damage(capture, _describe_cut(n_bytes - offset, n_wanted), offset)


def _damage(capture: Capture, reason: str, offset: int) -> TruncatedCaptureError:
    assert capture.framer is not None
    return TruncatedCaptureError(reason, path=capture.name, record_no=capture.framer.n_passed + 1, offset=offset)


def _describe_cut(n_left: int, n_wanted: int) -> str:
    return f"cut: {n_left}{f' of {n_wanted}' if n_wanted else ''} bytes of the record are there"


def _walk_blocks(capture: Capture, consume: Consume) -> Generator[int, None, None]:
    """Give a capture's blocks to `consume`; an incomplete record waits for the next. Yields the bytes done with."""
    offset, n_wanted, rest = capture.offset, 0, np.empty(0, np.uint8)
    with contextlib.closing(blocks.read_blocks(capture.stream, ahead=capture.reads_ahead)) as source:
        for block, n_read in source:
            buffer, start = _join(rest, block, n_read)
            length = len(rest) + n_read
            n_left, n_wanted, fault = consume(buffer, start, length)
            offset += length - n_left
            yield offset
            if fault:
                raise _damage(capture, fault, offset)
            rest = buffer[start + length - n_left : start + length].copy()
    if len(rest):
        raise _damage(capture, _describe_cut(len(rest), n_wanted), offset)


def _join(rest: np.ndarray, block: np.ndarray, n_read: int) -> tuple[np.ndarray, int]:
    """Put what the last block left over in front of this one's bytes; returns the buffer and where they start."""
    start = blocks.HEADROOM_BYTES - len(rest)
    if start >= 0:
        block[start : blocks.HEADROOM_BYTES] = rest
        return block, start
    return np.concatenate([rest, block[blocks.HEADROOM_BYTES : blocks.HEADROOM_BYTES + n_read]]), 0


def _refuse_unsupported(capture: Capture) -> None:
    """Refuse a capture of which no link type is decoded; with some, the others' packets are just counted."""
    seen = capture.framer.link_types_seen if capture.framer is not None else {capture.link_type or 0}
    if seen and not any(0 <= link_type < 2**32 and _flowcore.is_supported(link_type) for link_type in seen):
        names = ", ".join(map(describe_link_type, sorted(seen)))
        raise UnsupportedLinkTypeError(f"link type {names} is not decoded", path=capture.name)


def _read_general(assembler: _flowcore.FlowAssembler, capture: Capture, progress: Progress | None) -> None:
    """The general door: whatever gives (time, bytes), one packet at a time."""
    import dpkt

    assert capture.packets is not None
    assert capture.link_type is not None
    n_before = assembler.n_packets_read
    try:
        while assembler.assemble_packets(capture.packets, capture.link_type, PACKETS_AT_A_TIME):
            if progress is not None:
                progress(0, assembler.n_packets_read)
    except (dpkt.dpkt.Error, struct.error) as error:
        record_no = assembler.n_packets_read - n_before + 1
        raise TruncatedCaptureError(f"dpkt cannot read on: {error}", path=capture.name, record_no=record_no) from error
    except CaptureError as error:
        if error.path is None and error.record_no is None:
            # A time out of range: the kernel does not know where it was.
            error.path, error.record_no = capture.name, assembler.n_packets_read - n_before + 1
        raise
