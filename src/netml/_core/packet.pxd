"""The packet that decoding makes of a frame: one small struct on the stack, shared by all rooms.

Addresses stay in network order: IPv4 in the first 4 bytes of each address, the rest zero.
"""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef enum TcpFlag:
    TCP_FIN = 1
    TCP_SYN = 2
    TCP_RST = 4
    TCP_PSH = 8
    TCP_ACK = 16
    TCP_URG = 32
    TCP_ECE = 64
    TCP_CWR = 128


cdef struct FlowKey:
    uint64_t source[2]           # source address, network order
    uint64_t destination[2]      # destination address, network order
    uint64_t transport           # source port | destination port << 16 | protocol << 32 | IP version << 40


cdef struct Frame:
    const uint8_t *octets        # the frame as captured, borrowed from the block
    uint32_t caplen              # octets captured, bytes
    uint32_t wirelen             # octets on the wire, bytes
    int64_t time_ns              # capture time since 1970, ns
    uint32_t link_type           # LINKTYPE_ value


cdef struct Packet:
    FlowKey key                  # directional five-tuple
    uint64_t hash                # keyed hash of `key`
    int64_t time_ns              # capture time since 1970, ns
    uint32_t caplen              # frame length as captured, bytes
    uint32_t wirelen             # frame length on the wire, bytes
    uint8_t flags                # by TcpFlag; 0 for UDP
    uint8_t ttl                  # TTL or hop limit
    # Filled by `read_details`, the first by `add_to_biflow`, only if a family wants it:
    uint8_t is_forward           # from the initiator of its biflow
    uint8_t header_bytes         # of the transport header: TCP with options, UDP 8, of others 0
    uint16_t window              # not scaled
    uint16_t vlan_id             # of the innermost 802.1Q tag; 0 without one
    uint32_t ip_bytes            # length of the IP packet as its header says
    uint32_t payload_bytes       # of that, behind the transport header
    uint32_t sequence            # TCP's, as the three below; 0 of other protocols
    uint32_t acknowledgement
    uint32_t tcp_options         # of a SYN; see `tcp_options.pxd`
    int16_t icmp_type            # -1 if it is not ICMP
    int16_t icmp_code


cdef struct NetworkHeader:       # an IP header, decoded: where things are
    uint32_t ip_at               # offset of the header in the frame, bytes
    uint32_t payload_at          # offset of the payload in the frame, bytes
    uint32_t payload_end         # end of the captured payload in the frame, bytes
    uint32_t fragment_at         # of what tells of fragments (IPv4: the header itself), or NO_FRAGMENT
    uint16_t vlan_id             # of the innermost 802.1Q tag before it; 0 without one
    uint8_t protocol             # protocol number of the payload
    uint8_t is_later_fragment    # it has no transport header


cdef struct LinkHeader:          # a link header, decoded: where its payload is and what
    uint32_t payload_at          # offset of the payload in the frame, bytes
    uint16_t ether_type          # EtherType of the payload; ETHER_ANY_IP: the version nibble decides
    uint16_t vlan_id             # IN, OUT: of the last 802.1Q tag on the way; 0 without one


cdef enum:
    NO_FRAGMENT = 0xFFFFFFFF     # not an offset
    ETHER_ANY_IP = 0             # not an EtherType: raw IP
    ETHER_IPV4 = 0x0800
    ETHER_IPV6 = 0x86DD
    ETHER_BRIDGED = 0x6558       # a whole Ethernet frame: inside of tunnels
    ETHER_PPP = 0x880B           # a PPP frame: inside of tunnels
    ETHER_VLAN = 0x8100          # 802.1Q
    ETHER_QINQ = 0x88A8          # 802.1ad
    ETHER_QINQ_OLD = 0x9100
    ETHER_MPLS = 0x8847
    ETHER_MPLS_UPSTREAM = 0x8848
    ETHER_PPPOE = 0x8864         # PPPoE session
    LARGEST_LENGTH = 1500        # an 802.3 type field up to this is a length: LLC follows
    PROTOCOL_ICMP = 1
    PROTOCOL_IPV4 = 4
    PROTOCOL_TCP = 6
    PROTOCOL_UDP = 17
    PROTOCOL_IPV6 = 41
    PROTOCOL_GRE = 47
    PROTOCOL_AUTHENTICATION = 51
    PROTOCOL_ICMPV6 = 58
    PROTOCOL_SCTP = 132


cdef enum:                       # of the number that `tcp_options.pxd` makes of a SYN's options
    TCP_HAS_MSS = 1 << 24        # in bits 0-15, bytes
    TCP_HAS_WINDOW_SCALE = 1 << 25   # in bits 16-23: by how many bits windows are shifted
    TCP_HAS_SACK_PERMITTED = 1 << 26


cdef inline uint8_t find_protocol(const FlowKey *key) noexcept nogil:
    """Return the protocol number of a flow key."""
    return <uint8_t> (key.transport >> 32)
