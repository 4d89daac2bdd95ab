"""Detectors: fit and predict, by algorithm, in ns a flow; models on their way to a file and back."""

import time

import numpy as np

from netml import load_model, ndm
from netml.models.flow_model import FlowModel

N_ROWS = 5_000
N_COLUMNS = 20
ALGORITHMS = ("ocsvm", "gmm", "if", "pca", "oc-nystroem", "oc-kjl", "ocsvm-sgd", "ecod", "hbos")


def make_rows(n_rows):
    """Flows of three kinds, and some of none."""
    rng = np.random.default_rng(42)
    centres = rng.normal(size=(3, N_COLUMNS)) * 3
    rows = centres[rng.integers(0, 3, n_rows)] + rng.normal(size=(n_rows, N_COLUMNS))
    rows[:: n_rows // 50] *= 4
    return rows


def ns_per_row(call, n_rows, n_calls=3):
    """Shortest of a few calls, per row."""
    seconds = []
    for _ in range(n_calls):
        begin_s = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin_s)
    return min(seconds) * 1e9 / n_rows


class Detectors:
    """One detector."""

    params = ALGORITHMS
    param_names = ("algorithm",)
    timeout = 300

    def setup(self, algorithm):
        self.rows = make_rows(N_ROWS)
        self.detector = ndm.make_detector(algorithm).fit(self.rows)

    def track_fit(self, algorithm):
        return ns_per_row(lambda: ndm.make_detector(algorithm).fit(self.rows), N_ROWS, 1)

    track_fit.unit = "ns/flow"

    def track_predict(self, algorithm):
        return ns_per_row(lambda: self.detector.predict(self.rows), N_ROWS)

    track_predict.unit = "ns/flow"


class Files:
    """A model to a file and back."""

    def setup(self):
        FlowModel(ndm.make_detector("oc-nystroem").fit(make_rows(N_ROWS)), algorithm="oc-nystroem").save("model.netml")
        self.model = load_model("model.netml")

    def time_save(self):
        self.model.save("again.netml")

    def time_load(self):
        load_model("model.netml")
