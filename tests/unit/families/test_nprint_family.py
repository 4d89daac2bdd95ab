"""NPRINT: rows of flows are the bits of their first packets, and bits stay bits on their way to files and models."""

import io
import re

import numpy as np
import pytest
import traffic
from builders import captures
from command import invoke
from reference import nprint

import netml
from netml import FlowOptions
from netml.errors import OptionError, UnknownNameError
from netml.families import FAMILIES, FamilyOptions
from netml.flow.reader import read_flows

OTHERS = [(traffic.START_NS + 7 + i, traffic.icmp_frame()) for i in range(3)]
CONTENT = captures.pcap([*OTHERS, *traffic.many_flows(400)], magic=captures.MAGIC_NS)
FLOW = FlowOptions(definition="bi", protocols="all", tcp_end="fin")
SMALL = FamilyOptions(nprint_headers="ipv4,udp", payload_bytes=2)


def expected_rows(content, dim, headers=nprint.BLOCKS, payload_bytes=0, flow=FLOW):
    """Rows from the bits of all packets, and who is in which flow, known by its time."""
    bits = netml.read_header_bits(io.BytesIO(content), headers, payload_bytes=payload_bytes, flow=flow)
    assert len(np.unique(bits.time_ns)) == len(bits)
    of_time = dict(zip(bits.time_ns.tolist(), bits.X, strict=True))
    table = read_flows(io.BytesIO(content), flow=flow)
    rows = np.full((len(table), dim, len(bits.columns)), -1, np.int8)
    for i, packets in enumerate(table):
        for rank, time_ns in enumerate(packets.time_ns[:dim].tolist()):
            rows[i, rank] = of_time[time_ns]
    return rows.reshape(len(table), -1), table


@pytest.mark.parametrize("dim", [1, 5, 40])
def test_rows(dim):
    expected, table = expected_rows(CONTENT, dim)
    matrix = netml.extract(io.BytesIO(CONTENT), "NPRINT", dim=dim, flow=FLOW)
    assert matrix.X.dtype == np.int8
    np.testing.assert_array_equal(matrix.X, expected)
    np.testing.assert_array_equal(matrix.flows.keys, table.keys)
    names = nprint.name_columns(nprint.BLOCKS)
    assert matrix.columns == tuple(f"pkt_{rank}_{name}" for rank in range(dim) for name in names)


def test_headers_payload_and_default_dim():
    matrix = netml.extract(io.BytesIO(CONTENT), "nprint", family_options=SMALL)
    expected, _ = expected_rows(CONTENT, 5, ("udp", "ipv4"), 2, FlowOptions(definition="bi"))
    assert FAMILIES["NPRINT"].default_dim == matrix.metadata["representation"]["dim"] == 5
    assert matrix.shape[1] == 5 * (480 + 64 + 16)
    np.testing.assert_array_equal(matrix.X, expected)


def test_shared_capture(shared_captures):
    content = (shared_captures / "443-firefox.pcap").read_bytes()
    matrix = netml.extract(io.BytesIO(content), "NPRINT", dim=3, flow=FLOW)
    np.testing.assert_array_equal(matrix.X, expected_rows(content, 3)[0])


def test_more_packets_than_a_batch_and_later_flows():
    """Packets wait in batches until their flow is known: none is lost or mixed up where these end."""
    made = [(i * 1000, traffic.udp_frame(bytes([i % 251]), ports=(1000 + i % 67, 53))) for i in range(1000)]
    content = captures.pcap(made)
    matrix = netml.extract(io.BytesIO(content), "NPRINT", dim=4)
    np.testing.assert_array_equal(matrix.X, expected_rows(content, 4)[0])


@pytest.mark.parametrize("n_first", [None, 2, 1])
def test_first_is_by_time(n_first):
    """Late packets go where they belong, of several flows, whatever has come before them."""
    chance = np.random.default_rng(3)
    made = []
    for octet in range(240):
        frame = traffic.udp_frame(bytes([octet]), ports=(1000 + octet % 7, 53))
        made.append((int(chance.integers(0, 60)) * 1000, frame))  # with equal times, too
    one = FamilyOptions(nprint_headers="udp", payload_bytes=1)
    X = netml.extract(io.BytesIO(captures.pcap(made)), "NPRINT", dim=3, max_packets=n_first, family_options=one).X
    found = sorted(tuple(np.packbits(np.maximum(row.reshape(3, 72)[:, 64:], 0))) for row in X)
    expected = []
    for flow in range(7):
        octets = sorted(range(flow, 240, 7), key=lambda octet: (made[octet][0], octet))[: n_first or 3]
        expected.append(tuple(octets + [0] * (3 - len(octets))))
    assert found == sorted(expected)


def test_early_detection_and_rows_of_a_table():
    expected, table = expected_rows(CONTENT, 4, SMALL.nprint_headers, 2)
    first = netml.extract(io.BytesIO(CONTENT), "NPRINT", dim=4, max_packets=2, flow=FLOW, family_options=SMALL)
    half = expected.shape[1] // 2
    np.testing.assert_array_equal(first.X[:, :half], expected[:, :half])
    assert (first.X[:, half:] == -1).all()
    fitted = netml.FlowRepresentation("NPRINT", dim=4, flow=FLOW, family_options=SMALL).fit(io.BytesIO(CONTENT))
    (read,) = fitted.read_tables(io.BytesIO(CONTENT))
    for chosen in ([3, 0, len(table) - 1], [3, 0, 3, 1]):
        np.testing.assert_array_equal(fitted.compute([read[chosen]]).X, expected[chosen])
    both = fitted.compute([read, read[:0]])
    assert both.X.dtype == np.int8
    np.testing.assert_array_equal(both.X, expected)


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".arrow", ".npy"])
def test_files(tmp_path, suffix):
    matrix = netml.extract(io.BytesIO(CONTENT), "NPRINT", dim=2, family_options=SMALL)
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    matrix.save(tmp_path / f"bits{suffix}")
    read = netml.FeatureMatrix.load(tmp_path / f"bits{suffix}")
    np.testing.assert_array_equal(read.X, matrix.X)
    assert read.X.dtype == np.int8


@pytest.mark.parametrize("suffix", [".csv", ".dat", ".CSV"])
def test_bits_are_not_written_as_text(tmp_path, suffix):
    known = rf"header bits \(int8\) '{suffix.lower()}'; known: \.npz, \.npy, \.parquet, \.arrow$"
    path = tmp_path / f"bits{suffix}"
    matrix = netml.extract(io.BytesIO(CONTENT), "NPRINT", dim=2, family_options=SMALL)
    with pytest.raises(UnknownNameError, match=known):
        matrix.save(path)
    like = tmp_path / "like.npz"
    matrix.save(like)
    for arguments in (
        ("extract", "absent.pcap", "-f", "NPRINT", "-o", path),
        ("extract", "absent.pcap", "--like", like, "-o", path),
        ("learn", "extract", "--pcap", "absent.pcap", "--family", "NPRINT", "--feature-file", path),
    ):
        run = invoke(*arguments)
        assert (run.status, "no such file" in run.err.lower()) == (2, False), run
        assert re.search(known, run.err.strip()), run.err
    assert not path.exists()
    floats = netml.FeatureMatrix(matrix.X.astype(float), matrix.columns, matrix.flows, {})
    floats.save(path)  # whoever wants text may have it
    np.testing.assert_array_equal(netml.FeatureMatrix.load(path).X, matrix.X)


def test_headers_are_checked_at_once():
    with pytest.raises(UnknownNameError, match="'zz'; known: ipv4"):
        FamilyOptions(nprint_headers="zz")
    with pytest.raises(UnknownNameError, match="''; known: ipv4"):
        FamilyOptions(nprint_headers="")


@pytest.mark.parametrize(
    ("families", "more", "words"),
    [
        (["NPRINT", "IAT"], {}, "alone"),
        ("NPRINT", {"header": True}, "alone"),
        ("FFT-NPRINT", {}, "alone"),
        ("NPRINT", {"flow": FlowOptions(definition="original")}, "bi or uni"),
        ("NPRINT", {"dim": 745}, "from 1 to 744"),  # of 1,408 columns each
    ],
)
def test_what_cannot_be(families, more, words):
    with pytest.raises(OptionError, match=words):
        netml.extract(io.BytesIO(CONTENT), families, **more)


def test_payloads_that_cannot_be():
    with pytest.raises(OptionError, match="65,535"):
        FamilyOptions(payload_bytes=70000)


def test_what_has_no_headers():
    with pytest.raises(UnknownNameError):
        netml.extract(io.BytesIO(CONTENT), "NPRINT", family_options=FamilyOptions(nprint_headers="eth"))
    table = read_flows(io.BytesIO(CONTENT), flow=FLOW)
    with pytest.raises(OptionError, match="no headers"):
        netml.FlowRepresentation("NPRINT").fit(table).transform(table)


def test_command(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(CONTENT)
    options = ["-f", "NPRINT", "--nprint-headers", "u,4", "--payload-bytes", "2", "--dim", "3"]
    done = invoke("extract", path, *options, "-o", tmp_path / "a.npz")
    assert (done.status, "x 1,680 (NPRINT; dim 3)" in done.err) == (0, True), done.err
    expected = netml.extract(path, "NPRINT", dim=3, family_options=SMALL)
    np.testing.assert_array_equal(netml.FeatureMatrix.load(tmp_path / "a.npz").X, expected.X)
    done = invoke("extract", path, *options, "--stream", "-o", tmp_path / "b.csv")
    assert done.status != 0
    assert done.err.count("\n") == 1
    assert "NPRINT" in invoke("families").out


def test_a_model_of_bits(tmp_path):
    model = netml.learn(io.BytesIO(CONTENT), detector="PCA", families="NPRINT", dim=2, family_options=SMALL)
    verdicts = model.classify(io.BytesIO(CONTENT))
    model.save(tmp_path / "bits.netml")
    again = netml.load_model(tmp_path / "bits.netml")
    np.testing.assert_array_equal(again.classify(io.BytesIO(CONTENT)).scores, verdicts.scores)
    with pytest.raises(OptionError, match="made of whole captures"):
        again.stream(None)  # before anything is read
