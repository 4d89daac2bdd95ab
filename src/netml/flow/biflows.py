"""Captures read to their end as flows of the definitions `bi` and `uni`, which no interval cuts."""

from __future__ import annotations

from typing import Any

import numpy as np

from netml import _flowcore
from netml.flow.assembler import describe
from netml.flow.headers import FlowHeaders
from netml.flow.options import TablePlan
from netml.flow.table import FlowTable, make_table


class UncutBiflows:
    """Flows of these definitions as `read_subflows` returns them: call `cut` once.

    Parameters
    ----------
    assembler : BiflowAssembler
        Has all packets.
    plan : TablePlan
        What the table is made of.
    metadata : dict
        Where the packets come from.
    """

    def __init__(self, assembler: _flowcore.BiflowAssembler, plan: TablePlan, metadata: dict[str, Any]) -> None:
        self._assembler = assembler
        self._plan = plan
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
        assert self._plan.flow.min_packets is not None
        taken = assembler.take_biflows(self._plan.flow.min_packets)
        numbers = taken.pop("header_numbers", None)
        counts = {**assembler.counters, "dropped": assembler.dropped}
        metadata = {**self._metadata, **counts, **describe(self._plan, 0.0)}
        table = make_table(taken, self._plan.size, metadata)
        if numbers is not None:
            table.headers = FlowHeaders(assembler.take_headers(), numbers)
        return table
