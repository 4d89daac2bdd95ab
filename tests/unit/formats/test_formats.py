"""The output formats: what is written is read back, by netml and by the tools that users have."""

import gzip
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest
from _indices import build_index
from _matrices import FEATURES, LABELS, TUPLES, assert_same, build_matrix

from netml import formats
from netml.errors import DamagedFileError, MissingExtraError, OutputError, UnknownNameError
from netml.features import table_layout
from netml.features.matrix import FeatureMatrix
from netml.utils.tool import load_data

COMPLETE = [".npz", ".parquet", ".arrow"]
ARROW = [".parquet", ".arrow"]


@pytest.fixture
def _without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)


@pytest.mark.parametrize("suffix", [*COMPLETE, ".csv"])
@pytest.mark.parametrize("labels", [None, LABELS, ["a,b", 'say "x"', "", "two\nlines"]])
def test_written_is_read(tmp_path, suffix, labels):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    written = build_matrix(labels)
    written.save(tmp_path / f"x{suffix}")
    assert os.listdir(tmp_path) == [f"x{suffix}"]
    assert_same(FeatureMatrix.load(tmp_path / f"x{suffix}"), written, has_metadata=suffix in COMPLETE)


@pytest.mark.parametrize("suffix", table_layout.SUFFIXES)
@pytest.mark.parametrize("labels", [None, []])
def test_no_flows(tmp_path, suffix, labels):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    FeatureMatrix(np.zeros((0, 2)), ["a", "b"], build_index([]), {}, labels).save(tmp_path / f"x{suffix}")
    assert FeatureMatrix.load(tmp_path / f"x{suffix}").shape == (0, 2)


@pytest.mark.parametrize("suffix", [*COMPLETE, ".csv", ".npy"])
def test_no_features(tmp_path, suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    FeatureMatrix(np.zeros((4, 0)), [], build_index(TUPLES), {}, LABELS).save(tmp_path / f"x{suffix}")
    assert FeatureMatrix.load(tmp_path / f"x{suffix}").shape == (4, 0)


def test_an_unknown_suffix_is_named(tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown output format '\.foo'; known: \.npz, \.npy, \.csv"):
        build_matrix().save(tmp_path / "x.foo")
    with pytest.raises(UnknownNameError, match="'npz'"):
        formats.find_format("npz")
    assert os.listdir(tmp_path) == []


def test_the_suffix_can_be_given(tmp_path):
    table_layout.write_matrix(tmp_path / "x", build_matrix(), format="npz")
    assert_same(table_layout.read_matrix(tmp_path / "x", format="npz"), build_matrix(), has_metadata=True)


@pytest.mark.parametrize("suffix", ARROW)
@pytest.mark.usefixtures("_without_pyarrow")
def test_a_missing_package_is_named_and_leaves_no_file(tmp_path, suffix):
    with pytest.raises(MissingExtraError, match=r"pip install netml\[parquet\]"):
        build_matrix().save(tmp_path / f"x{suffix}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", table_layout.SUFFIXES)
def test_a_full_disk_is_one_clear_line(suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    with pytest.raises(OutputError, match=r"^/dev/full: no space left on the device$"):
        table_layout.write_matrix("/dev/full", build_matrix(n_copies=2000), format=suffix)


@pytest.mark.parametrize("suffix", table_layout.SUFFIXES)
def test_a_pipe_gets_the_same_bytes(tmp_path, suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    matrix = build_matrix(LABELS * 500, n_copies=500)
    fifo, received = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()))
    reader.start()
    table_layout.write_matrix(fifo, matrix, format=suffix)
    reader.join()
    table_layout.write_matrix(tmp_path / f"x{suffix}", matrix)
    assert received == [(tmp_path / f"x{suffix}").read_bytes()]


@pytest.mark.parametrize("suffix", table_layout.SUFFIXES)
def test_an_open_file_gets_and_gives_the_same(tmp_path, suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    matrix = build_matrix(LABELS, n_copies=1)
    table_layout.write_matrix(tmp_path / f"x{suffix}", matrix)
    content, stream = (tmp_path / f"x{suffix}").read_bytes(), io.BytesIO()
    table_layout.write_matrix(stream, matrix, format=suffix)
    assert stream.getvalue() == content
    read = table_layout.read_matrix(io.BytesIO(content), format=suffix)
    np.testing.assert_array_equal(read.X, FeatureMatrix.load(tmp_path / f"x{suffix}").X)
    for mode in ("ab", "r+b"):  # behind what is there already
        (tmp_path / "y").write_bytes(b"before")
        with open(tmp_path / "y", mode) as behind:
            behind.seek(0, os.SEEK_END)
            table_layout.write_matrix(behind, matrix, format=suffix)
        assert (tmp_path / "y").read_bytes() == b"before" + content
    with gzip.open(tmp_path / "y", "wb") as packed:
        table_layout.write_matrix(packed, matrix, format=suffix)
    with gzip.open(tmp_path / "y") as packed:
        assert packed.read() == content


@pytest.mark.parametrize("suffix", table_layout.SUFFIXES)
@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_damaged_file_is_named(tmp_path, suffix, kept):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    path = tmp_path / f"x{suffix}"
    build_matrix(LABELS).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DamagedFileError, match=str(path)):
        FeatureMatrix.load(path)


def test_npz_is_read_by_numpy_and_unzip(tmp_path):
    path = tmp_path / "x.npz"
    build_matrix(LABELS).save(path)
    with np.load(path, allow_pickle=False) as archive:
        assert archive.files[:4] == ["X", "columns", "keys", "start_ns"]
        assert archive.files[4:] == ["end_ns", "packets", "bytes", "metadata", "labels"]
        np.testing.assert_array_equal(archive["X"], FEATURES)
        assert archive["columns"].tolist() == ["iat_0", "packets", "bytes"]
        assert archive["keys"].dtype == build_index([]).keys.dtype
        assert archive["keys"]["src_port"].tolist() == [40000, 65535, 0, 5353]
        assert json.loads(str(archive["metadata"]))["name"] == "Überwachung"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        # No time of writing: equal matrices give equal files.
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tq", path], check=True, stdout=subprocess.DEVNULL)


def test_another_array_is_no_npz(tmp_path):
    np.save(tmp_path / "x.npy", FEATURES)
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    with pytest.raises(DamagedFileError, match=r"x\.npz: not an \.npz file"):
        FeatureMatrix.load(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", X=FEATURES)
    with pytest.raises(DamagedFileError, match="no array 'keys'"):
        FeatureMatrix.load(tmp_path / "x.npz")


def test_equal_matrices_give_equal_files(tmp_path):
    build_matrix().save(tmp_path / "a.npz")
    build_matrix().save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_an_error_in_a_thread_is_raised(tmp_path, monkeypatch):
    pwrite = os.pwrite

    def fail(descriptor, content, offset):
        if len(content) > 10_000:
            raise OSError(28, "No space left on device")
        return pwrite(descriptor, content, offset)

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(OutputError, match="no space left"):
        build_matrix(n_copies=1000).save(tmp_path / "x.npz")
    assert os.listdir(tmp_path) == []


def test_npy_is_the_features(tmp_path):
    build_matrix().save(tmp_path / "x.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), FEATURES)
    read = FeatureMatrix.load(tmp_path / "x.npy")
    assert read.columns == ("x_0", "x_1", "x_2")
    assert read.flows.keys["src_port"].tolist() == [0, 0, 0, 0]


def test_dat_is_the_originals_pair(tmp_path):
    build_matrix(LABELS).save(tmp_path / "x.dat")
    with open(tmp_path / "x.dat", "rb") as stream:
        features, labels = pickle.load(stream)
    # The flow without a label is left out, as the original does.
    np.testing.assert_array_equal(features, np.array(FEATURES)[[0, 1, 3]])
    assert (labels.dtype, labels.tolist()) == (np.int64, [0, 1, 0])
    assert FeatureMatrix.load(tmp_path / "x.dat").labels.tolist() == ["0", "1", "0"]


@pytest.mark.parametrize("content", [[1.5], "text", ([1.0], [0]), ([[1.0]], ["BENIGN"]), ([[1.0]], [0, 1])])
def test_another_pickle_is_no_pair(tmp_path, content):
    (tmp_path / "x.dat").write_bytes(pickle.dumps(content))
    with pytest.raises(DamagedFileError, match="not a pair of features and labels"):
        FeatureMatrix.load(tmp_path / "x.dat")


@pytest.mark.parametrize("suffix", table_layout.SUFFIXES)
def test_load_data_gives_features_and_labels(tmp_path, suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    build_matrix().save(tmp_path / f"x{suffix}")
    features, labels = load_data(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(features, FEATURES)
    assert labels is None


def test_another_parquet_is_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"src_ip": ["10.0.0.1"]}), tmp_path / "x.parquet")
    with pytest.raises(DamagedFileError, match="not a feature table of netml: no column src_port"):
        FeatureMatrix.load(tmp_path / "x.parquet")


def test_names_that_clash_are_told_apart():
    names = table_layout.feature_names(["packets", "size_mean", "label", "bytes"])
    assert names == ("feature_packets", "size_mean", "feature_label", "feature_bytes")
    assert table_layout.column_names(names) == ("packets", "size_mean", "label", "bytes")
