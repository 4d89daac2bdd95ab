"""CSV: pyarrow and Python write the same text."""

import csv
import sys

import numpy as np
import pytest
from _indices import build_index
from _matrices import LABELS, TUPLES, assert_same, build_matrix

from netml.errors import DamagedFileError
from netml.features.matrix import FeatureMatrix
from netml.formats import csv as formats_csv

FLOW_HEADER = "src_ip,src_port,dst_ip,dst_port,protocol,start_ns,end_ns,packets,bytes"
HEADER = f"{FLOW_HEADER},iat_0,feature_packets,feature_bytes"
ROWS = [
    "10.0.0.1,40000,10.0.0.2,53,17,0,1000000000,2,200,0.1,1500,-0",
    "2001:db8::1,65535,::1,443,6,1000000000,2000000000,3,300,0.000001,9999999999,1e+10",
    "192.168.255.254,0,8.8.8.8,1,17,2000000000,3000000000,4,400,0.0000125,nan,-inf",
    "fe80::1,5353,ff02::fb,5353,17,3000000000,4000000000,5,500,0.3333333333333333,5e-324,-1.7976931348623157e+308",
]


@pytest.fixture
def _without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)


def _check_csv(tmp_path):
    path = tmp_path / "x.csv"
    build_matrix().save(path)
    assert path.read_text() == "\n".join([HEADER, *ROWS, ""])
    build_matrix(LABELS).save(path)
    lines = [f"{line},{label}" for line, label in zip([HEADER, *ROWS], ["label", *LABELS], strict=True)]
    assert path.read_text() == "\n".join([*lines, ""])
    build_matrix(["a,b", 'say "x"', "", "z"]).save(path)
    with path.open(newline="") as stream:
        assert [row["label"] for row in csv.DictReader(stream)] == ["a,b", 'say "x"', "", "z"]
    assert path.read_text().splitlines()[2].startswith('"2001:db8::1",65535,"::1",')
    assert path.read_text().endswith('"z"\n')


def test_csv_by_pyarrow(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(formats_csv, "_FEW_VALUES", 0)
    _check_csv(tmp_path)


@pytest.mark.usefixtures("_without_pyarrow")
def test_csv_by_python(tmp_path):
    _check_csv(tmp_path)
    written = build_matrix(["a,b", 'say "x"', "", "two\nlines"])
    written.save(tmp_path / "x.csv")
    assert_same(FeatureMatrix.load(tmp_path / "x.csv"), written, has_metadata=False)


def test_both_csv_writers_agree(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(formats_csv, "_N_ROWS_ARROW", 1000)
    random = np.random.default_rng(7)
    features = np.concatenate(
        [
            random.integers(0, 2**63, (700, 3)).view(np.float64),
            np.round(random.exponential(0.01, (700, 3)), 6),
            10.0 ** random.integers(-12, 20, (700, 3)) * random.integers(1, 1000, (700, 3)),
            random.integers(0, 1500, (30_000, 3)),
        ]
    )
    index = build_index([TUPLES[0]] * len(features))
    matrix = FeatureMatrix(features, ["a", "b", "c"], index, {})
    matrix.save(tmp_path / "arrow.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    matrix.save(tmp_path / "python.csv")
    assert (tmp_path / "arrow.csv").read_bytes() == (tmp_path / "python.csv").read_bytes()


def test_another_csv_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("src_ip,label\n10.0.0.1,x\n")
    with pytest.raises(DamagedFileError, match="not a feature table of netml: no column src_port"):
        FeatureMatrix.load(tmp_path / "x.csv")


@pytest.mark.usefixtures("_without_pyarrow")
def test_a_csv_row_of_another_length_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("\n".join([HEADER, ROWS[0], "10.0.0.1,2"]))
    with pytest.raises(DamagedFileError, match="a row has not the 12 fields of the header"):
        FeatureMatrix.load(tmp_path / "x.csv")
