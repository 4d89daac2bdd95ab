"""FeatureMatrix: what fits together, rows, columns, and the way to pandas and Arrow."""

import sys

import numpy as np
import pytest
from _indices import build_index

from netml.errors import MissingExtraError, OptionError, UnknownNameError
from netml.matrix import FeatureMatrix

TUPLES = [
    ("10.0.0.1", "10.0.0.2", 40000, 53, 17),
    ("2001:db8::1", "2001:db8::2", 40001, 443, 6),
    ("10.0.0.2", "10.0.0.1", 53, 40000, 17),
]


@pytest.fixture
def matrix():
    features = [[0.1, 60.0], [0.2, 1500.0], [0.0, 40.0]]
    labels = ["BENIGN", "BOT", ""]
    return FeatureMatrix(features, ["iat_0", "packets"], build_index(TUPLES), {"family": ["IAT"]}, labels)


def test_shape_and_text(matrix):
    assert (len(matrix), matrix.shape) == (3, (3, 2))
    assert repr(matrix) == "<FeatureMatrix: 3 flows x 2 features, labelled>"
    assert matrix.X.dtype == np.float64
    assert matrix.X.flags.c_contiguous
    assert matrix.columns == ("iat_0", "packets")


def test_float64_is_kept_without_a_copy():
    features = np.zeros((3, 2))
    assert FeatureMatrix(features, "ab", build_index(TUPLES), {}).X is features


def test_column(matrix):
    np.testing.assert_array_equal(matrix.column("packets"), [60.0, 1500.0, 40.0])
    assert np.shares_memory(matrix.column("packets"), matrix.X)
    with pytest.raises(UnknownNameError, match="unknown column 'size_9'; known: iat_0, packets"):
        matrix.column("size_9")


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        (np.array([True, False, True]), [0, 2]),
        ([], []),
    ],
)
def test_rows(matrix, rows, kept):
    chosen = matrix[rows]
    np.testing.assert_array_equal(chosen.X, matrix.X[kept])
    assert chosen.flows.five_tuples() == [TUPLES[row] for row in kept]
    assert chosen.labels.tolist() == [matrix.labels[row] for row in kept]
    assert chosen.columns == matrix.columns
    assert chosen.metadata is matrix.metadata


def test_one_row_is_not_a_matrix(matrix):
    with pytest.raises(OptionError, match="rows"):
        matrix[1]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"X": [1.0, 2.0, 3.0]}, "X=(3,): must be of two dimensions"),
        ({"X": np.zeros((2, 2))}, "flows=3: must be 2 flows"),
        ({"columns": ["a"]}, "columns=1: must be 2 names"),
        ({"columns": ["a", "a"]}, "names that differ"),
        ({"labels": ["x"]}, "labels=(1,): must be (3,)"),
    ],
)
def test_parts_that_do_not_fit(change, text):
    parts = {
        "X": np.zeros((3, 2)),
        "columns": ["a", "b"],
        "flows": build_index(TUPLES),
        "metadata": {},
        "labels": None,
    }
    with pytest.raises(OptionError) as caught:
        FeatureMatrix(**{**parts, **change})
    assert text in str(caught.value)


def test_to_pandas(matrix):
    pytest.importorskip("pandas")
    frame = matrix.to_pandas()
    assert list(frame)[:5] == ["src_ip", "src_port", "dst_ip", "dst_port", "protocol"]
    assert list(frame)[5:9] == ["start_ns", "end_ns", "packets", "bytes"]
    assert list(frame)[9:] == ["iat_0", "feature_packets", "label"]
    assert frame["src_ip"].tolist() == ["10.0.0.1", "2001:db8::1", "10.0.0.2"]
    assert frame["packets"].tolist() == [2, 3, 4]
    assert frame["feature_packets"].tolist() == [60.0, 1500.0, 40.0]
    assert frame["label"].tolist() == ["BENIGN", "BOT", ""]


def test_to_arrow(matrix):
    arrow = pytest.importorskip("pyarrow")
    table = matrix.to_arrow()
    assert table.column_names[:3] == ["src_ip", "src_port", "dst_ip"]
    assert table.column("src_ip").to_pylist() == ["10.0.0.1", "2001:db8::1", "10.0.0.2"]
    assert table.schema.field("iat_0").type == arrow.float64()
    assert table.schema.field("start_ns").type == arrow.int64()
    assert table.schema.metadata[b"netml"] == b'{"family": ["IAT"]}'
    table.validate(full=True)


@pytest.mark.parametrize(("package", "method"), [("pandas", "to_pandas"), ("pyarrow", "to_arrow")])
def test_a_missing_package_is_named(matrix, monkeypatch, package, method):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install netml\["):
        getattr(matrix, method)()


@pytest.mark.parametrize(("columns", "metadata", "said"), [(["a", 1], {}, "texts"), (["a", "b"], 3, "a dict")])
def test_parts_of_other_types(columns, metadata, said):
    with pytest.raises(OptionError, match=said):
        FeatureMatrix(np.zeros((0, 2)), columns, build_index([]), metadata)
