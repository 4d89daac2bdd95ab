"""The reference's biflows and FLOW against NFStream 6.6.0; `nfstream_golden` says what differs, and why."""

from itertools import accumulate

import nfstream_golden
import pytest
from nfstream_golden import DEFINITIONS, DIFFERENT, N_CAPTURES, N_EQUAL, READ_OTHERWISE
from reference.biflows import BiflowOptions, assemble_biflows
from reference.capture import read_capture
from reference.flow_family import FLOW_COLUMNS, row_of_flow
from reference.headers import SCTP, decode_headers

OPTIONS = BiflowOptions(flow="bi", idle_timeout=120, active_timeout=1800, tcp_end="none")


@pytest.fixture(scope="module")
def golden_flows(shared_golden):
    """Capture -> NFStream's flows."""
    folder = shared_golden / "nfstream-6.6.0"
    return {path.name.removesuffix(".csv"): nfstream_golden.read_golden(path) for path in sorted(folder.glob("*.csv"))}


def read_flows(path, way=""):
    """Flows of a capture under NFStream's names, the capture read in one of the ways of `READ_OTHERWISE`."""
    records = read_capture(path.read_bytes()).records
    if way == "never back in time":
        times_ns = accumulate((record.time_ns for record in records), max)
        records = [record._replace(time_ns=time_ns) for record, time_ns in zip(records, times_ns, strict=True)]
    packets, _ = decode_headers(records, protocols="all", tunnels="inner" if way == "opened" else "outer")
    if way == "without SCTP ports":
        packets = [packet._replace(key=(*packet.key[:2], 0, 0, SCTP)) for packet in packets]
    return [as_golden(flow) for flow in assemble_biflows(packets, OPTIONS).flows]


def as_golden(flow):
    key, features = flow.key, dict(zip(FLOW_COLUMNS, row_of_flow(flow, "wire"), strict=True))
    five_tuple = (key.source.address, key.destination.address, key.source.port, key.destination.port, key.protocol)
    return nfstream_golden.under_golden_names(five_tuple, key.vlan_id, flow.start_ns, flow.end_ns, features)


def test_flows_of_every_capture(shared_captures, golden_flows):
    found = {
        capture: nfstream_golden.count_differences(
            read_flows(shared_captures / capture, READ_OTHERWISE.get(capture, ("", ""))[1]), flows
        )
        for capture, flows in golden_flows.items()
    }
    assert len(found) == N_CAPTURES
    differing = {capture: counts for capture, counts in found.items() if counts != (0, 0)}
    assert differing == {capture: (theirs, ours) for capture, (theirs, ours, _) in DIFFERENT.items()}
    of_defects = {capture for capture, (why, _) in READ_OTHERWISE.items() if why not in DEFINITIONS}
    assert N_CAPTURES - len(of_defects | differing.keys()) >= N_EQUAL


@pytest.mark.parametrize("capture", READ_OTHERWISE)
def test_reading_otherwise_is_needed(shared_captures, golden_flows, capture):
    counts = nfstream_golden.count_differences(read_flows(shared_captures / capture), golden_flows[capture])
    assert counts != (0, 0)


@pytest.mark.parametrize("flow", ["uni", "bi"])
@pytest.mark.parametrize("tcp_end", ["rst", "fin", "reopen"])
def test_nothing_is_lost_of_any_capture(shared_captures, golden_flows, flow, tcp_end):
    n_closed = 0
    for capture in golden_flows:
        packets, _ = decode_headers(read_capture((shared_captures / capture).read_bytes()).records, protocols="all")
        table = assemble_biflows(packets, BiflowOptions(flow=flow, tcp_end=tcp_end, direction="syn"))
        assert sum(len(flow.packets) for flow in table.flows) == len(packets)
        n_closed += sum(flow.end_reason in ("fin", "rst") for flow in table.flows)
    assert n_closed > 100
