"""Out of memory anywhere in the kernel: MemoryError each time, nothing that looks whole, and the object can go.

Only where the build can make allocations fail (NETML_FAULTS=1, NETML_DEBUG=1, NETML_SANITIZE=1).
"""

import io
import itertools

import numpy as np
import pytest
import traffic
from builders import captures
from cic_rows import cic_matrix, make_table
from reference.biflow_packet import BiflowPacket

import netml
from netml import _flowcore
from netml.families import FAMILIES, FamilyOptions
from netml.features.compute import settings_of
from netml.streaming.feature_batches import extract_batches
from netml.streaming.flow_stream import FlowStream

# More flows than the first table has room for, packets out of order, and more than one chunk of columns.
RECORDS = traffic.many_flows(5000, 17)
RECORDS += [
    (traffic.START_NS + i % 3 * traffic.MS, traffic.udp_frame(destination=f"10.{i >> 8}.{i & 255}.1", ports=(i, 53)))
    for i in itertools.chain(range(4500), range(4500))
]
RECORDS[100::50] = [(time_ns - 10**7, frame) for time_ns, frame in RECORDS[100::50]]
PCAP = captures.pcap(RECORDS)
PCAPNG = captures.section_header() + b"".join(captures.interface() for _ in range(20))
PCAPNG += b"".join(captures.enhanced_packet(captures.ticks_of(time_ns), frame) for time_ns, frame in RECORDS[:50])
BI = netml.FlowOptions(definition="bi")
FLOW = netml.FlowOptions(interval=0.5, tcp_timeout=0.05, udp_timeout=0.05, keep_tail=True)


@pytest.fixture(autouse=True)
def _faults():
    if not _flowcore.fail_allocations(-1):
        pytest.skip("this build's allocations cannot be made to fail (NETML_FAULTS=1)")
    yield
    _flowcore.fail_allocations(-1)


def failing_places():
    """Count allocations: where every flow has some of its own, one like the other, every 37th of them is enough."""
    return itertools.chain(range(300), itertools.count(300, 37))


def stream():
    tables = FlowStream(io.BytesIO(PCAP), interval=0.5, flow=FLOW, batch_packets=500, max_memory=100_000)
    return sum(len(table) for table in tables)


def rounds(family, **options):
    """Biflows in rounds; with sums where the family has them."""
    flow = netml.FlowOptions(definition="bi", idle_timeout=0.05, protocols="all")
    batches = extract_batches(
        io.BytesIO(PCAP), family, flow=flow, batch_packets=700, max_memory=2_000_000, max_flows=2000, **options
    )
    return sum(len(batch) for batch in batches)


def flow_states():
    """Flows of few, more and many sizes, in two parts."""
    states = _flowcore.FlowStates(FAMILIES["FLOW"].code, settings_of(FamilyOptions(), 0.0))
    lengths = (3, 20, 50, 200, 1500)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    sizes = np.concatenate([np.arange(n, dtype=np.uint32) for n in lengths])
    columns = {"time_ns": np.arange(len(sizes)), "size": sizes, "flags": np.zeros(len(sizes), np.uint8)}
    for _ in range(2):
        states.feed(offsets, columns)
    X = np.zeros((len(lengths), 69))
    states.write(np.arange(len(lengths), dtype=np.uint32), X, 0, 69)
    return X[:, 1].sum()


def cic():
    """Two flows with bulks, and so many holes in their sequence numbers that the list of them grows."""
    flow = [BiflowPacket(place, True, 1, 20, sequence=3 * place) for place in range(20)]
    return cic_matrix(make_table([flow, flow]), cic_extra=True).X.sum()


RUNS = {
    "states": flow_states,
    "batch": lambda: len(netml.read_flows(io.BytesIO(PCAP), flow=FLOW)),
    "pcapng": lambda: len(netml.read_flows(io.BytesIO(PCAPNG), flow=FLOW)),
    "stream": stream,
    "packets": lambda: len(netml.packets.table.read_packet_table(io.BytesIO(PCAP))),
    "general": lambda: len(netml.read_flows(((t / 1e9, f) for t, f in RECORDS), flow=FLOW, link_type=1)),
    "extract": lambda: len(netml.extract(io.BytesIO(PCAP), ["STATS", "SAMP_NUM"], header=True, flow=FLOW)),
    "cic": cic,
    "bi": lambda: len(netml.read_flows(io.BytesIO(PCAP), flow=netml.FlowOptions(definition="bi", idle_timeout=0.05))),
    "rows of biflows": lambda: len(netml.extract(io.BytesIO(PCAP), ["FLOW", "CIC", "TCP", "SPLT"], flow=BI, dim=4)),
    "rounds": lambda: rounds("SPLT", dim=4),
    "rounds of sums": lambda: rounds(["FLOW", "CIC"], family_options=FamilyOptions(cic_extra=True)),
}


@pytest.mark.parametrize("run", RUNS)
def test_every_allocation_may_fail(run):
    import netml.packets.table  # noqa: F401

    expected = RUNS[run]()
    for n_left in failing_places():
        _flowcore.fail_allocations(n_left)
        try:
            found = RUNS[run]()
        except MemoryError:
            _flowcore.fail_allocations(-1)
            continue
        break
    assert found == expected
    assert n_left >= 4, "no allocation failed"


def test_what_has_lost_packets_hands_out_nothing():
    assembler, framer = _flowcore.FlowAssembler(("caplen",)), _flowcore.Framer("pcap")
    block = memoryview(PCAP)
    _flowcore.fail_allocations(0)
    with pytest.raises(MemoryError, match="no memory for the packet columns"):
        assembler.assemble(framer, block, 24, len(PCAP) - 24)
    _flowcore.fail_allocations(-1)
    with pytest.raises(ValueError, match="ended already"):
        assembler.assemble(framer, block, 24, len(PCAP) - 24)
    with pytest.raises(ValueError, match="end the flows first"):
        assembler.take_flows(1.0)


BIFLOW_RULES = {"is_bi": True, "has_vlan_key": True, "turns_by_syn": False, "idle_ns": 1, "active_ns": 2**63 - 1}
BIFLOW_RULES |= {"tcp_end": _flowcore.TCP_ENDS["fin"]}
ROUND_RULES = {"min_packets": 1, "max_flow_packets": 2**32 - 1, "max_flows": 2**31 - 1, "max_memory_bytes": 1 << 40}
ROUND_RULES |= {"packet_bytes": 22, "flow_bytes": 100, "latest_ns": 2**62, "watermark_ns": 2**62, "is_last": False}


@pytest.mark.parametrize("definition", ["original", "bi"])
def test_a_batch_that_was_lost_is_the_last(definition):
    """Packets wait for their batch: where they cannot be entered, what came before does not look whole."""
    if definition == "original":
        assembler = _flowcore.FlowAssembler()
        uses = (assembler.take_packets, assembler.take_run)
    else:
        assembler = _flowcore.BiflowAssembler(rules=BIFLOW_RULES)
        uses = (lambda: assembler.take_biflows(1), lambda: assembler.advance_watermark(ROUND_RULES))
    assembler.assemble_packets(((i / 10, RECORDS[0][1]) for i in range(3)), 1, 3)
    _flowcore.fail_allocations(0)
    with pytest.raises(MemoryError, match="no memory for the packet columns"):
        _ = assembler.n_keys
    _flowcore.fail_allocations(-1)
    for use in uses:
        with pytest.raises(ValueError, match="ended already"):
            use()
    with pytest.raises(ValueError, match="ended already"):
        assembler.assemble_packets(iter([(1.0, RECORDS[0][1])]), 1, 1)


@pytest.mark.parametrize("is_incremental", [False, True])
def test_a_round_of_biflows_that_failed_is_the_last(is_incremental):
    """Wherever in a round, or in forgetting flows: the next use is refused, and what waits is not handed out."""
    n_failures = 0
    for n_left in failing_places():
        assembler = _flowcore.BiflowAssembler(_flowcore.COLUMNS, rules=BIFLOW_RULES)
        states = _flowcore.FlowStates(FAMILIES["FLOW"].code, settings_of(FamilyOptions(), 0.0))
        sums = [(states, 0, 69)] if is_incremental else []
        assembler.assemble(_flowcore.Framer("pcap"), memoryview(PCAP), 24, len(PCAP) - 24)
        _flowcore.fail_allocations(n_left)
        try:
            assembler.advance_watermark(ROUND_RULES, sums=sums, size="caplen")
            if is_incremental:
                assembler.release_taken(sums)
        except MemoryError:
            _flowcore.fail_allocations(-1)
            n_failures += 1
            with pytest.raises(ValueError, match="ended already"):
                assembler.advance_watermark(ROUND_RULES, sums=sums)
            with pytest.raises(ValueError, match="ended already"):
                assembler.take_biflows(1)
            continue
        _flowcore.fail_allocations(-1)
        break
    assert n_failures >= 3
