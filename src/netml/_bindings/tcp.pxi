"""TCP beyond numbers: the options of a SYN, the state and the history of each connection."""
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint32_t

import numpy as np

from netml._core.features.base.family cimport FlowAttributes, FlowPackets
from netml._core.features.registry cimport FAMILY_TCP
from netml._core.features.tcp.history cimport measure_histories, trace_flows
from netml._core.net.tcp_options cimport read_tcp_options as read_options


def read_tcp_options(const uint8_t[::1] header):
    """Read the options of a TCP header's captured octets, as the packet column `tcp_options` has them for a SYN."""
    cdef uint32_t n_octets = <uint32_t> min(header.shape[0], 60)
    return read_options(&header[0], n_octets) if n_octets else 0


def trace_connections(const int64_t[::1] offsets, dict columns not None, dict attributes not None):
    """Trace each flow's TCP connection: its final state, and its history as text, ready for an Arrow string array.

    Parameters
    ----------
    offsets : ndarray (n_flows + 1,) of int64
        Flow i has the packets offsets[i] .. offsets[i + 1]; at least one.
    columns : dict of str to ndarray (n_packets,)
        `time_ns`, `size`, and what the family TCP is made of.
    attributes : dict of str to ndarray (n_flows,)
        `protocol`; a flow of another one is in state 0, and has no history.

    Returns
    -------
    states : ndarray (n_flows,) of uint8
        Numbers of `features/tcp/state.pxd`.
    ends : ndarray (n_flows + 1,) of int32
        History i is text[ends[i]:ends[i + 1]].
    text : ndarray of uint8
        ASCII.
    """
    cdef size_t n_flows = offsets.shape[0] - 1, n_octets
    cdef FlowPackets packets
    cdef FlowAttributes known
    cdef uint8_t[::1] states = np.zeros(n_flows, np.uint8)
    cdef int32_t[::1] ends = np.zeros(n_flows + 1, np.int32)
    cdef uint8_t[::1] text
    missing = [name for name in ("time_ns", "size", *FAMILY_COLUMNS[FAMILY_TCP]) if columns.get(name) is None]
    if missing:
        raise ValueError(f"histories need {', '.join(missing)}")
    require_lengths(columns, {"time_ns": np.int64, "size": np.uint32} | COLUMN_KINDS, len(columns["time_ns"]))
    require_lengths(attributes, FAMILY_ATTRIBUTES, n_flows)
    measure_longest(offsets, len(columns["time_ns"]), 1)
    n_octets = measure_histories(&offsets[0], n_flows)
    if n_octets > INT32_MAX:
        raise OverflowError("too many histories for one string array; trace them in parts")
    text = np.empty(n_octets + 1, np.uint8)
    if n_flows:
        packets = find_columns(columns)
        known = find_known(attributes)
        with nogil:
            trace_flows(&packets, &known, &offsets[0], n_flows, &states[0], &ends[0], &text[0])
        PyErr_CheckSignals()
    return np.asarray(states), np.asarray(ends), np.asarray(text)[:ends[n_flows]]
