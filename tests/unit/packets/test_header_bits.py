"""Header bits of packets: what is read, by every way in, and what the files hold."""

import io
import json

import numpy as np
import pytest
import traffic
from builders import captures, frames
from command import invoke
from reference import nprint
from reference.capture import read_capture

import netml
from netml.capture import blocks, source
from netml.errors import OptionError, UnknownNameError
from netml.families.header_columns import count_bits, name_bits, parse_headers
from netml.packets.header_bits import PACKET_COLUMNS, SUFFIXES

OTHERS = (
    (traffic.START_NS, traffic.icmp_frame()),
    (traffic.START_NS + 1, frames.ethernet(frames.arp(), ethertype=0x0806)),
    (traffic.START_NS + 2, frames.ethernet(frames.ipv4(b"\1" * 9, protocol=frames.ESP))),
    (traffic.START_NS + 3, frames.ethernet(frames.ipv6(frames.icmp(135, 0, b"x" * 20), next_header=58))),
)
CONTENT = captures.pcap([*traffic.many_flows(150), *OTHERS])


def expected_rows(content=CONTENT, blocks=nprint.BLOCKS, payload_bytes=3, **options):
    return nprint.read_rows(read_capture(content).records, blocks, payload_bytes, protocols="all", **options)


@pytest.fixture
def bits():
    return netml.read_header_bits(io.BytesIO(CONTENT), payload_bytes=3)


def test_rows(bits):
    rows, skipped = expected_rows()
    assert len(bits) == len(rows) == 153
    assert repr(bits) == "<HeaderBits: 153 packets x 1432 bits>"
    assert bits.X.dtype == np.int8
    assert set(np.unique(bits.X)) == {-1, 0, 1}
    np.testing.assert_array_equal(bits.X, [row for *_, row in rows])
    assert bits.time_ns.tolist() == [time_ns for time_ns, *_ in rows]
    assert list(bits.columns) == nprint.name_columns(nprint.BLOCKS, 3)
    assert {reason: n for reason, n in bits.metadata["skipped"].items() if n} == skipped == {"not_ip": 1}
    assert bits.metadata["packets_read"] == 154
    assert np.asarray(bits) is bits.X
    frame = bits.to_pandas()
    assert list(frame.columns) == [*PACKET_COLUMNS, *bits.columns]
    keys = frame[["src_ip", "dst_ip", "src_port", "dst_port", "protocol"]]
    assert list(keys.itertuples(index=False, name=None)) == [key for _, key, _ in rows]


def test_a_chosen_protocol_set_counts():
    only = netml.read_header_bits(io.BytesIO(CONTENT), "t,u", flow=netml.FlowOptions())
    assert len(only) == 150
    assert only.metadata["skipped"]["other_protocol"] == 3


@pytest.mark.parametrize("n_packets", [1, 7, 153, 1000])
def test_batches_are_the_whole(bits, n_packets):
    batches = list(netml.iter_header_bits(io.BytesIO(CONTENT), payload_bytes=3, batch_packets=n_packets))
    np.testing.assert_array_equal(np.concatenate([batch.X for batch in batches]), bits.X)
    np.testing.assert_array_equal(np.concatenate([batch.keys for batch in batches]), bits.keys)
    assert max(map(len, batches)) <= n_packets
    assert batches[-1].metadata["packets_kept"] == 153


def test_other_ways_in(bits, tmp_path, monkeypatch):
    pairs = [(record.time_ns / 1e9, record.frame) for record in read_capture(CONTENT).records]
    through_general_door = netml.read_header_bits(iter(pairs), payload_bytes=3, link_type=1)
    np.testing.assert_array_equal(through_general_door.X, bits.X)
    monkeypatch.setattr(source, "LARGE_FILE_BYTES", 0)
    monkeypatch.setattr(blocks, "WINDOW_BYTES", 1 << 14)
    path = tmp_path / "a.pcap"
    path.write_bytes(CONTENT)
    mapped = netml.read_header_bits([path, path], payload_bytes=3)
    np.testing.assert_array_equal(mapped.X, np.concatenate([bits.X, bits.X]))


def test_a_damaged_capture_gives_what_was_before():
    with pytest.warns(netml.CaptureWarning):
        cut = netml.read_header_bits(io.BytesIO(CONTENT[:-7]))
    assert len(cut) == 152
    assert len(cut.metadata["damage"]) == 1
    with pytest.raises(netml.CaptureError):
        netml.read_header_bits(io.BytesIO(CONTENT[:-7]), strict=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files(bits, tmp_path, suffix):
    path = tmp_path / f"bits{suffix}"
    bits.save(path)
    if suffix == ".npz":
        with np.load(path) as archive:
            np.testing.assert_array_equal(archive["X"], bits.X)
            assert archive["X"].dtype == np.int8
            np.testing.assert_array_equal(archive["keys"], bits.keys)
            np.testing.assert_array_equal(archive["time_ns"], bits.time_ns)
            assert archive["columns"].tolist() == list(bits.columns)
            assert json.loads(str(archive["metadata"])) == bits.metadata
        return
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path)
    assert table.column_names == [*PACKET_COLUMNS, *bits.columns]
    assert {str(table.schema.field(name).type) for name in bits.columns} == {"int8"}
    np.testing.assert_array_equal(np.stack([table[name].to_numpy() for name in bits.columns], axis=1), bits.X)
    assert table["src_ip"].to_pylist() == bits.to_pandas()["src_ip"].tolist()
    kept = parquet.ParquetFile(path).metadata.metadata.get(b"netml", b"null")
    assert json.loads(kept) in (None, bits.metadata)  # None: an older pyarrow


def test_command(bits, tmp_path, monkeypatch):
    path = tmp_path / "a.pcap"
    path.write_bytes(CONTENT)
    options = ["--nprint", "i,u,t,6,ipv4", "--payload-bytes", "3"]
    done = invoke("packets", path, *options, "-o", tmp_path / "a.npz")
    assert done.status == 0
    assert "154 packets: 153 over IP, 1 skipped" in done.err
    with np.load(tmp_path / "a.npz") as archive:
        np.testing.assert_array_equal(archive["X"], bits.X)
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("netml.packets.header_bits.MOST_BATCH_ROWS", 50)
    done = invoke("packets", path, *options, "-o", tmp_path / "a.parquet", "-q")
    assert (done.status, done.err) == (0, "")
    assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 4
    assert parquet.read_table(tmp_path / "a.parquet").equals(bits.to_arrow())


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--nprint", "4,x", "-o", "a.npz"], 2, "x"),
        (["--nprint", "4", "-o", "a.csv"], 2, ".parquet"),
        (["--nprint", "4", "--payload-bytes", "-1", "-o", "a.npz"], 2, "--payload-bytes -1"),
        (["--payload-bytes", "1", "-o", "a.npz"], 2, "--nprint"),
    ],
)
def test_what_cannot_be(tmp_path, monkeypatch, arguments, status, words):
    path = tmp_path / "a.pcap"
    path.write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)
    done = invoke("packets", path, *arguments)
    assert done.status == status
    assert words in done.err
    assert not (tmp_path / "a.npz").exists()


def test_names():
    assert parse_headers("u, TCP,6") == ("ipv6", "tcp", "udp")
    assert name_bits(nprint.BLOCKS, 5) == nprint.name_columns(nprint.BLOCKS, 5)
    assert count_bits(["icmp", "udp", "tcp", "ipv4"]) == 1088
    with pytest.raises(UnknownNameError, match="eth"):
        parse_headers(["eth"])
    with pytest.raises(OptionError):
        parse_headers([])
