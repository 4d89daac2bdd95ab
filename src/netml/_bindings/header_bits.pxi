"""Headers as bits: rows of packets from captures, and the store that keeps flows' first packets."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

from netml._core.compose.assembly cimport Assembly
from netml._core.compose.pipeline cimport take_frame
from netml._core.headers.bits cimport (
    ICMP_OCTETS, IPV4_OCTETS, IPV6_OCTETS, NO_BLOCK, TCP_OCTETS, UDP_OCTETS, BitLayout, HeaderOctets, write_headers,
)
from netml._core.headers.fill_bits cimport fill_stored, list_stored
from netml._core.headers.packet_rows cimport HeaderRows, PacketRow, free_rows, reuse_taken
from netml._core.headers.store cimport (
    MOST_PAYLOAD_OCTETS, HeaderStore, count_stored_bytes, free_headers, next_stored, store_headers,
)
from netml._core.packet cimport Frame
from netml._core.status cimport STATUS_OK, Status

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


cdef class HeaderReader(PacketAssembler):
    """Packets in, their headers as bits out: `assemble` blocks, and `take_rows` in between.

    Parameters
    ----------
    blocks : iterable of str
        Some of `HEADER_BLOCKS`.
    payload_octets : int, default 0
        Octets of the payload behind the headers.
    **options
        Of decoding, as of `PacketAssembler`.
    """

    cdef BitLayout layout

    def __cinit__(self, *, blocks, uint32_t payload_octets=0, **options):
        self.layout = lay_bits(tuple(blocks), payload_octets)
        self.assembly.rows.payload_octets = payload_octets
        self.assembly.rows.is_wanted = True

    def take_rows(self, size_t n_most):
        """Hand out the next rows, at most `n_most`, in order of arrival.

        Returns
        -------
        packets : ndarray (n_rows,) of PACKET_ROW
            Times, lengths and keys.
        bits : ndarray (n_rows, width) of int8
            1, 0, or -1 where there is none.
        """
        cdef HeaderRows *rows = &self.assembly.rows
        cdef size_t n_rows = min(n_most, rows.n_rows - rows.n_taken), i
        cdef uint8_t[::1] packets = np.empty(n_rows * sizeof(PacketRow), np.uint8)
        cdef int8_t[:, ::1] bits = np.empty((n_rows, self.layout.width), np.int8)
        cdef HeaderOctets headers
        if n_rows:
            memcpy(&packets[0], &rows.rows[rows.n_taken], n_rows * sizeof(PacketRow))
            with nogil:
                for i in range(n_rows):
                    if next_stored(&rows.store, &rows.cursor, &headers) != NULL and self.layout.width:
                        write_headers(&self.layout, &headers, &bits[i, 0])
            rows.n_taken += n_rows
            reuse_taken(rows)
        return np.asarray(packets).view(PACKET_ROW), np.asarray(bits)

    @property
    def n_pending(self):
        """Rows that have not been taken."""
        return self.assembly.rows.n_rows - self.assembly.rows.n_taken


cdef class StoredFlowHeaders:
    """The headers of flows' first packets, kept as octets until rows are made of them."""

    cdef HeaderStore store

    def __dealloc__(self):
        free_headers(&self.store)

    def add_packet(self, uint32_t link_type, bytes octets not None, uint32_t flow, uint32_t rank, payload_octets=0):
        """Decode a frame and keep its packet's headers as those of packet `rank` of a flow; return True if it has one.

        The kernel stores as it assembles: this is for tests.
        """
        cdef Assembly *assembly
        cdef Frame frame
        cdef HeaderOctets headers
        cdef Status status
        if not 0 <= payload_octets <= MOST_PAYLOAD_OCTETS:
            raise ValueError(f"no payload of {payload_octets} bytes")
        frame.link_type = link_type
        frame.octets = <const uint8_t *> PyBytes_AS_STRING(octets)
        frame.caplen = frame.wirelen = <uint32_t> PyBytes_GET_SIZE(octets)
        frame.time_ns = 0
        # By way of an assembly's rows: `decode_frame` has one caller, and so the compiler makes it a part of that.
        assembly = <Assembly *> calloc(1, sizeof(Assembly))
        if assembly == NULL:
            raise MemoryError
        assembly.rows.is_wanted = True
        assembly.rows.payload_octets = payload_octets
        status = take_frame(assembly, &frame, assembly.batch)
        is_kept = status == STATUS_OK and assembly.rows.n_rows == 1
        if is_kept and next_stored(&assembly.rows.store, &assembly.rows.cursor, &headers) != NULL:
            status = store_headers(&self.store, &headers, 0, flow, rank)
        free_rows(&assembly.rows)
        free(assembly)
        find_damage(status)
        return is_kept

    def fill_rows(self, int8_t[:, ::1] X, blocks, uint32_t payload_octets, size_t n_packets, const uint32_t[::1] rows):
        """Write the bits of each flow's first `n_packets` packets by time; return the number of packets written.

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
        cdef const uint32_t[::1] by_time
        cdef const uint32_t *ranks = NULL
        if <size_t> X.shape[1] != n_packets * layout.width:
            raise ValueError(f"{n_packets} packets of {layout.width} bits do not fit into {X.shape[1]} columns")
        if X.shape[0] == 0 or X.shape[1] == 0 or rows.shape[0] == 0:
            return 0
        if self.store.has_late:
            by_time = self._rank_by_time()
            ranks = &by_time[0]
        with nogil:
            n_written = fill_stored(
                &self.store, &layout, ranks, &rows[0], rows.shape[0], X.shape[0], n_packets, &X[0, 0])
        PyErr_CheckSignals()
        return n_written

    cdef object _rank_by_time(self):
        """Rank each packet among those of its flow by time; at equal times the one that arrived first comes first."""
        cdef size_t n = self.store.n_packets
        cdef uint32_t[::1] flows = np.empty(n, np.uint32)
        cdef int64_t[::1] times_ns = np.empty(n, np.int64)
        with nogil:
            list_stored(&self.store, &flows[0], &times_ns[0])
        order = np.lexsort((times_ns, flows))
        ordered = np.asarray(flows)[order]
        starts = np.flatnonzero(np.concatenate(([True], np.diff(ordered) != 0)))
        ranks = np.empty(n, np.uint32)
        ranks[order] = np.arange(n) - np.repeat(starts, np.diff(np.append(starts, n)))
        return ranks

    @property
    def n_packets(self):
        """Packets whose headers are kept."""
        return self.store.n_packets

    @property
    def n_bytes(self):
        """Memory that they take."""
        return count_stored_bytes(&self.store)
