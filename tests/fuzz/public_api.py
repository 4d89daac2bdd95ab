"""Inputs of the fuzzing targets through the kernel's public functions, with the same invariants checked in Python."""

import io
import struct
import warnings
from fractions import Fraction

import numpy as np
import public_biflows
import public_bits
from builders import captures, frames

import netml
from netml import _flowcore
from netml.capture import probe

COLUMNS = ("caplen", "wirelen", "flags", "ttl")
STREAM_HEADER_BYTES, EVENT_BYTES = 8, 4
MOST_BURST = 520
SETTINGS = {
    "rate_ns": 1e6,
    "cic_extra": True,
    "bulk_gap_ns": 1e9,
    "subflow_gap_ns": 1e9,
    "activity_timeout_ns": 5e9,
    "bulk_packets": 4,
}


def require_counts(counters):
    """Packets read = kept + skipped by named reason."""
    assert counters["packets_read"] == counters["packets_kept"] + sum(counters["skipped"].values())


def count_dropped(dropped):
    """Packets that any rule dropped."""
    return sum(one["packets"] for one in dropped.values())


def require_flows(taken):
    """Flows ascend within their columns, in order of time; every family is finite."""
    offsets, time_ns = taken["offsets"], taken["time_ns"]
    assert offsets[0] == 0
    assert offsets[-1] == len(time_ns)
    assert (np.diff(offsets) >= 2).all()
    if len(time_ns):
        steps = np.diff(time_ns) >= 0
        steps[offsets[1:-1] - 1] = True
        assert steps.all()
    for code in range(7):
        width = 12 if code in (0, 4) else 5
        matrix = np.zeros((len(offsets) - 1, width))
        _flowcore.fill_family(code, matrix, 0, width, offsets, {**taken, "size": taken["wirelen"]}, SETTINGS)
        assert np.isfinite(matrix).all()
        assert (matrix >= 0).all()


def end_batch(assembler, *, interval_ns=1e9, timeout_ns=10**9, min_packets=2, keeps_tail=False):
    """The flows of an assembler, all checked."""
    kept = assembler.counters["packets_kept"]
    require_counts(assembler.counters)
    rules = {"min_packets": min_packets, "tcp_timeout_ns": timeout_ns, "udp_timeout_ns": 2 * timeout_ns}
    durations_ns = assembler.end_flows({**rules, "keeps_tail": keeps_tail})
    assert (durations_ns >= 0).all()
    taken = assembler.take_flows(interval_ns)
    assert len(taken["time_ns"]) + count_dropped(assembler.dropped) == kept
    require_flows(taken)


def assemble_capture(content, **options):
    """A capture's octets through the kernel alone; gives the assembler and the fault, None if it is no capture."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = probe.probe_capture(content[:24], "input")
        except netml.CaptureError:
            return None
    block = np.frombuffer(content[found.header_bytes :], np.uint8).copy()
    assembler = _flowcore.FlowAssembler(COLUMNS, **options)
    n_left, _, fault = assembler.assemble(found.framer, block, 0, len(block))
    assert 0 <= n_left <= len(block)
    return assembler, fault


def read_capture(content):
    """A capture's octets through `netml.read_flows`; gives the name of the error or warning that ended it, or ""."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            table = netml.read_flows(io.BytesIO(content))
        except netml.NetmlError as error:
            return type(error).__name__
    require_counts(table.metadata)
    assert int(table.offsets[-1]) + count_dropped(table.metadata["dropped"]) == table.metadata["packets_kept"]
    wrong = [one for one in told if not issubclass(one.category, netml.CaptureWarning)]
    assert not wrong, wrong[0].message
    return "CaptureWarning" if told else ""


def split_fragments(content):
    """(time in s, packet) of an input of the target `fragments`."""
    at, time_s = 0, 0
    while len(content) - at >= 3:
        time_s += content[at] - 20
        (size,) = struct.unpack_from("<H", content, at + 1)
        yield time_s, content[at + 3 : at + 3 + size]
        at += 3 + min(size, len(content) - at - 3)


def choose_interval(choice):
    """As the harness has it."""
    return 0 if choice == 0 else 4 ** (choice & 31) + (choice >> 5)


def run_stream(content):
    """An input of the target `stream`."""
    head, longest = content[:STREAM_HEADER_BYTES], 3 << 60
    if len(head) < STREAM_HEADER_BYTES:
        return
    rules = {
        "interval_ns": float(max(choose_interval(head[0]), 1)),
        "tcp_timeout_ns": min(choose_interval(head[1] & 0xDF), longest),
        "udp_timeout_ns": min(choose_interval(head[2] & 0xDF), longest),
        "min_packets": 2 + (head[3] & 3),
        "max_flow_packets": 2 + (head[4] & 63),
        "max_flows": 1 + (head[3] >> 2) ** 2,
        "packet_bytes": 22,
        "flow_bytes": 100,
        "key_bytes": 40,
        "max_memory_bytes": 300 + (22 << (head[5] & 15)),
        "allowed_lateness_ns": min(choose_interval(head[6] & 31), longest // 4),
    }
    assembler = _flowcore.FlowAssembler(COLUMNS)
    time_ns = max(struct.unpack("<q", head)[0] >> (head[7] & 63), -(2**63) + 1)
    n_bursts = n_out = 0

    def enter(number, at_ns, size):
        datagram = frames.udp(number, 53, b"x" * size)
        pair = (Fraction(at_ns, 10**9), frames.ipv4(datagram, source="10.0.0.1"))
        assembler.assemble_packets(iter([pair]), 101, 1)

    def flush(is_last):
        latest_ns = assembler.counters["end_ns"]
        latest_ns = -(2**63) if latest_ns is None else latest_ns
        assembler.advance_watermark({**rules, "latest_ns": latest_ns, "watermark_ns": time_ns, "is_last": is_last})
        taken = assembler.take_expired()
        require_flows(taken)
        return len(taken["time_ns"])

    for start in range(STREAM_HEADER_BYTES, len(content) - EVENT_BYTES + 1, EVENT_BYTES):
        kind, number, step, size = content[start : start + EVENT_BYTES]
        step <<= (kind >> 4) * 3
        # In C the quotient is rounded towards 0.
        half = int(abs(time_ns) // 2) * (1 if time_ns >= 0 else -1)
        time_ns += -min(step, half + longest) if kind & 8 else min(step, longest - half)
        if kind & 7 < 5:
            enter(number, time_ns, size)
        elif kind & 7 == 5 and head[7] >= 0xE0 and n_bursts < 3:
            n_bursts += 1
            for i in range(min(number * 4, MOST_BURST)):
                enter(256 + n_bursts * 1024 + i, time_ns + (i & size), size)
        else:
            n_out += flush(False)
    n_out += flush(True)
    assert n_out + count_dropped(assembler.dropped) == assembler.counters["packets_kept"]
    assert assembler.n_open_packets == 0


def replay(target, content):
    """Replay one input of a target through the functions that users have."""
    if target in ("pcap", "pcapng", "pipeline"):
        read_capture(content)
        assembled = assemble_capture(content, tracks_fragments=True)
        if assembled:
            end_batch(assembled[0])
    elif target in public_biflows.RUNS:
        public_biflows.RUNS[target](content)
    elif target == "bits":
        public_bits.run_bits(content)
    elif target == "stream":
        run_stream(content)
    elif target == "fragments":
        assembler = _flowcore.FlowAssembler(COLUMNS, tracks_fragments=True)
        assembler.assemble_packets(split_fragments(content), 101, 2**20)
        end_batch(assembler)
    else:
        link_type = {"ipv4": 228, "ipv6": 229}.get(target) or int(target.split("_")[1])
        whole = captures.pcap([(0, content), (1000, content)], link_type=link_type)
        if len(content):
            read_capture(whole)
        end_batch(assemble_capture(whole, enters_tunnels=not target.startswith("outer"))[0])
