#!/usr/bin/env python3
"""Five-tuples made to collide: the kernel's time on them against random ones.

    python benchmarks/flooding.py [--flows 300000] [--rounds 7] [--bi] [--json RESULT.json]

Two packets a flow, IPv4 and UDP. `zeros` would all have one hash, were the seeds zeros; the sums and polynomials are
those that a fixed hash might use. In turns, in one process; best ns a packet. The seeds are new each time.
"""

import argparse
import json
import time

import numpy as np

from netml import _flowcore

RECORD_BYTES = 16 + 14 + 20 + 8


def make_capture(source, destination, ports):
    """Records of a pcap, without its header: each five-tuple twice."""
    n = len(source)
    rows = np.zeros((n, RECORD_BYTES), np.uint8)
    rows[:, 8:12] = rows[:, 12:16] = np.frombuffer(np.uint32(RECORD_BYTES - 16).tobytes(), np.uint8)
    rows[:, 28] = 8  # EtherType IPv4
    rows[:, 30] = 0x45
    rows[:, 33], rows[:, 38], rows[:, 39] = 28, 64, 17
    rows[:, 42:46] = source.astype(">u4").view(np.uint8).reshape(n, 4)
    rows[:, 46:50] = destination.astype(">u4").view(np.uint8).reshape(n, 4)
    rows[:, 50:54] = ports.astype(">u4").view(np.uint8).reshape(n, 4)
    rows[:, 55] = 8
    return np.concatenate([rows, rows]).reshape(-1)


def crc_of_key(words):
    """CRC-32 of twelve octets, by a table; linear over XOR, which is what makes collisions cheap."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0xEDB88320), table >> 1).astype(np.uint32)
    crc = np.full(len(words), 0xFFFFFFFF, np.uint32)
    for octet in np.ascontiguousarray(words, ">u4").view(np.uint8).reshape(len(words), 12).T:
        crc = table[(crc ^ octet) & 0xFF] ^ crc >> 8
    return crc


def fnv_of_key(words):
    """FNV-1a of twelve octets."""
    found = np.full(len(words), 2166136261, np.uint32)
    for octet in np.ascontiguousarray(words, ">u4").view(np.uint8).reshape(len(words), 12).T:
        found = (found ^ octet) * np.uint32(16777619)
    return found


def jenkins_of_key(words):
    """Jenkins's one-at-a-time of twelve octets."""
    found = np.zeros(len(words), np.uint32)
    for octet in np.ascontiguousarray(words, ">u4").view(np.uint8).reshape(len(words), 12).T:
        found = found + octet
        found = found + (found << 10)
        found = found ^ found >> 6
    found = found + (found << 3)
    found = found ^ found >> 11
    return found + (found << 15)


def keep_colliding(hash_of, n, bits, random):
    """Five-tuples whose hash's low `bits` are 0."""
    kept, n_kept = [], 0
    while n_kept < n:
        words = random.integers(0, 2**32, (1 << 20, 3), dtype=np.uint32)
        kept.append(words[hash_of(words) & np.uint32((1 << bits) - 1) == 0])
        n_kept += len(kept[-1])
    return np.concatenate(kept)[:n].T


def make_tuples(n, random):
    """Name -> (source, destination, both ports) of `n` flows."""
    i = np.arange(n, dtype=np.uint32)
    some = random.integers(0, 2**32, n, dtype=np.uint32)
    same = np.full(n, 0x0A000001, np.uint32)
    return {
        "random": tuple(random.integers(0, 2**32, (3, n), dtype=np.uint32)),
        "sequential ports": (same, same + 1, i),
        "sequential sources": (same + i, same, same),
        "sources by 2^16": (i << 16 | i >> 16, same, same),
        "hosts and ports": (same + i % 547, same + (i // 547), i * 7),
        "zeros": (np.zeros(n, np.uint32), i, same),
        "XOR folds to 0": (some, i, some ^ i),
        "sum is 0": (some, i, 0 - some - i),
        "CRC-32, low 6 bits": keep_colliding(crc_of_key, n, 6, random),
        "FNV-1a, low 6 bits": keep_colliding(fnv_of_key, n, 6, random),
        "Jenkins, low 6 bits": keep_colliding(jenkins_of_key, n, 6, random),
        # What biflows might mix up: both ends near each other, or the same numbers at either end.
        "ends differ by 1": (some, some + 1, i),
        "ends are mirrored": (i, ~i, i << 16 | i & 0xFFFF),
        "one host's ports": (same, same, (i & 0x7FFF) << 16 | 0x8000 | i >> 15),
    }


BIFLOWS = {
    "is_bi": True,
    "has_vlan_key": True,
    "turns_by_syn": False,
    "idle_ns": 120 * 10**9,
    "active_ns": 1800 * 10**9,
    "tcp_end": _flowcore.TCP_ENDS["fin"],
}


def measure(capture, n, is_bi):
    """ns a packet, of one pass into a table of its own."""
    framer = _flowcore.Framer("pcap")
    assembler = _flowcore.FlowAssembler(("caplen",))
    if is_bi:
        assembler = _flowcore.BiflowAssembler(("caplen",), rules=BIFLOWS)
    begin_s = time.perf_counter()
    assembler.assemble(framer, capture, 0, len(capture))
    taken_s = time.perf_counter() - begin_s
    if assembler.n_keys != n or assembler.n_packets_read != 2 * n:
        raise SystemExit(f"{assembler.n_keys} flows of {n}")
    return taken_s * 1e9 / (2 * n)


def count_different(columns, is_bi):
    """Flows of these five-tuples; as biflows, both directions are one."""
    source, destination, ports = (column.astype(np.uint64) for column in columns)
    ends = np.stack(
        [source << np.uint64(16) | ports >> np.uint64(16), destination << np.uint64(16) | ports & np.uint64(0xFFFF)]
    )
    return len(np.unique(np.sort(ends, 0) if is_bi else ends, axis=1).T)


def main():
    """Measure, in turns, and print a table."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--flows", type=int, default=300_000)
    cli.add_argument("--rounds", type=int, default=7)
    cli.add_argument("--bi", action="store_true", help="biflows instead of flows")
    cli.add_argument("--json", metavar="RESULT.json")
    args = cli.parse_args()
    tuples = make_tuples(args.flows, np.random.default_rng(4))
    makings = {name: make_capture(*columns) for name, columns in tuples.items()}
    n_different = {name: count_different(columns, args.bi) for name, columns in tuples.items()}
    runs = {name: [] for name in makings}
    for _ in range(args.rounds):
        for name, capture in makings.items():
            runs[name].append(
                measure(capture, n_different[name], args.bi) if n_different[name] == args.flows else np.nan
            )
    best = {name: min(each) for name, each in runs.items()}
    found = {name: {"ns_per_packet": round(ns, 1), "ratio": round(ns / best["random"], 2)} for name, ns in best.items()}
    print(f"{'five-tuples':<22} {'ns a packet':>11} {'to random':>10}")
    for name, each in found.items():
        print(f"{name:<22} {each['ns_per_packet']:>11.1f} {each['ratio']:>10.2f}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as stream:
            json.dump({"flows": args.flows, "rounds": args.rounds, "five_tuples": found}, stream, indent=1)
            stream.write("\n")


if __name__ == "__main__":
    main()
