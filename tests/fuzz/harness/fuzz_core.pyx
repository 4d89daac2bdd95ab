"""The kernel's rooms as functions of bytes, for libFuzzer: no Python object is touched, no interpreter is there.

Each function takes one input and stops the process where an invariant does not hold. Memory that is kept from one
execution to the next is only the flow table's; it is emptied first, so that an input always does the same.
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from decoding cimport empty_ring, fill_ring, set_tunnels

from netml._core.capture.pcapng cimport free_pcapng
from netml._core.capture.registry cimport FORMAT_PCAP, FORMAT_PCAPNG, Framing, next_frame
from netml._core.features.family cimport FamilyNeeds, FlowPackets
from netml._core.features.registry cimport FAMILY_HEADER, FAMILY_SAMP_SIZE, FAMILY_STATS, FamilyCode, fill_rows
from netml._core.flow.carry cimport forget_flows, run_round
from netml._core.flow.columns cimport (
    WANTS_CAPLEN, WANTS_FLAGS, WANTS_TTL, WANTS_WIRELEN, count_packets, free_columns,
)
from netml._core.flow.expiry cimport ExpiryRules, cut_by_idle, cut_by_interval
from netml._core.flow.grouping cimport GroupedColumns, group_columns
from netml._core.flow.key cimport KEY_BYTES, hash_key
from netml._core.flow.open cimport OpenFlows, OpenRules, free_open
from netml._core.flow.spans cimport (
    END_ACTIVE, END_IDLE, END_LACK_OF_RESOURCES, END_OF_INPUT, N_DROPS, Dropped, SpanList, compact_columns,
    find_longest, free_spans, measure_durations, measure_spans, sum_spans, write_end_reasons, write_keys,
)
from netml._core.flow.table cimport FIRST_SLOT_BITS, free_slots, free_table, number_packets, set_slots
from netml._core.net.text cimport LONGEST_ADDRESS, write_addresses
from netml._core.net.fragments cimport FragmentTable
from netml._core.octets cimport read_be32, read_u16, read_u32, read_u64
from netml._core.packet cimport Frame, Packet
from netml._core.pipeline cimport Assembly, assemble_block, flush_batch, take_frame
from netml._core.status cimport (
    N_REASONS, STATUS_BAD_BLOCK, STATUS_BAD_LENGTH, STATUS_BAD_SECTION, STATUS_FRAME, STATUS_NEED_MORE,
    STATUS_NO_FRAME, STATUS_NO_INTERFACE, STATUS_OK, Status,
)


cdef extern from "support.h" nogil:
    void fuzz_require(bint holds, const char *what) noexcept
    bint fuzz_is_finite(double value) noexcept
    uint8_t *fuzz_copy(const uint8_t *content, size_t size) noexcept
    void *fuzz_allocate(size_t size) noexcept


cdef enum:
    OPTION_BYTES = 8             # the end of an input doubles as its options: a capture stays a capture
    PCAP_HEADER_BYTES = 24
    MAGIC_US = 0xA1B2C3D4
    MAGIC_NS = 0xA1B23C4D
    MAGIC_MODIFIED = 0xA1B2CD34
    N_SIZE = 7                   # columns of the matrices, but for those of STATS and the header block


cdef Assembly shared             # its table's memory is kept; `begin` empties it
cdef FragmentTable ring           # of the targets that track fragments
cdef OpenFlows opened


include "invariants.pxi"
include "capture_targets.pxi"
include "flow_targets.pxi"
