#!/usr/bin/env python3
"""A custom family of features: what a flow's bursts are like.

    python examples/custom_family.py [CAPTURE]
    netml extract CAPTURE --import examples/custom_family.py -f BURST -f FLOW -o features.csv

CAPTURE is `data/demo.pcap` unless another is named.
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

import netml

DEMO = Path(__file__).parent / "data" / "demo.pcap"
PAUSE_NS = 100_000_000  # packets closer than this to each other are one burst
COLUMNS = ("bursts", "burst_packets_max", "burst_payload_max_bytes", "pause_max_s")


@netml.register_family("BURST", columns=COLUMNS, packet_columns=["payload_bytes"], definition="bi")
def burst(table):
    """Count the bursts of biflows; the longest, the largest, and the longest pause between two.

    Parameters
    ----------
    table : netml.FlowTable
        Flows, at least one; the packets of flow ``i`` are ``offsets[i]:offsets[i + 1]`` of every column, in time order.

    Returns
    -------
    numpy.ndarray, shape (n_flows, 4)
        A row for each flow.
    """
    flow_starts = table.offsets[:-1]
    gaps_ns = np.diff(table.time_ns, prepend=table.time_ns[:1])
    gaps_ns[flow_starts] = 0  # from another flow's last packet

    begins_burst = gaps_ns >= PAUSE_NS
    begins_burst[flow_starts] = True
    burst_starts = np.flatnonzero(begins_burst)  # bursts are to packets what flows are to bursts
    n_packets = np.diff(burst_starts, append=len(table.time_ns))
    payload_bytes = np.add.reduceat(table.payload_bytes, burst_starts, dtype=np.int64)

    first_bursts = np.searchsorted(burst_starts, flow_starts)
    pauses_ns = np.where(begins_burst, gaps_ns, 0)
    return np.column_stack(
        [
            np.diff(first_bursts, append=len(burst_starts)),
            np.maximum.reduceat(n_packets, first_bursts),
            np.maximum.reduceat(payload_bytes, first_bursts),
            np.maximum.reduceat(pauses_ns, flow_starts) / 1e9,
        ]
    )


def fill_rows(time_ns, payload_bytes, offsets, rows):
    """Do the same in a loop over packets, as numba compiles it: it knows arrays, and no `FlowTable`."""
    for flow in range(len(offsets) - 1):
        n_packets = n_bytes = 0
        for i in range(offsets[flow], offsets[flow + 1]):
            gap_ns = time_ns[i] - time_ns[max(i - 1, offsets[flow])]
            if n_packets == 0 or gap_ns >= PAUSE_NS:
                rows[flow, 0] += 1
                n_packets = n_bytes = 0
                rows[flow, 3] = max(rows[flow, 3], gap_ns / 1e9)
            n_packets += 1
            n_bytes += payload_bytes[i]
            rows[flow, 1] = max(rows[flow, 1], n_packets)
            rows[flow, 2] = max(rows[flow, 2], n_bytes)


@cache
def compile_loop():
    """Give the loop as numba compiles it, once; as it is, without numba."""
    try:
        from numba import njit
    except ImportError:
        return fill_rows
    return njit(fill_rows)


@netml.register_family("BURST-LOOP", columns=COLUMNS, packet_columns=["payload_bytes"], definition="bi")
def burst_in_a_loop(table):
    """Give the columns of BURST, in a loop that numba compiles if it is installed."""
    rows = np.zeros((len(table), len(COLUMNS)))
    compile_loop()(table.time_ns, table.payload_bytes, table.offsets, rows)
    return rows


def main(capture):
    """Print the flows of the largest bursts."""
    matrix = netml.extract(capture, "BURST")
    print(f"{capture}: {matrix.shape[0]} flows x {matrix.shape[1]}: {', '.join(matrix.columns)}")
    flows = matrix.flows.five_tuples()
    print("the largest bursts:")
    for row in np.argsort(matrix.X[:, 2], kind="stable")[:-6:-1]:
        src_ip, dst_ip, src_port, dst_port, protocol = flows[row]
        n_bursts, n_packets, n_bytes, pause_s = matrix.X[row]
        largest = (
            f"{n_bytes:8.0f} bytes; {n_bursts:2.0f} bursts of up to {n_packets:2.0f} packets, {pause_s:.3f} s apart"
        )
        print(f"{largest}  {src_ip} {src_port} -> {dst_ip} {dst_port} ({protocol})")

    in_a_loop = netml.extract(capture, "BURST-LOOP")
    print("the loop gives the same:", np.array_equal(in_a_loop.X, matrix.X))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(f"usage: python {sys.argv[0]} [CAPTURE]")
    try:
        main(*sys.argv[1:] or [DEMO])
    except (netml.NetmlError, OSError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
