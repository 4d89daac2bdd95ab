"""The flow record: a flow key and how many packets it has. Its number is its place in order of first packets."""
from libc.stdint cimport uint32_t

from netml._core.packet cimport FlowKey


cdef struct FlowRecord:
    FlowKey key                  # directional five-tuple
    uint32_t n_packets           # packets seen
