"""Columns into rows and texts: feature families, sums, addresses. Nothing here knows of captures."""
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint32_t

from netml._core.features.family cimport FamilyNeeds, FlowPackets
from netml._core.features.registry cimport FAMILY_HEADER, FAMILY_SAMP_SIZE, FAMILY_STATS, FamilyCode, fill_rows
from netml._core.flow.runs cimport place_slices
from netml._core.flow.spans cimport find_longest, sum_spans
from netml._core.net.text cimport LONGEST_ADDRESS, write_addresses


def place_run(
    const int64_t[::1] places, const uint32_t[::1] counts, const uint8_t[::1] slices, uint8_t[::1] column, size_t width,
):
    """Put slices of a column of values of `width` octets to their places: `counts[i]` values to value `places[i]`."""
    cdef size_t n = places.shape[0]
    cdef bint fits
    if counts.shape[0] != places.shape[0] or width == 0:
        raise ValueError("a place for each slice")
    if n == 0:
        return
    with nogil:
        fits = place_slices(
            &places[0], &counts[0], n, &slices[0] if slices.shape[0] else NULL, slices.shape[0], width,
            &column[0] if column.shape[0] else NULL, column.shape[0])
    PyErr_CheckSignals()
    if not fits:
        raise ValueError("slices and column do not fit each other")


def fill_family(
    int code, double[:, ::1] X, size_t first_column, size_t width, const int64_t[::1] offsets,
    const int64_t[::1] time_ns, const uint32_t[::1] size, const uint8_t[::1] flags=None, const uint8_t[::1] ttl=None,
    double rate_ns=0.0,
):
    """Fill columns `first_column` .. + `width` of a zeroed matrix with one family, a row for each flow.

    Parameters
    ----------
    code : int
        The family's number in `features/registry.pxd`.
    X : ndarray (n_flows, n_columns) of float64
        Zeroed.
    offsets : ndarray (n_flows + 1,) of int64
        Flow i has the packets offsets[i] .. offsets[i + 1]; at least one.
    time_ns, size, flags, ttl : ndarray (n_packets,)
        Packet columns; flags and TTL only for the header block.
    rate_ns : float
        Length of a SAMP window, ns.
    """
    cdef size_t n_flows = X.shape[0], n_most
    cdef int64_t n_packets = time_ns.shape[0]
    cdef FlowPackets packets
    cdef FamilyNeeds needs
    cdef uint32_t[::1] scratch
    cdef size_t n_columns = X.shape[1], least = 8 if code == FAMILY_HEADER else 12 if code == FAMILY_STATS else 0
    if not FAMILY_HEADER <= code <= FAMILY_SAMP_SIZE or not rate_ns >= 0:
        raise ValueError(f"no family {code}, or no rate of {rate_ns} ns")
    if (flags is not None and flags.shape[0] != n_packets) or (ttl is not None and ttl.shape[0] != n_packets) \
            or size.shape[0] != n_packets or offsets.shape[0] != X.shape[0] + 1:
        raise ValueError("columns, offsets and matrix do not fit each other")
    if width < least or width > n_columns or first_column > n_columns - width:
        raise ValueError("the family does not fit into the matrix")
    if code == FAMILY_HEADER and (flags is None or ttl is None):
        raise ValueError("the header block needs flags and TTL")
    if n_flows == 0 or width == 0:
        return
    n_most = measure_longest(offsets, n_packets, 1)
    scratch = np.empty(2 * n_most if code == FAMILY_STATS else 1, np.uint32)
    needs.rate_ns = rate_ns
    needs.scratch = &scratch[0]
    packets.time_ns = &time_ns[0]
    packets.size = &size[0]
    packets.flags = &flags[0] if flags is not None else NULL
    packets.ttl = &ttl[0] if ttl is not None else NULL
    packets.n_packets = n_packets
    with nogil:
        fill_rows(<FamilyCode> code, &packets, &offsets[0], n_flows, &needs, &X[0, first_column], n_columns, width)
    PyErr_CheckSignals()


cdef int64_t measure_longest(const int64_t[::1] offsets, int64_t n_packets, int64_t n_least) except -1:
    """Packets of the longest flow; ValueError if a flow has fewer than `n_least` or lies outside of the columns."""
    cdef int64_t n_most = 0
    cdef Py_ssize_t flow = find_longest(&offsets[0], offsets.shape[0] - 1, n_packets, n_least, &n_most)
    if flow >= 0:
        raise ValueError(f"flow {flow} has too few packets or lies outside of the columns")
    return n_most


def sum_by_flow(const uint32_t[::1] size, const int64_t[::1] offsets):
    """Sum of a packet column over each flow: ndarray (n_flows,) of int64."""
    cdef size_t n_flows = offsets.shape[0] - 1
    cdef int64_t[::1] totals = np.empty(n_flows, np.int64)
    measure_longest(offsets, size.shape[0], 0)
    if n_flows:
        with nogil:
            sum_spans(&size[0] if size.shape[0] else NULL, &offsets[0], n_flows, &totals[0])
    return np.asarray(totals)


def format_addresses(const uint8_t[:, ::1] addresses, const uint8_t[::1] ip_version):
    """Addresses as text (RFC 5952), ready for an Arrow string array.

    `addresses` are (n, 16) octets in network order, IPv4 in the first 4; `ip_version` (n,) is 4 or 6. Returns offsets,
    int32 (n + 1,), and text, ASCII as uint8: text i is text[offsets[i]:offsets[i + 1]].
    """
    cdef size_t n = ip_version.shape[0]
    cdef int32_t[::1] offsets = np.zeros(n + 1, np.int32)
    cdef uint8_t[::1] text = np.empty(n * LONGEST_ADDRESS + 1, np.uint8)
    if <size_t> addresses.shape[0] != n or addresses.shape[1] != 16:
        raise ValueError("addresses must be (n, 16), with a version for each")
    if n * LONGEST_ADDRESS > INT32_MAX:
        raise OverflowError("too many addresses for one string array; format them in parts")
    if n:
        with nogil:
            write_addresses(&addresses[0, 0], &ip_version[0], n, &offsets[0], &text[0])
    return np.asarray(offsets), np.asarray(text)[:offsets[n]]
