"""Every kind of source: what holds a capture, how it is read, and what is refused."""

import contextlib
import io
import itertools
import os
import threading
from decimal import Decimal
from fractions import Fraction

import dpkt
import numpy as np
import pytest
import traffic
from builders import captures

import netml
from netml.capture.reader import iter_frames
from netml.errors import CaptureError, NotACaptureError, OptionError
from netml.evaluation import evaluate

RECORDS = traffic.many_flows()
CONTENT = captures.pcap(RECORDS)
COLUMNS = ("keys", "offsets", "time_ns", "caplen", "wirelen", "flags", "ttl")


@pytest.fixture(scope="module")
def expected():
    """The table of `CONTENT`."""
    table = netml.read_flows(io.BytesIO(CONTENT))
    assert len(table) > 10
    return table


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "capture.pcap"
    file.write_bytes(CONTENT)
    return file


def assert_same(table, expected):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(table, name), getattr(expected, name), err_msg=name)


class OnlyRead:
    """A stream with nothing but `read`, that gives few bytes at a time."""

    def __init__(self, content, n_bytes=7):
        self.stream, self.n_bytes = io.BytesIO(content), n_bytes

    def read(self, n_bytes=-1):
        return self.stream.read(min(n_bytes, self.n_bytes) if n_bytes >= 0 else -1)


class Trickle(io.RawIOBase):
    """A raw stream that cannot seek, and gives few bytes at a time."""

    def __init__(self, content):
        self.stream = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        more = self.stream.read(min(len(buffer), 11))
        buffer[: len(more)] = more
        return len(more)


def test_paths(path, expected):
    for source in (str(path), path, [path], [str(path)], (path,)):
        table = netml.read_flows(source)
        assert_same(table, expected)
        assert table.metadata["captures"] == [str(path)]


def test_open_files(path, expected):
    for buffering in (-1, 0):
        with path.open("rb", buffering=buffering) as stream:
            table = netml.read_flows(stream)
            assert not stream.closed
        assert_same(table, expected)
        assert table.metadata["captures"] == [str(path)]


@pytest.mark.parametrize("make", [io.BytesIO, Trickle, OnlyRead, lambda content: io.BufferedReader(Trickle(content))])
def test_streams(make, expected):
    assert_same(netml.read_flows(make(CONTENT)), expected)


def test_a_stream_that_stands_behind_something_else(expected):
    stream = io.BytesIO(b"preface" + CONTENT)
    stream.seek(7)
    assert_same(netml.read_flows(stream), expected)


def test_a_pipe(expected):
    read_end, write_end = os.pipe()

    def fill():
        with open(write_end, "wb") as stream:
            stream.write(CONTENT)

    writer = threading.Thread(target=fill)
    writer.start()
    with open(read_end, "rb") as stream:
        table = netml.read_flows(stream)
    writer.join()
    assert_same(table, expected)


def test_several_are_read_as_one_after_the_other(tmp_path, expected):
    first, second = tmp_path / "1.pcap", tmp_path / "2.pcapng"
    first.write_bytes(captures.pcap(RECORDS[:80]))
    second.write_bytes(captures.pcapng(RECORDS[80:140]))
    third = io.BytesIO(captures.pcap(RECORDS[140:], order=">"))
    table = netml.read_flows([first, str(second), third])
    assert_same(table, expected)
    assert table.metadata["captures"] == [str(first), str(second), "<BytesIO>"]
    assert table.metadata["packets_read"] == len(RECORDS)


@pytest.mark.parametrize("content", [CONTENT, captures.pcapng(RECORDS)], ids=["pcap", "pcapng"])
def test_dpkt_readers(content, expected):
    table = netml.read_flows(dpkt.pcap.UniversalReader(io.BytesIO(content)))
    assert_same(table, expected)
    assert table.metadata["captures"] == ["<BytesIO>"]


TIME_KINDS = {
    "float": lambda time_ns: time_ns / 1e9,
    "int": lambda time_ns: time_ns // 10**9,
    "Decimal": lambda time_ns: Decimal(time_ns).scaleb(-9),
    "Fraction": lambda time_ns: Fraction(time_ns, 10**9),
    "float64": lambda time_ns: np.float64(time_ns / 1e9),
    "int64": lambda time_ns: np.int64(time_ns // 10**9),
}


@pytest.mark.parametrize("kind", TIME_KINDS)
def test_pairs_of_time_and_bytes(kind, expected):
    times = [TIME_KINDS[kind](time_ns) for time_ns, _ in RECORDS]
    table = netml.read_flows(zip(times, (frame for _, frame in RECORDS), strict=True), link_type=1)
    for name in set(COLUMNS) - {"time_ns"}:
        np.testing.assert_array_equal(getattr(table, name), getattr(expected, name), err_msg=name)
    wanted = expected.time_ns // 10**9 * 10**9 if kind.startswith("int") else expected.time_ns
    np.testing.assert_array_equal(table.time_ns, wanted)


@pytest.mark.parametrize("octets", [bytearray, memoryview])
def test_frames_that_are_not_bytes(octets, expected):
    pairs = [(Fraction(time_ns, 10**9), octets(frame)) for time_ns, frame in RECORDS]
    assert_same(netml.read_flows(pairs, link_type=1), expected)


def test_an_iterator_keeps_its_own_exceptions():
    class PlugPulled(Exception):
        pass

    def tap():
        yield from ((1.0, RECORDS[0][1]), (2.0, RECORDS[0][1]))
        raise PlugPulled("by the cat")

    with pytest.raises(PlugPulled, match="by the cat"):
        netml.read_flows(tap(), link_type=1)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1e10, -1e10, 10**11, Decimal("1e11")])
def test_times_out_of_range(time):
    with pytest.raises(CaptureError, match=r"^<list>: record 3: a packet's time is .* out of range") as caught:
        netml.read_flows([(1.0, b"x"), (2, b"x"), (time, b"x")], link_type=1)
    assert caught.value.record_no == 3


@pytest.mark.parametrize("source", [[(1.0, b"x")], iter([(1.0, b"x")]), itertools.repeat((1.0, b"x"))])
def test_pairs_need_a_link_type(source):
    with pytest.raises(OptionError, match=r"link_type=None: must be the LINKTYPE_ value"):
        netml.read_flows(source)


SEVERAL = {
    "generator": lambda paths: (path for path in paths),
    "map": lambda paths: map(str, paths),
    "open files": lambda paths: (path.open("rb") for path in paths),
    "dict": dict.fromkeys,
    "array": lambda paths: np.array([str(path) for path in paths]),
    "glob": lambda paths: paths[0].parent.glob("part*.pcap"),
}


@pytest.fixture
def parts(tmp_path):
    """The capture in two files."""
    paths = [tmp_path / f"part{number}.pcap" for number in (1, 2)]
    for path, records in zip(paths, (RECORDS[:20], RECORDS[20:]), strict=True):
        path.write_bytes(captures.pcap(records))
    return paths


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("kind", SEVERAL)
def test_an_iterable_of_captures_is_read_as_one(parts, expected, kind):
    if kind == "glob":  # in no order
        assert len(netml.extract(SEVERAL[kind](parts), "STATS")) == len(expected)
        return
    table = netml.read_flows(SEVERAL[kind](parts))
    assert_same(table, expected)
    assert table.metadata["captures"] == [str(path) for path in parts]
    whole = netml.extract(parts, "SIZE", dim=3)
    np.testing.assert_array_equal(netml.extract(SEVERAL[kind](parts), "SIZE", dim=3).X, whole.X)
    options = {"interval": 5.0, "dim": 3}
    rows = [sum(map(len, netml.extract_batches(source, "SIZE", **options))) for source in (parts, SEVERAL[kind](parts))]
    assert rows[0] == rows[1] > 0


def test_a_generator_of_captures_is_asked_for_the_next_when_one_is_read(parts):
    read = []

    def hand_out():
        for path in parts:
            yield path
            read.append(path)

    frames = iter_frames(hand_out())
    n_read = [len(read) for _ in frames]
    assert n_read == [0] * 20 + [1] * (len(RECORDS) - 20)


@pytest.mark.parametrize("kind", SEVERAL)
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_an_iterable_of_captures_to_learn_from_has_each_for_itself(parts, kind):
    fitted = netml.FlowRepresentation("SIZE", dim=2).fit(SEVERAL[kind](parts))
    listed = netml.FlowRepresentation("SIZE", dim=2).fit(parts)
    assert fitted.interval_ == listed.interval_
    n_flows = len(listed.transform(parts))
    assert len(fitted.transform(SEVERAL[kind](parts))) == n_flows
    assert len(fitted.fit_transform(SEVERAL[kind](parts))) == n_flows
    model = netml.learn(SEVERAL[kind](parts), families="SIZE", dim=2, detector="ecod")
    assert len(model.classify(SEVERAL[kind](parts))) == n_flows
    assert len(model.classify(netml.read_flows(path) for path in parts)) == len(
        model.classify([netml.read_flows(path) for path in parts])
    )


def test_an_iterable_of_captures_to_evaluate_on(parts):
    model = netml.learn(parts, families="SIZE", dim=2, detector="ecod")
    found = evaluate(model, pcap_normal=iter(parts[:1]), pcap_abnormal=iter(parts[1:]))
    assert found.auc == evaluate(model, pcap_normal=parts[0], pcap_abnormal=parts[1]).auc


@pytest.mark.parametrize(
    "read",
    [
        netml.read_flows,
        netml.extract,
        lambda source: list(netml.extract_batches(source, "STATS", interval=1.0)),
        lambda source: netml.FlowRepresentation("STATS").fit(source),
        lambda source: netml.learn(source, families="STATS", detector="ecod"),
    ],
)
def test_a_generator_of_nothing_is_told(read, tmp_path):
    with pytest.raises(OptionError, match=r"='an empty generator': must be at least one capture$"):
        read(path for path in tmp_path.iterdir())


def test_a_generator_of_captures_and_something_else(path):
    with pytest.raises(OptionError, match=r"source='int': must be a path"):
        netml.read_flows(iter([path, 3]))


@pytest.mark.parametrize("source", [17, None, b"capture.pcap", bytearray(CONTENT), memoryview(CONTENT)])
def test_what_is_no_source(source):
    with pytest.raises(OptionError, match=r"source=.*: must be a path"):
        netml.read_flows(source)


def test_a_text_file_is_refused(path):
    with (
        path.open(encoding="latin-1") as stream,
        pytest.raises(CaptureError, match=r"capture.pcap.*binary mode"),
    ):
        netml.read_flows(stream)
    with pytest.raises(CaptureError, match="binary mode"):
        netml.read_flows(io.StringIO("text"))


@pytest.mark.parametrize("link_type", [147, 2**32 - 1, 2**32, -1])
def test_unsupported_link_types_of_pairs(link_type):
    with pytest.raises(netml.UnsupportedLinkTypeError, match=str(link_type)):
        netml.read_flows([(1.0, b"x")], link_type=link_type)


def test_no_file_stays_open(path, tmp_path):
    n_open = len(os.listdir("/proc/self/fd"))
    (tmp_path / "text").write_bytes(b"no capture at all")
    for source in (path, tmp_path / "text", [path, path, tmp_path / "text"]):
        with contextlib.suppress(NotACaptureError):
            netml.read_flows(source)
    assert len(os.listdir("/proc/self/fd")) == n_open


def test_no_capture_at_all():
    with pytest.raises(netml.OptionError, match="at least one capture"):
        netml.read_flows([])


@pytest.mark.parametrize("pair", [(2.0, 5), (2.0, "text"), 5, (2.0,), None, (1e300, b"frame")], ids=repr)
def test_frames_are_refused_as_packets_are(pair):
    """A number is no frame: `bytes` would make so many zeros of it."""
    said = []
    for read in (netml.read_flows, lambda *given, **more: list(iter_frames(*given, **more))):
        with pytest.raises(CaptureError, match="<list>: record 2: ") as caught:
            read([(1.0, b"frame"), pair], link_type=1)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_frames_of_a_source_that_fails():
    def fail():
        yield 1.0, bytearray(b"frame")
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        list(iter_frames(fail(), link_type=1))
    assert caught.value.__notes__ == ["<generator>: record 2: the source raised this"]
    assert list(iter_frames([(1.0, bytearray(b"frame"))], link_type=1)) == [(10**9, b"frame", 1)]
