"""The incremental computing of rows: states of families, fed as packets come, without keeping packets."""

from __future__ import annotations

from typing import Any

import numpy as np

from netml import _flowcore
from netml.families import find_family
from netml.features.compute import settings_of
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions
from netml.features.spec import RepresentationSpec
from netml.schema.flow_index import ATTRIBUTE_KINDS, FlowIndex


def is_incremental(options: RepresentationOptions) -> bool:
    """True if rows of these options can be computed without keeping packets."""
    is_plain = not options.header and not options.request.is_fft and options.max_packets is None
    return is_plain and all(find_family(name).has_state for name in options.request.names)


class IncrementalRows:
    """States of the open flows, and their rows when these end.

    `is_incremental` holds for the options of `spec`. `states` has the `FlowStates` of each family with its first column
    and width; `columns` the names of all columns.
    """

    def __init__(self, spec: RepresentationSpec) -> None:
        settings = settings_of(spec.options.family_options, 0.0)
        blocks, self.columns = spec.lay_out()
        self.states = [
            (_flowcore.FlowStates(block.code, settings), block.first_column, block.width) for block in blocks
        ]
        self._rows = spec.describe_rows()

    @property
    def bytes_a_flow(self) -> int:
        """Memory that the states of a flow take now, on average, bytes."""
        n_flows = max(1, *(states.n_flows for states, _, _ in self.states))
        return sum(states.n_bytes for states, _, _ in self.states) // n_flows

    def make(self, taken: dict[str, np.ndarray], metadata: dict[str, Any]) -> FeatureMatrix:
        """Make the matrix of flows that have ended, from what `BiflowAssembler.take_rows` returned."""
        names = ("keys", "start_ns", "end_ns", "packets", "bytes", "end_reason")
        known: dict[str, Any] = {name: taken[name] for name in names}
        index = FlowIndex(**known, attributes={name: taken[name] for name in ATTRIBUTE_KINDS})
        return FeatureMatrix(taken["X"], self.columns, index, {**metadata, "representation": self._rows})
