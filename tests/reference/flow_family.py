"""FLOW: counts, sizes, times and flags of a flow and of its two directions.

Standard deviations are those of a sample (n - 1), and 0 of fewer than two values. Quantiles are linear, as numpy's.
What is asked of nothing is 0, and so is a rate over no time: never infinity or NaN.
"""

import statistics
from fractions import Fraction
from itertools import pairwise

import numpy as np

from reference.families import FLAG_COLUMNS
from reference.flows import gap_ns

DIRECTIONS = ("bi", "fwd", "rev")
OF_A_DIRECTION = (
    *("duration_s", "packets", "bytes"),
    *("size_min", "size_mean", "size_std", "size_max", "size_q1", "size_median", "size_q3"),
    *("iat_min_s", "iat_mean_s", "iat_std_s", "iat_max_s"),
    *FLAG_COLUMNS,
)
OF_THE_FLOW = ("packets_per_s", "bytes_per_s", "down_up_ratio")
FLOW_COLUMNS = (*(f"{direction}_{name}" for direction in DIRECTIONS for name in OF_A_DIRECTION), *OF_THE_FLOW)


def describe(values):
    """Return min, mean, sample standard deviation and max of integers, each rounded once."""
    if not values:
        return [0, 0.0, 0.0, 0]
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    return [min(values), float(Fraction(sum(values), len(values))), std, max(values)]


def row_of_direction(packets, size):
    """Values of `OF_A_DIRECTION`; the packets stand in time order."""
    sizes = [packet.size(size) for packet in packets]
    gaps_ns = [gap_ns(a.time_ns, b.time_ns) for a, b in pairwise(packets)]
    duration_ns = gap_ns(packets[0].time_ns, packets[-1].time_ns) if packets else 0
    quartiles = np.quantile(sizes, [0.25, 0.5, 0.75]).tolist() if packets else [0.0, 0.0, 0.0]
    flag_counts = [sum(packet.flags >> bit & 1 for packet in packets) for bit in range(len(FLAG_COLUMNS))]
    gaps_s = [value / 1e9 for value in describe(gaps_ns)]
    return [duration_ns / 1e9, len(sizes), sum(sizes), *describe(sizes), *quartiles, *gaps_s, *flag_counts]


def row_of_flow(flow, size="captured"):
    """Return the FLOW row of a `biflows.Flow`, in the order of `FLOW_COLUMNS`; of a `uni` flow all of rev is 0."""
    row = []
    for direction in DIRECTIONS:
        row += row_of_direction(flow.of(direction), size)
    packets, n_forward, n_reverse = (flow.of(direction) for direction in DIRECTIONS)
    n_forward, n_reverse = len(n_forward), len(n_reverse)
    duration_ns = gap_ns(packets[0].time_ns, packets[-1].time_ns)
    n_bytes = sum(packet.size(size) for packet in packets)
    rates = [float(Fraction(n * 10**9, duration_ns)) if duration_ns else 0.0 for n in (len(packets), n_bytes)]
    return [*row, *rates, n_reverse / n_forward if n_forward else 0.0]


def flow_matrix(table, size="captured"):
    """`BiflowTable` -> matrix with a row a flow and `FLOW_COLUMNS`."""
    return np.array([row_of_flow(flow, size) for flow in table.flows], dtype=np.float64).reshape(
        len(table.flows), len(FLOW_COLUMNS)
    )
