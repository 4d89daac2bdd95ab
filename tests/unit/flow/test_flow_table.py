"""The public ragged table: lengths, indexing, iteration, conversions, files."""

import copy
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import traffic
from builders import captures
from feature_rows import represent

import netml
from netml import FlowIndex, FlowTable
from netml.errors import DamagedFileError, MissingExtraError, OptionError, UnknownNameError
from netml.features.options import RepresentationOptions
from netml.flow.subflows import linear_quantile

PACKET_COLUMNS = ("time_ns", "caplen", "wirelen", "flags", "ttl")
SUFFIXES = (".npz", ".parquet")


def read(records, **options):
    return netml.read_flows(io.BytesIO(captures.pcap(records)), **options)


@pytest.fixture(scope="module")
def table():
    """17 flows of IPv4 and IPv6."""
    return read(traffic.many_flows())


@pytest.fixture
def empty():
    return read([])


def assert_same(table, expected):
    assert isinstance(table, FlowTable)
    for name in ("keys", "offsets", *PACKET_COLUMNS):
        np.testing.assert_array_equal(getattr(table, name), getattr(expected, name), err_msg=name)
        assert getattr(table, name).dtype == getattr(expected, name).dtype
    assert table.size_kind == expected.size_kind
    assert table.metadata == expected.metadata


def assert_holds_flows(part, table, numbers):
    """`part` has exactly these flows of `table`, in this order."""
    assert len(part) == len(numbers)
    for flow, i in zip(part, numbers, strict=True):
        whole = table[i]
        assert flow.key == whole.key
        np.testing.assert_array_equal(flow.time_ns, whole.time_ns)
        np.testing.assert_array_equal(flow.size, whole.size)
        np.testing.assert_array_equal(flow.flags, whole.flags)
        np.testing.assert_array_equal(flow.ttl, whole.ttl)


def test_columns(table):
    assert len(table) == 17
    assert table.offsets.dtype == np.int64
    assert table.time_ns.dtype == np.int64
    assert table.caplen.dtype == table.wirelen.dtype == table.size.dtype == np.uint32
    assert table.flags.dtype == table.ttl.dtype == np.uint8
    assert table.offsets[0] == 0
    assert table.offsets[-1] == len(table.time_ns) == 200
    np.testing.assert_array_equal(table.lengths, np.diff(table.offsets))
    assert repr(table) == "<FlowTable: 17 flows, 200 packets>"


def test_packets_are_in_order_of_time_within_flows_in_order_of_arrival():
    ms, start = traffic.MS, traffic.START_NS
    first, second = traffic.udp_frame(b"1"), traffic.tcp_frame(b"22")
    records = [(start + 5 * ms, first), (start, second), (start + ms, first), (start + 2 * ms, second)]
    table = read(records, flow=netml.FlowOptions(interval=1.0))
    assert table.time_ns.tolist() == [start + ms, start + 5 * ms, start, start + 2 * ms]
    assert table.flows.src_ip.tolist() == ["10.0.0.1", "10.0.0.1"]
    assert table.keys["dst_port"].tolist() == [53, 443]


def test_index(table):
    index = table.flows
    assert isinstance(index, FlowIndex)
    assert index is table.flows
    assert len(index) == 17
    for i, flow in enumerate(table):
        assert index.start_ns[i] == flow.time_ns[0]
        assert index.end_ns[i] == flow.time_ns[-1]
        assert index.packets[i] == len(flow) == len(flow.time_ns)
        assert index.bytes[i] == flow.size.sum()
    assert index.five_tuples()[0] == ("2001:db8::1", "2001:db8::2", 1024, 53, 17)
    assert index.five_tuples()[1] == ("10.0.0.1", "10.0.1.7", 1031, 53, 6)
    names = ["src_ip", "src_port", "dst_ip", "dst_port", "protocol", "start_ns", "end_ns", "packets", "bytes"]
    assert list(index.to_columns()) == names
    part = index[index.keys["protocol"] == 6]
    assert part.five_tuples() == [five for five in index.five_tuples() if five[4] == 6]
    assert len(index[2:5]) == 3
    assert index[[4, 0]].start_ns.tolist() == [index.start_ns[4], index.start_ns[0]]


def test_an_index_of_columns_that_do_not_fit(table):
    index = table.flows
    with pytest.raises(OptionError, match="columns of one length"):
        FlowIndex(index.keys, index.start_ns, index.end_ns, index.packets, index.bytes[:-1])


def test_one_flow(table):
    for i in (0, 5, -1, np.int64(3)):
        flow = table[i]
        place = range(17)[int(i)]
        packets = slice(table.offsets[place], table.offsets[place + 1])
        np.testing.assert_array_equal(flow.time_ns, table.time_ns[packets])
        assert np.shares_memory(flow.time_ns, table.time_ns)
        assert flow.key == table.keys[place]
    for i in (17, -18):
        with pytest.raises(IndexError):
            table[i]


@pytest.mark.parametrize(
    "rows",
    [slice(3, 7), slice(None), slice(None, None, -2), slice(20, 30), [0], [], [16, 0, 0, -1], np.array([2, 9])],
    ids=repr,
)
def test_slices_and_positions(table, rows):
    numbers = list(range(17))[rows] if isinstance(rows, slice) else list(rows)
    part = table[rows]
    assert_holds_flows(part, table, numbers)
    np.testing.assert_array_equal(part.flows.start_ns, table.flows.start_ns[numbers])
    assert part.size_kind == table.size_kind


def test_masks(table):
    mask = table.lengths > 11
    numbers = np.flatnonzero(mask).tolist()
    assert 0 < len(numbers) < 17
    for rows in (mask, mask.tolist()):
        assert_holds_flows(table[rows], table, numbers)
    with pytest.raises(IndexError):
        table[np.ones(5, bool)]
    with pytest.raises(IndexError):
        table[[17]]


def test_iteration(table):
    assert_holds_flows(table, table, range(17))
    key, time_ns, size, flags, ttl = next(iter(table))
    assert key["dst_port"] == 53
    assert len(time_ns) == len(size) == len(flags) == len(ttl)


def test_a_packet_column_that_was_not_read_is_told():
    table = read(traffic.many_flows(), columns=("payload_bytes",))
    assert list(table.columns) == ["time_ns", "caplen", "payload_bytes"]
    assert table.payload_bytes.shape == table.time_ns.shape
    text = r"without the packet column .flags.: name it in columns=, as in netml.read_flows.*columns=.'flags',..$"
    with pytest.raises(AttributeError, match=text) as caught:
        _ = table.flags
    assert isinstance(caught.value, netml.MissingColumnError)
    assert caught.value.column == "flags"
    assert not hasattr(table, "ttl")
    assert getattr(table, "ttl", None) is None
    assert (table[0].flags, table[0].ttl) == (None, None)
    with pytest.raises(AttributeError, match="'FlowTable' object has no attribute 'flag'"):
        _ = table.flag


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_that_are_not_there_stay_away(tmp_path, suffix):
    table = read(traffic.many_flows(), columns=("payload_bytes",))
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    table.save(tmp_path / f"table{suffix}")
    copies = [FlowTable.load(tmp_path / f"table{suffix}"), table[3:], table.first(2), copy.copy(table)]
    for other in [*copies, pickle.loads(pickle.dumps(table))]:
        assert list(other.columns) == ["time_ns", "caplen", "payload_bytes"]
        assert not hasattr(other, "flags")
    error = pickle.loads(pickle.dumps(netml.MissingColumnError("ttl", "flags")))
    assert (error.column, str(error)) == ("ttl", str(netml.MissingColumnError("ttl", "flags")))


def test_a_family_names_all_columns_that_it_misses():
    table = read(traffic.many_flows(), columns=())
    text = r"without packet columns: name them in columns=, as in netml.read_flows.*columns=.'flags', 'ttl'..$"
    with pytest.raises(netml.MissingColumnError, match=text) as caught:
        represent(table, RepresentationOptions("STATS", header=True))
    assert caught.value.columns == ("flags", "ttl")


def test_sizes():
    records = [(traffic.START_NS + i, traffic.udp_frame(), 1000 + i) for i in range(3)]
    assert read(records).size.tolist() == [50, 50, 50]
    wire = read(records, size="wire")
    assert wire.size.tolist() == [1000, 1001, 1002]
    assert wire[:1].flows.bytes.tolist() == [3003]


def test_a_feature_of_the_users_own_in_five_lines(table):
    def bytes_of_first_second(table):
        elapsed_ns = table.time_ns - np.repeat(table.flows.start_ns, table.lengths)
        early = np.where(elapsed_ns < 10**7, table.size, 0)
        return np.add.reduceat(early, table.offsets[:-1]) if len(table) else early

    slow = [sum(int(s) for t, s in zip(f.time_ns, f.size, strict=True) if t - f.time_ns[0] < 10**7) for f in table]
    assert bytes_of_first_second(table).tolist() == slow


def test_an_empty_table(empty, tmp_path):
    assert len(empty) == 0
    assert list(empty) == []
    assert empty.offsets.tolist() == [0]
    assert len(empty.flows) == 0
    assert empty.flows.five_tuples() == []
    assert len(empty[:]) == len(empty[[]]) == len(empty[np.zeros(0, bool)]) == 0
    for suffix in SUFFIXES:
        empty.save(tmp_path / f"empty{suffix}")
        assert_same(FlowTable.load(tmp_path / f"empty{suffix}"), empty)
    assert empty.to_pandas().shape == (0, 6)
    assert empty.to_arrow().num_rows == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", ["captured", "wire"])
def test_files(tmp_path, suffix, size):
    table = read(traffic.many_flows(), size=size, flow=netml.FlowOptions(interval=0.05))
    for part in (table, table[3:9]):
        part.save(tmp_path / f"table{suffix}")
        loaded = FlowTable.load(str(tmp_path / f"table{suffix}"))
        assert_same(loaded, part)
        assert loaded.flows.five_tuples() == part.flows.five_tuples()
    assert os.listdir(tmp_path) == [f"table{suffix}"]


def test_an_npz_of_a_table_is_plain_numpy(tmp_path, table):
    table.save(tmp_path / "table.npz")
    with np.load(tmp_path / "table.npz") as archive:
        assert archive["time_ns"].tolist() == table.time_ns.tolist()
        assert json.loads(str(archive["metadata"])) == table.metadata


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cut_and_damaged_files(tmp_path, table, suffix):
    path = tmp_path / f"table{suffix}"
    table.save(path)
    content = path.read_bytes()
    for broken in (b"", b"text", content[:100], content[: len(content) // 2], content[:-1]):
        path.write_bytes(broken)
        with pytest.raises(DamagedFileError, match=f"table{suffix}: "):
            FlowTable.load(path)


def other_arrays(table):
    """Arrays that make no flow table, by what is wrong with them."""
    good = {"keys": table.keys, "offsets": table.offsets, **table.columns, "size": "captured", "metadata": "{}"}
    offsets = table.offsets.copy()
    offsets[1:3] = offsets[2], offsets[1]
    return {
        "nothing": {},
        "no keys": {name: array for name, array in good.items() if name != "keys"},
        "no times": {name: array for name, array in good.items() if name != "time_ns"},
        "no sizes": {name: array for name, array in good.items() if name not in ("caplen", "wirelen")},
        "other keys": {**good, "keys": np.zeros(17)},
        "offsets that fall": {**good, "offsets": offsets},
        "offsets from the middle": {**good, "offsets": np.maximum(table.offsets, 3)},
        "offsets of another type": {**good, "offsets": table.offsets.astype(float)},
        "a short column": {**good, "flags": table.flags[:-1]},
        "a matrix": {**good, "ttl": np.zeros((200, 2), np.uint8)},
        "another type": {**good, "caplen": table.caplen.astype(float)},
        "another size": {**good, "size": "huge"},
        "metadata that is no JSON": {**good, "metadata": "{"},
        "metadata that is no dict": {**good, "metadata": "[]"},
        "objects": {**good, "ttl": np.array([None] * 200)},
    }


@pytest.mark.parametrize("name", other_arrays(read(traffic.many_flows())))
def test_an_npz_that_holds_something_else(tmp_path, table, name):
    path = tmp_path / "other.npz"
    np.savez(path, **other_arrays(table)[name])
    with pytest.raises(DamagedFileError, match=r"other\.npz: not a flow table"):
        FlowTable.load(path)


def test_files_that_are_another_format_inside(tmp_path, table):
    with open(tmp_path / "array.npz", "wb") as stream:
        np.save(stream, table.time_ns)
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("keys.npy", b"text")
    netml.extract(io.BytesIO(captures.pcap(traffic.records()))).save(tmp_path / "matrix.npz")
    netml.extract(io.BytesIO(captures.pcap(traffic.records()))).save(tmp_path / "matrix.parquet")
    for name in ("array.npz", "zip.npz", "matrix.npz", "matrix.parquet"):
        with pytest.raises(DamagedFileError, match=name):
            FlowTable.load(tmp_path / name)


def test_names_that_do_not_help(tmp_path, table):
    with pytest.raises(UnknownNameError, match=r"flow table format '.csv'; known: .npz, .parquet"):
        table.save(tmp_path / "table.csv")
    with pytest.raises(UnknownNameError, match=r"'\.dat'"):
        FlowTable.load(tmp_path / "table.dat")
    with pytest.raises(FileNotFoundError):
        FlowTable.load(tmp_path / "none.npz")
    assert os.listdir(tmp_path) == []


def test_to_pandas(table):
    pytest.importorskip("pandas")
    frame = table.to_pandas()
    assert list(frame.columns) == ["flow", *PACKET_COLUMNS]
    assert len(frame) == 200
    np.testing.assert_array_equal(frame.groupby("flow")["caplen"].sum(), table.flows.bytes)


def test_to_arrow_shares_the_packets(table):
    pytest.importorskip("pyarrow")
    arrow = table.to_arrow()
    assert arrow.num_rows == 17
    assert arrow.column_names[:2] == ["src_ip", "src_port"]
    for name in PACKET_COLUMNS:
        values = arrow.column(name).chunk(0).values
        assert np.shares_memory(values.to_numpy(zero_copy_only=True), getattr(table, name))
        assert arrow.column(name)[3].as_py() == getattr(table, name)[table.offsets[3] : table.offsets[4]].tolist()
    assert arrow.column("dst_ip").to_pylist() == table.flows.dst_ip.tolist()


@pytest.mark.parametrize(("method", "module"), [("to_pandas", "pandas"), ("to_arrow", "pyarrow")])
def test_packages_that_are_missing(monkeypatch, table, method, module):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install netml\["):
        getattr(table, method)()


def test_first_packets():
    """Two flows of 3 and 2 packets, cut to 2: times, packets and bytes are those of what is left."""
    records = [
        (traffic.START_NS + i * traffic.MS, traffic.udp_frame(ports=(port, 53), payload=bytes(i)))
        for i, port in enumerate((1, 2, 1, 1, 2))
    ]
    table = read(records)
    cut = table.first(2)
    assert cut.lengths.tolist() == [2, 2]
    assert [(flow.time_ns - traffic.START_NS).tolist() for flow in cut] == [
        [0, 2 * traffic.MS],
        [traffic.MS, 4 * traffic.MS],
    ]
    index = cut.flows
    assert (index.start_ns - traffic.START_NS).tolist() == [0, traffic.MS]
    assert (index.end_ns - traffic.START_NS).tolist() == [2 * traffic.MS, 4 * traffic.MS]
    assert index.bytes.tolist() == [int(flow.size.sum()) for flow in cut] == [2 * 42 + 2, 2 * 42 + 5]
    for flow, whole in zip(cut, table, strict=True):
        assert flow.key == whole.key
        np.testing.assert_array_equal(flow.flags, whole.flags[:2])
    assert cut.metadata == table.metadata
    assert table.lengths.tolist() == [3, 2]


def test_first_packets_of_flows_that_have_no_more(table, empty):
    assert table.first(int(table.lengths.max())) is table
    assert len(empty.first(1)) == 0
    assert table.first(1).flows.end_ns.tolist() == table.flows.start_ns.tolist()
    for n in (0, -1, 1.5, None):
        with pytest.raises(OptionError, match="first"):
            table.first(n)


def test_what_is_known_of_a_flow_stays_when_it_is_cut(table):
    attributes = {"vlan_id": np.arange(17, dtype=np.uint16)}
    table = table[:]
    table.set_times(table.flows.start_ns, table.flows.end_ns, np.full(17, 4, np.uint8), attributes)
    cut = table.first(1)
    assert cut.flows.end_reason.tolist() == [4] * 17
    assert cut.flows.attributes["vlan_id"].tolist() == list(range(17))


@pytest.mark.parametrize("definition", ["original", "bi"])
def test_tables_below_each_other(definition):
    table = netml.read_flows("examples/data/demo.pcap", flow=netml.FlowOptions(definition=definition))
    whole = FlowTable.concat([table[:100], table[100:101], table[101:]])
    assert np.array_equal(whole.offsets, table.offsets)
    assert all(np.array_equal(whole.columns[name], column) for name, column in table.columns.items())
    for name, column in table.flows.to_columns().items():
        assert np.array_equal(whole.flows.to_columns()[name], column)
    assert whole.attributes.keys() == table.attributes.keys()
    assert whole.metadata == table.metadata


def test_a_quantile_without_flows():
    assert linear_quantile(np.empty(0, np.int64), 0.9) == 0.0
    assert linear_quantile(np.array([10, 40, 20, 30]), 0.5) == 25.0
