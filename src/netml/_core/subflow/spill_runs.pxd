"""Runs of spilled packets: all packets so far by flow, and flows joined again from their slices in several runs.

The flows keep their numbers; within a flow, the runs are in order of arrival.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from netml._core.flow.chunked_array cimport CHUNK_BITS, grow_array
from netml._core.status cimport STATUS_OK, Status
from netml._core.subflow.record cimport FlowRecord
from netml._core.subflow.table cimport FlowTable, find_record


cdef inline size_t take_counts(FlowTable *table, uint32_t *flows, uint32_t *counts) noexcept nogil:
    """List the flows that have packets and their counts, and reset the counts; return the number of flows."""
    cdef size_t flow, n = 0
    cdef FlowRecord *record
    for flow in range(table.n_flows):
        record = find_record(table, flow)
        if record.n_packets:
            flows[n] = <uint32_t> flow
            counts[n] = record.n_packets
            record.n_packets = 0
            n += 1
    return n


cdef inline Status copy_records(FlowTable *table, const FlowTable *other, size_t first, size_t n) noexcept nogil:
    """Copy the records of `n` flows of another table, from `first` on, to a table that has none yet."""
    cdef size_t flow
    cdef Status status
    for flow in range(n):
        if flow >> CHUNK_BITS == table.records.n_chunks:
            status = grow_array(&table.records, sizeof(FlowRecord), True)
            if status != STATUS_OK:
                return status
        find_record(table, flow)[0] = find_record(other, first + flow)[0]
    table.n_flows = n
    return STATUS_OK


cdef inline bint place_slices(
    const int64_t *places,       # IN  [n]
    const uint32_t *counts,      # IN  [n]
    size_t n,
    const uint8_t *slices,       # IN  [n_octets]: values of `width` octets, slice after slice
    size_t n_octets,
    size_t width,
    uint8_t *column,             # OUT [n_room]: slice i goes to value places[i]
    size_t n_room,
) noexcept nogil:
    """Copy slices of a column to their places; return False, with some of them copied, if one does not fit."""
    cdef size_t i, at = 0, n_each, to
    for i in range(n):
        n_each = counts[i] * width
        to = <size_t> places[i] * width
        if places[i] < 0 or <size_t> places[i] > n_room // width or n_each > n_room - to or n_each > n_octets - at:
            return False
        memcpy(column + to, slices + at, n_each)
        at += n_each
    return at == n_octets
