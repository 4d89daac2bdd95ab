"""The families, row by row in plain Python: one flow (a list of packets sorted by time) gives one row."""

from fractions import Fraction
from itertools import pairwise

import numpy as np

from reference.flows import gap_ns, quantile_of_durations_ns

FAMILIES = ("IAT", "SIZE", "IAT_SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE")
STATS_COLUMNS = (
    "duration_s",
    "packets_per_s",
    "bytes_per_s",
    "size_mean",
    "size_std",
    "size_q1",
    "size_median",
    "size_q3",
    "size_min",
    "size_max",
    "packets",
    "bytes",
)
FLAG_COLUMNS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
MAX_WINDOWS = 500
SAMP_QUANTILE = 0.3


def learn_dim(pieces, q):
    """Packets a row has room for: floor of the quantile of packets per flow; 0 without flows."""
    if not pieces:
        return 0
    return int(np.floor(np.quantile(np.array([len(piece) for piece in pieces], dtype=np.int64), q)))


def learn_rate_ns(pieces):
    """Length of a SAMP window in nanoseconds."""
    return quantile_of_durations_ns(pieces, SAMP_QUANTILE)


def width_of(family, dim):
    """Number of columns of a family, without a header block."""
    widths = {"IAT": dim - 1, "SIZE": dim, "IAT_SIZE": 2 * dim - 1, "STATS": 12}
    return max(widths.get(family, dim - 1), 0)


def gaps_s(piece):
    """Times between successive packets."""
    return [gap_ns(a.time_ns, b.time_ns) / 1e9 for a, b in pairwise(piece)]


def row_of_sizes(piece):
    """SIZE: bytes of each packet."""
    return [packet.size for packet in piece]


def row_of_gaps_and_sizes(piece):
    """IAT_SIZE: gap_1, size_1, gap_2, size_2 ... and the last packet's size, which no gap follows."""
    row = []
    for gap, packet in zip(gaps_s(piece), piece, strict=False):
        row += [gap, packet.size]
    return [*row, piece[-1].size]


def row_of_statistics(piece):
    """STATS; rates are 0 when the duration is 0."""
    sizes = [packet.size for packet in piece]
    duration_ns = gap_ns(piece[0].time_ns, piece[-1].time_ns)
    per_second = float(Fraction(10**9, duration_ns)) if duration_ns else 0.0
    q1, median, q3 = np.quantile(sizes, [0.25, 0.5, 0.75])
    return [
        duration_ns / 1e9,
        len(sizes) * per_second,
        sum(sizes) * per_second,
        np.mean(sizes),
        np.std(sizes),  # of the population
        q1,
        median,
        q3,
        min(sizes),
        max(sizes),
        len(sizes),
        sum(sizes),
    ]


def row_of_windows(piece, rate_ns, weigh):
    """SAMP: what `weigh(packet)` adds up to in each window of the rate.

    The window's start only ever moves by whole rates; exactly, like the anchor of the interval split. A rate
    of 0 makes a window of each time that occurs: between two of them there is nothing to count, and no empty
    windows.
    """
    rate = Fraction(rate_ns)
    start_ns = Fraction(0)  # of the open window, after the first packet
    row, window = [], weigh(piece[0])
    for packet in piece[1:]:
        elapsed_ns = gap_ns(piece[0].time_ns, packet.time_ns)
        if elapsed_ns - start_ns <= rate:
            window += weigh(packet)
            continue
        row.append(window)
        if rate:
            start_ns += rate
            n_empty = (elapsed_ns - start_ns) // rate
            row += [0] * min(n_empty, MAX_WINDOWS)
            start_ns += n_empty * rate
        else:
            start_ns = Fraction(elapsed_ns)
        if len(row) > MAX_WINDOWS:
            return row[:MAX_WINDOWS]
        window = weigh(packet)
    return [*row, window]


def row_of_header(piece):
    """Counts of the eight TCP flags over the flow, then the TTL (hop limit) of each packet."""
    flag_counts = [sum(packet.flags >> bit & 1 for packet in piece) for bit in range(8)]
    return flag_counts + [packet.ttl for packet in piece]


def row_of(family, piece, rate_ns):
    """The untrimmed row of a family."""
    if family == "IAT":
        return gaps_s(piece)
    if family == "SIZE":
        return row_of_sizes(piece)
    if family == "IAT_SIZE":
        return row_of_gaps_and_sizes(piece)
    if family == "STATS":
        return row_of_statistics(piece)
    if family == "SAMP_NUM":
        return row_of_windows(piece, rate_ns, lambda packet: 1)
    if family == "SAMP_SIZE":
        return row_of_windows(piece, rate_ns, lambda packet: packet.size)
    raise LookupError(family)


def fit_row(row, width, fft):
    """Cut or zero-pad a row to its width, or take the real part of its FFT with n = width."""
    if fft and width:
        return np.fft.fft(row, n=width).real  # cuts and pads the same way
    fitted = np.zeros(width)
    fitted[: min(len(row), width)] = row[:width]
    return fitted


def name_columns(families, dim, header, fft):
    """Names of all columns, in order."""
    names = []
    if header:
        n_ttls = max(width_of(family, dim) for family in families)
        names += [*FLAG_COLUMNS, *(f"ttl_{i}" for i in range(n_ttls))]
    for family in families:
        # IAT_SIZE has the names of IAT and of SIZE: beside one of them it carries its own in front.
        is_ambiguous = family == "IAT_SIZE" and ("IAT" in families or "SIZE" in families)
        names += ["iat_size_" * is_ambiguous + name for name in _name_family_columns(family, dim)]
    return tuple(f"fft_{name}" if fft else name for name in names)


def _name_family_columns(family, dim):
    width = width_of(family, dim)
    if family == "STATS":
        return list(STATS_COLUMNS)
    if family == "IAT_SIZE":
        return [f"size_{i // 2}" if i % 2 or i == width - 1 else f"iat_{i // 2}" for i in range(width)]
    return [f"{family.lower()}_{i}" for i in range(width)]


def make_matrix(pieces, families, *, fft=False, header=False, dim, rate_ns):
    """Rows of all pieces: the header block once and first, then the families; each transformed by itself."""
    n_ttls = max(width_of(family, dim) for family in families)
    matrix = np.zeros((len(pieces), len(name_columns(families, dim, header, fft))))
    for i, piece in enumerate(pieces):
        blocks = [fit_row(row_of_header(piece), 8 + n_ttls, fft)] if header else []
        blocks += [fit_row(row_of(family, piece, rate_ns), width_of(family, dim), fft) for family in families]
        matrix[i] = np.concatenate(blocks)
    return matrix
