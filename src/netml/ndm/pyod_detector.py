"""Any unsupervised detector of PyOD behind the interface of netml."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netml.errors import MissingExtraError, OptionError
from netml.ndm import PYOD_DETECTORS, is_installed, pyod_parameters
from netml.ndm._apart import hushed
from netml.ndm._base import Array, Detector
from netml.validation import require_whole


@dataclass(eq=False, repr=False)
class PyODDetector(Detector):
    """A detector of PyOD, by its name.

    Some of PyOD's detectors score rows only among others. They keep the training rows, and rows to be scored are put
    beside these, a block at a time, at most a tenth as many.

    Parameters
    ----------
    name : str
        The name of PyOD's module, as `netml detectors` lists it: "lof", "hbos" ...
    params : dict, optional
        Parameters of PyOD's class.
    contamination : float
        Share of the training rows that is to count as abnormal.
    random_state : int, optional
        Seed of all that is random.

    Attributes
    ----------
    model_ : object
        PyOD's detector, fitted; absent if it scores rows only among others.
    rows_ : ndarray of float64, shape (n_flows, n_features)
        The training rows, if it scores rows only among others.
    """

    name: str = "lof"
    params: dict[str, Any] | None = None
    contamination: float = 0.1
    random_state: int | None = 42

    def _check_parameters(self) -> None:
        entry = PYOD_DETECTORS.get(self.name)
        if entry is None:
            raise OptionError("name", self.name, f"one of {', '.join(PYOD_DETECTORS)}")
        if entry.extra and not is_installed(entry.extra):
            raise MissingExtraError(f"the detector {self.name}", entry.extra)
        if self.random_state is not None:
            require_whole("random_state", self.random_state, 0, 2**32 - 1)
        known = pyod_parameters(self.name)
        unknown = set(self.params or {}) - set(known)
        if unknown:
            raise OptionError("params", self.params, f"of the parameters of {self.name}: {', '.join(known)}")
        with hushed():
            self._make_model(8)

    def _make_model(self, n_columns: int) -> Any:
        entry = PYOD_DETECTORS[self.name]
        found = getattr(import_module(f"pyod.models.{self.name}"), entry.attribute)
        known = pyod_parameters(self.name)
        given: dict[str, Any] = dict(self.params or {})
        if self.name == "deep_svdd":
            given.setdefault("n_features", n_columns)
        if self.name == "lscp":
            lof = import_module("pyod.models.lof").LOF
            given.setdefault("detector_list", [lof(n_neighbors=count) for count in (5, 10, 15, 20)])
        if "random_state" in known:
            given.setdefault("random_state", self.random_state)
        if "contamination" in known and self.contamination > 0:  # PyOD knows no 0; its threshold is not used
            given.setdefault("contamination", self.contamination)
        return found(**given)

    def _fit(self, rows: Array) -> None:
        with hushed():
            model = self._make_model(rows.shape[1])
            model.fit(rows)
        # The scores of the fit: in `decision_function` a training row would be its own nearest neighbour.
        self._fit_scores = self._upright(model.decision_scores_)
        if PYOD_DETECTORS[self.name].is_joint:
            self.rows_ = rows.copy()
        else:
            self.model_ = model

    def _score(self, rows: Array) -> Any:
        with hushed():
            if not PYOD_DETECTORS[self.name].is_joint:
                return self._upright(self.model_.decision_function(rows))
            block = max(len(self.rows_) // 10, 1)
            return np.concatenate([self._score_among(rows[i : i + block]) for i in range(0, len(rows), block)])

    def _training_scores(self, rows: Array) -> Any:
        return self.__dict__.pop("_fit_scores")

    def _upright(self, scores: Any) -> NDArray[Any]:
        return np.ravel(scores) * (-1 if PYOD_DETECTORS[self.name].is_reversed else 1)

    def _score_among(self, rows: Array) -> NDArray[Any]:
        model = self._make_model(rows.shape[1])
        model.fit(np.concatenate([self.rows_, rows]))
        return self._upright(model.decision_scores_)[len(self.rows_) :]

    def _given(self) -> dict[str, Any]:
        return dict(self.params or {})

    def _display_name(self) -> str:
        return self.name
