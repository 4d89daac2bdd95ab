"""The packet table: every packet in order of arrival, in every format, with pyarrow and without."""

import csv
import io
import json
import os
import sys

import numpy as np
import pytest
import traffic
from builders import captures

import netml
from netml.errors import MissingExtraError, OutputError, UnknownNameError
from netml.packets.table import COLUMNS, SUFFIXES, check_packets_output, read_packet_table

NUMBERS = [name for name in COLUMNS if name not in ("src_ip", "dst_ip")]


@pytest.fixture(params=["with-pyarrow", "without-pyarrow"])
def pyarrow(request, monkeypatch):
    """Whether there is pyarrow."""
    if request.param == "with-pyarrow":
        pytest.importorskip("pyarrow")
        return True
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    return False


def mixed_records():
    """Packets that are kept and others, some out of order."""
    records = traffic.many_flows(120)
    records[10:13] = records[12], records[11], records[10]
    return [*records[:50], (traffic.START_NS, traffic.icmp_frame()), *records[50:]]


@pytest.fixture
def table():
    return read_packet_table(io.BytesIO(captures.pcap(mixed_records())))


def expected_rows():
    """Rows of `COLUMNS` by a reading of the frames that is not netml's."""
    import ipaddress

    rows = []
    for time_ns, frame in mixed_records():
        is_v6 = frame[12:14] == b"\x86\xdd"
        ip = frame[14:]
        protocol, ttl = (ip[6], ip[7]) if is_v6 else (ip[9], ip[8])
        if protocol not in (6, 17):
            continue
        source, destination = (ip[8:24], ip[24:40]) if is_v6 else (ip[12:16], ip[16:20])
        segment = ip[40:] if is_v6 else ip[20:]
        ports = int.from_bytes(segment[:2], "big"), int.from_bytes(segment[2:4], "big")
        flags = segment[13] if protocol == 6 else 0
        addresses = str(ipaddress.ip_address(source)), str(ipaddress.ip_address(destination))
        sender, receiver = zip(addresses, ports, strict=True)
        rows.append((time_ns, *sender, *receiver, protocol, len(frame), len(frame), flags, ttl))
    return rows


def test_the_table(table):
    assert len(table) == 120
    assert repr(table) == "<PacketTable: 120 packets of 17 flow keys>"
    assert table.metadata["packets_read"] == 121
    assert table.metadata["skipped"]["other_protocol"] == 1
    frame = table.to_pandas()
    assert tuple(frame.columns) == COLUMNS
    assert list(frame.itertuples(index=False, name=None)) == expected_rows()


def read_csv(path):
    with open(path, newline="") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == COLUMNS
    return [tuple(text if ":" in text or "." in text else int(text) for text in row) for row in rows]


def test_csv_is_the_same_with_and_without_pyarrow(tmp_path, table, pyarrow):
    table.save(tmp_path / "packets.csv")
    assert read_csv(tmp_path / "packets.csv") == expected_rows()
    assert b"\r" not in (tmp_path / "packets.csv").read_bytes()
    assert b'"' not in (tmp_path / "packets.csv").read_bytes()


def test_npz(tmp_path, table, pyarrow):
    table.save(tmp_path / "packets.npz")
    with np.load(tmp_path / "packets.npz") as archive:
        arrays = dict(archive)
    assert json.loads(str(arrays["metadata"])) == table.metadata
    rows = expected_rows()
    ports = arrays["keys"][arrays["flow"]]["dst_port"]
    assert ports.tolist() == [row[4] for row in rows]
    for name in ("time_ns", "caplen", "wirelen", "flags", "ttl"):
        assert arrays[name].tolist() == [row[COLUMNS.index(name)] for row in rows]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_arrow_formats(tmp_path, table, suffix):
    pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    path = tmp_path / f"packets{suffix}"
    table.save(path)
    read = parquet.read_table(path) if suffix == ".parquet" else feather.read_table(path)
    assert tuple(read.column_names) == COLUMNS
    assert list(zip(*(column.to_pylist() for column in read.columns), strict=True)) == expected_rows()
    assert json.loads(read.schema.metadata[b"netml"]) == table.metadata


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_arrow_formats_need_pyarrow(tmp_path, table, pyarrow, suffix):
    path = tmp_path / f"packets{suffix}"
    if pyarrow:
        check_packets_output(path)
        return
    for call in (lambda: check_packets_output(path), lambda: table.save(path), table.to_arrow):
        with pytest.raises(MissingExtraError, match=r"pip install netml\[parquet\]"):
            call()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_capture_without_packets(tmp_path, suffix):
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    table = read_packet_table(io.BytesIO(captures.pcap([])))
    assert len(table) == 0
    table.save(tmp_path / f"packets{suffix}")
    assert (tmp_path / f"packets{suffix}").exists()
    assert table.to_pandas().shape == (0, len(COLUMNS))


def test_a_capture_without_packets_as_csv(tmp_path, pyarrow):
    read_packet_table(io.BytesIO(captures.pcap([]))).save(tmp_path / "packets.csv")
    assert (tmp_path / "packets.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_lengths_on_the_wire(tmp_path, pyarrow):
    records = [(traffic.START_NS, traffic.udp_frame(), 1500)]
    read_packet_table(io.BytesIO(captures.pcap(records))).save(tmp_path / "packets.csv")
    assert (tmp_path / "packets.csv").read_text().splitlines()[1].endswith(",50,1500,0,64")


def test_extreme_values(tmp_path, pyarrow):
    udp = traffic.udp_frame(ports=(65535, 0), source="255.255.255.255", destination="0.0.0.0")
    content = captures.section_header() + captures.interface(tsoffset=-(2**40))
    content += captures.enhanced_packet(0, udp, wirelen=2**32 - 1)
    content += captures.enhanced_packet(0, traffic.tcp_frame(flags=255, source="::", destination="ffff::"))
    read_packet_table(io.BytesIO(content)).save(tmp_path / "packets.csv")
    first, second = (tmp_path / "packets.csv").read_text().splitlines()[1:]
    time = str(-(2**63) + 1)
    assert first == f"{time},255.255.255.255,65535,0.0.0.0,0,17,50,4294967295,0,64"
    assert second == f"{time},::,40000,ffff::,443,6,74,74,255,64"


def test_several_captures_and_damage():
    cut = captures.pcap(mixed_records())[:-1]
    with pytest.warns(netml.CaptureWarning, match="record 121 at byte"):
        table = read_packet_table([io.BytesIO(cut), io.BytesIO(captures.pcap(mixed_records()))])
    assert len(table) == 239
    assert len(table.metadata["damage"]) == 1
    with pytest.raises(netml.TruncatedCaptureError):
        read_packet_table(io.BytesIO(cut), strict=True)


def test_pairs_of_time_and_bytes():
    table = read_packet_table([(1.5, traffic.udp_frame()), (0.5, traffic.tcp_frame())], link_type=1)
    assert table.columns["time_ns"].tolist() == [1_500_000_000, 500_000_000]


def test_outputs_that_cannot_be(tmp_path, table):
    with pytest.raises(UnknownNameError, match=r"packet table format '\.dat'; known: \.npz, \.csv, \.parquet, \.arrow"):
        table.save(tmp_path / "packets.dat")
    with pytest.raises(OutputError, match="no such folder"):
        table.save(tmp_path / "none" / "packets.npz")
    assert os.listdir(tmp_path) == []


def test_pandas_that_is_missing(monkeypatch, table):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install netml\[pandas\]"):
        table.to_pandas()
