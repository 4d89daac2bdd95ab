"""`OCSVMSGD`: the one-class SVM, approximate; linear in the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netml.errors import OptionError
from netml.ndm._base import Array, Detector, is_number, score_in_blocks
from netml.ndm._projection import kernel_values
from netml.ndm._state import ArrayState, Field, Fields
from netml.validation import require_whole


@dataclass(eq=False, repr=False)
class OCSVMSGD(ArrayState, Detector):
    """One-class SVM by stochastic gradient descent, on an approximation of its kernel.

    The rows' kernel values with a few of them (`sklearn.kernel_approximation.Nystroem`) are what
    `sklearn.linear_model.SGDOneClassSVM` learns from; the score is minus its `score_samples`.

    Parameters
    ----------
    n_landmarks : int
        Training rows, drawn at random, that rows are compared with.
    gamma : "scale" or float
        The kernel is exp(-gamma d^2); "scale" is 1 / (columns x variance of the values), as for `OCSVM`.
    nu : float
        Share of the training rows that the region may leave out, above 0, up to 1.
    max_iter, tol
        As in `sklearn.linear_model.SGDOneClassSVM`.
    random_state : int, optional
        Seed of the draw and of the descent.
    contamination : float
        Share of the training rows that is to count as abnormal.

    Attributes
    ----------
    landmarks_ : ndarray of float64, shape (n_landmarks, n_features)
        The rows compared with.
    bandwidth_ : float
        Width h of the kernel exp(-d^2 / (2 h^2)).
    weights_ : ndarray of float64, shape (n_landmarks,)
        Weights of the kernel values: one product, as `Nystroem` and the machine behind it are both linear in them.
    """

    n_landmarks: int = 100
    gamma: str | float = "scale"
    nu: float = 0.5
    max_iter: int = 1000
    tol: float = 1e-3
    random_state: int | None = 42
    contamination: float = 0.1

    def _make_model(self) -> Any:
        from sklearn.linear_model import SGDOneClassSVM

        return SGDOneClassSVM(nu=self.nu, max_iter=self.max_iter, tol=self.tol, random_state=self.random_state)

    def _check_parameters(self) -> None:
        require_whole("n_landmarks", self.n_landmarks, 2)
        if self.gamma != "scale" and not (is_number(self.gamma) and 0 < float(self.gamma) < np.inf):
            raise OptionError("gamma", self.gamma, 'a number above 0, or "scale"')
        self._make_model()._validate_params()

    def _fields(self) -> Fields:
        return {
            "landmarks_": Field(("n_landmarks", "n_features")),
            "bandwidth_": Field(()),
            "weights_": Field(("n_landmarks",)),
        }

    def _fit(self, rows: Array) -> None:
        from sklearn.kernel_approximation import Nystroem

        variance = float(rows.var())
        gamma = self.gamma
        if gamma == "scale":
            gamma = 1 / (rows.shape[1] * variance) if 0 < variance < np.inf else 1.0
        nystroem = Nystroem(
            gamma=float(gamma), n_components=min(self.n_landmarks, len(rows)), random_state=self.random_state
        )
        machine = self._make_model().fit(nystroem.fit_transform(rows))
        self.landmarks_ = nystroem.components_
        self.bandwidth_ = float(np.sqrt(0.5 / float(gamma)))
        self.weights_ = nystroem.normalization_.T @ np.ravel(machine.coef_)

    def _score(self, rows: Array) -> Any:
        def score(block: Array) -> Any:
            return kernel_values(block, self.landmarks_, self.bandwidth_) @ self.weights_

        return -score_in_blocks(score, rows, len(self.landmarks_))
