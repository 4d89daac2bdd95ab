"""`Detector`: the base class of the detectors, as an estimator of scikit-learn."""

from __future__ import annotations

from sklearn.base import BaseEstimator, OutlierMixin

from netml.ndm._base import PlainDetector


class Detector(OutlierMixin, BaseEstimator, PlainDetector):  # type: ignore[misc]
    """Base class of the detectors: a `PlainDetector` that is one of scikit-learn's outlier detectors, too."""
