"""A representation of flows as a scikit-learn transformer: what it learns from captures, it applies to others."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from netml.capture.reader import Progress
from netml.errors import TrainingError
from netml.families import DEFAULT_FAMILY_OPTIONS, FamilyOptions, find_family, lay_out
from netml.features._described import Described
from netml.features.compute import learn_rate_ns, represent
from netml.features.concat import concat_matrices
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions
from netml.flow.options import FlowOptions, choose_flow
from netml.flow.reader import read_tables
from netml.flow.subflows import linear_quantile
from netml.flow.table import FlowTable


class FlowRepresentation(Described):
    """Captures to feature matrices of one width.

    `fit` learns how long flows may last, for how many packets a row has room, and the SAMP window. `transform` makes
    rows of any capture with these numbers, like a vectorizer with its vocabulary.

    Parameters
    ----------
    families : str or sequence of str, default "IAT"
        Names of families; see `netml families`.
    fft : bool, default False
        Take the real part of each block's Fourier transform.
    header : bool, default False
        Put the TCP flag counts and TTLs in front.
    flow : FlowOptions, optional
        How packets become flows.
    interval : float, optional
        Length to which flows are cut, s; as ``flow=FlowOptions(interval=...)``. By default learned.
    dim : int, optional
        Packets that a row has room for; by default learned.
    rate : float, optional
        Length of a SAMP window, s; by default learned.
    size : {"captured", "wire", "ip", "payload"}, default "captured"
        Which length is a packet's size; see `netml.read_flows`.
    max_packets : int, optional
        Make rows of each flow's first packets only, so many.
    family_options : FamilyOptions, optional
        What can be chosen about single families.

    Attributes
    ----------
    dim_ : int
        Packets that a row has room for; 0 where nobody knows, of rows that are as wide whatever it is.
    interval_ : float
        Length to which flows are cut, s.
    rate_ : float
        Length of a SAMP window, s; 0 if no family has windows.
    columns_ : tuple of str
        Names of the features.

    Notes
    -----
    What `fit` and `transform` take is one source, as `netml.read_flows` does; or an iterable of them, each a capture of
    its own, so that no flow reaches from one into another; or a `FlowTable`, or an iterable of those. Rows are flows:
    to cross-validate over flows, give a `FlowTable`; over captures, a list.

    Examples
    --------
    >>> from netml import FlowRepresentation
    >>> fitted = FlowRepresentation("SIZE", dim=2).fit("examples/data/demo.pcap")  # doctest: +SKIP
    >>> fitted.transform("examples/data/demo.pcap").columns  # doctest: +SKIP
    ('size_0', 'size_1')
    """

    def __init__(
        self,
        families: str | Sequence[str] = "IAT",
        *,
        fft: bool = False,
        header: bool = False,
        flow: FlowOptions | None = None,
        interval: float | None = None,
        dim: int | None = None,
        rate: float | None = None,
        size: str = "captured",
        max_packets: int | None = None,
        family_options: FamilyOptions | None = None,
    ) -> None:
        self.families = families
        self.fft = fft
        self.header = header
        self.flow = flow
        self.interval = interval
        self.dim = dim
        self.rate = rate
        self.size = size
        self.max_packets = max_packets
        self.family_options = family_options

    def fit(self, captures: Any, y: Any = None) -> FlowRepresentation:
        """Learn the interval, the dimension and the rate.

        Parameters
        ----------
        captures : source, FlowTable, or an iterable of either
            See the class.
        y : object, optional
            Not used.

        Returns
        -------
        FlowRepresentation
            Itself.

        Raises
        ------
        CaptureError
            If a source cannot be opened.
        OptionError, UnknownNameError
            If a parameter is out of range, or a family unknown.
        TrainingError
            If there are no flows to learn from.
        """
        self.fit_tables(captures)
        return self

    def fit_transform(self, captures: Any, y: Any = None, **fit_params: Any) -> FeatureMatrix:
        """Learn, and make the matrix of the same captures, which are read once.

        Parameters
        ----------
        captures : source, FlowTable, or an iterable of either
            See the class.
        y, **fit_params
            Not used.

        Returns
        -------
        FeatureMatrix (n_flows, n_features)
            A row for each flow.
        """
        return self.transform(self.fit_tables(captures))

    def transform(self, captures: Any) -> FeatureMatrix:
        """Make the matrix of captures.

        Parameters
        ----------
        captures : source, FlowTable, or an iterable of either
            See the class. The flows of a `FlowTable` are taken as they are.

        Returns
        -------
        FeatureMatrix (n_flows, n_features)
            A row for each flow; capture after capture.

        Raises
        ------
        NotFittedError
            If nothing has been learned yet.
        CaptureError
            If a source cannot be opened.
        """
        return self.represent(self.read_tables(captures))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Give the names of the features.

        Parameters
        ----------
        input_features : object, optional
            Not used.

        Returns
        -------
        ndarray (n_features,) of object
            As `columns_`.
        """
        self._require_fitted()
        return np.array(self.columns_, dtype=object)

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
        if options.max_packets is not None:
            tables = [table.first(options.max_packets) for table in tables]
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
        FlowRepresentation
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
        return concat_matrices([represent(table, options) for table in tables], self.columns_)

    def _options(self) -> RepresentationOptions:
        families = self.families if isinstance(self.families, str) else tuple(self.families)
        chosen = (self.fft, self.header, self.dim, self.rate, self.size)
        return RepresentationOptions(families, *chosen, self.family_options or DEFAULT_FAMILY_OPTIONS, self.max_packets)

    @property
    def packet_columns(self) -> tuple[str, ...]:
        """The packet columns that rows are made of, the size first."""
        return self._options().packet_columns

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags
