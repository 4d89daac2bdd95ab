"""`KDE`: a kernel density estimate; scoring compares with every training row."""

from __future__ import annotations

from typing import Any

from sklearn.neighbors import KernelDensity

from netml.ndm._base import Array
from netml.ndm._blocks import score_in_blocks
from netml.ndm._estimator import Detector


class KDE(Detector):
    """Kernel density estimate: minus the log density at a row.

    Parameters
    ----------
    bandwidth, algorithm, kernel, metric, atol, rtol
        As in `sklearn.neighbors.KernelDensity`.
    contamination : float
        Share of the training rows that is to count as abnormal.
    breadth_first, leaf_size, metric_params
        As in `sklearn.neighbors.KernelDensity`.
    random_state : int, optional
        Accepted, as in the original; nothing is random here.

    Attributes
    ----------
    model_ : sklearn.neighbors.KernelDensity
        The density; it holds the training rows.
    """

    def __init__(
        self,
        bandwidth: float | str = 1.0,
        algorithm: str = "auto",
        kernel: str = "gaussian",
        metric: str = "euclidean",
        atol: float = 0,
        rtol: float = 0,
        contamination: float = 0.1,
        breadth_first: bool = True,
        leaf_size: int = 40,
        metric_params: dict[str, Any] | None = None,
        random_state: int | None = 42,
    ) -> None:
        self.bandwidth = bandwidth
        self.algorithm = algorithm
        self.kernel = kernel
        self.metric = metric
        self.atol = atol
        self.rtol = rtol
        self.contamination = contamination
        self.breadth_first = breadth_first
        self.leaf_size = leaf_size
        self.metric_params = metric_params
        self.random_state = random_state

    def _make_model(self) -> KernelDensity:
        own = ("contamination", "random_state")
        return KernelDensity(**{name: value for name, value in self.get_params().items() if name not in own})

    def _check_parameters(self) -> None:
        self._make_model()._validate_params()

    def _fit(self, rows: Array) -> None:
        self.model_ = self._make_model().fit(rows)

    def _score(self, rows: Array) -> Any:
        return -score_in_blocks(self.model_.score_samples, rows, len(self.model_.tree_.data))
