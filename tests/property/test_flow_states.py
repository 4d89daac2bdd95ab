"""States that keep no packet write the very rows that all packets together give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netml import _flowcore
from netml.errors import MissingColumnError
from netml.families import FAMILIES, FamilyOptions
from netml.features.compute import settings_of

FLOW, CIC = FAMILIES["FLOW"], FAMILIES["CIC"]
FAMILY_OPTIONS = FamilyOptions(cic_extra=True)
SETTINGS = settings_of(FAMILY_OPTIONS, 0.0)
NO_FLOW = 0xFFFFFFFF
FAMILIES_WITH_STATES = [FLOW, CIC, FAMILIES["CIC-2017"]]

# Few sizes, as of most flows; more than stand in the struct; ones that cannot.
N_SIZES = st.sampled_from((1, 3, 12, 60, 300))
LARGEST = st.sampled_from((1514, 0xFFFF, 2**32 - 1))


def make_packets(seed, n, n_sizes, largest):
    """Columns of n packets in order of time."""
    random = np.random.default_rng(seed)
    step = random.choice([1, 1000, 2**60 // max(n, 1)])
    sizes = random.integers(0, largest, n_sizes, endpoint=True)
    return {
        "time_ns": np.sort(random.integers(-(2**62), -(2**62) + 4 * n * step, n, endpoint=True)),
        "size": random.choice(sizes, n).astype(np.uint32),
        "flags": random.integers(0, 256, n).astype(np.uint8),
        "is_forward": (random.random(n) < random.choice([0, 0.5, 1])).astype(np.uint8),
        "payload_bytes": random.choice([*sizes, 0], n).astype(np.uint32),
        "header_bytes": random.choice([0, 8, 20, 60], n).astype(np.uint8),
        "window": random.integers(0, 0xFFFF, n, endpoint=True).astype(np.uint16),
        "sequence": random.integers(0, 1 << random.choice([10, 32]), n).astype(np.uint32),
    }


def make_facts(n):
    """What CIC's extra columns want to know of flows."""
    kinds = {"icmp_type": np.int16, "icmp_code": np.int16, "connection_start_ns": np.int64}
    return {name: np.full(n, -1, kind) for name, kind in kinds.items()} | {"protocol": np.full(n, 6, np.uint8)}


def fill(family, offsets, columns):
    X = np.zeros((len(offsets) - 1, family.width(1, FAMILY_OPTIONS)))
    _flowcore.fill_family(family.code, X, 0, X.shape[1], offsets, columns, SETTINGS, make_facts(len(X)))
    return X


def write(states, family, numbers):
    X = np.zeros((len(numbers), family.width(1, FAMILY_OPTIONS)))
    states.write(np.asarray(numbers, np.uint32), X, 0, X.shape[1], make_facts(len(X)))
    return X


def feed(states, parts):
    """Feed packets of each flow: a list of columns, None for none."""
    lengths = [0 if part is None else len(part["time_ns"]) for part in parts]
    empty = make_packets(0, 0, 1, 1)
    columns = {name: np.concatenate([empty[name], *(part[name] for part in parts if part)]) for name in empty}
    states.feed(np.cumsum([0, *lengths]).astype(np.int64), columns)


def cut(columns, start, stop):
    return {name: column[start:stop] for name, column in columns.items()}


@pytest.mark.parametrize("family", FAMILIES_WITH_STATES, ids=lambda family: str(family.code))
@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(1, 400), N_SIZES, LARGEST), min_size=1, max_size=4))
def test_parts_give_the_rows_of_the_whole(family, seed, kinds):
    random = np.random.default_rng(seed)
    flows = [make_packets(seed + i, *kind) for i, kind in enumerate(kinds)]
    states = _flowcore.FlowStates(family.code, SETTINGS)
    done = [0] * len(flows)
    while any(done[i] < len(flow["time_ns"]) for i, flow in enumerate(flows)):
        stops = [min(len(flow["time_ns"]), done[i] + random.integers(300)) for i, flow in enumerate(flows)]
        feed(states, [cut(flow, done[i], stops[i]) for i, flow in enumerate(flows)])
        done = stops
    for i, flow in enumerate(flows):
        expected = fill(family, np.array([0, done[i]]), flow)
        np.testing.assert_array_equal(write(states, family, [i]), expected)
    together = write(states, family, range(len(flows)))
    assert together.tobytes() == np.vstack([write(states, family, [i]) for i in range(len(flows))]).tobytes()


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 5))
def test_renumbered(stays, n_later):
    """Those that stay keep their sums under their new numbers; what goes is given back."""
    flows = [make_packets(i, 5 + i, 100, 1514) for i in range(len(stays))]
    states = _flowcore.FlowStates(FLOW.code, SETTINGS)
    feed(states, flows)
    rows = write(states, FLOW, range(len(flows)))
    kept = np.cumsum(stays) - 1
    states.renumber(np.where(stays, kept, NO_FLOW).astype(np.uint32))
    assert states.n_flows == sum(stays)
    np.testing.assert_array_equal(write(states, FLOW, range(states.n_flows)), rows[np.array(stays)])
    feed(states, [None] * states.n_flows + flows[:n_later])
    later = write(states, FLOW, range(sum(stays), states.n_flows))
    np.testing.assert_array_equal(later, rows[:n_later])


def hold(family, flows):
    """Bytes that states hold of each of these flows, given in two parts."""
    states = _flowcore.FlowStates(family.code, settings_of(FamilyOptions(), 0.0))
    halves = [len(flow["time_ns"]) // 2 for flow in flows]
    feed(states, [cut(flow, 0, n) for flow, n in zip(flows, halves, strict=True)])
    feed(states, [cut(flow, n, None) for flow, n in zip(flows, halves, strict=True)])
    return (states.n_bytes - 8 * 1024) / len(flows)


def make_conversation(seed, n, sizes, pause_s):
    """Packets back and forth, some ms apart, in runs that are bulks, with pauses between them."""
    random = np.random.default_rng(seed)
    columns = make_packets(seed, n, 1, 1514)
    gaps = random.integers(10**5, 10**8, n) + (np.arange(n) % 10 == 9) * int(pause_s * 1e9)
    columns["time_ns"] = 1_600_000_000 * 10**9 + np.cumsum(gaps)
    columns["is_forward"] = (np.arange(n) // 5 % 2).astype(np.uint8)
    columns["size"] = random.choice(sizes, n).astype(np.uint32)
    columns["payload_bytes"] = columns["size"] - 40
    return columns


@pytest.mark.parametrize(("family", "most"), [(FLOW, 250), (CIC, 260)], ids=["FLOW", "CIC"])
def test_memory_of_a_flow_that_has_everything(family, most):
    """Both directions, bulks and pauses in each: with the 140 bytes of key, slots and places 400 are not reached."""
    flows = [make_conversation(i, 40, (64, 576, 1500), 6.5) for i in range(200)]
    held = hold(family, flows)
    assert held <= most
    # Nothing of a packet is kept: of 16 times as many only the sums have grown.
    flows = [make_conversation(i, 640, (64, 576, 1500), 6.5) for i in range(200)]
    assert hold(family, flows) - held <= 40


@pytest.mark.parametrize(("family", "most"), [(FLOW, 60), (CIC, 80)], ids=["FLOW", "CIC"])
def test_memory_of_a_flow_of_one_packet(family, most):
    assert hold(family, [make_conversation(i, 1, (64,), 0) for i in range(200)]) <= most


def test_memory_comes_back():
    """Packed states, and the tables of flows of many sizes."""
    states = _flowcore.FlowStates(FLOW.code, SETTINGS)
    n_flows = 5000
    feed(states, [make_packets(i, 50, 5, 1514) for i in range(n_flows)])
    held = states.n_bytes
    rows = write(states, FLOW, range(n_flows))
    feed(states, [None] * n_flows + [make_packets(1000 + i, 2000, 1000, 65535) for i in range(10)])
    assert states.n_bytes > held + 10 * 500 * 12
    states.restart(np.arange(n_flows, n_flows + 10, dtype=np.uint32))
    assert states.n_bytes == held
    assert not write(states, FLOW, range(n_flows, n_flows + 10)).any()
    np.testing.assert_array_equal(write(states, FLOW, range(n_flows)), rows)
    states.renumber(np.full(n_flows + 10, NO_FLOW, np.uint32))
    assert states.n_bytes == states.n_flows == 0


def test_counts_that_do_not_fit_into_an_entry():
    columns = {name: np.repeat(column, 70_000) for name, column in make_packets(1, 1, 1, 1514).items()}
    columns["is_forward"][::2] ^= 1
    states = _flowcore.FlowStates(FLOW.code, SETTINGS)
    feed(states, [columns])
    np.testing.assert_array_equal(write(states, FLOW, [0]), fill(FLOW, np.array([0, 70_000]), columns))


@pytest.mark.parametrize("n_sizes", [61, 500, 900, 2000])
def test_entries_in_order_and_tables_of_many_sizes(n_sizes):
    """In three parts; one size more often than an entry counts."""
    n = 80_000
    columns = make_packets(n_sizes, n, n_sizes, 9000)
    columns["size"][::2] = columns["size"][0]
    columns["is_forward"] = (columns["size"] % 3 != 0).astype(np.uint8)
    columns["size"][: 2 * n_sizes] = np.repeat(np.arange(n_sizes), 2)[::-1]
    states = _flowcore.FlowStates(FLOW.code, SETTINGS)
    for part in np.array_split(np.arange(n), 3):
        feed(states, [{name: column[part] for name, column in columns.items()}])
    np.testing.assert_array_equal(write(states, FLOW, [0]), fill(FLOW, np.array([0, n]), columns))


def test_memory_of_many_sizes_is_that_of_their_entries():
    n_flows = 100
    held = []
    for n_sizes in (50, 70, 700):
        flow = make_conversation(0, 4 * n_sizes, (100,), 6.5)
        flow["size"] = (100 + np.arange(4 * n_sizes) % n_sizes).astype(np.uint32)
        flow["is_forward"][:] = 1
        held.append(hold(FLOW, [flow] * n_flows))
    assert held[1] - held[0] < 20 * 4 + 60
    assert held[2] - held[1] < 630 * 4 * 9 / 8 + 60


def test_wrong_arguments():
    with pytest.raises(ValueError, match="no states"):
        _flowcore.FlowStates(FAMILIES["IAT"].code, SETTINGS)
    states = _flowcore.FlowStates(FLOW.code, SETTINGS)
    feed(states, [make_packets(0, 3, 1, 60)] * 2)
    with pytest.raises(ValueError, match="no flow 2"):
        write(states, FLOW, [0, 2])
    with pytest.raises(ValueError, match="no flow 2"):
        states.restart(np.array([2], np.uint32))
    with pytest.raises(ValueError, match="keep their order"):
        states.renumber(np.array([1, 0], np.uint32))
    with pytest.raises(ValueError, match="a number for each"):
        states.renumber(np.array([0], np.uint32))
    with pytest.raises(ValueError, match="do not fit"):
        states.write(np.zeros(1, np.uint32), np.zeros((1, 69)), 1, 69)
    with pytest.raises(MissingColumnError, match="packet column 'flags'"):
        states.feed(np.array([0, 1]), {"time_ns": np.zeros(1, np.int64), "size": np.zeros(1, np.uint32)})
    with pytest.raises(ValueError, match="outside of the columns"):
        states.feed(np.array([0, 9]), make_packets(0, 3, 1, 60))
