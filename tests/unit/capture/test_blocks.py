"""Blocks read ahead by a thread: the same bytes, the same faults, and nobody reads on when it is over."""

import io
import os
import threading

import numpy as np
import pytest
import traffic
from builders import captures

import netml
from netml.capture import blocks, source

CONTENT = captures.pcap(traffic.many_flows(3000))


@pytest.fixture(autouse=True)
def _two_processors(monkeypatch):
    """So that there is a thread on any machine."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


class Recorded(io.RawIOBase):
    """A stream that gives `n_bytes` at a time, takes a moment for it, and counts."""

    def __init__(self, content, n_bytes=1000):
        self.stream, self.n_bytes, self.n_reads = io.BytesIO(content), n_bytes, 0

    def readinto(self, buffer):
        self.n_reads += 1
        threading.Event().wait(0.001)
        more = self.stream.read(min(self.n_bytes, len(buffer)))
        buffer[: len(more)] = more
        return len(more)


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "netml-reader"]


def gather(stream, *, ahead):
    start = blocks.HEADROOM_BYTES
    return b"".join(buffer[start : start + n].tobytes() for buffer, n in blocks.read_blocks(stream, ahead=ahead))


@pytest.mark.parametrize("ahead", [False, True])
def test_all_bytes_in_order(ahead):
    content = np.random.default_rng(1).bytes(100_000)
    assert gather(Recorded(content, 997), ahead=ahead) == content
    assert gather(Recorded(b""), ahead=ahead) == b""
    assert readers() == []


@pytest.mark.parametrize("ahead", [False, True])
def test_a_fault_comes_after_the_bytes_before_it(ahead):
    class Broken(Recorded):
        def readinto(self, buffer):
            if self.n_reads == 5:
                raise EOFError("the disk is gone")
            return super().readinto(buffer)

    arrived = []

    def read():
        for _, n_read in blocks.read_blocks(Broken(bytes(10_000)), ahead=ahead):
            arrived.append(n_read)

    with pytest.raises(EOFError, match="the disk is gone"):
        read()
    assert arrived == [1000] * 5
    assert readers() == []


def test_nobody_reads_on_when_it_is_over():
    # The stream is closed then, and its descriptor's number may soon be another file's.
    stream = Recorded(bytes(100_000))
    source_of_blocks = blocks.read_blocks(stream, ahead=True)
    next(source_of_blocks)
    source_of_blocks.close()
    assert readers() == []
    n_reads = stream.n_reads
    threading.Event().wait(0.02)
    assert stream.n_reads == n_reads


def test_a_file_read_ahead(tmp_path, monkeypatch):
    path = tmp_path / "capture.pcap"
    path.write_bytes(CONTENT)
    expected = netml.read_flows(io.BytesIO(CONTENT))
    monkeypatch.setattr(source, "LARGE_FILE_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5000)
    table = netml.read_flows([path, path])
    assert table.metadata["packets_read"] == 2 * expected.metadata["packets_read"]
    table = netml.read_flows(path)
    np.testing.assert_array_equal(table.time_ns, expected.time_ns)
    np.testing.assert_array_equal(table.offsets, expected.offsets)
    assert readers() == []


def test_damage_in_a_file_read_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LARGE_FILE_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5000)
    damaged, whole = tmp_path / "damaged.pcap", tmp_path / "whole.pcap"
    damaged.write_bytes(captures.pcap(traffic.records()) + b"\xff" * 100_000)
    whole.write_bytes(CONTENT)
    for _ in range(20):
        with pytest.warns(netml.CaptureWarning, match=r"damaged\.pcap: record 7 at byte "):
            table = netml.read_flows([damaged, whole])
        assert table.metadata["packets_read"] == 3006
        assert len(table.metadata["damage"]) == 1
    assert readers() == []
