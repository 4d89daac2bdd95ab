"""Bulks, subflows and active periods of a biflow, as CIC means them; packets stand in time order."""

from itertools import pairwise
from typing import NamedTuple

from reference.flows import nanoseconds


class CicOptions(NamedTuple):
    """The same names and units (seconds) as the public options."""

    bulk_gap: float = 1.0
    bulk_packets: int = 4
    subflow_gap: float = 1.0
    activity_timeout: float = 5.0


class Bulks(NamedTuple):
    """All bulks of one direction together."""

    count: int
    payload_bytes: int
    packets: int
    time_ns: int  # first to last packet of each


def gaps_ns(packets):
    """Times between successive packets."""
    return [later.time_ns - earlier.time_ns for earlier, later in pairwise(packets)]


def runs_of_payload(packets, bulk_gap):
    """Runs of packets with payload that neither a longer gap than `bulk_gap` nor the other side's payload breaks."""
    runs = []
    for packet in packets:
        if packet.payload_bytes < 1:
            continue
        last = runs[-1][-1] if runs else None
        is_same_side = last is not None and last.is_forward == packet.is_forward
        if is_same_side and packet.time_ns - last.time_ns <= nanoseconds(bulk_gap):
            runs[-1].append(packet)
        else:
            runs.append([packet])
    return runs


def bulks_of(packets, is_forward, options):
    """Runs of one direction that are long enough, added up."""
    runs = [
        run
        for run in runs_of_payload(packets, options.bulk_gap)
        if run[0].is_forward == is_forward and len(run) >= options.bulk_packets
    ]
    return Bulks(
        count=len(runs),
        payload_bytes=sum(packet.payload_bytes for run in runs for packet in run),
        packets=sum(len(run) for run in runs),
        time_ns=sum(run[-1].time_ns - run[0].time_ns for run in runs),
    )


def count_subflows(packets, subflow_gap):
    """One more than there are gaps longer than `subflow_gap`."""
    return 1 + sum(gap > nanoseconds(subflow_gap) for gap in gaps_ns(packets))


def activity_of(packets, activity_timeout):
    """(lengths of the active periods that have any, lengths of the idle gaps), in ns."""
    active, idle = [], []
    start_ns = packets[0].time_ns
    for earlier, later in pairwise(packets):
        gap = later.time_ns - earlier.time_ns
        if gap > nanoseconds(activity_timeout):
            active.append(earlier.time_ns - start_ns)
            idle.append(gap)
            start_ns = later.time_ns
    active.append(packets[-1].time_ns - start_ns)
    return [length for length in active if length > 0], idle
