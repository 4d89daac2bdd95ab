"""What a representation of flows does, without scikit-learn, which takes a second to load."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from netml._described import Described
from netml.errors import TrainingError
from netml.families import DEFAULT_FAMILY_OPTIONS, FamilyOptions, find_family, lay_out
from netml.flows import FlowTable
from netml.joining import join_matrices
from netml.matrix import FeatureMatrix
from netml.options import FlowOptions, RepresentationOptions, choose_flow
from netml.quantile import linear_quantile
from netml.reading import Progress
from netml.rows import learn_rate_ns, represent
from netml.tables import read_tables


class PlainRepresentation(Described):
    """What a `FlowRepresentation` learns, and how it makes rows: its parameters and attributes are described there."""

    def __init__(
        self,
        family: str | Sequence[str] = "IAT",
        *,
        fft: bool = False,
        header: bool = False,
        flow: FlowOptions | None = None,
        interval: float | None = None,
        dim: int | None = None,
        rate: float | None = None,
        size: str = "captured",
        first: int | None = None,
        family_options: FamilyOptions | None = None,
    ) -> None:
        self.family = family
        self.fft = fft
        self.header = header
        self.flow = flow
        self.interval = interval
        self.dim = dim
        self.rate = rate
        self.size = size
        self.first = first
        self.family_options = family_options

    def fit_tables(
        self, captures: Any, *, strict: bool = False, link_type: int | None = None, progress: Progress | None = None
    ) -> list[FlowTable]:
        """Learn, and give the flows of each capture.

        Parameters
        ----------
        captures : source, FlowTable, or an iterable of either
            See the class.
        strict, link_type, progress
            As in `netml.read_flows`.

        Returns
        -------
        list of FlowTable
            One for each capture.
        """
        options = self._options()
        tables, interval_s = read_tables(
            captures,
            choose_flow(self.flow, self.interval),
            self.size,
            options.packet_columns,
            definition=options.definition,
            first_headers=options.first_headers,
            strict=strict,
            link_type=link_type,
            progress=progress,
        )
        self._learn(tables, interval_s, options)
        return tables

    def _learn(self, tables: Sequence[FlowTable], interval_s: float, options: RepresentationOptions) -> None:
        if not any(map(len, tables)):
            raise TrainingError("there are no flows to learn a representation from")
        if options.first is not None:
            tables = [table.first(options.first) for table in tables]
        q_dim = choose_flow(self.flow).q_interval
        dim, rate_s = options.default_dim, 0.0
        if dim is None:
            dim = int(linear_quantile(np.concatenate([table.lengths for table in tables]), q_dim))
        if any(find_family(name).needs_rate for name in options.request.names):
            rate_s = self.rate if self.rate is not None else learn_rate_ns(*tables) / 1e9
        self._set_learned(dim=dim, interval_s=interval_s, rate_s=rate_s)

    def _set_learned(self, *, dim: int, interval_s: float, rate_s: float) -> None:
        self.dim_ = dim
        self.interval_ = interval_s
        self.rate_ = rate_s
        options = self._options()
        self.columns_ = lay_out(options.request, dim, header=self.header, options=options.family_options)[1]

    def read_tables(
        self, captures: Any, *, strict: bool = False, link_type: int | None = None, progress: Progress | None = None
    ) -> list[FlowTable]:
        """Read captures into flows, cut to the interval that was learned.

        Parameters
        ----------
        captures : source, FlowTable, or an iterable of either
            See the class.
        strict, link_type, progress
            As in `netml.read_flows`.

        Returns
        -------
        list of FlowTable
            One for each capture.
        """
        self._require_fitted()
        options = self._options()
        reading = {
            "definition": options.definition,
            "first_headers": options.first_headers,
            "strict": strict,
            "link_type": link_type,
            "progress": progress,
        }
        return read_tables(
            captures,
            choose_flow(self.flow, self.interval),
            self.size,
            options.packet_columns,
            interval_s=self.interval_,
            **reading,
        )[0]

    def keeping_tail(self) -> Self:
        """Give the same, but for the last piece of a flow that was cut: what is read keeps it.

        Returns
        -------
        PlainRepresentation
            Another one, fitted if this one is.
        """
        keeping = copy.copy(self)
        keeping.flow = replace(choose_flow(self.flow), keep_tail=True)
        return keeping

    def represent(self, tables: Sequence[FlowTable]) -> FeatureMatrix:
        """Make one matrix of tables of flows.

        Parameters
        ----------
        tables : sequence of FlowTable
            As `read_tables` gives them.

        Returns
        -------
        FeatureMatrix (n_flows, n_features)
            A row for each flow; table after table.
        """
        self._require_fitted()
        options = replace(self._options(), dim=self.dim_ or None, rate=self.rate_)
        return join_matrices([represent(table, options) for table in tables], self.columns_)

    def _options(self) -> RepresentationOptions:
        family = self.family if isinstance(self.family, str) else tuple(self.family)
        chosen = (self.fft, self.header, self.dim, self.rate, self.size)
        return RepresentationOptions(family, *chosen, self.family_options or DEFAULT_FAMILY_OPTIONS, self.first)

    @property
    def is_fitted(self) -> bool:
        """Whether it has learned."""
        return hasattr(self, "columns_")

    @property
    def packet_columns(self) -> tuple[str, ...]:
        """The packet columns that rows are made of, the size first."""
        return self._options().packet_columns

    def _require_fitted(self) -> None:
        if not self.is_fitted:
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("this FlowRepresentation has learned nothing yet: call fit() first")
