"""Assemblers of all flow definitions, sources read into them, and the metadata of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from netml import _flowcore
from netml._version import __version__
from netml.capture.reader import ReadOptions, read_packets
from netml.errors import OptionError
from netml.flow.options import FlowOptions, TablePlan


def make_assembler(
    flow: FlowOptions, columns: Iterable[str], first_headers: Mapping[str, int] | None = None
) -> _flowcore.FlowAssembler | _flowcore.BiflowAssembler:
    """Make the assembler of a flow definition; `flow` is resolved.

    `columns` are the packet columns to keep besides the time. `first_headers` keeps the headers of each flow's first
    `n_first` packets, with `payload_octets` of payload: an `OptionError` for flows that are cut afterwards.
    """
    if first_headers and flow.definition == "original":
        raise OptionError("definition", flow.definition, "bi or uni: flows that are cut afterwards keep no headers")
    if flow.definition == "original":
        return _flowcore.FlowAssembler(columns, **flow.decoding)
    rules = {
        "is_bi": flow.definition == "bi",
        "has_vlan_key": flow.vlan_key,
        "turns_by_syn": flow.direction == "syn",
        "tcp_end": _flowcore.TCP_ENDS[flow.tcp_end],
        **flow.biflow_timeouts_ns,
    }
    return _flowcore.BiflowAssembler(columns, rules=rules, **(first_headers or {}), **flow.decoding)


def read_source(
    assembler: _flowcore.PacketAssembler, source: Any, reading: ReadOptions, on_step: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Read a source to its end; return the metadata about the source."""
    captures, damage = read_packets(assembler, source, reading, on_step=on_step, stacklevel=6)
    return {"netml_version": __version__, "captures": captures, "damage": [str(error) for error in damage]}


def describe(plan: TablePlan, interval_ns: float) -> dict[str, Any]:
    """Return the metadata about how packets became flows."""
    return {"flow": asdict(plan.flow), "interval_s": interval_ns / 1e9, "size": plan.size}
