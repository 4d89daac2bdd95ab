"""A ZIP archive without compression, written straight from memory by several threads (PKWARE APPNOTE 6.3.10).

The checksum takes twice as long as the writing. So threads checksum the contents block by block and write them at
their places; the checksums of the members are combined from those of the blocks.
"""

from __future__ import annotations

import fcntl
import functools
import io
import itertools
import os
import struct
import zlib
from collections.abc import Iterable
from typing import IO, NamedTuple

_BLOCK_BYTES = 1 << 20  # checksummed and written while it is in the cache
_MAX_THREADS = 4
_LEAST_BLOCKS = 16  # for a thread; to load and start them costs what 8 blocks do
_LIMIT32 = 0xFFFFFFFF
_LIMIT16 = 0xFFFF
_DOS_DATE = 0x0021  # 1980-01-01: equal contents give equal files
_VERSION_20, _VERSION_45 = 20, 45  # 45: ZIP64

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<IIQI")


class Member(NamedTuple):
    """A file of the archive: its name and the buffers that make it up, in order."""

    name: str
    parts: tuple[bytes | memoryview, ...]


class _Entry(NamedTuple):
    name: bytes
    crc: int
    n_bytes: int
    offset: int  # of the local header


def write_archive(stream: IO[bytes], members: Iterable[Member]) -> None:
    """Write an uncompressed ZIP archive, by several threads if `stream` is a regular file; a pipe will do, too."""
    entries, blocks, offset = [], [], 0
    for member in members:
        entry = _Entry(member.name.encode(), 0, sum(map(len, member.parts)), offset)
        offset += len(_local_header(entry))
        entries.append(entry)
        blocks.append(list(_cut(member, offset)))
        offset += entry.n_bytes
    place = _find_place(stream)
    crcs = iter(_checksum_all(list(itertools.chain(*blocks)), place))
    for position, (entry, its_blocks) in enumerate(zip(entries, blocks, strict=True)):
        crc = functools.reduce(_combine, ((next(crcs), len(block)) for block, _ in its_blocks), (0, 0))[0]
        entries[position] = entry = entry._replace(crc=crc)
        if place is not None:
            _write_at(place, _local_header(entry), entry.offset)
        else:
            stream.writelines((_local_header(entry), *(block for block, _ in its_blocks)))
    if place is not None:
        stream.seek(place[1] + offset)
    stream.write(_directory(entries, offset))


def _find_place(stream: IO[bytes]) -> tuple[int, int] | None:
    """Return the descriptor and the position of a file that can be written anywhere, or else None."""
    # Other classes may have a descriptor and change what is written (gzip); O_APPEND overrules every position.
    if type(stream) is not io.BufferedWriter or not stream.seekable():
        return None
    if fcntl.fcntl(stream.fileno(), fcntl.F_GETFL) & os.O_APPEND:
        return None
    stream.flush()
    return stream.fileno(), stream.tell()


def _cut(member: Member, offset: int) -> Iterable[tuple[memoryview, int]]:
    for part in member.parts:
        view = memoryview(part)
        for start in range(0, len(view), _BLOCK_BYTES):
            yield view[start : start + _BLOCK_BYTES], offset + start
        offset += len(view)


def _write_at(place: tuple[int, int], content: bytes | memoryview, offset: int) -> None:
    descriptor, start = place
    rest = memoryview(content)
    while rest:
        n_written = os.pwrite(descriptor, rest, start + offset)
        rest, offset = rest[n_written:], offset + n_written


def _checksum_all(blocks: list[tuple[memoryview, int]], place: tuple[int, int] | None) -> list[int]:
    """Return the CRC-32 of each block; if there is a place to write to, write it, too."""

    def work(block: tuple[memoryview, int]) -> int:
        if place is not None:
            _write_at(place, *block)
        return zlib.crc32(block[0])

    n_threads = min(_MAX_THREADS, len(os.sched_getaffinity(0)), len(blocks) // _LEAST_BLOCKS)
    if n_threads < 2:
        return list(map(work, blocks))
    from concurrent.futures import ThreadPoolExecutor

    # Leaving the block waits for all threads: nobody may write any more when the caller closes the file.
    with ThreadPoolExecutor(n_threads, thread_name_prefix="netml-zip") as pool:
        return list(pool.map(work, blocks))


# CRC-32 counts in polynomials over GF(2) modulo P, bit 31 for x^0. To append n bytes multiplies by x^(8n).
_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


def _combine(head: tuple[int, int], tail: tuple[int, int]) -> tuple[int, int]:
    """Return checksum and length of the concatenation of two contents, from those of each."""
    return _multiply(_shift(8 * tail[1]), head[0]) ^ tail[0], head[1] + tail[1]


def _multiply(left: int, right: int) -> int:
    product = 0
    for bit in range(31, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return product


@functools.lru_cache(maxsize=8)
def _shift(n_bits: int) -> int:
    power, result = _ONE >> 1, _ONE
    while n_bits:
        if n_bits & 1:
            result = _multiply(result, power)
        power = _multiply(power, power)
        n_bits >>= 1
    return result


def _local_header(entry: _Entry) -> bytes:
    is_zip64 = entry.n_bytes >= _LIMIT32
    size = _LIMIT32 if is_zip64 else entry.n_bytes
    extra = struct.pack("<HHQQ", 1, 16, entry.n_bytes, entry.n_bytes) if is_zip64 else b""
    version = _VERSION_45 if is_zip64 else _VERSION_20
    fields = (0x04034B50, version, 0, 0, 0, _DOS_DATE, entry.crc, size, size, len(entry.name), len(extra))
    return _LOCAL.pack(*fields) + entry.name + extra


def _central_header(entry: _Entry) -> bytes:
    large: list[int] = []
    size, offset = entry.n_bytes, entry.offset
    if size >= _LIMIT32:
        large += [size, size]
        size = _LIMIT32
    if offset >= _LIMIT32:
        large.append(offset)
        offset = _LIMIT32
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    version = _VERSION_45 if large else _VERSION_20
    # "Made by" 3 = Unix; a regular file that all may read, less what the reader's umask takes.
    made_by, attributes = (3 << 8) | version, 0o100644 << 16
    head = (0x02014B50, made_by, version, 0, 0, 0, _DOS_DATE, entry.crc, size, size)
    lengths = (len(entry.name), len(extra), 0, 0, 0)
    return _CENTRAL.pack(*head, *lengths, attributes, offset) + entry.name + extra


def _directory(entries: list[_Entry], start: int) -> bytes:
    n_entries = len(entries)
    directory = b"".join(map(_central_header, entries))
    size, end64 = len(directory), b""
    if start >= _LIMIT32 or n_entries >= _LIMIT16:
        counts = (n_entries, n_entries, size, start)
        end64 = _END64.pack(0x06064B50, _END64.size - 12, _VERSION_45, _VERSION_45, 0, 0, *counts)
        end64 += _LOCATOR64.pack(0x07064B50, 0, start + size, 1)
        start, n_entries = min(start, _LIMIT32), min(n_entries, _LIMIT16)
    return directory + end64 + _END.pack(0x06054B50, 0, 0, n_entries, n_entries, size, start, 0)
