"""The input of a family's `fill_`: one flow's packets as contiguous columns, its attributes, the settings.

Rows come zeroed and are cut to their width; what a flow lacks stays 0. Families share only this and `quantiles.pxd`.
"""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef struct FlowPackets:         # columns that no family wants are NULL, but for the first two
    const int64_t *time_ns       # in time order
    const uint32_t *size         # bytes, of what the options say
    const uint8_t *flags         # TCP flags FIN 1 .. CWR 128
    const uint8_t *ttl
    const uint8_t *is_forward    # 1: from the flow's initiator; NULL: all of them are
    const uint32_t *payload_bytes    # of the transport, as the IP header says
    const uint8_t *header_bytes  # of the transport header: TCP with options, UDP 8, of others 0
    const uint16_t *window       # TCP, not scaled
    const uint32_t *sequence     # TCP
    const uint32_t *acknowledgement  # TCP
    const uint32_t *tcp_options  # of a SYN: MSS | window scale << 16 | which of them there are (tcp_options.pxd)
    size_t n_packets
    # Of the flow:
    uint8_t protocol             # 0 where the table does not say
    int16_t icmp_type            # of the first packet; -1 if it is not ICMP
    int16_t icmp_code
    int64_t connection_start_ns  # of the first of the flows that active timeouts have made of a connection


cdef struct FlowAttributes:      # of every flow; NULL where the table does not say
    const uint8_t *protocol
    const int16_t *icmp_type
    const int16_t *icmp_code
    const int64_t *connection_start_ns


cdef struct FamilySettings:      # from a dict
    double rate_ns               # length of a SAMP window
    bint cic_extra
    uint64_t bulk_gap_ns         # CIC: longest time between two packets of a bulk
    uint64_t subflow_gap_ns      # CIC: what is longer begins a subflow
    uint64_t activity_timeout_ns  # CIC: what is longer ends an active period
    uint64_t bulk_packets        # CIC: packets that make a bulk, at least 1


cdef struct FamilyNeeds:
    FamilySettings settings
    uint32_t *scratch            # room for twice the largest flow's packets


cdef inline uint64_t find_time_since(int64_t start_ns, int64_t time_ns) noexcept nogil:
    """Return the time since a flow's first packet, ns; 0 for an earlier one."""
    return <uint64_t> time_ns - <uint64_t> start_ns if time_ns > start_ns else 0


cdef inline void find_packets(
    const FlowPackets *packets,  # IN: the columns of all flows
    int64_t start,
    int64_t end,
    FlowPackets *flow,           # OUT
) noexcept nogil:
    """Select the packets start..end as those of one flow."""
    flow.time_ns = packets.time_ns + start
    flow.size = packets.size + start
    flow.flags = packets.flags + start if packets.flags != NULL else NULL
    flow.ttl = packets.ttl + start if packets.ttl != NULL else NULL
    flow.is_forward = packets.is_forward + start if packets.is_forward != NULL else NULL
    flow.payload_bytes = packets.payload_bytes + start if packets.payload_bytes != NULL else NULL
    flow.header_bytes = packets.header_bytes + start if packets.header_bytes != NULL else NULL
    flow.window = packets.window + start if packets.window != NULL else NULL
    flow.sequence = packets.sequence + start if packets.sequence != NULL else NULL
    flow.acknowledgement = packets.acknowledgement + start if packets.acknowledgement != NULL else NULL
    flow.tcp_options = packets.tcp_options + start if packets.tcp_options != NULL else NULL
    flow.n_packets = end - start


cdef inline void find_attributes(const FlowAttributes *attributes, size_t number, FlowPackets *flow) noexcept nogil:
    """Copy the attributes of one flow; without a connection start, its own first packet is the connection's."""
    flow.protocol = attributes.protocol[number] if attributes.protocol != NULL else 0
    flow.icmp_type = attributes.icmp_type[number] if attributes.icmp_type != NULL else -1
    flow.icmp_code = attributes.icmp_code[number] if attributes.icmp_code != NULL else -1
    flow.connection_start_ns = flow.time_ns[0] if flow.n_packets > 0 else 0
    if attributes.connection_start_ns != NULL:
        flow.connection_start_ns = attributes.connection_start_ns[number]
