"""The kernel's rooms as functions of bytes, for libFuzzer: no Python object is touched, no interpreter is there.

Each function takes one input and stops the process where an invariant does not hold. Memory that is kept from one
execution to the next is only the flow table's; it is emptied first, so that an input always does the same.
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from decoding cimport empty_ring, fill_ring, set_tunnels

from netml._core.biflow.expire cimport BiflowFlushRules, expire_biflows
from netml._core.biflow.flush cimport (
    copy_chosen, find_due, is_worth_packing, keep_open, note_summed, pack_biflows, place_chosen,
)
from netml._core.biflow.order cimport (
    BiflowAttributes, mark_long_flows, order_numbers, place_packets, sort_flows, write_attributes,
)
from netml._core.biflow.record cimport Biflow
from netml._core.biflow.table cimport end_all, find_biflow
from netml._core.capture.pcapng cimport free_pcapng
from netml._core.capture.registry cimport FORMAT_PCAP, FORMAT_PCAPNG, Framing, next_frame
from netml._core.compose.assembly cimport Assembly, enter_batch, note_wants
from netml._core.compose.decode cimport decode_frame
from netml._core.compose.pipeline cimport assemble_block, share_packet, take_frame
from netml._core.features.base.family cimport FamilyNeeds, FlowAttributes, FlowPackets
from netml._core.features.flow.columns cimport COLUMN_GAPS, N_FLOW_COLUMNS
from netml._core.features.packed cimport count_groups
from netml._core.features.registry cimport (
    FAMILY_CIC, FAMILY_CIC_2017, FAMILY_FLOW, FAMILY_HEADER, FAMILY_SAMP_SIZE, FAMILY_STATS, FAMILY_TCP,
    N_FAMILIES, FamilyCode, fill_rows,
)
from netml._core.features.state cimport measure_state
from netml._core.features.states cimport (
    FlowStates, feed_states, free_states, renumber_states, restart_states, write_states,
)
from netml._core.features.tcp.columns cimport TCP_COLUMNS
from netml._core.flow.chunked_array cimport free_array
from netml._core.flow.columns cimport (
    COLUMN_ACKNOWLEDGEMENT, COLUMN_FLAGS, COLUMN_HEADER_BYTES, COLUMN_IP_BYTES, COLUMN_IS_FORWARD,
    COLUMN_PAYLOAD_BYTES,
    COLUMN_SEQUENCE, COLUMN_TCP_OPTIONS, COLUMN_TTL, COLUMN_WINDOW, COLUMN_WIRELEN, N_COLUMNS, PLAIN_COLUMNS,
    PacketChunk, column_width, count_packets, free_columns,
)
from netml._core.flow.end_reason cimport (
    END_ACTIVE, END_IDLE, END_LACK_OF_RESOURCES, END_OF_INPUT, END_UNKNOWN, N_DROPS, N_EARLY_ENDS, Dropped, EarlyEnds,
)
from netml._core.flow.group cimport GroupedColumns, group_columns
from netml._core.flow.hash_index cimport FIRST_SLOT_BITS, HashIndex, free_slots, set_slots
from netml._core.flow.key cimport KEY_BYTES, hash_key
from netml._core.flow.offsets cimport find_longest, sum_flows
from netml._core.headers.bits cimport (
    ICMP_OCTETS, IPV4_OCTETS, IPV6_OCTETS, NO_BLOCK, TCP_OCTETS, UDP_OCTETS, BitLayout, HeaderOctets, find_headers,
    write_headers,
)
from netml._core.headers.fill_bits cimport fill_stored, list_stored
from netml._core.headers.first_packets cimport free_first
from netml._core.headers.packet_rows cimport free_rows, reuse_taken
from netml._core.headers.store cimport HeaderStore, next_stored
from netml._core.net.fragments cimport FragmentTable
from netml._core.net.tcp_options cimport read_tcp_options
from netml._core.net.text cimport LONGEST_ADDRESS, write_addresses
from netml._core.octets cimport read_be32, read_u16, read_u32, read_u64
from netml._core.packet cimport (
    TCP_HAS_MSS, TCP_HAS_WINDOW_SCALE, Frame, NetworkHeader, Packet,
)
from netml._core.status cimport (
    KEPT, N_REASONS, STATUS_BAD_BLOCK, STATUS_BAD_LENGTH, STATUS_BAD_SECTION, STATUS_FRAME, STATUS_NEED_MORE,
    STATUS_NO_FRAME, STATUS_NO_INTERFACE, STATUS_OK, Status,
)
from netml._core.subflow.split cimport SplitRules, split_by_idle, split_by_interval
from netml._core.subflow.stream.flush cimport flush_flows, pack_flows
from netml._core.subflow.stream.idle_keys cimport count_idle_keys
from netml._core.subflow.stream.open_flow cimport FlushRules, OpenFlows, free_open
from netml._core.subflow.subflow_list cimport (
    SubflowList, compact_columns, free_subflows, measure_durations, measure_subflows, write_end_reasons, write_keys,
)
from netml._core.subflow.table cimport number_packets


cdef extern from "support.h" nogil:
    void fuzz_require(bint holds, const char *what) noexcept
    bint fuzz_is_finite(double value) noexcept
    bint fuzz_all_finite(const double *values, size_t n) noexcept
    uint64_t fuzz_mix(uint64_t digest, const void *octets, size_t size) noexcept
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
include "subflow_stream_targets.pxi"
include "biflow_invariants.pxi"
include "biflow_ends.pxi"
include "biflow_targets.pxi"
include "biflow_stream_targets.pxi"
include "row_targets.pxi"
include "bit_targets.pxi"
