#!/usr/bin/env python3
"""Features of the demo capture: two of netml's families, and one feature written here in five lines of numpy.

    python examples/features.py [CAPTURE]

CAPTURE is `data/demo.pcap` unless another is named.
"""

import sys
from pathlib import Path

import numpy as np

import netml

DEMO = Path(__file__).parent / "data" / "demo.pcap"


def bytes_in_first_second(table):
    """Sum the sizes of the packets in the first second of each flow.

    Parameters
    ----------
    table : netml.FlowTable
        Flows; the packets of flow ``i`` are ``offsets[i]:offsets[i + 1]`` of every column, in time order.

    Returns
    -------
    numpy.ndarray of int64, shape (n_flows,)
        Bytes.
    """
    starts = table.offsets[:-1]
    n_packets = np.diff(table.offsets)
    elapsed_ns = table.time_ns - np.repeat(table.time_ns[starts], n_packets)
    early_bytes = np.where(elapsed_ns < 1_000_000_000, table.size, 0)
    return np.add.reduceat(early_bytes, starts, dtype=np.int64)


def main(capture):
    """Print what was extracted."""
    matrix = netml.extract(capture, ["IAT", "STATS"])
    print(f"{capture}: {matrix.X.shape[0]} flows, {matrix.X.shape[1]} features")
    print("columns:", ", ".join(matrix.columns))

    table = netml.read_flows(capture)
    first_second_bytes = bytes_in_first_second(table)
    flows = table.flows.five_tuples()
    print("most bytes in a flow's first second:")
    for row in np.argsort(first_second_bytes, kind="stable")[:-6:-1]:
        src_ip, dst_ip, src_port, dst_port, protocol = flows[row]
        print(f"{first_second_bytes[row]:8} {src_ip} {src_port} -> {dst_ip} {dst_port} ({protocol})")

    # The matrix and the table list the same flows in the same order, so a feature is one more column.
    wider = np.column_stack([matrix.X, first_second_bytes])
    print(f"with that column: {wider.shape[0]} x {wider.shape[1]}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(f"usage: python {sys.argv[0]} [CAPTURE]")
    try:
        main(*sys.argv[1:] or [DEMO])
    except (netml.NetmlError, OSError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
