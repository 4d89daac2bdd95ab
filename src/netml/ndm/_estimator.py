"""`Detector`: the base class of the detectors, as an estimator of scikit-learn."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, OutlierMixin

from netml.ndm._base import PlainDetector


class Detector(PlainDetector, OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Base class of the detectors: a `PlainDetector` that is one of scikit-learn's outlier detectors, too."""

    def _parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = self.get_params()
        return parameters
