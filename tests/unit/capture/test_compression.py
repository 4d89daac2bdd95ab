"""Compressed captures: told by what they contain, and cut or damaged."""

import bz2
import gzip
import io
import lzma
import sys

import numpy as np
import pytest
import traffic
from builders import captures

import netml
from netml.errors import MissingExtraError, TruncatedCaptureError

CONTENT = captures.pcap(traffic.many_flows())
COMPRESSORS = [gzip.compress, bz2.compress, lzma.compress]
try:
    import zstandard

    COMPRESSORS.append(zstandard.ZstdCompressor(write_checksum=True).compress)
except ImportError:
    pass


@pytest.fixture(scope="module")
def expected():
    return netml.read_flows(io.BytesIO(CONTENT))


def assert_same(table, expected):
    assert len(table) > 10
    for name in ("keys", "offsets", "time_ns", "caplen", "wirelen", "flags", "ttl"):
        np.testing.assert_array_equal(getattr(table, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize("compress", COMPRESSORS)
@pytest.mark.parametrize("name", ["capture.pcap", "capture.gz", "capture.bz2"])
def test_compression_is_told_by_content(tmp_path, expected, compress, name):
    (tmp_path / name).write_bytes(compress(CONTENT))
    assert_same(netml.read_flows(tmp_path / name), expected)
    assert_same(netml.read_flows(io.BytesIO(compress(CONTENT))), expected)


def test_zstd(tmp_path, expected):
    zstandard = pytest.importorskip("zstandard")
    compress = zstandard.ZstdCompressor().compress
    (tmp_path / "capture.pcap").write_bytes(compress(CONTENT))
    assert_same(netml.read_flows(tmp_path / "capture.pcap"), expected)
    two_frames = zstandard.ZstdCompressor().compress(CONTENT[:999]) + zstandard.ZstdCompressor().compress(CONTENT[999:])
    assert_same(netml.read_flows(io.BytesIO(two_frames)), expected)


def test_gzip_of_several_members(expected):
    content = gzip.compress(CONTENT[:5000]) + gzip.compress(CONTENT[5000:])
    assert_same(netml.read_flows(io.BytesIO(content)), expected)


def test_zstd_without_its_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "capture.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"\0" * 20)
    with pytest.raises(MissingExtraError, match=r"pip install netml\[zstd\]"):
        netml.read_flows(tmp_path / "capture.zst")


INCOMPRESSIBLE = [
    (time_ns, traffic.udp_frame(np.random.default_rng(i).bytes(1000)))
    for i, (time_ns, _) in enumerate(traffic.records(3000))
]


@pytest.mark.parametrize("compress", COMPRESSORS)
@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "damaged"])
def test_broken_compression_keeps_what_came_before(tmp_path, compress, is_cut):
    content = bytearray(compress(captures.pcap(INCOMPRESSIBLE)))
    if is_cut:
        del content[-len(content) // 8 :]
    else:
        content[-len(content) // 8] ^= 0xFF
        content[-len(content) // 8 + 1] ^= 0xFF
    (tmp_path / "broken").write_bytes(content)
    with pytest.warns(netml.CaptureWarning, match=r"broken: .*(is cut|damaged)"):
        table = netml.read_flows(tmp_path / "broken")
    assert len(table.metadata["damage"]) == 1
    assert 0 < table.metadata["packets_read"] <= 3000
    with pytest.raises(TruncatedCaptureError, match=r"broken: .*(is cut|damaged)"):
        netml.read_flows(tmp_path / "broken", strict=True)


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_compression_cut_between_two_packets(compress):
    # All packets are there, but the compressed stream does not end: nobody can know that they are all.
    content = compress(CONTENT)[:-1]
    with pytest.warns(netml.CaptureWarning, match=r"BytesIO>: the \w+ compression is cut"):
        netml.read_flows(io.BytesIO(content))


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_compression_cut_before_the_first_packet(compress):
    with pytest.raises(TruncatedCaptureError, match=r"BytesIO>: the \w+ compression is cut"):
        netml.read_flows(io.BytesIO(compress(captures.pcap(INCOMPRESSIBLE[:1]))[:20]))


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_compressed_nothing(compress):
    with pytest.raises(netml.NotACaptureError, match="the file is empty"):
        netml.read_flows(io.BytesIO(compress(b"")))
