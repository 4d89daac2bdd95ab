"""SPLT: of the first packets of a flow the signed sizes, then the times between them, then the TCP flags."""

import numpy as np

from reference.flows import gap_ns


def row_of_flow(flow, n, size="captured"):
    """Return the SPLT row of a `biflows.Flow`: three blocks of n values; what is not there is 0."""
    sizes, gaps_s, flags = [0] * n, [0.0] * n, [0] * n
    for i, (packet, is_forward) in enumerate(flow.packets[:n]):
        sizes[i] = packet.size(size) if is_forward else -packet.size(size)
        if i > 0:
            gaps_s[i] = gap_ns(flow.packets[i - 1][0].time_ns, packet.time_ns) / 1e9
        flags[i] = packet.flags
    return [*sizes, *gaps_s, *flags]


def splt_columns(n):
    """Names of a row's values."""
    units = {"size": "", "iat": "_s", "flags": ""}
    return tuple(f"splt_{kind}_{i}{unit}" for kind, unit in units.items() for i in range(n))


def splt_matrix(table, n, size="captured"):
    """`BiflowTable` -> matrix with a row a flow and `splt_columns(n)`."""
    rows = [row_of_flow(flow, n, size) for flow in table.flows]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3 * n)
