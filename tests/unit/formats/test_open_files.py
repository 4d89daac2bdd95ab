"""`save` and `load` with files that the caller has opened, in place of paths."""

import io
import json

import numpy as np
import pytest
import traffic
from _matrices import LABELS, assert_same, build_matrix
from builders import captures

import netml
from netml import FeatureMatrix, FlowTable, OptionError, UnknownNameError, UntrustedFileError
from netml.errors import DamagedFileError, OutputError
from netml.features.table_layout import SUFFIXES, open_row_file
from netml.formats import streams
from netml.packets.table import read_packet_table

DEMO = captures.pcap(traffic.many_flows())
MATRIX_FORMATS = [name.removeprefix(".") for name in SUFFIXES]


def require(form):
    if form in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")


class Raw(io.RawIOBase):
    """A raw file that takes and gives few bytes at a time, and cannot seek."""

    def __init__(self, content=b""):
        self.content, self.place = bytearray(content), 0

    def writable(self):
        return True

    def readable(self):
        return True

    def write(self, more):
        self.content += more[:1000]
        return min(len(more), 1000)

    def readinto(self, buffer):
        part = self.content[self.place : self.place + min(len(buffer), 1000)]
        buffer[: len(part)] = part
        self.place += len(part)
        return len(part)


@pytest.mark.parametrize("form", MATRIX_FORMATS)
@pytest.mark.parametrize("kind", ["memory", "raw", "named", "path"])
def test_a_matrix_of_each_format(tmp_path, form, kind):
    require(form)
    written = build_matrix(LABELS)
    path = tmp_path / (f"file.{form}" if kind == "named" else "file")
    if kind == "path":
        written.save(path, format=form)
        read = FeatureMatrix.load(path, format=f".{form.upper()}")
    elif kind == "named":
        with path.open("w+b") as stream:
            written.save(stream)
            stream.seek(0)
            read = FeatureMatrix.load(stream)
    else:
        stream = io.BytesIO() if kind == "memory" else Raw()
        written.save(stream, format=form)
        assert not stream.closed
        content = stream.getvalue() if kind == "memory" else bytes(stream.content)
        read = FeatureMatrix.load(io.BytesIO(content) if kind == "memory" else Raw(content), format=form)
    if form in ("npz", "parquet", "arrow", "csv"):
        assert_same(read, written, has_metadata=form != "csv")
    elif form == "npy":
        np.testing.assert_array_equal(read.X, written.X)
    else:
        kept = written.labels != ""
        np.testing.assert_array_equal(read.X, written.X[kept])
        assert read.labels.tolist() == ["0", "1", "0"]


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_a_flow_table_of_each_format(form):
    require(form)
    table = netml.read_flows(io.BytesIO(DEMO))
    stream = io.BytesIO()
    table.save(stream, format=form)
    stream.seek(0)
    read = FlowTable.load(stream, format=form)
    for name in ("keys", "offsets", "time_ns", "caplen", "flags"):
        np.testing.assert_array_equal(getattr(read, name), getattr(table, name))
    assert read.metadata == table.metadata


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_header_bits_of_each_format(form, tmp_path):
    require(form)
    bits = netml.read_header_bits(io.BytesIO(DEMO), "ipv4")
    stream = io.BytesIO()
    bits.save(stream, format=form)
    bits.save(tmp_path / "bits", format=form)
    assert stream.getvalue() == (tmp_path / "bits").read_bytes() != b""


@pytest.mark.parametrize("form", ["npz", "csv", "parquet", "arrow"])
def test_packets_of_each_format(form, tmp_path):
    require(form)
    packets = read_packet_table(io.BytesIO(DEMO))
    stream = io.BytesIO()
    packets.save(stream, format=form)
    packets.save(tmp_path / "packets", format=form)
    assert stream.getvalue() == (tmp_path / "packets").read_bytes() != b""


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "arrow"])
def test_what_fails_leaves_an_open_file_as_it_was(form):
    require(form)
    stream = io.BytesIO()

    def fail():
        with open_row_file(stream, build_matrix()[:0], form) as write:
            write(build_matrix())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert stream.getvalue() == b""


@pytest.mark.parametrize("form", MATRIX_FORMATS)
def test_what_no_memory_holds_waits_in_a_file(form, monkeypatch):
    require(form)
    monkeypatch.setattr(streams, "_MEMORY_BYTES", 100)
    written, stream, whole = build_matrix(LABELS), io.BytesIO(), io.BytesIO()
    written.save(stream, format=form)
    stream.seek(0)
    np.testing.assert_array_equal(FeatureMatrix.load(stream, format=form).X[:2], written.X[:2])
    monkeypatch.undo()
    written.save(whole, format=form)
    assert stream.getvalue() == whole.getvalue()


@pytest.fixture(scope="module")
def model():
    return netml.learn(io.BytesIO(DEMO), families="STATS", detector="ecod")


@pytest.mark.parametrize("form", [None, "netml", "dat"])
def test_a_model_of_each_format(model, form):
    stream = io.BytesIO(b"before")
    stream.seek(6)
    model.save(stream, format=form)
    assert stream.getvalue()[:8] == (b"before\x80\x04" if form == "dat" else b"beforePK")
    stream.seek(6)
    read = netml.load_model(stream)
    expected = model.classify(io.BytesIO(DEMO))
    np.testing.assert_array_equal(read.classify(io.BytesIO(DEMO)).scores, expected.scores)


def test_a_file_called_dat_is_a_pickle(model, tmp_path):
    with (tmp_path / "model.dat").open("wb") as stream:
        model.save(stream)
    assert (tmp_path / "model.dat").read_bytes()[:1] == b"\x80"
    assert len(netml.load_model(tmp_path / "model.dat").classify(io.BytesIO(DEMO))) > 0


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_verdicts_of_each_format(model, form):
    require(form)
    verdicts = model.classify(io.BytesIO(DEMO))
    stream = io.BytesIO()
    verdicts.save(stream, format=form)
    content = stream.getvalue()
    if form == "parquet":
        from pyarrow import parquet

        scores = parquet.read_table(io.BytesIO(content)).column("score").to_pylist()
    elif form == "jsonl":
        scores = [json.loads(line)["score"] for line in content.splitlines()]
    else:
        lines = [line.split(",") for line in content.decode().splitlines()]
        scores = [float(line[lines[0].index("score")]) for line in lines[1:]]
    assert scores == verdicts.scores.tolist()


def test_what_the_format_is_must_be_told():
    matrix = build_matrix()
    for use in (matrix.save, FeatureMatrix.load):
        with pytest.raises(OptionError, match=r"format=None: must be given for a file .*: one of npz, npy, csv"):
            use(io.BytesIO())
        with pytest.raises(UnknownNameError, match=r"unknown format 'nzp'; known: npz, .*\. Did you mean npz"):
            use(io.BytesIO(), format="nzp")
        with pytest.raises(UnknownNameError, match="unknown format 'jsonl'"):
            use("matrix.npz", format="jsonl")


def test_files_of_text_are_refused(tmp_path, model):
    with (tmp_path / "matrix.csv").open("w+") as stream:
        for use in (build_matrix().save, FeatureMatrix.load, model.save, netml.load_model):
            with pytest.raises(OptionError, match="path='TextIOWrapper': must be a path, or a file opened in binary"):
                use(stream)
    assert (tmp_path / "matrix.csv").read_bytes() == b""


@pytest.mark.parametrize("form", MATRIX_FORMATS)
def test_a_damaged_file_is_named_as_the_caller_knows_it(form):
    require(form)
    with pytest.raises(DamagedFileError, match=r"^<BytesIO>: "):
        FeatureMatrix.load(io.BytesIO(b"PK\x03\x04 and no more"), format=form)


def test_a_damaged_model_and_an_untrusted_one():
    with pytest.raises(DamagedFileError, match=r"^<BytesIO>: "):
        netml.load_model(io.BytesIO(b"PK\x03\x04 and no more"))
    with pytest.raises(UntrustedFileError, match=r"<BytesIO>"):
        netml.load_model(io.BytesIO(b"cposix\nsystem\n(S'true'\ntR."))


def test_a_file_that_cannot_be_written_is_an_output_error():
    class Full(io.RawIOBase):
        def write(self, more):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"^<Full>: no space left on the device$"):
        build_matrix().save(Full(), format="npz")
