"""Captures read to their end as flows of the definitions `bi` and `uni`, which no interval cuts."""

from __future__ import annotations

from typing import Any

import numpy as np

from netml import _flowcore
from netml.flow.assembler import describe
from netml.flow.headers import FlowHeaders
from netml.flow.options import FlowOptions
from netml.flow.table import FlowTable, make_table


class UncutBiflows:
    """Flows of these definitions as `read_subflows` returns them: call `cut` once.

    Parameters
    ----------
    assembler : BiflowAssembler
        Has all packets.
    flow : FlowOptions
        How packets become flows; resolved.
    size : {"captured", "wire", "ip", "payload"}
        Which length is a packet's size.
    metadata : dict
        Where the packets come from.
    """

    def __init__(
        self, assembler: _flowcore.BiflowAssembler, flow: FlowOptions, size: str, metadata: dict[str, Any]
    ) -> None:
        self._assembler = assembler
        self._flow = flow
        self._size = size
        self._metadata = metadata
        self.durations_ns = np.empty(0, np.int64)  # nothing to learn an interval from

    def learn_interval_ns(self) -> float:
        """Return 0: there is no interval."""
        return 0.0

    def cut(self, interval_ns: float) -> FlowTable:
        """Hand everything over.

        Parameters
        ----------
        interval_ns : float
            Not used.

        Returns
        -------
        FlowTable
            All flows with all their packets.
        """
        assembler = self._assembler
        assert self._flow.min_packets is not None
        taken = assembler.take_biflows(self._flow.min_packets)
        numbers = taken.pop("header_numbers", None)
        counts = {**assembler.counters, "dropped": assembler.dropped}
        metadata = {**self._metadata, **counts, **describe(self._flow, 0.0, self._size)}
        table = make_table(taken, self._size, metadata)
        if numbers is not None:
            table.headers = FlowHeaders(assembler.take_headers(), numbers)
        return table
