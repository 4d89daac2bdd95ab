"""Inputs of the biflow targets through the kernel's public doors, with the invariants of biflows checked in Python."""

from fractions import Fraction

import numpy as np
from builders import frames

import netml
from netml import _flowcore, recognition
from netml.families import FAMILIES, FamilyOptions
from netml.rows import settings_of

HEAD_BYTES = 8
PLAN_HEADER_BYTES = 16
CODES = [family.code for family in FAMILIES.values() if family.code >= 0 and not family.is_bits]
NEVER_NS = 2**63 - 1
NO_CAP = 2**62


def rules_of(head):
    """Rules of biflows, from some bytes."""
    return {
        "is_bi": bool(head[0] & 1),
        "has_vlan_key": bool(head[0] & 2),
        "turns_by_syn": bool(head[0] & 4),
        "tcp_end": list(_flowcore.TCP_ENDS.values())[head[1] % 4],
        "idle_ns": [1, 10**6, 10**9, NEVER_NS][head[2] % 4],
        "active_ns": [1, 10**6, 10**9, NEVER_NS][head[3] % 4],
    }


def planned_frames(content):
    """Conversations of few ends, a packet for each six octets of the content."""
    time_ns = 0
    for at in range(PLAN_HEADER_BYTES, len(content) - 5, 6):
        step, ends, kind, flags, size, rest = content[at : at + 6]
        time_ns += step << 18
        ports = 40000 + (ends & 1), 40000 + (ends >> 2 & 1)
        protocol = (6, 6, 17, 132, 1)[kind % 5]
        payload = bytes(size & 63)
        segment = (
            frames.tcp(*ports, payload, flags=flags, sequence=rest) if protocol == 6 else frames.udp(*ports, payload)
        )
        hosts = {"source": f"10.0.0.{ends >> 1 & 1}", "destination": f"10.0.0.{ends >> 3 & 1}"}
        packet = frames.ip(segment + bytes(4), protocol=protocol, **hosts)
        yield Fraction(time_ns, 10**9), frames.ethernet(packet, tags=[(0x8100, rest & 3)] * (rest >> 7))


def open_assembler(content):
    """An assembler of all columns that goes by the head of the content."""
    head = content[:HEAD_BYTES].ljust(HEAD_BYTES, b"\0")
    options = {
        "takes_all": bool(head[4] & 1),
        "enters_tunnels": bool(head[4] & 2),
        "tracks_fragments": bool(head[4] & 4),
    }
    return _flowcore.BiflowAssembler(tuple(_flowcore.COLUMNS), rules=rules_of(head), **options)


def require_rows(taken):
    """Every family of numbers is finite for these flows."""
    offsets = taken["offsets"]
    columns = {name: taken[name] for name in ("time_ns", *_flowcore.COLUMNS)}
    settings = settings_of(FamilyOptions(cic_extra=True), 1e6)
    for code in CODES:
        X = np.zeros((len(offsets) - 1, 100))
        _flowcore.fill_family(code, X, 0, 100, offsets, {**columns, "size": taken["wirelen"]}, settings)
        assert np.isfinite(X).all()


def require_biflows(taken):
    """Flows ascend, each in order of time; the end reasons are those that there are."""
    offsets, time_ns = taken["offsets"], taken["time_ns"]
    assert offsets[0] == 0
    assert offsets[-1] == len(time_ns)
    assert (np.diff(offsets) >= 1).all()
    steps = np.diff(time_ns) >= 0
    steps[offsets[1:-1] - 1] = True
    assert steps.all()
    assert set(taken["is_forward"].tolist()) <= {0, 1}
    assert set(taken["end_reason"].tolist()) <= {1, 2, 3, 4, 5}
    require_rows(taken)


def end_batch(assembler, min_packets):
    """All flows at the end."""
    taken = assembler.take_biflows(min_packets)
    require_biflows(taken)
    assert len(taken["time_ns"]) + assembler.dropped["short_flow"]["packets"] == assembler.counters["packets_kept"]
    return len(taken["time_ns"])


def run_capture(content):
    """A capture with options behind it."""
    content, options = content[:-PLAN_HEADER_BYTES], content[-PLAN_HEADER_BYTES:]
    try:
        found = recognition.recognise(content[:24], "input")
    except netml.CaptureError:
        return 0
    assembler = open_assembler(options)
    block = np.frombuffer(content[found.header_bytes :], np.uint8).copy()
    assembler.assemble(found.framer, block, 0, len(block))
    return end_batch(assembler, 1 + options[5] % 3)


def run_frame(content):
    """One frame twice; the last octet says whether it is Ethernet or bare IP."""
    way = content[-1] if content else 0
    assembler = open_assembler(bytes([1, 0, 2, 2, 5 | way & 2]))
    pairs = ((Fraction(time_ns), content[:-1]) for time_ns in (0, 1))
    assembler.assemble_packets(pairs, 1 if way & 2 else 101, 2)
    return end_batch(assembler, 1)


def run_plan(content):
    """Conversations in one batch."""
    assembler = open_assembler(content)
    assembler.assemble_packets(planned_frames(content), 1, 2**20)
    return end_batch(assembler, 1)


def run_rounds(content):
    """Flows as they end, some packets at a time; with bounds that some octets choose."""
    assembler, frames_left, n_out, is_last = open_assembler(content), iter(list(planned_frames(content))), 0, False
    head = content[:HEAD_BYTES].ljust(HEAD_BYTES, b"\0")
    while not is_last:
        is_last = assembler.assemble_packets(frames_left, 1, 1 + head[6] % 8) == 0
        end_ns = assembler.counters["end_ns"] or 0
        assembler.end_round(
            {
                "min_packets": 1,
                "max_flow_packets": 1 + head[7] if head[7] & 1 else NO_CAP,
                "max_flows": 1 + head[7] % 4 if head[7] & 2 else NO_CAP,
                "max_memory_bytes": NO_CAP,
                "packet_bytes": 50,
                "flow_bytes": 200,
                "latest_ns": end_ns,
                "watermark_ns": end_ns - 10**6,
                "is_last": is_last,
            }
        )
        taken = assembler.take_round()
        require_biflows(taken)
        n_out += len(taken["time_ns"])
    assert n_out == assembler.counters["packets_kept"]
    assert assembler.n_open_packets == 0
    return n_out


def run_options(content):
    """Options of a TCP header."""
    options = _flowcore.read_tcp_options(content)
    assert 0 <= options < 2**27
    return options


TARGETS = {
    "biflows": run_capture,
    "details": run_frame,
    "rows": run_plan,
    "biflow_rounds": run_rounds,
    "tcp_options": run_options,
}
