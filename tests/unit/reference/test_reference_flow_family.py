"""The oracle's FLOW family; each expectation is worked out by hand."""

import numpy as np
import pytest
from builders.frames import ACK, PSH, SYN
from reference.biflows import BiflowOptions, assemble_biflows
from reference.flow_family import FLOW_COLUMNS, describe, flow_matrix, row_of_flow
from reference.headers import Headers

MS = 10**6
START_NS = 1_700_000_000 * 10**9 + 1
FLAG_NAMES = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


def flows_of(*packets, **options):
    """Flows of (milliseconds, is it forward, bytes, flags)."""
    made = []
    for time_ms, is_forward, n_bytes, flags in packets:
        ends = ("10.0.0.1", "10.0.0.2", 40000, 443) if is_forward else ("10.0.0.2", "10.0.0.1", 443, 40000)
        lengths = {"ip_bytes": n_bytes - 14, "payload_bytes": n_bytes - 54}
        made.append(Headers(START_NS + time_ms * MS, n_bytes, n_bytes + 1000, (*ends, 6), flags=flags, **lengths))
    return assemble_biflows(made, BiflowOptions(tcp_end="none", **options))


def features_of(*packets, size="captured", **options):
    (flow,) = flows_of(*packets, **options).flows
    return dict(zip(FLOW_COLUMNS, row_of_flow(flow, size), strict=True))


HANDSHAKE = [(0, True, 60, SYN), (20, False, 62, SYN | ACK), (30, True, 70, ACK), (60, True, 80, PSH | ACK)]


def test_columns():
    names = FLOW_COLUMNS[:22]
    assert names == (
        *("bi_duration_s", "bi_packets", "bi_bytes"),
        *("bi_size_min", "bi_size_mean", "bi_size_std", "bi_size_max", "bi_size_q1", "bi_size_median", "bi_size_q3"),
        *("bi_iat_min_s", "bi_iat_mean_s", "bi_iat_std_s", "bi_iat_max_s"),
        *("bi_fin", "bi_syn", "bi_rst", "bi_psh", "bi_ack", "bi_urg", "bi_ece", "bi_cwr"),
    )
    assert FLOW_COLUMNS[22:44] == tuple(name.replace("bi_", "fwd_", 1) for name in names)
    assert FLOW_COLUMNS[44:66] == tuple(name.replace("bi_", "rev_", 1) for name in names)
    assert FLOW_COLUMNS[66:] == ("packets_per_s", "bytes_per_s", "down_up_ratio")


def test_values():
    (flow,) = flows_of(*HANDSHAKE).flows
    # Each: duration, packets, bytes; sizes: min, mean, std, max, quartiles; times between: min, mean, std, max; flags.
    both = [0.06, 4, 272, 60, 68, ((64 + 36 + 4 + 144) / 3) ** 0.5, 80, 61.5, 66, 72.5, 0.01, 0.02, 0.01, 0.03]
    forward = [0.06, 3, 210, 60, 70, 10, 80, 65, 70, 75, 0.03, 0.03, 0, 0.03]
    reverse = [0, 1, 62, 62, 62, 0, 62, 62, 62, 62, 0, 0, 0, 0]
    flags = [0, 2, 0, 1, 3, 0, 0, 0], [0, 1, 0, 1, 2, 0, 0, 0], [0, 1, 0, 0, 1, 0, 0, 0]
    expected = [*both, *flags[0], *forward, *flags[1], *reverse, *flags[2], 4 / 0.06, 272 / 0.06, 1 / 3]
    assert row_of_flow(flow) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(("size", "n_bytes"), [("captured", 272), ("wire", 4272), ("ip", 216), ("payload", 56)])
def test_sizes(size, n_bytes):
    found = features_of(*HANDSHAKE, size=size)
    assert found["bi_bytes"] == found["fwd_bytes"] + found["rev_bytes"] == n_bytes
    assert found["bytes_per_s"] == pytest.approx(n_bytes / 0.06)


@pytest.mark.parametrize(("bit", "name"), list(enumerate(FLAG_NAMES)))
def test_flags(bit, name):
    found = features_of((0, True, 60, 1 << bit), (1, False, 60, 0xFF), (2, True, 60, 1 << bit))
    assert [found[f"{direction}_{name}"] for direction in ("bi", "fwd", "rev")] == [3, 2, 1]
    assert sum(found[f"fwd_{other}"] for other in FLAG_NAMES) == 2


def test_one_packet():
    found = features_of((0, True, 60, SYN))
    ones = {"bi_packets": 1, "fwd_packets": 1, "bi_bytes": 60, "fwd_bytes": 60, "bi_syn": 1, "fwd_syn": 1}
    sizes = {f"{way}_size_{name}": 60 for way in ("bi", "fwd") for name in ("min", "mean", "max", "q1", "median", "q3")}
    assert {name: value for name, value in found.items() if value} == ones | sizes


def test_no_time_passes():
    found = features_of((0, True, 60, ACK), (0, False, 60, ACK), (0, False, 60, ACK))
    assert (found["packets_per_s"], found["bytes_per_s"], found["down_up_ratio"]) == (0, 0, 2)


def test_no_forward_packets():
    found = features_of((0, False, 60, SYN | ACK), direction="syn")
    assert (found["fwd_packets"], found["rev_packets"], found["down_up_ratio"]) == (0, 1, 0)


def test_late_packet_is_in_its_place():
    assert features_of(*HANDSHAKE[:2], *HANDSHAKE[:1:-1]) == features_of(*HANDSHAKE)


def test_describe_is_exact():
    huge = [2**62, 2**62 + 1, 2**62 + 2]  # as floats they are all the same
    assert describe(huge) == [2**62, float(2**62 + 1), 1.0, 2**62 + 2]
    assert describe([]) == [0, 0, 0, 0]


def test_matrix():
    table = flows_of(*HANDSHAKE, (500_000, True, 60, ACK))
    matrix = flow_matrix(table)
    assert matrix.shape == (2, 69)
    assert matrix[:, FLOW_COLUMNS.index("bi_packets")].tolist() == [4, 1]
    assert np.isfinite(matrix).all()
    assert flow_matrix(flows_of()).shape == (0, 69)
