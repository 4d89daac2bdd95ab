"""A small feature matrix with all that formats stumble over."""

import numpy as np
from _indices import build_index

from netml.features.matrix import FeatureMatrix

TUPLES = [
    ("10.0.0.1", "10.0.0.2", 40000, 53, 17),
    ("2001:db8::1", "::1", 65535, 443, 6),
    ("192.168.255.254", "8.8.8.8", 0, 1, 17),
    ("fe80::1", "ff02::fb", 5353, 5353, 17),
]
# What makes a difference between writers: exponents, whole numbers, signs of zero, what is no number.
FEATURES = [
    [0.1, 1500.0, -0.0],
    [1e-6, 9_999_999_999.0, 1e10],
    [1.25e-5, np.nan, -np.inf],
    [1 / 3, 5e-324, -1.7976931348623157e308],
]


def build_matrix(labels=None, n_copies=1, text_columns=None):
    index = build_index(TUPLES * n_copies)
    metadata = {"family": ["IAT", "STATS"], "dim": 3, "interval_s": 0.25, "name": "Überwachung"}
    return FeatureMatrix(FEATURES * n_copies, ["iat_0", "packets", "bytes"], index, metadata, labels, text_columns)


LABELS = ["BENIGN", "Web Attack", "", "BENIGN"]


def assert_same(read, written, *, has_metadata):
    np.testing.assert_array_equal(read.X.view(np.int64), written.X.view(np.int64))
    assert read.columns == written.columns
    assert read.flows.five_tuples() == written.flows.five_tuples()
    for name in ("keys", "start_ns", "end_ns", "packets", "bytes"):
        np.testing.assert_array_equal(getattr(read.flows, name), getattr(written.flows, name))
    assert (read.labels is None) == (written.labels is None)
    assert {name: text.tolist() for name, text in read.text_columns.items()} == {
        name: text.tolist() for name, text in written.text_columns.items()
    }
    assert list(read.text_columns) == list(written.text_columns)
    if written.labels is not None:
        assert read.labels.tolist() == written.labels.tolist()
    assert read.metadata == (written.metadata if has_metadata else {})
