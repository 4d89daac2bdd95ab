"""Captures read to their end, and cut by the idle timeouts: pieces of flows that wait for the interval.

The interval is learned from the pieces, of one capture or of several, so that it is known only when all are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

import netml
from netml import _flowcore
from netml.flows import FlowTable
from netml.options import FlowOptions, nanoseconds, require_size, whole_nanoseconds
from netml.quantile import linear_quantile
from netml.reading import Progress, read_packets


class Pieces:
    """What `read_pieces` gives: call `cut` once.

    Parameters
    ----------
    assembler : FlowAssembler
        Has all packets.
    flow : FlowOptions
        How packets become flows.
    size : {"captured", "wire"}
        Which length of a frame is a packet's size.
    metadata : dict
        Where the packets come from.
    """

    def __init__(
        self, assembler: _flowcore.FlowAssembler, flow: FlowOptions, size: str, metadata: dict[str, Any]
    ) -> None:
        self._assembler = assembler
        self._flow = flow
        self._size = size
        self._metadata = metadata
        self.durations_ns = assembler.end_flows(
            {
                "min_packets": flow.min_packets,
                "tcp_timeout_ns": whole_nanoseconds(flow.tcp_timeout),
                "udp_timeout_ns": whole_nanoseconds(flow.udp_timeout),
                "keeps_tail": flow.keep_tail,
            }
        )

    def learn_interval_ns(self) -> float:
        """Give the interval to which these pieces are to be cut, ns."""
        return learn_interval_ns([self.durations_ns], self._flow)

    def cut(self, interval_ns: float) -> FlowTable:
        """Cut the pieces by the interval and hand everything over.

        Parameters
        ----------
        interval_ns : float
            Length to which flows are cut, ns.

        Returns
        -------
        FlowTable
            All flows with all their packets.
        """
        assembler = self._assembler
        taken = assembler.take_flows(interval_ns)
        metadata = {
            **self._metadata,
            **assembler.counters,
            "dropped": assembler.dropped,
            "flow": asdict(self._flow),
            "interval_s": interval_ns / 1e9,
            "size": self._size,
        }
        table = FlowTable(taken.pop("keys"), taken.pop("offsets"), taken, self._size, metadata)
        table.set_times(taken["start_ns"], taken["end_ns"])
        return table


def learn_interval_ns(durations_ns: Sequence[np.ndarray], flow: FlowOptions) -> float:
    """Give the interval: the one that is given, or a quantile of the durations of all pieces.

    Parameters
    ----------
    durations_ns : sequence of ndarray of int64
        Durations of each capture's pieces, ns.
    flow : FlowOptions
        Its `interval`, or else its `q_interval`, counts.

    Returns
    -------
    float
        The interval, ns; 0 if there are no pieces.
    """
    if flow.interval is not None:
        return nanoseconds(flow.interval)
    # A single capture's durations are not copied: there may be millions.
    return linear_quantile(durations_ns[0] if len(durations_ns) == 1 else np.concatenate(durations_ns), flow.q_interval)


def read_pieces(
    source: Any,
    flow: FlowOptions | None,
    size: str,
    columns: Sequence[str],
    *,
    strict: bool = False,
    link_type: int | None = None,
    progress: Progress | None = None,
) -> Pieces:
    """Read a source to its end and cut its flows by the idle timeouts.

    Parameters
    ----------
    source, flow, size, strict, link_type, progress
        As in `netml.read_flows`.
    columns : sequence of str
        The packet columns to keep besides the time.

    Returns
    -------
    Pieces
        To be cut by an interval.

    Raises
    ------
    CaptureError
        If a source cannot be opened or, with `strict`, not be read to its end.
    OptionError
        If an option is out of range.
    """
    require_size(size)
    assembler = _flowcore.FlowAssembler(columns, **(flow or FlowOptions()).decoding)
    captures, damage = read_packets(assembler, source, strict=strict, link_type=link_type, progress=progress)
    metadata = {
        "netml_version": netml.__version__,
        "captures": captures,
        "damage": [str(error) for error in damage],
    }
    return Pieces(assembler, flow or FlowOptions(), size, metadata)
