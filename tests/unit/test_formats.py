"""The output formats: what is written is read back, by netml and by the tools that users have."""

import csv
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
from _stand_in import build_index

from netml import formats
from netml.errors import MissingExtraError, UnknownNameError
from netml.formats import _layout, _zip_store
from netml.formats import csv as formats_csv
from netml.matrix import FeatureMatrix
from netml.persist import DamagedFileError, OutputError, load_data

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
COMPLETE = [".npz", ".parquet", ".arrow"]
ARROW = [".parquet", ".arrow"]


def build_matrix(labels=None, n_copies=1):
    index = build_index(TUPLES * n_copies)
    metadata = {"family": ["IAT", "STATS"], "dim": 3, "interval_s": 0.25, "name": "Überwachung"}
    return FeatureMatrix(FEATURES * n_copies, ["iat_0", "packets", "bytes"], index, metadata, labels)


LABELS = ["BENIGN", "Web Attack", "", "BENIGN"]


def assert_same(read, written, *, has_metadata):
    np.testing.assert_array_equal(read.X.view(np.int64), written.X.view(np.int64))
    assert read.columns == written.columns
    assert read.flows.five_tuples() == written.flows.five_tuples()
    for name in ("keys", "start_ns", "end_ns", "packets", "bytes"):
        np.testing.assert_array_equal(getattr(read.flows, name), getattr(written.flows, name))
    assert (read.labels is None) == (written.labels is None)
    if written.labels is not None:
        assert read.labels.tolist() == written.labels.tolist()
    assert read.metadata == (written.metadata if has_metadata else {})


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


@pytest.mark.parametrize("suffix", formats.FORMATS)
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
    with pytest.raises(UnknownNameError, match="''"):
        formats.get_format("npz")
    assert os.listdir(tmp_path) == []


def test_the_suffix_can_be_given(tmp_path):
    formats.write_matrix(tmp_path / "x", build_matrix(), suffix=".npz")
    assert_same(formats.read_matrix(tmp_path / "x", suffix=".npz"), build_matrix(), has_metadata=True)


@pytest.mark.parametrize("suffix", ARROW)
@pytest.mark.usefixtures("_without_pyarrow")
def test_a_missing_package_is_named_and_leaves_no_file(tmp_path, suffix):
    with pytest.raises(MissingExtraError, match=r"pip install netml\[parquet\]"):
        build_matrix().save(tmp_path / f"x{suffix}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", formats.FORMATS)
def test_a_full_disk_is_one_clear_line(suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    with pytest.raises(OutputError, match=r"^/dev/full: no space left on the device$"):
        formats.write_matrix("/dev/full", build_matrix(n_copies=2000), suffix=suffix)


@pytest.mark.parametrize("suffix", formats.FORMATS)
def test_a_pipe_gets_the_same_bytes(tmp_path, suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    matrix = build_matrix(LABELS * 500, n_copies=500)
    fifo, received = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()))
    reader.start()
    formats.write_matrix(fifo, matrix, suffix=suffix)
    reader.join()
    formats.write_matrix(tmp_path / f"x{suffix}", matrix)
    assert received == [(tmp_path / f"x{suffix}").read_bytes()]


@pytest.mark.parametrize("suffix", formats.FORMATS)
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


@pytest.mark.parametrize("n_bytes", [0, 1, 4095, 4096, 4097, 3 * 4096, 100_000])
@pytest.mark.parametrize("n_processors", [1, 3])
def test_archives_of_many_pieces(tmp_path, monkeypatch, n_bytes, n_processors):
    monkeypatch.setattr(_zip_store, "_PIECE_BYTES", 4096)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(n_processors), raising=False)
    content = np.random.default_rng(n_bytes).bytes(n_bytes)
    members = [
        _zip_store.Member("a", (b"head", memoryview(content))),
        _zip_store.Member("b", (content, b"tail")),
    ]
    _zip_store.write_archive(tmp_path / "x.zip", members)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.read("a") == b"head" + content
        assert archive.read("b") == content + b"tail"


@pytest.mark.parametrize("is_pipe", [False, True])
def test_writes_that_come_short_are_continued(tmp_path, monkeypatch, is_pipe):
    write, pwrite = os.write, os.pwrite
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:7]))
    monkeypatch.setattr(os, "pwrite", lambda descriptor, content, at: pwrite(descriptor, content[:7], at))
    target, received = tmp_path / "x", []
    if is_pipe:
        os.mkfifo(target)
    reader = threading.Thread(target=lambda: received.append(target.read_bytes()))
    if is_pipe:
        reader.start()
    _zip_store.write_archive(target, [_zip_store.Member("a", (b"0123456789" * 5,))])
    if not is_pipe:
        reader.start()
    reader.join()
    with zipfile.ZipFile(io.BytesIO(received[0])) as archive:
        assert archive.read("a") == b"0123456789" * 5


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


def test_large_archives_are_zip64():
    small, large = (_zip_store._Entry(b"x", 1, n_bytes, 0) for n_bytes in (10, 2**32))
    assert len(_zip_store._local_header(large)) == len(_zip_store._local_header(small)) + 20
    assert b"PK\x06\x06" not in _zip_store._directory([small], 2**32 - 2)
    assert b"PK\x06\x06" in _zip_store._directory([small], 2**32)


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


@pytest.mark.parametrize("suffix", formats.FORMATS)
def test_load_data_gives_features_and_labels(tmp_path, suffix):
    if suffix in ARROW:
        pytest.importorskip("pyarrow")
    build_matrix().save(tmp_path / f"x{suffix}")
    features, labels = load_data(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(features, FEATURES)
    assert (labels.dtype, labels.tolist()) == (np.int64, [0, 0, 0, 0])


FLOW_HEADER = "src_ip,src_port,dst_ip,dst_port,protocol,start_ns,end_ns,packets,bytes"
HEADER = f"{FLOW_HEADER},iat_0,feature_packets,feature_bytes"
ROWS = [
    "10.0.0.1,40000,10.0.0.2,53,17,0,1000000000,2,200,0.1,1500,-0",
    "2001:db8::1,65535,::1,443,6,1000000000,2000000000,3,300,0.000001,9999999999,1e+10",
    "192.168.255.254,0,8.8.8.8,1,17,2000000000,3000000000,4,400,0.0000125,nan,-inf",
    "fe80::1,5353,ff02::fb,5353,17,3000000000,4000000000,5,500,0.3333333333333333,5e-324,-1.7976931348623157e+308",
]


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


def test_csv_by_pyarrow(tmp_path):
    pytest.importorskip("pyarrow")
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


def test_another_parquet_is_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"src_ip": ["10.0.0.1"]}), tmp_path / "x.parquet")
    with pytest.raises(DamagedFileError, match="not a feature table of netml: no column src_port"):
        FeatureMatrix.load(tmp_path / "x.parquet")


@pytest.mark.usefixtures("_without_pyarrow")
def test_a_csv_row_of_another_length_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("\n".join([HEADER, ROWS[0], "10.0.0.1,2"]))
    with pytest.raises(DamagedFileError, match="a row has not the 12 fields of the header"):
        FeatureMatrix.load(tmp_path / "x.csv")


def test_names_that_clash_are_told_apart():
    names = _layout.feature_names(["packets", "size_mean", "label", "bytes"])
    assert names == ("feature_packets", "size_mean", "feature_label", "feature_bytes")
    assert _layout.column_names(names) == ("packets", "size_mean", "label", "bytes")
