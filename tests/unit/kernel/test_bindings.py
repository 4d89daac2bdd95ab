"""What the compiled classes refuse: arrays that do not fit each other, before anything is read or written."""

import mmap

import numpy as np
import pytest
import traffic

import netml
from netml import _flowcore
from netml.families import FAMILIES, FamilyOptions
from netml.features.compute import settings_of

SETTINGS = settings_of(FamilyOptions(), 0.0)
COLUMNS = {"time_ns": np.arange(5), "size": np.ones(5, np.uint32)}
CIC_KINDS = {"flags": np.uint8, "payload_bytes": np.uint32, "header_bytes": np.uint8, "window": np.uint16}
MOST_PACKETS = 2**32 - 1
LARGEST = np.iinfo(np.int64).max


def cic_columns(n):
    return {name: column[:n] for name, column in COLUMNS.items()} | {
        name: np.full(n, 20, kind) for name, kind in (CIC_KINDS | {"sequence": np.uint32}).items()
    }


@pytest.mark.parametrize(
    "offsets", [[LARGEST, 5], [0, LARGEST], [-1, 5], [0, -LARGEST - 1], [0, 6], [3, 2], [2, 2]], ids=str
)
def test_offsets_that_lie_outside(offsets):
    with pytest.raises(ValueError, match="flow 0 has too few packets or lies outside"):
        _flowcore.fill_family(FAMILIES["SIZE"].code, np.zeros((1, 4)), 0, 4, np.array(offsets), COLUMNS, SETTINGS)


def test_offsets_of_nothing():
    none = np.empty(0, np.int64)
    with pytest.raises(ValueError, match="offsets of no flows have one value"):
        _flowcore.sum_by_flow(COLUMNS["size"], none)
    with pytest.raises(ValueError, match="offsets of no flows have one value"):
        _flowcore.FlowAssembler().make_part(0, none, COLUMNS)


def test_states_need_the_room_of_all_their_columns():
    states = _flowcore.FlowStates(FAMILIES["CIC"].code, settings_of(FamilyOptions(cic_extra=True), 0.0))
    states.feed(np.array([0, 3]), cic_columns(3))
    X = np.zeros((1, 86))
    with pytest.raises(ValueError, match="do not fit into the matrix"):
        states.write(np.array([0], np.uint32), X, 0, 76)
    assert not X.any()
    states.write(np.array([0], np.uint32), X, 0, 86)
    assert X[0, 1] == 3


def test_keys_of_rounds_have_no_numbers():
    assembler = _flowcore.FlowAssembler()
    assembler.assemble_packets(iter([(i / 10, traffic.udp_frame()) for i in range(9)]), 1, 9)
    assert len(assembler.keys()) == assembler.n_keys == 1
    rules = dict.fromkeys(("max_flow_packets", "max_flows", "max_memory_bytes"), 2**30)
    rules |= dict.fromkeys(("latest_ns", "watermark_ns", "allowed_lateness_ns", "is_last"), 0)
    rules |= {"interval_ns": 1e9, "tcp_timeout_ns": 10**9, "udp_timeout_ns": 10**9, "min_packets": 2}
    assembler.advance_watermark(rules | dict.fromkeys(("packet_bytes", "flow_bytes", "key_bytes"), 1))
    with pytest.raises(ValueError, match="no lasting numbers"):
        assembler.keys()


@pytest.mark.parametrize("family", ["FLOW", "CIC"])
def test_more_packets_of_a_flow_than_32_bits_count(family, tmp_path):
    n = MOST_PACKETS + 1
    with open(tmp_path / "zeros", "w+b") as file:
        file.truncate(8 * n)  # takes no room, and nothing of it is read
        zeros = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    kinds = {"time_ns": np.int64, "size": np.uint32} | CIC_KINDS
    columns = {name: np.frombuffer(zeros, kind, n) for name, kind in kinds.items()}
    states = _flowcore.FlowStates(FAMILIES[family].code, SETTINGS)
    with pytest.raises(OverflowError, match=r"more than 4,294,967,295 packets"):
        states.feed(np.array([0, n]), columns)


@pytest.mark.parametrize("kind", [np.uint32, np.int64, np.uint64, int])
def test_whole_seconds_of_any_kind(kind):
    """numpy would multiply in its own width."""
    packets = [(kind(1_700_000_000), traffic.udp_frame()), (kind(1_700_000_001), traffic.udp_frame())]
    table = netml.read_flows(packets, link_type=1)
    assert table.time_ns.tolist() == [1_700_000_000 * 10**9, 1_700_000_001 * 10**9]


@pytest.mark.parametrize("time", [np.uint8(7), np.int16(7), np.int32(-7)])
def test_small_whole_seconds(time):
    assert _flowcore.convert_time(time) == int(time) * 10**9


@pytest.mark.parametrize("time", [np.int64(10**11), np.uint64(2**63), 10**11])
def test_whole_seconds_that_are_out_of_range(time):
    with pytest.raises(netml.CaptureError, match="out of range"):
        _flowcore.convert_time(time)
