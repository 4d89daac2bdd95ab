"""What families say of flows in words: beside the features, through rows, files and joins."""

import csv
import json
import sys

import numpy as np
import pytest
from _indices import build_index
from _matrices import FEATURES, LABELS, TUPLES, assert_same, build_matrix
from _tcp import ACK, SYN, SYN_ACK, flow_of, fwd, rev
from biflow_tables import table_of
from feature_rows import represent

from netml.errors import OptionError
from netml.features import tcp_history
from netml.features.concat import concat_matrices, concat_text_columns
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions
from netml.features.table_layout import BATCH_SUFFIXES, open_row_file
from netml.features.tcp_history import cut_texts, trace_connections

PLAIN = {"conn_state": ["SF", "-", "S0", "OTH"], "history": ["ShADadFf", "", "S", "^Da"]}
# A text may be called as a feature is, may need quotes, and may look like a number but in the first row.
DIFFICULT = {"iat_0": ["a,b", 'say "x"', "", "two\nlines"], "mine": ["", "12", "nan", "1e5"]}
SUFFIXES = [".npz", ".parquet", ".arrow", ".csv"]


@pytest.fixture(params=[PLAIN, DIFFICULT], ids=["plain", "difficult"])
def texts(request):
    return request.param


@pytest.mark.parametrize("labels", [None, LABELS])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_is_read(tmp_path, texts, suffix, labels):
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    written = build_matrix(labels, text_columns=texts)
    written.save(tmp_path / f"x{suffix}")
    read = FeatureMatrix.load(tmp_path / f"x{suffix}")
    assert_same(read, written, has_metadata=suffix != ".csv")
    assert {name: text.tolist() for name, text in read.text_columns.items()} == texts


def test_csv_with_and_without_pyarrow(tmp_path, texts, monkeypatch):
    pytest.importorskip("pyarrow")
    written = build_matrix(LABELS, text_columns=texts)
    written.save(tmp_path / "arrow.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    written.save(tmp_path / "python.csv")
    assert (tmp_path / "arrow.csv").read_bytes() == (tmp_path / "python.csv").read_bytes()
    assert_same(FeatureMatrix.load(tmp_path / "arrow.csv"), written, has_metadata=False)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_flows(tmp_path, suffix):
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    empty = dict.fromkeys(PLAIN, np.empty(0, np.str_))
    FeatureMatrix(np.zeros((0, 1)), ["a"], build_index([]), {}, text_columns=empty).save(tmp_path / f"x{suffix}")
    read = FeatureMatrix.load(tmp_path / f"x{suffix}")
    assert (read.columns, list(read.text_columns)) == (("a",), list(PLAIN))


@pytest.mark.parametrize("suffix", [".npy", ".dat"])
def test_formats_of_numbers_alone_leave_them_out(tmp_path, suffix):
    build_matrix(text_columns=PLAIN).save(tmp_path / f"x{suffix}")
    assert FeatureMatrix.load(tmp_path / f"x{suffix}").text_columns == {}


def test_place_and_names_in_a_table(tmp_path):
    build_matrix(LABELS, text_columns={"history": PLAIN["history"], "iat_0": list("abcd")}).save(tmp_path / "x.csv")
    with open(tmp_path / "x.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = ["bytes", "history", "iat_0", "feature_iat_0", "feature_packets", "feature_bytes", "label"]
    assert list(rows[0])[8:] == names
    assert (rows[0]["history"], rows[0]["iat_0"], rows[0]["feature_iat_0"]) == ("ShADadFf", "a", "0.1")


@pytest.mark.parametrize("suffix", BATCH_SUFFIXES)
def test_rows_written_as_they_come(tmp_path, texts, suffix):
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    matrix = build_matrix(text_columns=texts)
    with open_row_file(tmp_path / f"x{suffix}", matrix[:0]) as write:
        write(matrix[:1])
        write(matrix[1:])
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
        assert {name: [row[name] for row in rows] for name in texts} == texts
        clashing = "feature_iat_0" if "iat_0" in texts else "iat_0"
        assert [row[clashing] for row in rows] == [row[0] for row in FEATURES]
    else:
        read = FeatureMatrix.load(tmp_path / f"x{suffix}")
        assert {name: text.tolist() for name, text in read.text_columns.items()} == texts


def test_to_pandas():
    pytest.importorskip("pandas")
    frame = build_matrix(text_columns=PLAIN).to_pandas()
    assert list(frame)[9:12] == ["conn_state", "history", "iat_0"]
    assert frame["history"].tolist() == PLAIN["history"]


@pytest.mark.parametrize("rows", [slice(1, 3), [3, 0], [True, False, False, True], []])
def test_rows_take_them_along(rows):
    chosen = build_matrix(text_columns=PLAIN)[rows]
    kept = np.arange(4)[rows if isinstance(rows, slice) or rows else slice(0)].tolist()
    assert chosen.text_columns["history"].tolist() == [PLAIN["history"][row] for row in kept]


def test_one_for_each_row():
    with pytest.raises(OptionError, match=r"history=\(3,\): must be \(4,\)"):
        FeatureMatrix(FEATURES, ["a", "b", "c"], build_index(TUPLES), {}, text_columns={"history": ["a", "b", "c"]})


def test_joined():
    one, other = build_matrix(text_columns=PLAIN), build_matrix(text_columns={"history": list("abcd")})
    joined = concat_matrices([one[:2], other[3:]], one.columns)
    assert {name: text.tolist() for name, text in joined.text_columns.items()} == {"history": ["ShADadFf", "", "d"]}
    assert concat_matrices([one], one.columns).text_columns is one.text_columns
    assert concat_text_columns([]) == {}


def test_represent_has_those_of_its_families():
    table = table_of([flow_of([fwd(0, SYN, 100), rev(1, SYN_ACK, 500), fwd(2, ACK, 101, 5)]), flow_of([fwd(0)], 17)])
    matrix = represent(table, RepresentationOptions(("IAT", "TCP"), dim=2))
    assert {name: text.tolist() for name, text in matrix.text_columns.items()} == {
        "conn_state": ["S1", "-"],
        "history": ["ShD", ""],
    }
    assert matrix.column("conn_state").tolist() == [2, 0]
    assert represent(table, RepresentationOptions("IAT", dim=2)).text_columns == {}


def test_histories_of_many_flows_are_traced_in_parts(monkeypatch):
    flows = [flow_of([fwd(0, flags, n) for n in range(n_packets)]) for flags in (SYN, ACK, 4) for n_packets in (1, 3)]
    whole = trace_connections(table_of(flows))
    monkeypatch.setattr(tcp_history, "_FLOWS_AT_A_TIME", 4)
    parts = trace_connections(table_of(flows))
    assert whole["history"].tolist() == ["S", "SSS", "A", "A", "R", "RRR"] == parts["history"].tolist()
    assert whole["conn_state"].tolist() == parts["conn_state"].tolist() == ["S0", "S0", *["OTH"] * 4]
    assert {name: len(text) for name, text in trace_connections(table_of([])).items()} == dict.fromkeys(PLAIN, 0)


def test_cut_texts():
    assert cut_texts(np.array([0]), np.empty(0, np.uint8)).tolist() == []
    assert cut_texts(np.array([0, 0, 0]), np.empty(0, np.uint8)).tolist() == ["", ""]
    assert cut_texts(np.array([0, 1, 1, 4]), np.frombuffer(b"abcd", np.uint8)).tolist() == ["a", "", "bcd"]
