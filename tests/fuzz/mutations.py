"""Captures changed at random, into the kernel: bit flips, splices, lengths edited. What comes must hold its counts.

python tests/fuzz/mutations.py [--bi] [NUMBER [SEED]]      # 100,000 of them; a second a thousand or two
"""

import random
import struct
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import public_api  # noqa: E402
import public_biflows  # noqa: E402
import traffic  # noqa: E402
from builders import captures  # noqa: E402
from make_corpus import SHARED, built_captures  # noqa: E402

NAMES = ("gre.pcapng", "ossfuzz_seed_fake_traces_3.pcapng", "4in4tunnel.pcap", "dlt_ppp.pcap", "ipv6_in_gtp.pcap",
         "edonkey.pcap", "nano.pcapng", "6in6tunnel.pcap")  # fmt: skip
LENGTHS = (0, 1, 3, 4, 11, 12, 16, 0x7F, 0xFFFF, 0x1000000, 0x1000001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)
OPTIONS = bytes((15, 0x83, 15, 14, 16))  # of families


def originals():
    """A handful of captures: shared ones where they are, and some by hand."""
    shared = [(SHARED / name).read_bytes() for name in NAMES if (SHARED / name).is_file()]
    built = [content for _, content in list(built_captures())[::4]]
    return [*shared, *built, captures.pcap(traffic.many_flows(60))]


def mutate(content, others, chance):
    """One to six changes."""
    content = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content) + 1)
        kind = chance.randrange(7)
        if kind == 0 and content:
            content[at % len(content)] ^= 1 << chance.randrange(8)
        elif kind == 1 and content:
            content[at % len(content)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 2:
            other = chance.choice(others)
            start = chance.randrange(len(other))
            content[at:] = other[start:]
        elif kind == 3:
            other = chance.choice(others)
            start = chance.randrange(len(other))
            content[at:at] = other[start : start + chance.randrange(1, 64)]
        elif kind == 4:
            del content[at : at + chance.randrange(1, 64)]
        elif kind == 5 and len(content) >= 4:
            at = min(at // 4 * 4, len(content) - 4)
            length = chance.choice((chance.choice(LENGTHS), len(content) - at, chance.randrange(2048)))
            struct.pack_into(chance.choice("<>") + "I", content, at, length & 0xFFFFFFFF)
        elif kind == 6:
            del content[at:]
        if len(content) > 8192:
            del content[8192:]
    return bytes(content)


def run(n_mutations, seed=1):
    """Mutate and read; gives how many were captures, and how many of them damaged."""
    chance = random.Random(seed)
    others = originals()
    n_captures = n_damaged = n_packets = 0
    for number in range(n_mutations):
        content = mutate(chance.choice(others), others, chance)
        try:
            decoding = {"tracks_fragments": number % 2 == 0, "enters_tunnels": number % 3 > 0}
            assembled = public_api.assemble_capture(content, **decoding)
            if assembled is None:
                continue
            n_captures += 1
            n_damaged += assembled[1] != ""
            n_packets += assembled[0].counters["packets_read"]
            public_api.end_batch(assembled[0], interval_ns=float(10 ** (number % 11)), keeps_tail=number % 5 == 0)
        except Exception as error:
            raise AssertionError(f"mutation {number} of seed {seed}: {content.hex()}") from error
    return n_captures, n_damaged, n_packets


def run_biflows(n_mutations, seed=1):
    """The same as biflows, at once and as a stream, by rules at random; gives how many were captures, and damaged."""
    chance = random.Random(seed)
    others = originals()
    n_captures = n_damaged = 0
    for number in range(n_mutations):
        content = mutate(chance.choice(others), others, chance)
        options = bytes([chance.randrange(256), *(chance.choice((0, 12, 14, 16, 18)) for _ in range(2)), *OPTIONS])
        options += bytes(chance.randrange(256) for _ in range(4)) + bytes([number & 7, 0, 0, 0])
        try:
            fault = public_biflows.run_biflows(content, options)
        except Exception as error:
            raise AssertionError(f"mutation {number} of seed {seed}: {options.hex()} {content.hex()}") from error
        n_captures += fault is not None
        n_damaged += bool(fault)
    return n_captures, n_damaged


if __name__ == "__main__":
    as_biflows = "--bi" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--bi"]
    n_wanted, chosen = (int(word) for word in [*sys.argv[1:], *("100000", "1")[len(sys.argv) - 1 :]])
    began = time.monotonic()
    found = (run_biflows if as_biflows else run)(n_wanted, chosen)
    print(f"{n_wanted} mutations of seed {chosen}: {found[0]} captures, {found[1]} of them damaged;"
          f" nothing wrong, {time.monotonic() - began:.0f} s")  # fmt: skip
