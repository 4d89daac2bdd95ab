"""Packets become flows: the seed's rules (docs: flow definition `original`) in exact integers and fractions.

Times are integer nanoseconds. An interval or a timeout is a float of nanoseconds, and compares exactly:
Python compares integers, floats and fractions by value, never by rounding one to the type of the other.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

TCP = 6
DROP_REASONS = ("short_flow", "idle_tail", "interval_tail", "short_subflow")


@dataclass(frozen=True)
class Packet:
    """A packet that was kept."""

    key: tuple  # source, destination, source port, destination port, protocol
    time_ns: int
    size: int  # bytes: caplen, or wirelen with size="wire"
    caplen: int
    wirelen: int
    flags: int
    ttl: int


@dataclass(frozen=True)
class FlowOptions:
    """The same names and units (seconds) as the public options."""

    min_packets: int = 2
    tcp_timeout: float = 600.0
    udp_timeout: float = 600.0
    interval: float | None = None
    q_interval: float = 0.9
    keep_tail: bool = False
    tunnels: str = "inner"
    fragments: str = "first"
    tunnel_ports: dict | None = None


@dataclass
class Flows:
    """Flows in their final order; `pieces[i]` is a list of packets of one key, sorted by time."""

    pieces: list
    interval_ns: float  # 0.0 where nothing was left to take a quantile of and none was given
    dropped: dict = field(default_factory=lambda: {why: {"packets": 0, "flows": 0} for why in DROP_REASONS})

    def drop(self, why, piece):
        """Count a piece as thrown away."""
        self.dropped[why]["packets"] += len(piece)
        self.dropped[why]["flows"] += 1


def gap_ns(earlier_ns, later_ns):
    """Time between two packets; saturates at int64, for captures whose clock jumps over centuries."""
    return min(later_ns - earlier_ns, 2**63 - 1)


def nanoseconds(seconds):
    """Seconds of an option as a float of nanoseconds.

    A product within a few units in the last place of a whole number means that number: 0.3 s is 300,000,000
    ns, and k / 1e9 s is k ns for each integer k. Anything else stays as it is, so that an interval learned as
    a fraction of a nanosecond keeps it.
    """
    product = seconds * 1e9
    if math.isinf(product):
        return product
    whole = round(product)
    return float(whole) if abs(product - whole) <= 4 * math.ulp(product) else product


def assemble_flows(packets, options):
    """Packets in the order of the capture -> `Flows`."""
    flows = Flows(pieces=[], interval_ns=0.0)
    by_key = _group_by_key(packets)
    pieces = []
    for key, members in by_key.items():
        if len(members) < max(2, options.min_packets):  # rule 1
            flows.drop("short_flow", members)
            continue
        members.sort(key=lambda packet: packet.time_ns)  # stable: ties stay in capture order
        timeout_ns = nanoseconds(options.tcp_timeout if key[4] == TCP else options.udp_timeout)
        cut = _drop_tail(flows, "idle_tail", split_idle(members, timeout_ns), options.keep_tail)
        pieces += _drop_short(flows, cut, options.min_packets)  # rule 2: a piece of one packet passes at 1
    flows.interval_ns = _find_interval_ns(pieces, options)  # rule 3
    for piece in pieces:
        cut = _drop_tail(flows, "interval_tail", split_interval(piece, flows.interval_ns), options.keep_tail)
        flows.pieces += _drop_short(flows, cut, max(2, options.min_packets))  # rule 4
    return flows


def _group_by_key(packets):
    """Keys in the order of their first packet in the capture; members in capture order."""
    by_key = {}
    for packet in packets:
        by_key.setdefault(packet.key, []).append(packet)
    return by_key


def _drop_tail(flows, why, pieces, keep_tail):
    """A key (or piece) that was cut at all loses its last piece, however long that is."""
    if len(pieces) == 1 or keep_tail:
        return pieces
    flows.drop(why, pieces[-1])
    return pieces[:-1]


def _drop_short(flows, pieces, min_packets):
    """Pieces of at least `min_packets` packets. A tail that was dropped is not counted here again."""
    kept = []
    for piece in pieces:
        if len(piece) >= min_packets:
            kept.append(piece)
        else:
            flows.drop("short_subflow", piece)
    return kept


def split_idle(members, timeout_ns):
    """Cut where the gap to the previous packet is greater than the timeout (rule 2)."""
    pieces = [[members[0]]]
    for previous, packet in pairwise(members):
        if gap_ns(previous.time_ns, packet.time_ns) > timeout_ns:
            pieces.append([])
        pieces[-1].append(packet)
    return pieces


def _find_interval_ns(pieces, options):
    """The interval given, else the quantile of the durations over all pieces of rule 2."""
    if options.interval is not None:
        return nanoseconds(options.interval)
    return quantile_of_durations_ns(pieces, options.q_interval)


def quantile_of_durations_ns(pieces, q):
    """`numpy.quantile` (linear) over int64 nanoseconds, a float64 of nanoseconds; 0.0 without pieces."""
    if not pieces:
        return 0.0
    durations_ns = np.array([gap_ns(piece[0].time_ns, piece[-1].time_ns) for piece in pieces], dtype=np.int64)
    return float(np.quantile(durations_ns, q))


def split_interval(piece, interval_ns):
    """Cut a piece by the interval (rule 4).

    After a cut the new sub-piece's first packet counts as being at the anchor: the last whole multiple of the
    interval since the piece's first packet that is not after it. An infinitesimal interval puts the anchor at
    the packet itself, and so does an interval of 0: it cuts between any two packets with different times.
    """
    subpieces = [[piece[0]]]
    previous_ns = 0  # like all times here, counted from the piece's first packet
    for packet in piece[1:]:
        elapsed_ns = gap_ns(piece[0].time_ns, packet.time_ns)
        if elapsed_ns - previous_ns > interval_ns:
            subpieces.append([])
            previous_ns = find_anchor_ns(elapsed_ns, interval_ns)
        else:
            previous_ns = elapsed_ns
        subpieces[-1].append(packet)
    return subpieces


def find_anchor_ns(elapsed_ns, interval_ns):
    """`floor(elapsed / interval) * interval`, exactly; both count from the piece's first packet.

    The seed moves its anchor from cut to cut, s += floor((t - s) / interval) * interval. As s is always a
    whole number of intervals after the piece's start, that is the same as counting from the start each time.
    """
    if interval_ns == 0:
        return elapsed_ns
    interval = Fraction(interval_ns)
    return elapsed_ns // interval * interval
