"""Parquet by row groups: what is written, whatever comes at a time, and what is loaded for it."""

import subprocess
import sys

import numpy as np
import pytest

from netml import FeatureMatrix
from netml.features.table_layout import to_columns
from netml.formats import parquet as parquet_format
from netml.schema.flow_index import FLOW_KEY, FlowIndex

parquet = pytest.importorskip("pyarrow.parquet")

LOADED = """
import sys
import numpy as np
from netml import FeatureMatrix
from netml.schema.flow_index import FLOW_KEY, FlowIndex
zeros = np.zeros(2, np.int64)
index = FlowIndex(np.zeros(2, FLOW_KEY), zeros, zeros, zeros, zeros)
FeatureMatrix(np.ones((2, 1)), ["x"], index, {}, ["a", "b"], {"said": ["c", "d"]}).save(sys.argv[1])
print("pandas" in sys.modules)
"""


def make_matrix(n_rows, start=0.0):
    zeros = np.zeros(n_rows, np.int64)
    index = FlowIndex(np.zeros(n_rows, FLOW_KEY), zeros, zeros, zeros, zeros)
    rows = start + np.arange(n_rows, dtype=float)
    labels = [f"ü{number % 3}" if number % 2 else "" for number in range(n_rows)]
    return FeatureMatrix(np.column_stack([rows, -rows, np.full(n_rows, np.nan)]), "xyz", index, {"a": 1}, labels)


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (3, 4, 1), (10, 0, 25), (4, 4), (23,)])
def test_rows_of_any_number(tmp_path, monkeypatch, sizes):
    monkeypatch.setattr(parquet_format, "GROUP_ROWS", 4)
    path, matrix, first = tmp_path / "rows.parquet", make_matrix(sum(sizes)), 0
    with open(path, "wb") as stream, parquet_format.open_writer(stream, to_columns(matrix[:0])) as write:
        for size in sizes:
            write(to_columns(matrix[first : first + size]))
            first += size
    found = FeatureMatrix.load(path)
    np.testing.assert_array_equal(found.X, matrix.X)
    assert found.labels.tolist() == matrix.labels.tolist()
    assert found.metadata == {"a": 1}
    about = parquet.ParquetFile(path).metadata
    assert max([0, *(about.row_group(i).num_rows for i in range(about.num_row_groups))]) <= 4


def test_groups_of_wide_rows_are_smaller(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_format, "GROUP_NUMBERS", 7)  # two rows of three
    with (
        open(tmp_path / "rows.parquet", "wb") as stream,
        parquet_format.open_writer(stream, to_columns(make_matrix(0))) as write,
    ):
        write(to_columns(make_matrix(5)))
    about = parquet.ParquetFile(tmp_path / "rows.parquet").metadata
    assert [about.row_group(i).num_rows for i in range(about.num_row_groups)] == [2, 2, 1]


def test_failed_write_is_told():
    class Full:
        closed = False

        def write(self, octets):
            if self.n_left < len(octets):
                raise OSError(28, "No space left on device")
            self.n_left -= len(octets)
            return len(octets)

        def flush(self):
            pass

    stream = Full()
    stream.n_left = 4
    with (
        pytest.raises(OSError, match="No space"),
        parquet_format.open_writer(stream, to_columns(make_matrix(0))) as write,
    ):
        write(to_columns(make_matrix(5)))


def test_pandas_is_not_loaded(tmp_path):
    pytest.importorskip("pandas")
    command = [sys.executable, "-c", LOADED, tmp_path / "rows.parquet"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"
