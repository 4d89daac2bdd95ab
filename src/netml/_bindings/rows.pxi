"""Columns into rows and text columns: feature families, sums, addresses; nothing of captures."""
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT32_MAX, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

import numpy as np

from netml._core.features.base.family cimport FamilyNeeds, FamilySettings, FlowAttributes, FlowPackets
from netml._core.features.flow.columns cimport N_FLOW_COLUMNS
from netml._core.features.registry cimport (
    FAMILY_CIC, FAMILY_CIC_2017, FAMILY_FLOW, FAMILY_HEADER, FAMILY_SPLT, FAMILY_STATS, FAMILY_TCP, N_FAMILIES,
    FamilyCode, fill_rows,
)
from netml._core.features.tcp.columns cimport TCP_COLUMNS
from netml._core.flow.offsets cimport find_longest, sum_flows
from netml._core.net.text cimport LONGEST_ADDRESS, write_addresses
from netml._core.status cimport STATUS_NO_MEMORY, Status
from netml._core.subflow.spill_runs cimport place_slices

from netml.errors import MissingColumnError


def place_run(
    const int64_t[::1] places, const uint32_t[::1] counts, const uint8_t[::1] slices, uint8_t[::1] column, size_t width,
):
    """Copy slices of a column of values of `width` octets to their places: `counts[i]` values to value `places[i]`."""
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


# Columns that a family needs besides time and size.
CIC_COLUMNS = ("flags", "payload_bytes", "header_bytes", "window")
FAMILY_COLUMNS = {
    FAMILY_HEADER: ("flags", "ttl"), FAMILY_FLOW: ("flags",), FAMILY_SPLT: ("flags",), FAMILY_CIC: CIC_COLUMNS,
    FAMILY_CIC_2017: CIC_COLUMNS,
    FAMILY_TCP: (
        "is_forward", "flags", "header_bytes", "payload_bytes", "window", "sequence", "acknowledgement", "tcp_options",
    ),
}
LEAST_WIDTH = {
    FAMILY_HEADER: 8, FAMILY_STATS: 12, FAMILY_FLOW: N_FLOW_COLUMNS, FAMILY_CIC: 76, FAMILY_CIC_2017: 77,
    FAMILY_TCP: TCP_COLUMNS,
}
EXTRA_COLUMNS = {FAMILY_CIC: ("sequence",)}  # with cic_extra
EXTRA_WIDTH = {FAMILY_CIC: 10}
SORTING_FAMILIES = (FAMILY_STATS, FAMILY_FLOW)


def fill_family(
    int code, double[:, ::1] X, size_t first_column, size_t width, const int64_t[::1] offsets, dict columns not None,
    FamilySettings settings, dict attributes=None,
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
    columns : dict of str to ndarray (n_packets,)
        `time_ns`, `size`, and of `COLUMNS` what the family is made of.
    settings : dict
        The fields of `FamilySettings`.
    attributes : dict of str to ndarray (n_flows,), optional
        The fields of `FlowAttributes` that are known.
    """
    cdef size_t n_flows = X.shape[0], n_most, n_columns = X.shape[1]
    cdef FlowPackets packets
    cdef FlowAttributes known
    cdef FamilyNeeds needs
    cdef uint32_t[::1] scratch
    cdef Status status
    if not FAMILY_HEADER <= code < N_FAMILIES or not settings.rate_ns >= 0:
        raise ValueError(f"no family {code}, or no rate of {settings.rate_ns} ns")
    require_columns(code, columns, settings.cic_extra)
    require_lengths(attributes or {}, FAMILY_ATTRIBUTES, n_flows)
    if width < find_least_width(code, settings.cic_extra) or width > n_columns or first_column > n_columns - width \
            or offsets.shape[0] != X.shape[0] + 1:
        raise ValueError("the family does not fit into the matrix, or the offsets do not")
    if n_flows == 0 or width == 0:
        return
    n_most = measure_longest(offsets, len(columns["time_ns"]), 1)
    scratch = np.empty(2 * n_most if code in SORTING_FAMILIES else 1, np.uint32)
    needs.settings = settings
    needs.scratch = &scratch[0]
    packets = find_columns(columns)
    known = find_known(attributes)
    with nogil:
        status = fill_rows(
            <FamilyCode> code, &packets, &known, &offsets[0], n_flows, &needs, &X[0, first_column], n_columns, width)
    PyErr_CheckSignals()
    if status == STATUS_NO_MEMORY:
        raise MemoryError("no memory for the rows of features")
    find_damage(status)


cdef size_t find_least_width(int code, bint cic_extra) except? 0:
    """Return the columns that a family writes whatever width it is given."""
    return LEAST_WIDTH.get(code, 0) + (EXTRA_WIDTH.get(code, 0) if cic_extra else 0)


cdef int require_columns(int code, dict columns, bint cic_extra) except -1:
    """Check that all columns that a family needs are there and of one length."""
    needed = ("time_ns", "size", *FAMILY_COLUMNS.get(code, ()), *(EXTRA_COLUMNS.get(code, ()) if cic_extra else ()))
    missing = [name for name in needed if columns.get(name) is None]
    if missing:
        raise MissingColumnError(*missing)
    return require_lengths(
        columns, {"time_ns": np.int64, "size": np.uint32} | COLUMN_KINDS, len(columns["time_ns"]))


cdef int require_lengths(dict columns, dict kinds, size_t n) except -1:
    """Check that columns have these types and this length; None is an absent column."""
    for name, column in columns.items():
        if column is not None and name in kinds \
                and (column.dtype != kinds[name] or column.shape != (n,) or not column.flags.c_contiguous):
            raise ValueError(f"{name} does not fit: {column.dtype} {column.shape}")
    return 0


cdef FlowPackets find_columns(dict columns) except *:
    """Point to the columns of all flows; NULL for those that are not there."""
    cdef FlowPackets packets
    packets.time_ns = <const int64_t *> find_octets(columns["time_ns"])
    packets.size = <const uint32_t *> find_octets(columns["size"])
    packets.flags = find_octets(columns.get("flags"))
    packets.ttl = find_octets(columns.get("ttl"))
    packets.is_forward = find_octets(columns.get("is_forward"))
    packets.payload_bytes = <const uint32_t *> find_octets(columns.get("payload_bytes"))
    packets.header_bytes = find_octets(columns.get("header_bytes"))
    packets.window = <const uint16_t *> find_octets(columns.get("window"))
    packets.sequence = <const uint32_t *> find_octets(columns.get("sequence"))
    packets.acknowledgement = <const uint32_t *> find_octets(columns.get("acknowledgement"))
    packets.tcp_options = <const uint32_t *> find_octets(columns.get("tcp_options"))
    return packets


cdef FlowAttributes find_known(dict attributes) except *:
    """Point to the attributes of all flows; NULL for those that are not known."""
    cdef FlowAttributes known
    cdef dict given = attributes or {}
    known.protocol = find_octets(given.get("protocol"))
    known.icmp_type = <const int16_t *> find_octets(given.get("icmp_type"))
    known.icmp_code = <const int16_t *> find_octets(given.get("icmp_code"))
    known.connection_start_ns = <const int64_t *> find_octets(given.get("connection_start_ns"))
    return known


cdef int64_t measure_longest(const int64_t[::1] offsets, int64_t n_packets, int64_t n_least) except -1:
    """Return the packets of the longest flow; raise if one has fewer than `n_least` or lies outside of the columns."""
    cdef int64_t n_most = 0
    cdef Py_ssize_t flow
    if offsets.shape[0] < 1:
        raise ValueError("offsets of no flows have one value")
    flow = find_longest(&offsets[0], offsets.shape[0] - 1, n_packets, n_least, &n_most)
    if flow >= 0:
        raise ValueError(f"flow {flow} has too few packets or lies outside of the columns")
    return n_most


def sum_by_flow(const uint32_t[::1] size, const int64_t[::1] offsets):
    """Sum a packet column over each flow: ndarray (n_flows,) of int64."""
    cdef size_t n_flows
    cdef int64_t[::1] totals
    measure_longest(offsets, size.shape[0], 0)
    n_flows = offsets.shape[0] - 1
    totals = np.empty(n_flows, np.int64)
    if n_flows:
        with nogil:
            sum_flows(&size[0] if size.shape[0] else NULL, &offsets[0], n_flows, &totals[0])
    return np.asarray(totals)


def format_addresses(const uint8_t[:, ::1] addresses, const uint8_t[::1] ip_version):
    """Format addresses as text (RFC 5952), ready for an Arrow string array.

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
