"""The headers of the CIC-IDS2017 files in every format, the one that stands there twice included."""

import csv
import json
import sys

import pytest
from _cic import bwd, fwd
from _matrices import assert_same
from cic_rows import cic_matrix, make_table

from netml.errors import OptionError
from netml.families.cic import CIC_2017_COLUMNS
from netml.features.matrix import FeatureMatrix
from netml.features.table_layout import open_row_file
from netml.schema.flow_index import FLOW_COLUMNS

S = 10**9
TWICE = " Fwd Header Length"
MARKED = [*CIC_2017_COLUMNS[:54], f"{TWICE}.1", *CIC_2017_COLUMNS[55:]]


@pytest.fixture(params=[None, ["BENIGN", "DoS, slow"]], ids=["unlabelled", "labelled"])
def matrix(request):
    flows = [[fwd(0, 9, window=5), bwd(S, 7)], [fwd(5, 1), fwd(7 * S, 2), bwd(9 * S)]]
    made = cic_matrix(make_table(flows), "CIC-2017")
    return FeatureMatrix(made.X, made.columns, made.flows, {"dim": 1}, request.param)


@pytest.fixture
def unlabelled():
    return cic_matrix(make_table([[fwd(0, 9, window=5), bwd(S, 7)]]), "CIC-2017")


def of_flows(matrix):
    """A matrix whose addresses are addresses, as every format of text needs them."""
    matrix.flows.keys["ip_version"] = 4
    return matrix


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".npz"])
def test_written_is_read(tmp_path, suffix, matrix):
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    path = tmp_path / f"x{suffix}"
    of_flows(matrix).save(path)
    found = FeatureMatrix.load(path)
    assert found.columns == CIC_2017_COLUMNS
    assert_same(found, matrix, has_metadata=suffix != ".csv")


def test_csv_without_pyarrow(tmp_path, matrix, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    of_flows(matrix).save(tmp_path / "x.csv")
    assert_same(FeatureMatrix.load(tmp_path / "x.csv"), matrix, has_metadata=False)


def test_csv_has_the_headers_as_they_are(tmp_path, unlabelled):
    of_flows(unlabelled).save(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as stream:
        header, row = csv.reader(stream)
    assert header[: len(FLOW_COLUMNS)] == list(FLOW_COLUMNS)
    assert header[-77:] == list(CIC_2017_COLUMNS)
    assert [float(value) for value in row[-77:]] == unlabelled.X[0].tolist()


def test_a_pipeline_trained_on_those_files_reads_ours(tmp_path, unlabelled, shared_captures):
    pandas = pytest.importorskip("pandas")
    of_flows(unlabelled).save(tmp_path / "x.csv")
    theirs = pandas.read_csv(shared_captures / "netml-demo.csv", nrows=5).columns.tolist()
    theirs = theirs[theirs.index(" Flow Duration") : theirs.index(" Idle Min") + 1]
    ours = pandas.read_csv(tmp_path / "x.csv")
    assert ours[theirs].to_numpy().tolist() == unlabelled.X.tolist()


def test_tables_have_the_second_marked(unlabelled):
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    assert of_flows(unlabelled).to_arrow().column_names[-77:] == MARKED
    frame = unlabelled.to_pandas()
    assert frame.columns[-77:].tolist() == MARKED
    assert frame[TWICE].tolist() == frame[f"{TWICE}.1"].tolist() == [20]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_row_files(tmp_path, suffix, unlabelled):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"x{suffix}"
    with open_row_file(path, of_flows(unlabelled)) as write:
        write(unlabelled)
    if suffix == ".jsonl":
        row = json.loads(path.read_text())
        assert [row[name] for name in MARKED] == unlabelled.X[0].tolist()
    else:
        assert FeatureMatrix.load(path).columns == CIC_2017_COLUMNS


def test_any_other_name_stands_once(unlabelled):
    columns = [*unlabelled.columns[:-1], "Active Mean"]
    with pytest.raises(OptionError, match="names that differ"):
        FeatureMatrix(unlabelled.X, columns, unlabelled.flows, {})
    FeatureMatrix(unlabelled.X, [f"fft_{name}" for name in unlabelled.columns], unlabelled.flows, {})
