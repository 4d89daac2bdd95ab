"""Inputs of the targets of biflows through the kernel's public functions, with the same invariants in Python."""

import struct
import warnings
from fractions import Fraction

import numpy as np
from builders import frames

import netml
from netml import _flowcore
from netml.capture import probe
from netml.families import FAMILIES, FamilyOptions

NEVER = 2**63 - 1
OPTION_BYTES = PLAN_HEADER_BYTES = ROW_HEADER_BYTES = ROW_PACKET_BYTES = 16
PLAN_EVENT_BYTES = 6
SUMMED = tuple((FAMILIES[name].code, width) for name, width in (("FLOW", 69), ("CIC", 86), ("CIC-2017", 77)))
PROTOCOLS = (6, 6, 6, 6, 17, 132, 1, 47)
EXTRA = FamilyOptions(cic_extra=True)


def choose_interval(choice):
    """As the harness has it."""
    return 0 if choice == 0 else 4 ** (choice & 31) + (choice >> 5)


def choose_timeout(choice):
    return NEVER if choice & 31 == 0 else choose_interval(choice & 0xDF)


def rules_of(options):
    """`BiflowRules` of three octets."""
    return {
        "is_bi": bool(options[0] & 1),
        "has_vlan_key": bool(options[0] >> 1 & 1),
        "turns_by_syn": bool(options[0] >> 2 & 1),
        "tcp_end": options[0] >> 3 & 3,
        "idle_ns": choose_timeout(options[1]),
        "active_ns": choose_timeout(options[2]),
    }


def settings_of(options):
    """`FamilySettings` of five octets."""
    return {
        "rate_ns": float(choose_interval(options[0])),
        "cic_extra": True,
        "bulk_packets": 1 + (options[1] & 7),
        "bulk_gap_ns": choose_interval(options[2] & 0xDF),
        "subflow_gap_ns": choose_interval(options[3] & 0xDF),
        "activity_timeout_ns": choose_interval(options[4] & 0xDF),
    }


def flush_rules_of(options):
    """`BiflowFlushRules` of four octets, but for the times of each flush."""
    return {
        "min_packets": 1 + (options[0] & 3),
        "max_flow_packets": 1 + (options[1] & 31) if options[1] > 0xC0 else 2**32 - 1,
        "max_flows": 1 + (options[2] & 63) if options[2] > 0xA0 else 2**31 - 1,
        "max_memory_bytes": 300 + (22 << (options[3] & 15)) if options[3] > 0xA0 else 1 << 40,
        "packet_bytes": 22,
        "flow_bytes": 100,
    }


def attributes_of(taken):
    attributes = {name: taken[name] for name in ("icmp_type", "icmp_code", "connection_start_ns")}
    return attributes | {"protocol": np.ascontiguousarray(taken["keys"]["protocol"])}


def require_attributes(taken):
    """Times in order, an end for a reason, IP of version 4 or 6, order of start."""
    assert (taken["connection_start_ns"] <= taken["start_ns"]).all()
    assert (taken["start_ns"] <= taken["end_ns"]).all()
    assert np.isin(taken["end_reason"], (1, 2, 3, 4, 5)).all()
    assert np.isin(taken["keys"]["ip_version"], (4, 6)).all()
    assert (np.diff(taken["start_ns"].astype(object)) >= 0).all()


def fill_all(taken, settings):
    """Every family of all flows: only finite numbers."""
    offsets = taken["offsets"]
    columns = {**taken, "size": taken["wirelen"]}
    for name, family in FAMILIES.items():
        if family.is_bits:
            continue  # made of headers, not of columns
        width = family.width(11, EXTRA)
        matrix = np.zeros((len(offsets) - 1, width))
        _flowcore.fill_family(family.code, matrix, 0, width, offsets, columns, settings, attributes_of(taken))
        assert np.isfinite(matrix).all(), name


def require_biflows(taken, settings):
    """Offsets ascend, and each flow's times; packets go forward or not; every row is finite."""
    offsets, time_ns = taken["offsets"], taken["time_ns"]
    require_attributes(taken)
    assert offsets[0] == 0
    assert offsets[-1] == len(time_ns)
    assert (np.diff(offsets) >= 1).all()
    assert (taken["is_forward"] <= 1).all()
    if len(time_ns):
        steps = time_ns[1:] >= time_ns[:-1]
        steps[offsets[1:-1] - 1] = True
        assert steps.all()
        assert (time_ns[offsets[:-1]] == taken["start_ns"]).all()
        assert (time_ns[offsets[1:] - 1] == taken["end_ns"]).all()
    fill_all(taken, settings)
    return len(time_ns)


def count_dropped(assembler):
    return sum(one["packets"] for one in assembler.dropped.values())


def require_counts(counters):
    assert counters["packets_read"] == counters["packets_kept"] + sum(counters["skipped"].values())


def end_batch(assembler, settings, min_packets=1):
    """All flows at once."""
    require_counts(assembler.counters)
    n_in_flows = require_biflows(assembler.take_biflows(min_packets), settings)
    assert n_in_flows + count_dropped(assembler) == assembler.counters["packets_kept"]


class Stream:
    """A stream of an assembler, with sums or without."""

    def __init__(self, assembler, rules, settings, is_incremental):
        self.assembler, self.rules, self.settings = assembler, rules, settings
        self.sums, self.n_columns, self.n_out = [], 0, 0
        for code, width in SUMMED if is_incremental else ():
            self.sums.append((_flowcore.FlowStates(code, settings), self.n_columns, width))
            self.n_columns += width

    def flush(self, watermark_ns, *, is_last=False):
        latest_ns = self.assembler.counters["end_ns"]
        now = {"latest_ns": latest_ns or 0, "watermark_ns": watermark_ns, "is_last": is_last}
        self.assembler.advance_watermark({**self.rules, **now}, sums=self.sums, size="wirelen")
        if self.sums:
            taken = self.assembler.take_rows(self.sums, self.n_columns, 0, self.assembler.n_leaving)
            require_attributes(taken)
            assert np.isfinite(taken["X"]).all()
            self.n_out += int(taken["packets"].sum())
            self.assembler.release_taken(self.sums)
        else:
            self.n_out += require_biflows(self.assembler.take_expired(), self.settings)
        n_pending = self.assembler.n_open_packets
        assert n_pending * self.rules["packet_bytes"] <= self.rules["max_memory_bytes"]
        if is_last:
            assert n_pending == 0
            assert self.n_out + count_dropped(self.assembler) == self.assembler.counters["packets_kept"]


def run_biflows(content, options=None):
    """An input of the target `biflows`, or a capture with options; gives the fault, None if it is no capture."""
    options = content[-OPTION_BYTES:].rjust(OPTION_BYTES, b"\0") if options is None else options
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            head = probe.probe_capture(content[:24], "input").header_bytes
        except netml.CaptureError:
            return None
    block = np.frombuffer(content[head:], np.uint8).copy()
    decoding = {
        "enters_tunnels": bool(options[0] & 0x20),
        "tracks_fragments": bool(options[0] & 0x40),
        "takes_all": bool(options[0] & 0x80),
    }
    settings, rules = settings_of(options[3:8]), flush_rules_of(options[8:12])
    fault = ""
    for is_incremental in (None, False, True):
        assembler = _flowcore.BiflowAssembler(_flowcore.COLUMNS, rules=rules_of(options), **decoding)
        framer = probe.probe_capture(content[:24], "input").framer
        stream = Stream(assembler, rules, settings, is_incremental)
        n_parts = 1 if is_incremental is None else 1 + (options[12] & 7)
        at, fault = 0, ""
        for part in range(n_parts):
            end = len(block) * (part + 1) // n_parts
            if not fault and end > at:
                n_left, _, fault = assembler.assemble(framer, block, at, end - at)
                at = end - n_left
            if is_incremental is not None:
                stream.flush(assembler.counters["end_ns"] or 0, is_last=part + 1 == n_parts)
        if is_incremental is None:
            end_batch(assembler, settings, rules["min_packets"])
    return fault


def plan_packet(event):
    """A real frame of about what the harness makes of an event."""
    protocol = PROTOCOLS[event[1] >> 5]
    ends = event[1] & 3, event[1] >> 2 & 3
    ports = [40000 + (end & 1) for end in ends]
    payload = bytes(event[4] if event[4] & 3 else 0)
    segment = frames.udp(*ports, payload.ljust(8, b"\0"))
    if protocol == 6:
        segment = frames.tcp(*ports, payload, flags=event[3], sequence=event[2] << 24 | event[4], options=b"\2\4\5\xb4")
    hosts = [(f"fe80::{end + 1}" if event[5] & 8 else f"10.0.0.{end + 1}") for end in ends]
    return frames.ip(segment, source=hosts[0], destination=hosts[1], protocol=protocol)


def run_plan(content):
    """An input of the target `biflow_stream`; in any order of time, so that only counts must hold."""
    options = content[:PLAN_HEADER_BYTES]
    if len(options) < PLAN_HEADER_BYTES:
        return
    events = content[PLAN_HEADER_BYTES:]
    settings, rules = settings_of(options[3:8]), flush_rules_of(options[8:12])
    for is_incremental in (None, False, True):
        assembler = _flowcore.BiflowAssembler(_flowcore.COLUMNS, rules=rules_of(options), takes_all=True)
        stream = Stream(assembler, rules, settings, is_incremental)
        time_ns, n_flushes = struct.unpack("<q", options[:8])[0] >> 8, 0
        for start in range(0, len(events) // PLAN_EVENT_BYTES * PLAN_EVENT_BYTES, PLAN_EVENT_BYTES)[:200]:
            event = events[start : start + PLAN_EVENT_BYTES]
            step = event[2] << (event[0] >> 3)
            time_ns = max(-(2**62), min(2**62, time_ns - step if event[5] & 1 else time_ns + step))
            if event[0] & 7 < 6:
                pair = (Fraction(time_ns, 10**9), plan_packet(event))
                assembler.assemble_packets(iter([pair]), 101, 1)
            elif is_incremental is not None and n_flushes < 10:
                n_flushes += 1
                stream.flush(time_ns)
        if is_incremental is None:
            end_batch(assembler, settings, rules["min_packets"])
        else:
            stream.flush(time_ns, is_last=True)


def run_rows(content):
    """An input of the target `rows`: flows whose packets come in two parts have the rows of the whole."""
    if len(content) < ROW_HEADER_BYTES + ROW_PACKET_BYTES:
        return
    n = min((len(content) - ROW_HEADER_BYTES) // ROW_PACKET_BYTES, 256)
    packets = np.frombuffer(content, np.uint8, n * ROW_PACKET_BYTES, ROW_HEADER_BYTES).reshape(n, ROW_PACKET_BYTES)

    def column(at, kind):
        width = np.dtype(kind).itemsize
        return np.ascontiguousarray(packets[:, at : at + width]).view(kind).reshape(n)

    steps = column(0, np.uint16).astype(np.int64) << (content[5] & 31)
    columns = {"time_ns": np.cumsum(steps), "size": column(2, np.uint32), "wirelen": column(2, np.uint32)}
    columns |= {"is_forward": column(15, np.uint8) & 1, "payload_bytes": column(4, np.uint32)}
    columns |= {"flags": column(6, np.uint8), "ttl": column(7, np.uint8), "header_bytes": column(8, np.uint8)}
    columns |= {"window": column(9, np.uint16), "sequence": column(11, np.uint32)}
    columns |= {"acknowledgement": column(10, np.uint32), "tcp_options": column(12, np.uint32)}
    offsets = np.append(np.arange(0, n, 1 + (content[6] & 63)), n)
    n_flows = len(offsets) - 1
    keys = np.zeros(n_flows, _flowcore.FLOW_KEY)
    keys["protocol"] = content[7]
    attributes = {name: np.full(n_flows, -1, np.int16) for name in ("icmp_type", "icmp_code")}
    taken = {
        **columns,
        **attributes,
        "offsets": offsets,
        "keys": keys,
        "connection_start_ns": columns["time_ns"][offsets[:-1]],
    }
    settings = settings_of(content[:5])
    fill_all(taken, settings)
    for code, width in SUMMED:
        whole, rows = np.zeros((n_flows, width)), np.zeros((n_flows, width))
        _flowcore.fill_family(code, whole, 0, width, offsets, columns, settings, attributes_of(taken))
        states = _flowcore.FlowStates(code, settings)
        # Each flow's first packet, then its others.
        first = np.zeros(n, bool)
        first[offsets[:-1]] = True
        for chosen, n_each in ((first, np.ones(n_flows, np.int64)), (~first, np.diff(offsets) - 1)):
            part = {name: values[chosen] for name, values in columns.items()}
            states.feed(np.append(0, np.cumsum(n_each)), part)
        states.write(np.arange(n_flows, dtype=np.uint32), rows, 0, width, attributes_of(taken))
        assert rows.tobytes() == whole.tobytes()


def take_frame(frame, link_type, **options):
    """One frame's columns, or None if it was skipped."""
    rules = {"is_bi": True, "has_vlan_key": True, "turns_by_syn": False, "idle_ns": 1, "active_ns": 1, "tcp_end": 2}
    assembler = _flowcore.BiflowAssembler(_flowcore.COLUMNS, rules=rules, takes_all=True, **options)
    assembler.assemble_packets(iter([(0, frame)]), link_type, 1)
    require_counts(assembler.counters)
    taken = assembler.take_biflows(1)
    return taken if len(taken["time_ns"]) else None


def run_details(content):
    """An input of the target `details`."""
    if not content:
        return
    link_type = 1 if content[-1] & 2 else 101
    taken = take_frame(content, link_type, enters_tunnels=bool(content[-1] & 1))
    if taken is not None:
        require_biflows(taken, settings_of(bytes(5)))
        assert (taken["payload_bytes"] <= taken["ip_bytes"]).all()
        assert (taken["header_bytes"] <= 60).all()


def run_tcp_options(content):
    """An input of the target `tcp_options`: as a SYN."""
    if len(content) < 20:
        return
    syn = content[:13] + bytes([content[13] | 2]) + content[14:60]
    taken = take_frame(frames.ipv4(syn, protocol=6), 101)
    assert taken is not None
    (found,) = taken["tcp_options"].tolist()
    assert found >> 27 == 0
    assert found >> 16 & 0xFF <= 14


RUNS = {
    "biflows": run_biflows,
    "biflow_stream": run_plan,
    "rows": run_rows,
    "details": run_details,
    "tcp_options": run_tcp_options,
}
