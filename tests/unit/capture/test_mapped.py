"""Large files are mapped: the same flows, bounded memory, and a file that shrinks is damage, not a crash."""

import gzip
import io
import os
import signal
import threading

import numpy as np
import pytest
import traffic
from builders import captures
from command import invoke
from reference.capture import read_capture

import netml
from netml.capture import blocks, framing, source

ONE_SECOND = traffic.many_flows(3000)


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch):
    monkeypatch.setattr(source, "LARGE_FILE_BYTES", 0)
    monkeypatch.setattr(blocks, "WINDOW_BYTES", 1 << 14)


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "large.pcap"
    target.write_bytes(captures.pcap(ONE_SECOND))
    return target


def test_a_mapped_file_gives_the_same_table(path):
    with open(path, "rb") as stream:
        read = netml.read_flows(stream)
    mapped = netml.read_flows(path)
    assert len(mapped) > 10
    np.testing.assert_array_equal(mapped.keys, read.keys)
    np.testing.assert_array_equal(mapped.time_ns, read.time_ns)
    assert mapped.metadata["packets_read"] == read.metadata["packets_read"] == len(ONE_SECOND)


@pytest.mark.parametrize("n_cut", [1, 17, 70])
def test_a_cut_mapped_file_says_where(path, n_cut):
    content = path.read_bytes()
    path.write_bytes(content[:-n_cut])
    with pytest.warns(netml.CaptureWarning, match=r"record \d+ at byte \d+: cut: \d+( of \d+)? bytes of the record"):
        table = netml.read_flows(path)
    assert 0 < table.metadata["packets_read"] < len(ONE_SECOND)


def test_a_file_that_shrinks_while_it_is_read_is_damage(path):
    n_bytes = path.stat().st_size

    def shrink(n_read, n_packets):
        os.truncate(path, 4096)

    previous = signal.getsignal(signal.SIGBUS)
    with pytest.warns(netml.CaptureWarning, match=r"large\.pcap: record \d+ at byte \d+: the file cannot be read on"):
        table = netml.read_flows(path, progress=shrink)
    metadata = table.metadata
    assert n_bytes > 3 * blocks.WINDOW_BYTES
    assert 0 < metadata["packets_read"] < len(ONE_SECOND)
    assert metadata["packets_read"] == metadata["packets_kept"] + sum(metadata["skipped"].values())
    n_dropped = sum(count["packets"] for count in metadata["dropped"].values())
    assert metadata["packets_kept"] == len(table.time_ns) + n_dropped
    assert signal.getsignal(signal.SIGBUS) is previous


@pytest.mark.parametrize("n_cut", [1, 10, 16, 54, 70, 1000, 100_000])
@pytest.mark.parametrize("is_mapped", [True, False])
def test_nothing_is_read_that_was_never_there(path, n_cut, is_mapped, monkeypatch):
    """The rest of the last page is zeros, which would pass for records; a cut between two of them is told, too."""
    if not is_mapped:
        monkeypatch.setattr(source, "LARGE_FILE_BYTES", 1 << 40)
        monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 14)
    content = path.read_bytes()
    left = content[: len(content) - n_cut]
    with pytest.warns(netml.CaptureWarning, match="it shrank while it was read"):
        table = netml.read_flows(path, progress=lambda *counts: os.truncate(path, len(left)))
    with open(path, "rb") as stream:
        assert table.metadata["packets_read"] == len(read_capture(stream.read()).records)
    assert sum(table.metadata["skipped"].values()) == 0


def test_a_file_that_shrinks_before_it_is_mapped(path, monkeypatch):
    n_bytes = path.stat().st_size
    map_file = blocks.MappedFile

    def shrink(descriptor, length):
        os.truncate(path, n_bytes - 10)
        return map_file(descriptor, length)

    monkeypatch.setattr(blocks, "MappedFile", shrink)
    with pytest.warns(netml.CaptureWarning, match="it shrank while it was read"):
        assert netml.read_flows(path).metadata["packets_read"] == len(ONE_SECOND) - 1


@pytest.mark.parametrize("way", [(), ("--stream", "--interval", "5", "--dim", "3"), ("--max-memory", "10k")], ids=str)
def test_the_command_line_tells_of_a_file_that_shrinks(path, tmp_path, monkeypatch, way):
    want = blocks.MappedFile.want

    def shrink(mapped, offset):
        want(mapped, offset)
        if offset > 2 * blocks.WINDOW_BYTES:
            os.truncate(path, 4096)

    monkeypatch.setattr(blocks.MappedFile, "want", shrink)
    run = invoke("extract", path, "-q", *way, "-o", tmp_path / "out.csv")
    assert run.status == 1
    assert run.err.count("\n") == 1
    assert "the file cannot be read on" in run.err
    assert len((tmp_path / "out.csv").read_text().splitlines()) > 5


def test_two_threads_may_lose_their_files_at_once(tmp_path):
    paths = [tmp_path / f"{i}.pcap" for i in range(4)]
    for each in paths:
        each.write_bytes(captures.pcap(ONE_SECOND))
    found = {}

    def read(each):
        try:
            netml.read_flows(each, strict=True, progress=lambda *counts: os.truncate(each, 4096))
        except netml.CaptureError as error:
            found[each] = str(error)

    threads = [threading.Thread(target=read, args=(each,)) for each in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == paths
    assert all("cannot be read on" in text for text in found.values())


def test_a_file_that_cannot_be_mapped_is_read(path, monkeypatch):
    def refuse(*arguments, **named):
        raise OSError("no mappings here")

    monkeypatch.setattr(blocks.mmap, "mmap", refuse)
    assert netml.read_flows(path).metadata["packets_read"] == len(ONE_SECOND)


def test_an_error_while_a_mapped_file_is_read_is_not_hidden(path):
    """Its traceback holds the mapping, so that this cannot be closed at once."""

    class InterruptedError_(Exception):
        pass

    def consume(octets, start, length):
        view = octets[start : start + length]
        raise InterruptedError_(len(view))

    for capture in source.open_captures(str(path), None):
        mapped = framing.map_capture(capture)
        with pytest.raises(InterruptedError_):
            list(framing.walk_map(capture, mapped, consume))


def test_without_threads_a_file_is_read_all_the_same(path, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    expected = netml.read_flows(path).time_ns.tolist()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert netml.read_flows(path).time_ns.tolist() == expected
    monkeypatch.setattr(source, "LARGE_FILE_BYTES", 1 << 40)
    with open(path, "rb") as stream:
        packed = gzip.compress(stream.read())
    assert netml.read_flows(io.BytesIO(packed)).time_ns.tolist() == expected
