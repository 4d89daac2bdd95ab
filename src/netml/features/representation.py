"""A representation of flows as a scikit-learn transformer: what it learns from captures, it applies to others."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from netml.capture.reader import Progress, ReadOptions
from netml.errors import TrainingError
from netml.families import DEFAULT_FAMILY_OPTIONS, FamilyOptions
from netml.features.compute import compute
from netml.features.concat import concat_matrices
from netml.features.fitting import fit
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions, make_plan
from netml.features.spec import RepresentationSpec
from netml.flow.options import FlowOptions, choose_flow
from netml.flow.reader import read_tables
from netml.flow.table import FlowTable
from netml.formats._table import import_pandas
from netml.ndm._estimator import Estimator
from netml.validation import nanoseconds, require_choice

if TYPE_CHECKING:
    from netml.schema.choices import Families, Size


class FlowRepresentation(Estimator):
    """Captures to feature matrices of one width.

    `fit` learns how long flows may last, for how many packets a row has room, and the SAMP window. `transform` makes
    rows of any capture with these numbers, like a vectorizer with its vocabulary.

    Parameters
    ----------
    families, fft, header, flow, interval, dim, rate, size, max_packets, family_options
        As in `netml.extract`. `interval`, `dim` and `rate` are learned by default.

    Attributes
    ----------
    spec_ : RepresentationSpec
        All that was learned, and the options.
    dim_ : int
        Packets that a row has room for; 0 if it is unknown and no row depends on it.
    interval_ : float
        Length to which flows are cut, s.
    rate_ : float
        Length of a SAMP window, s; 0 if no family has windows.
    columns_ : tuple of str
        Names of the features.

    Notes
    -----
    `fit` and `transform` take one source, as `netml.read_flows` does; or an iterable of sources, each a capture, so
    that no flow reaches from one into another; or a `FlowTable`, or an iterable of those. Rows are flows: to
    cross-validate over flows, give a `FlowTable`; over captures, a list.

    Examples
    --------
    >>> from netml import FlowRepresentation
    >>> fitted = FlowRepresentation("SIZE", dim=2).fit("examples/data/demo.pcap")  # doctest: +SKIP
    >>> fitted.transform("examples/data/demo.pcap").columns  # doctest: +SKIP
    ('size_0', 'size_1')
    """

    def __init__(
        self,
        families: Families = "IAT",
        *,
        fft: bool = False,
        header: bool = False,
        flow: FlowOptions | None = None,
        interval: float | None = None,
        dim: int | None = None,
        rate: float | None = None,
        size: Size = "captured",
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
        """Learn, and compute the matrix of the same captures, which are read once.

        Parameters
        ----------
        captures, y, **fit_params
            As in `fit`; others are not used.

        Returns
        -------
        FeatureMatrix (n_flows, n_features), or pandas.DataFrame after `set_output`
            A row for each flow.
        """
        return self.transform(self.fit_tables(captures))

    def transform(self, captures: Any) -> FeatureMatrix:
        """Compute the matrix of captures.

        Parameters
        ----------
        captures : source, FlowTable, or an iterable of either
            See the class. The flows of a `FlowTable` are taken as they are.

        Returns
        -------
        FeatureMatrix (n_flows, n_features), or pandas.DataFrame after `set_output`
            A row for each flow; capture after capture.

        Raises
        ------
        NotFittedError
            If nothing has been learned yet.
        CaptureError
            If a source cannot be opened.
        """
        matrix = self.compute(self.read_tables(captures))
        if getattr(self, "_sklearn_output_config", {}).get("transform") != "pandas":
            return matrix
        return import_pandas().DataFrame(matrix.X, columns=self.get_feature_names_out())  # type: ignore[no-any-return]

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what `transform` and `fit_transform` return; scikit-learn's pipelines hand the choice on.

        Parameters
        ----------
        transform : {"default", "pandas"} or None, default None
            A `FeatureMatrix`, or a data frame of the features alone; None changes nothing.

        Returns
        -------
        FlowRepresentation
            Itself.

        Raises
        ------
        OptionError
            If it is another container.
        """
        if transform is not None:
            require_choice("transform", transform, ("default", "pandas"))
            self._sklearn_output_config = {"transform": transform}  # a name that scikit-learn's clone copies
        return self

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features.

        Parameters
        ----------
        input_features : object, optional
            Not used.

        Returns
        -------
        ndarray (n_features,) of object
            As `columns_`.
        """
        return np.array(self._fitted_spec().columns, dtype=object)

    def fit_tables(
        self, captures: Any, *, strict: bool = False, link_type: int | None = None, progress: Progress | None = None
    ) -> list[FlowTable]:
        """Learn, and return the flows of each capture.

        Parameters
        ----------
        captures, strict, link_type, progress
            As in `transform` and `netml.read_flows`.

        Returns
        -------
        list of FlowTable
            One for each capture.
        """
        options, flow = self._options(), choose_flow(self.flow, self.interval)
        tables, interval_s = read_tables(captures, make_plan(options, flow), ReadOptions(strict, link_type, progress))
        if not any(map(len, tables)):
            raise TrainingError("there are no flows to learn a representation from")
        spec = fit(tables, options, flow, interval_s)
        # By way of seconds, as a file keeps it: what is loaded computes to the last bit what was saved.
        self.spec_ = replace(spec, rate_ns=nanoseconds(spec.rate_s))
        return tables

    def read_tables(
        self, captures: Any, *, strict: bool = False, link_type: int | None = None, progress: Progress | None = None
    ) -> list[FlowTable]:
        """Read captures into flows, cut to the interval that was learned.

        Parameters
        ----------
        captures, strict, link_type, progress
            As in `fit_tables`.

        Returns
        -------
        list of FlowTable
            One for each capture.
        """
        spec = self._fitted_spec()
        plan = make_plan(spec.options, choose_flow(self.flow, self.interval))
        return read_tables(captures, plan, ReadOptions(strict, link_type, progress), spec.interval_s)[0]

    def keeping_tail(self) -> Self:
        """Return the same representation, except that the last part of a flow that was cut is kept.

        Returns
        -------
        FlowRepresentation
            Another one, fitted if this one is.
        """
        keeping = copy.copy(self)
        keeping.flow = replace(choose_flow(self.flow), keep_tail=True)
        return keeping

    def compute(self, tables: Sequence[FlowTable]) -> FeatureMatrix:
        """Compute one matrix of tables of flows.

        Parameters
        ----------
        tables : sequence of FlowTable
            As `read_tables` returns them.

        Returns
        -------
        FeatureMatrix (n_flows, n_features)
            A row for each flow; table after table.
        """
        spec = self._fitted_spec()
        return concat_matrices([compute(table, spec) for table in tables], spec.columns)

    def to_dict(self) -> dict[str, Any]:
        """Return all that makes up a fitted representation, as JSON can hold it; see `RepresentationSpec.to_dict`.

        Returns
        -------
        dict
            families, fft, header, size, max_packets, family_options, flow, dim, interval_s, rate_s.
        """
        return self._fitted_spec().to_dict()

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> Self:
        """Make a fitted representation of what `to_dict` returned.

        Parameters
        ----------
        parts : mapping
            families, dim and interval_s; the rest has defaults.

        Returns
        -------
        FlowRepresentation
            It transforms as the one that `to_dict` was called on. A part that is missing or out of range raises an
            `OptionError` or an `UnknownNameError`.
        """
        return cls.from_spec(RepresentationSpec.from_dict(parts))

    @classmethod
    def from_spec(cls, spec: RepresentationSpec) -> Self:
        """Make a fitted representation of a specification.

        Parameters
        ----------
        spec : RepresentationSpec
            What rows are made of.

        Returns
        -------
        FlowRepresentation
            Fitted.
        """
        options = spec.options
        chosen: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(options)}
        chosen |= {"families": options.request.names, "fft": options.request.is_fft, "flow": spec.flow}
        made = cls(**chosen)
        made.spec_ = spec
        return made

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Self | None:
        """Make the representation that a feature matrix was computed with.

        Parameters
        ----------
        metadata : mapping
            Of a `FeatureMatrix`.

        Returns
        -------
        FlowRepresentation or None
            None if the metadata has no representation, as of a `.dat` or `.npy` file. Errors are those of `from_dict`.
        """
        spec = RepresentationSpec.from_metadata(metadata)
        return None if spec is None else cls.from_spec(spec)

    @property
    def dim_(self) -> int:
        """Packets that a row has room for."""
        return self._fitted_spec().dim

    @property
    def interval_(self) -> float:
        """Length to which flows are cut, s."""
        return self._fitted_spec().interval_s

    @property
    def rate_(self) -> float:
        """Length of a SAMP window, s."""
        return self._fitted_spec().rate_s

    @property
    def columns_(self) -> tuple[str, ...]:
        """Names of the features."""
        return self._fitted_spec().columns

    def _fitted_spec(self) -> RepresentationSpec:
        self._require_fitted()
        return self.spec_

    def _options(self) -> RepresentationOptions:
        families = self.families if isinstance(self.families, str) else tuple(self.families)
        chosen = (self.fft, self.header, self.dim, self.rate, self.size)
        return RepresentationOptions(families, *chosen, self.family_options or DEFAULT_FAMILY_OPTIONS, self.max_packets)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags
