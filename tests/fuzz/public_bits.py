"""Inputs of the target `bits` through the kernel's public functions, with the same invariants checked in Python."""

import struct

import numpy as np

from netml import _flowcore

OPTION_BYTES = 4
MOST_FRAMES = 64
BLOCKS = ("ipv4", "ipv6", "tcp", "udp", "icmp")
NEVER = 2**63 - 1
RULES = {"is_bi": True, "has_vlan_key": True, "turns_by_syn": False, "tcp_end": 0, "idle_ns": NEVER, "active_ns": NEVER}


def split_frames(content):
    """Frames with their lengths in front."""
    at, found = 0, []
    while len(content) - at >= 2 and len(found) < MOST_FRAMES:
        (size,) = struct.unpack_from("<H", content, at)
        found.append(content[at + 2 : at + 2 + size])
        at += 2 + len(found[-1])
    return found


def assemble(assembler, frames, link_type):
    """All frames, each a nanosecond after the one before."""
    for time_ns, frame in enumerate(frames):
        assembler.assemble_packets(iter([(time_ns / 1e9, frame)]), link_type, 1)
    return assembler


def run_bits(content):
    """Rows of packets are those that flows have of their first packets."""
    options, frames = content[:OPTION_BYTES], split_frames(content[OPTION_BYTES:])
    blocks = [block for place, block in enumerate(BLOCKS) if options[0] >> place & 1]
    n_first, n_ranks, payload_octets = 1 + (options[2] & 3), 1 + (options[2] >> 2 & 3), options[1] & 15
    if len(content) < OPTION_BYTES + 2 or not (blocks or payload_octets):
        return
    link_type = 1 if options[3] & 1 else 101
    decoding = {"takes_all": True, "enters_tunnels": bool(options[3] & 2), "tracks_fragments": bool(options[3] & 4)}
    reader = _flowcore.HeaderReader(blocks=blocks, payload_octets=payload_octets, **decoding)
    _, bits = assemble(reader, frames, link_type).take_rows(MOST_FRAMES)
    assert len(bits) == reader.counters["packets_kept"]
    assert ((bits >= -1) & (bits <= 1)).all()
    assembler = _flowcore.BiflowAssembler((), rules=RULES, n_first=n_first, payload_octets=payload_octets, **decoding)
    taken = assemble(assembler, frames, link_type).take_biflows(1)
    n_flows, width = len(taken["header_numbers"]), bits.shape[1]
    X = np.full((n_flows, n_ranks * width), -1, np.int8)
    numbers = np.full(int(taken["header_numbers"].max(initial=0)) + 1, 0xFFFFFFFF, np.uint32)
    numbers[taken["header_numbers"]] = np.arange(n_flows)
    n_written = assembler.take_headers().fill_rows(X, blocks, payload_octets, n_ranks, numbers)
    lengths = np.diff(taken["offsets"])
    assert n_written == np.minimum(lengths, min(n_first, n_ranks)).sum()
    assert lengths.sum() == len(bits)
    known = {row.tobytes() for row in bits}
    for flow, length in zip(X.reshape(n_flows, n_ranks, width), lengths.tolist(), strict=True):
        n_there = min(length, n_first, n_ranks)
        assert {row.tobytes() for row in flow[:n_there]} <= known
        assert (flow[n_there:] == -1).all()
