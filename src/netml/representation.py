"""A representation of flows as a scikit-learn transformer: what it learns from captures, it applies to others."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from netml._plain_representation import PlainRepresentation
from netml.matrix import FeatureMatrix


class FlowRepresentation(PlainRepresentation, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Captures to feature matrices of one width.

    `fit` learns how long flows may last, for how many packets a row has room, and the SAMP window. `transform` makes
    rows of any capture with these numbers, like a vectorizer with its vocabulary.

    Parameters
    ----------
    family : str or sequence of str, default "IAT"
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
    first : int, optional
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

    def __sklearn_is_fitted__(self) -> bool:
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags
