"""Counts of a capture, made without keeping its packets."""

from __future__ import annotations

from typing import Any

from netml import _flowcore
from netml.capture.reader import Progress, ReadOptions, read_packets
from netml.capture.source import Capture, describe_link_type
from netml.flow.options import FlowOptions, choose_flow


def inspect_capture(
    source: Any,
    *,
    flow: FlowOptions | None = None,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Read one capture through and count; memory does not grow with its packets.

    Of `flow`, `tunnels`, `tunnel_ports` and `fragments` count; the rest is as in `netml.read_flows`. The dict has
    `capture`, `format`, `resolution`, `link_types` (names), `n_sections`, `n_interfaces`, `n_keys`, `damage`
    (messages), and the counts of `FlowTable.metadata`.
    """
    assembler = _flowcore.FlowAssembler(keeps_packets=False, **choose_flow(flow).decoding)
    opened: list[Capture] = []
    _, damage = read_packets(assembler, source, ReadOptions(strict, link_type, progress), on_open=opened.append)
    capture = opened[0]
    framer = capture.framer
    link_types = sorted(framer.seen["link_types"]) if framer is not None else [capture.link_type or 0]
    return {
        "capture": capture.name,
        "format": capture.format,
        "resolution": capture.resolution or "s",
        "link_types": [describe_link_type(link_type) for link_type in link_types],
        "n_sections": framer.seen["n_sections"] if framer is not None else 0,
        "n_interfaces": framer.seen["n_interfaces"] if framer is not None else 0,
        "n_keys": assembler.n_keys,
        "damage": [str(error) for error in damage],
        **assembler.counters,
    }
