"""FeatureMatrix: what fits together, rows, columns, and the way to pandas and Arrow."""

import sys

import numpy as np
import pytest
from _indices import build_index

from netml.errors import MissingExtraError, OptionError, UnknownNameError
from netml.features.matrix import FeatureMatrix

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


@pytest.mark.parametrize(
    "rows",
    [
        np.array([2, 0]),
        np.array([-1, -3]),
        np.array([1, 1], np.uint8),
        np.array([], np.int64),
        np.array([True, False, True]),
        slice(-2, None),
        slice(None, None, -1),
        slice(5, 9),
    ],
    ids=repr,
)
def test_rows_are_chosen_as_numpy_does_and_flows_keep_in_step(matrix, rows):
    matrix.text_columns["history"] = np.array(["S", "Sh", "D"])
    places = np.arange(3)[rows].tolist()
    keys = [rows, (rows, ...), (rows,)] if isinstance(rows, slice) else [rows, (rows, ...), (rows,), rows.tolist()]
    for key in keys:
        chosen = matrix[key]
        assert isinstance(chosen, FeatureMatrix)
        np.testing.assert_array_equal(chosen.X, matrix.X[rows])
        assert chosen.flows.five_tuples() == [TUPLES[place] for place in places]
        assert chosen.labels.tolist() == matrix.labels[rows].tolist()
        assert chosen.text_columns["history"].tolist() == matrix.text_columns["history"][rows].tolist()


def test_one_row_is_its_features(matrix):
    np.testing.assert_array_equal(matrix[1], [0.2, 1500.0])
    np.testing.assert_array_equal(matrix[np.int64(-1), ...], [0.0, 40.0])
    np.testing.assert_array_equal(list(matrix), matrix.X)
    assert isinstance(matrix[...], FeatureMatrix)


@pytest.mark.parametrize(
    "key", [(0, 1), (slice(1, None), [1, 0]), ([0, 2], [0, 1]), (..., -1), (slice(None), slice(1))]
)
def test_rows_and_columns_are_numbers(matrix, key):
    chosen = matrix[key]
    assert not isinstance(chosen, FeatureMatrix)
    np.testing.assert_array_equal(chosen, matrix.X[key])


@pytest.mark.parametrize(
    "key", [3, -4, [0, 3], [True, False], ([0, 3], ...), (0, 2), 1.0, [0.5], [[0]], None, True, {}]
)
def test_what_chooses_no_rows_is_an_index_error(matrix, key):
    with pytest.raises(IndexError):
        matrix[key]


def test_a_name_is_a_column(matrix):
    matrix.text_columns["history"] = np.array(["S", "Sh", "D"])
    assert matrix["packets"].tolist() == [60.0, 1500.0, 40.0]
    assert np.shares_memory(matrix["packets"], matrix.X)
    assert matrix["history"].tolist() == ["S", "Sh", "D"]
    assert matrix[1:, "packets"].tolist() == [1500.0, 40.0]
    assert matrix[[2, 0], "history"].tolist() == ["D", "S"]
    assert [name in matrix for name in ("packets", "history", "size_0", 0)] == [True, True, False, False]


@pytest.mark.parametrize("names", [["packets", "iat_0"], ["iat_0"], np.array(["packets"])], ids=str)
def test_names_are_a_matrix_of_these_features(matrix, names):
    matrix.text_columns["history"] = np.array(["S", "Sh", "D"])
    matrix.metadata["representation"] = {"dim": 2}
    chosen = matrix[names]
    places = [matrix.columns.index(name) for name in names]
    assert chosen.columns == tuple(names)
    np.testing.assert_array_equal(chosen.X, matrix.X[:, places])
    assert chosen.flows is matrix.flows
    assert chosen.labels.tolist() == matrix.labels.tolist()
    assert chosen.text_columns["history"].tolist() == ["S", "Sh", "D"]
    assert chosen.metadata == {"family": ["IAT"]}  # nothing that a model would extract again
    np.testing.assert_array_equal(matrix[[2, 0, 1], names], matrix.X[[2, 0, 1]][:, places])


def test_a_name_that_is_no_column_is_a_key_error_with_the_nearest(matrix):
    text = r"^unknown column 'Iat0'; known: iat_0, packets\. Did you mean iat_0\?$"
    for key in ("Iat0", ["packets", "Iat0"], (slice(1), "Iat0")):
        with pytest.raises(KeyError, match=text) as caught:
            matrix[key]
        assert isinstance(caught.value, UnknownNameError)


def test_of_thousands_of_names_a_message_has_the_first():
    wide = FeatureMatrix(np.zeros((0, 3000)), [f"size_{i}" for i in range(3000)], build_index([]), {})
    with pytest.raises(UnknownNameError) as caught:
        wide["size_3000"]
    assert "size_63 ... (3,000 names). Did you mean size_300" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_scikit_learn_splits_and_shuffles_flows(matrix):
    pytest.importorskip("sklearn")
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import KFold, cross_val_score, train_test_split
    from sklearn.utils import resample, shuffle

    y = np.array([0, 1, 0])
    train, test, y_train, y_test = train_test_split(matrix, y, test_size=1, random_state=0)
    parts = [(train, y_train), (test, y_test), shuffle(matrix, y, random_state=1), resample(matrix, y, random_state=0)]
    parts += [(matrix[rows], y[rows]) for split in KFold(3).split(matrix) for rows in split]
    for part, part_y in parts:
        assert isinstance(part, FeatureMatrix)
        # Each row goes with its own flow and its own label.
        places = [TUPLES.index(flow) for flow in part.flows.five_tuples()]
        np.testing.assert_array_equal(part.X, matrix.X[places])
        assert part_y.tolist() == y[places].tolist()
    assert len(cross_val_score(DummyClassifier(), matrix, y, cv=KFold(3))) == 3


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
