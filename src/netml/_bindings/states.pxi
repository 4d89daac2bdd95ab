"""Rows of flows whose packets come in parts: states that keep no packet."""
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import os

from netml._core.features.base.family cimport FamilyNeeds, FamilySettings, FlowAttributes, FlowPackets
from netml._core.features.packed cimport MOST_GROUPS, count_groups
from netml._core.features.registry cimport FamilyCode
from netml._core.features.state cimport measure_state
from netml._core.features.states cimport (
    CHUNK_BITS, NO_STATE, FlowStates as States, feed_states, free_states, renumber_states, restart_states, write_states,
)
from netml._core.status cimport STATUS_OK, Status


cdef class FlowStates:
    """Open flows' states of one family, by number of the flow; `feed` them packets, `write` rows when flows end.

    Parameters
    ----------
    code : int
        The family's number in `features/registry.pxd`; one that has a state.
    settings : dict
        The fields of `FamilySettings`.
    """

    cdef States states
    cdef FamilyNeeds needs
    cdef bint is_lost            # a fault has left states half done

    def __cinit__(self, int code, FamilySettings settings):
        cdef bytes secret = os.urandom(sizeof(uint64_t))
        self.states.family = <FamilyCode> code
        self.states.n_groups = count_groups(measure_state(self.states.family))
        self.needs.settings = settings  # all else begins as zeros
        memcpy(&self.states.memory.secret, PyBytes_AS_STRING(secret), sizeof(uint64_t))
        assert self.states.n_groups <= MOST_GROUPS
        if self.states.n_groups == 0:
            raise ValueError(f"no states of a family {code}")

    def __dealloc__(self):
        free_states(&self.states)

    @property
    def n_flows(self):
        """Flows, also those that have no packets."""
        return self.states.n_flows

    @property
    def n_bytes(self):
        """Memory held, bytes."""
        chunk_bytes = (sizeof(uint8_t *) << CHUNK_BITS) + sizeof(uint8_t **)
        return self.states.n_chunks * chunk_bytes + self.states.memory.n_bytes

    def feed(self, const int64_t[::1] offsets, dict columns not None):
        """Add packets: flow i has offsets[i] .. offsets[i + 1] of the columns besides those that it has, maybe none.

        In order of time. There are then at least as many flows as offsets tell of; the arguments are `fill_family`'s.
        """
        cdef FlowPackets packets
        cdef Status status
        cdef size_t n_flows = offsets.shape[0] - 1
        self.require_usable()
        require_columns(self.states.family, columns, self.needs.settings.cic_extra)
        if offsets.shape[0] < 1:
            raise ValueError("offsets of no flows have one value")
        if n_flows == 0:
            return
        measure_longest(offsets, len(columns["time_ns"]), 0)
        packets = find_columns(columns)
        with nogil:
            status = feed_states(&self.states, &packets, &offsets[0], &offsets[1], n_flows, &self.needs)
        self.is_lost = status != STATUS_OK
        PyErr_CheckSignals()
        find_damage(status)

    cdef int feed_due(self, FlowPackets *packets, const int64_t *starts, const int64_t *ends, size_t n_flows) except -1:
        """Add packets starts[i] .. ends[i] of flow i."""
        cdef Status status
        self.require_usable()
        with nogil:
            status = feed_states(&self.states, packets, starts, ends, n_flows, &self.needs)
        self.is_lost = status != STATUS_OK
        find_damage(status)
        return 0

    def write(
        self, const uint32_t[::1] numbers, double[:, ::1] X, size_t first_column, size_t width, dict attributes=None,
    ):
        """Write rows of the flows of these numbers to columns of a zeroed matrix; the flows stay.

        The arguments are `fill_family`'s; `attributes` are those of the rows.
        """
        cdef FlowAttributes known
        cdef Status status
        cdef size_t n_rows = numbers.shape[0], least
        self.require_usable()
        self.require_numbers(numbers)
        require_lengths(attributes or {}, FAMILY_ATTRIBUTES, n_rows)
        least = find_least_width(self.states.family, self.needs.settings.cic_extra)
        if <size_t> X.shape[0] != n_rows or width < least or width > <size_t> X.shape[1] \
                or first_column > X.shape[1] - width:
            raise ValueError("the rows do not fit into the matrix")
        if n_rows == 0:
            return
        known = find_known(attributes)
        with nogil:
            status = write_states(
                &self.states, &numbers[0], n_rows, &known, &self.needs, &X[0, first_column], X.shape[1])
        PyErr_CheckSignals()
        find_damage(status)

    def restart(self, const uint32_t[::1] numbers):
        """Remove the packets of these flows; their numbers stay."""
        self.require_numbers(numbers)
        if numbers.shape[0]:
            restart_states(&self.states, &numbers[0], numbers.shape[0])

    def renumber(self, const uint32_t[::1] numbers):
        """Renumber flow i to numbers[i], or remove it (0xFFFFFFFF); those that stay are 0, 1, 2 ... in their order."""
        cdef size_t i, n_kept = 0
        if <size_t> numbers.shape[0] != self.states.n_flows:
            raise ValueError("a number for each flow")
        for i in range(self.states.n_flows):
            if numbers[i] != NO_STATE:
                if numbers[i] != n_kept:
                    raise ValueError("the flows that stay keep their order")
                n_kept += 1
        if self.states.n_flows:
            renumber_states(&self.states, &numbers[0], n_kept)

    cdef int require_usable(self) except -1:
        if self.is_lost:
            raise ValueError("a fault has left these states half done")
        return 0

    cdef int require_numbers(self, const uint32_t[::1] numbers) except -1:
        cdef Py_ssize_t i
        for i in range(numbers.shape[0]):
            if numbers[i] >= self.states.n_flows:
                raise ValueError(f"no flow {numbers[i]}")
        return 0
