"""Headers as bits: rows of packets from captures, and the store that keeps flows' first packets."""
from libc.stdint cimport int8_t
from libc.string cimport memset

from netml._core.decode cimport decode_frame
from netml._core.flow.header_store cimport (
    MOST_PAYLOAD_OCTETS, HeaderStore, count_stored_bytes, fill_stored, free_headers, next_stored,
    store_headers,
)
from netml._core.header_bits cimport (
    ICMP_OCTETS, IPV4_OCTETS, IPV6_OCTETS, NO_BLOCK, TCP_OCTETS, UDP_OCTETS, BitLayout, HeaderOctets, find_headers,
    write_headers,
)
from netml._core.header_reader cimport (
    HeaderReading, PacketRow, ReadRequest, forget_taken, free_reading, read_frame, run_reading,
)
from netml._core.packet cimport Packet
from netml._core.status cimport KEPT

HEADER_BLOCKS = {  # columns of each, in the order in which they stand in a row
    "ipv4": 8 * IPV4_OCTETS, "ipv6": 8 * IPV6_OCTETS, "tcp": 8 * TCP_OCTETS, "udp": 8 * UDP_OCTETS,
    "icmp": 8 * ICMP_OCTETS,
}
PACKET_ROW = np.dtype(
    {
        "names": ["time_ns", "caplen", "wirelen", "key"], "formats": ["<i8", "<u4", "<u4", FLOW_KEY],
        "offsets": [0, 8, 12, 16], "itemsize": sizeof(PacketRow),
    }
)


cdef BitLayout lay_bits(blocks, uint32_t payload_octets) except *:
    """Place the columns of some of `HEADER_BLOCKS`, then those of the payload."""
    cdef BitLayout layout
    places, width = {}, 0
    if set(blocks) - set(HEADER_BLOCKS) or payload_octets > MOST_PAYLOAD_OCTETS:
        raise ValueError(f"no headers {sorted(blocks)} with {payload_octets} bytes of payload")
    for block, n_columns in HEADER_BLOCKS.items():
        places[block] = width if block in blocks else <uint32_t> NO_BLOCK
        width += n_columns if block in blocks else 0
    layout.ipv4_at = places["ipv4"]
    layout.ipv6_at = places["ipv6"]
    layout.tcp_at = places["tcp"]
    layout.udp_at = places["udp"]
    layout.icmp_at = places["icmp"]
    layout.payload_at = width
    layout.payload_octets = payload_octets
    layout.width = width + 8 * payload_octets
    return layout


cdef class HeaderReader:
    """Packets in, their headers as bits out: `assemble` blocks, as a `FlowAssembler` does, and `take_rows` in between.

    Parameters
    ----------
    blocks : iterable of str
        Some of `HEADER_BLOCKS`.
    payload_octets : int, default 0
        Octets of the payload behind the headers.
    enters_tunnels, tunnel_ports, tracks_fragments
        As of `FlowAssembler`.
    """

    cdef HeaderReading reading
    cdef BitLayout layout
    cdef bint is_lost            # packets are, for want of memory

    def __cinit__(
        self, blocks, uint32_t payload_octets=0, *, bint enters_tunnels=True, tunnel_ports=None,
        bint tracks_fragments=False,
    ):
        cdef Decoding *decoding = &self.reading.decoding
        cdef bytes seeds = os.urandom(24)
        self.layout = lay_bits(tuple(blocks), payload_octets)
        self.reading.payload_octets = payload_octets
        self.reading.counters.earliest_ns = INT64_MAX
        self.reading.counters.latest_ns = INT64_MIN
        decoding.enters_tunnels = enters_tunnels
        if enters_tunnels:
            set_tunnel_ports(&decoding.ports, dict(tunnel_ports or {}))
        memcpy(decoding.fragments.seeds, PyBytes_AS_STRING(seeds), 24)
        if tracks_fragments:
            describe_fault(allocate_fragments(&decoding.fragments), 0)

    def __dealloc__(self):
        free_reading(&self.reading)
        free_fragments(&self.reading.decoding.fragments)

    def assemble(
        self, Framer framer not None, const uint8_t[::1] block, size_t start, size_t length, *, bint is_mapped=False,
    ):
        """Frame and decode `length` octets of a block from `start` on, and keep the headers; as a `FlowAssembler`."""
        cdef ReadRequest request
        cdef Status status
        cdef int returned
        self.require_whole()
        if start > <size_t> block.shape[0] or length > block.shape[0] - start:
            raise ValueError("start and length are beyond the block")
        if length == 0:
            return 0, 0, ""
        request.reading = &self.reading
        request.framing = &framer.framing
        request.block = &block[start]
        request.length = length
        request.n_used = request.n_wanted = 0
        if not is_mapped:
            with nogil:
                status = <Status> run_reading(&request)
        else:
            netml_begin_guard()
            with nogil:
                returned = netml_run_guarded(run_reading, &request)
            netml_end_guard()
            status = STATUS_UNREADABLE if returned == NETML_BUS else <Status> returned
        self.is_lost = status == STATUS_NO_MEMORY or status == STATUS_TOO_MANY
        PyErr_CheckSignals()
        return length - request.n_used, request.n_wanted, describe_fault(status, request.n_wanted)

    def assemble_packets(self, packets not None, uint32_t link_type, size_t n_most):
        """The general door: up to `n_most` pairs (time in s, bytes) from an iterator; returns how many there were."""
        cdef Frame frame
        cdef Status status
        cdef size_t n_taken = 0
        frame.link_type = link_type
        while n_taken < n_most:
            pair = next(packets, None)
            if pair is None:
                break
            time, octets = pair
            self.require_whole()
            n_taken += 1
            if type(octets) is not bytes:
                octets = bytes(octets)
            frame.time_ns = convert_time(time)
            frame.octets = <const uint8_t *> PyBytes_AS_STRING(octets)
            frame.caplen = frame.wirelen = <uint32_t> PyBytes_GET_SIZE(octets)
            status = read_frame(&self.reading, &frame)
            self.is_lost = status == STATUS_NO_MEMORY or status == STATUS_TOO_MANY
            describe_fault(status, 0)
        return n_taken

    def take_rows(self, size_t n_most):
        """Hand out the next rows, at most so many, in order of arrival.

        Returns
        -------
        packets : ndarray (n_rows,) of PACKET_ROW
            Who they are.
        bits : ndarray (n_rows, width) of int8
            1, 0, or -1 where there is none.
        """
        cdef size_t n_rows = min(n_most, self.reading.n_rows - self.reading.n_taken), i
        cdef uint8_t[::1] packets = np.empty(n_rows * sizeof(PacketRow), np.uint8)
        cdef int8_t[:, ::1] bits = np.empty((n_rows, self.layout.width), np.int8)
        cdef HeaderOctets headers
        if n_rows:
            memcpy(&packets[0], &self.reading.rows[self.reading.n_taken], n_rows * sizeof(PacketRow))
            with nogil:
                for i in range(n_rows):
                    if next_stored(&self.reading.store, &self.reading.cursor, &headers) != NULL and self.layout.width:
                        write_headers(&self.layout, &headers, &bits[i, 0])
            self.reading.n_taken += n_rows
            forget_taken(&self.reading)
        return np.asarray(packets).view(PACKET_ROW), np.asarray(bits)

    @property
    def n_waiting(self):
        """Rows that have not been taken."""
        return self.reading.n_rows - self.reading.n_taken

    @property
    def n_packets_read(self):
        """Packets read so far."""
        return self.reading.counters.n_records

    @property
    def counters(self):
        """Dict: as of `FlowAssembler`."""
        return describe_counters(&self.reading.counters, INT64_MIN)

    cdef int require_whole(self) except -1:
        """Where packets were lost, nothing more comes: it would look whole."""
        if self.is_lost:
            raise ValueError("packets have been lost")
        return 0


cdef class StoredFlowHeaders:
    """The headers of flows' first packets, kept as octets until rows are made of them."""

    cdef HeaderStore store

    def __dealloc__(self):
        free_headers(&self.store)

    def add_packet(self, uint32_t link_type, bytes octets not None, uint32_t flow, uint32_t rank, payload_octets=0):
        """Decode a frame and keep its packet's headers as those of packet `rank` of a flow; was there a packet?

        The kernel stores as it assembles: this is for tests.
        """
        cdef Decoding decoding
        cdef Frame frame
        cdef Packet packet
        cdef HeaderOctets headers
        if not 0 <= payload_octets <= MOST_PAYLOAD_OCTETS:
            raise ValueError(f"no payload of {payload_octets} bytes")
        memset(&decoding, 0, sizeof(Decoding))
        frame.link_type = link_type
        frame.octets = <const uint8_t *> PyBytes_AS_STRING(octets)
        frame.caplen = frame.wirelen = <uint32_t> PyBytes_GET_SIZE(octets)
        frame.time_ns = 0
        if decode_frame(&decoding, &frame, &packet) != KEPT:
            return False
        find_headers(frame.octets, &packet, payload_octets, &headers)
        describe_fault(store_headers(&self.store, &headers, flow, rank), 0)
        return True

    def fill_rows(self, int8_t[:, ::1] X, blocks, uint32_t payload_octets, size_t n_packets, const uint32_t[::1] rows):
        """Write the bits of each flow's first `n_packets` packets; returns how many packets were written.

        Parameters
        ----------
        X : ndarray (n_rows, n_packets * width) of int8
            Filled with -1.
        blocks, payload_octets
            As of `HeaderReader`.
        n_packets : int
            Packets that a row has room for.
        rows : ndarray (n_flows,) of uint32
            The row of each flow number; one that is no row of X leaves the flow out.
        """
        cdef BitLayout layout = lay_bits(tuple(blocks), payload_octets)
        cdef size_t n_written
        if <size_t> X.shape[1] != n_packets * layout.width:
            raise ValueError(f"{n_packets} packets of {layout.width} bits do not fit into {X.shape[1]} columns")
        if X.shape[0] == 0 or X.shape[1] == 0 or rows.shape[0] == 0:
            return 0
        with nogil:
            n_written = fill_stored(
                &self.store, &layout, &rows[0], rows.shape[0], X.shape[0], n_packets, &X[0, 0])
        PyErr_CheckSignals()
        return n_written

    @property
    def n_packets(self):
        """Packets whose headers are kept."""
        return self.store.n_packets

    @property
    def n_bytes(self):
        """Memory that they take."""
        return count_stored_bytes(&self.store)
