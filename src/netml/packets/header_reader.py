"""Header bits read from captures: batch by batch, all at once, or right into a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

from netml import _flowcore
from netml._version import __version__
from netml.capture.reader import Progress, ReadOptions, walk_packets
from netml.families.header_columns import name_bits, parse_headers
from netml.families.options import LARGEST_PAYLOAD
from netml.flow.options import FlowOptions
from netml.packets.header_bits import HeaderBits, batch_rows, find_bits_format, write_batches
from netml.validation import require_whole

ALL_HEADERS = "4,6,t,u,i"


def iter_header_bits(
    source: Any,
    headers: str | Iterable[str] = ALL_HEADERS,
    *,
    payload_bytes: int = 0,
    flow: FlowOptions | None = None,
    batch_packets: int | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> Iterator[HeaderBits]:
    """Read the packets of captures as the bits of their headers, some at a time, in bounded memory.

    Parameters
    ----------
    source, strict, link_type, progress
        As in `netml.read_flows`.
    headers : str or iterable of str, default all
        Of ipv4, ipv6, tcp, udp and icmp, or nPrint's letters 4, 6, t, u and i.
    payload_bytes : int, default 0
        Bytes of the payload behind them, 8 columns each.
    flow : FlowOptions, optional
        Its `tunnels`, `tunnel_ports`, `fragments` and `protocols` count; by default all protocols over IP are kept.
    batch_packets : int, optional
        Packets at a time; by default what takes 64 MiB, at most 65,536.

    Yields
    ------
    HeaderBits
        At least one, so that the columns and the counts are there; the counts of the last one are those of everything.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError, UnknownNameError
        If an option is out of range, or a header unknown.
    """
    chosen = parse_headers(headers)
    require_whole("payload_bytes", payload_bytes, 0, LARGEST_PAYLOAD)
    columns = tuple(name_bits(chosen, payload_bytes))
    if batch_packets is None:
        batch_packets = batch_rows(len(columns))
    require_whole("batch_packets", batch_packets, 1, 2**63 - 1)
    reader = _flowcore.HeaderReader(
        blocks=chosen, payload_octets=payload_bytes, **(flow or FlowOptions(protocols="all")).decoding
    )
    names: list[str] = []
    damage: list[Any] = []

    def take() -> HeaderBits:
        packets, bits = reader.take_rows(batch_packets)
        metadata = {
            "netml_version": __version__,
            "headers": list(chosen),
            "payload_bytes": payload_bytes,
            "captures": list(names),
            "damage": [str(error) for error in damage],
            **reader.counters,
        }
        time_ns, key, caplen, wirelen = (packets[name].copy() for name in ("time_ns", "key", "caplen", "wirelen"))
        return HeaderBits(bits, columns, time_ns, key, caplen, wirelen, metadata)

    reading = ReadOptions(strict, link_type, progress)
    with contextlib.closing(walk_packets(reader, source, names, damage, reading, stacklevel=3)) as walk:
        for _ in walk:
            while reader.n_pending > batch_packets:
                yield take()
    yield take()


def read_header_bits(
    source: Any,
    headers: str | Iterable[str] = ALL_HEADERS,
    *,
    payload_bytes: int = 0,
    flow: FlowOptions | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> HeaderBits:
    """Read the packets of captures as the bits of their headers, all at once.

    Parameters
    ----------
    source, headers, payload_bytes, flow, strict, link_type, progress
        As in `iter_header_bits`.

    Returns
    -------
    HeaderBits
        A row for each packet, in order of arrival.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError, UnknownNameError
        If an option is out of range, or a header unknown.
    """
    reading: dict[str, Any] = {"strict": strict, "link_type": link_type, "progress": progress}
    # Pending packets take some tens of bytes each: the bits are written once, into one matrix.
    (whole,) = iter_header_bits(
        source, headers, payload_bytes=payload_bytes, flow=flow, batch_packets=2**63 - 1, **reading
    )
    return whole


def write_header_bits(source: Any, path: str | os.PathLike[str], headers: str | Iterable[str], **options: Any) -> Any:
    """Read packets and write them as `HeaderBits.save` does; Parquet batch by batch, in bounded memory.

    Parameters
    ----------
    source, headers
        As in `iter_header_bits`.
    path : str or os.PathLike
        As of `HeaderBits.save`.
    **options
        Of `iter_header_bits`.

    Returns
    -------
    dict
        The metadata of all packets.
    """
    found = find_bits_format(path)
    if found.content == "columns":
        return write_batches(path, found, iter_header_bits(source, headers, **options))
    whole = read_header_bits(source, headers, **options)
    whole.save(path)
    return whole.metadata
