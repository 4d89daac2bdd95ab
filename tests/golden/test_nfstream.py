"""The kernel's biflows and FLOW against NFStream 6.6.0, as `netml extract` gives them with
`--flow bi --idle-timeout 120 --active-timeout 1800 --tcp-end none --protocols all --tunnels outer --size wire -f FLOW`.

Of 178 captures 164 are the same with these options as they are; 6 more when what NFStream defines otherwise is read as
it does (IP in IP opened, no ports of SCTP); of the other 8, which its defects make differ, 4 when these are copied.

Prints, for each capture that differs, why: `pytest -s -k captures tests/golden/test_nfstream.py`.
"""

import warnings
from fractions import Fraction
from itertools import accumulate

import nfstream_golden
import numpy as np
import pytest
from nfstream_golden import DEFINITIONS, DIFFERENT, N_AS_WRITTEN, N_CAPTURES, N_EQUAL, READ_OTHERWISE
from reference.capture import read_capture

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

import netml

SCTP = 132


def extract(path, way):
    """FLOW of a capture, read in one of the ways of `READ_OTHERWISE`."""
    source, options = path, {}
    if way == "never back in time":
        records = read_capture(path.read_bytes()).records
        times_ns = accumulate((record.time_ns for record in records), max)
        source = [(Fraction(time_ns, 10**9), one.frame) for time_ns, one in zip(times_ns, records, strict=True)]
        assert len({record.link_type for record in records}) == 1
        assert all(record.caplen == record.wirelen for record in records), "this door has no lengths on the wire"
        options = {"link_type": records[0].link_type}
    flow = netml.FlowOptions(
        definition="bi",
        idle_timeout=120,
        active_timeout=1800,
        tcp_end="none",
        protocols="all",
        tunnels="inner" if way == "opened" else "outer",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return netml.extract(source, "FLOW", flow=flow, size="wire", **options)


def read_flows(path, way=""):
    """Flows of a capture under NFStream's names."""
    matrix = extract(path, way)
    flows = matrix.flows
    if way == "without SCTP ports":
        for name in ("src_port", "dst_port"):
            flows.keys[name][flows.keys["protocol"] == SCTP] = 0
    rows = zip(
        flows.five_tuples(),
        flows.attributes["vlan_id"].tolist(),
        flows.start_ns.tolist(),
        flows.end_ns.tolist(),
        (dict(zip(matrix.columns, row, strict=True)) for row in matrix.X.tolist()),
        strict=True,
    )
    return [nfstream_golden.under_golden_names(*row) for row in rows]


def test_flows_of_all_captures(shared_captures, shared_golden):
    found = {}
    n_as_written = 0
    for path in sorted((shared_golden / "nfstream-6.6.0").glob("*.csv")):
        capture = path.name.removesuffix(".csv")
        golden = nfstream_golden.read_golden(path)
        why, way = READ_OTHERWISE.get(capture, ("", ""))
        found[capture] = nfstream_golden.count_differences(read_flows(shared_captures / capture, way), golden)
        if why:
            print(f"{capture}: {why}")
            as_written = nfstream_golden.count_differences(read_flows(shared_captures / capture), golden)
            assert as_written != (0, 0), "need not be read otherwise"
        n_as_written += not why and found[capture] == (0, 0)
    assert len(found) == N_CAPTURES
    differing = {capture: counts for capture, counts in found.items() if counts != (0, 0)}
    for capture, (theirs, ours, why) in DIFFERENT.items():
        print(f"{capture}: {theirs} of NFStream's flows and {ours} of ours differ: {why}")
    assert differing == {capture: (theirs, ours) for capture, (theirs, ours, _) in DIFFERENT.items()}
    of_defects = {capture for capture, (why, _) in READ_OTHERWISE.items() if why not in DEFINITIONS}
    assert n_as_written == N_AS_WRITTEN
    assert N_CAPTURES - len(of_defects | differing.keys()) >= N_EQUAL


def test_rows_are_ordered_by_start(shared_captures):
    for path in sorted(shared_captures.glob("*.pcap*")):
        starts = extract(path, "").flows.start_ns
        assert (np.diff(starts) >= 0).all(), path.name
