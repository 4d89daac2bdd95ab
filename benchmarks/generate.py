#!/usr/bin/env python3
"""Write a big capture for measuring: as many packets, flows and open flows as asked for, in seconds.

    python benchmarks/generate.py OUT.pcap --packets 2000000 --flows 1000000 [--concurrent 1000000]
                                  [--size min|imix] [--rate 1000000] [--seed 1]

The same arguments give the same bytes: a classic little-endian microsecond pcap, Ethernet + IPv4 + TCP with
right checksums, every flow one direction of a connection. The flows are opened ``--concurrent`` at a time (by
default all together); the open ones send one packet each per round, in a new random order each round. So a
program that groups packets into flows has that many open at once, and finds no help in the order of packets.
"""

import argparse
import os

import numpy as np

MIN_FRAME_BYTES = 60  # the smallest Ethernet frame, without its check sequence
IMIX_FRAME_BYTES = np.array([60] * 7 + [590] * 4 + [1514])  # the usual 7:4:1 mix of 40, 576 and 1500 byte packets
CHUNK_PACKETS = 1 << 16  # what is built at a time: bounds the memory, whatever the capture's size
START_S = 1_700_000_000

FILE_HEADER = np.array(
    [(0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)],
    dtype="<u4, <u2, <u2, <i4, <u4, <u4, <u4",
)
RECORD = np.dtype(
    [
        ("sec", "<u4"),
        ("usec", "<u4"),
        ("caplen", "<u4"),
        ("wirelen", "<u4"),
        ("macs", "u1", 12),
        ("ethertype", ">u2"),
        ("version_ihl_tos", ">u2"),
        ("total_length", ">u2"),
        ("identification", ">u2"),
        ("fragment", ">u2"),
        ("ttl_protocol", ">u2"),
        ("ip_checksum", ">u2"),
        ("src_ip", ">u4"),
        ("dst_ip", ">u4"),
        ("src_port", ">u2"),
        ("dst_port", ">u2"),
        ("seq", ">u4"),
        ("ack", ">u4"),
        ("offset_flags", ">u2"),
        ("window", ">u2"),
        ("tcp_checksum", ">u2"),
        ("urgent", ">u2"),
    ]
)
MACS = np.frombuffer(bytes.fromhex("020000000002020000000001"), dtype=np.uint8)


def checksum(words):
    """Internet checksum (RFC 1071) of a sum of 16-bit words: uint64 array in, uint16 array out."""
    folded = (words & 0xFFFF) + (words >> 16)
    folded = (folded & 0xFFFF) + (folded >> 16)
    return (~folded & 0xFFFF).astype(np.uint16)


def flow_keys(flow_ids):
    """Source address, source port and destination address of each flow; no two flows share all three."""
    # An odd factor makes this a bijection of 32 bits, so the keys are distinct and look random.
    mixed = (flow_ids.astype(np.uint64) * 0x9E3779B1 + 0x7F4A7C15) & 0xFFFFFFFF
    src_ip = 0x0A000000 | (mixed >> 15)
    src_port = 0x8000 | (mixed & 0x7FFF)
    dst_ip = 0xCB007100 | (1 + mixed % 199)
    return src_ip, src_port, dst_ip


def fill_records(flow_ids, time_us, frame_bytes, identification):
    """Record headers and frame headers of a chunk of packets, an array of `RECORD`."""
    records = np.zeros(len(flow_ids), dtype=RECORD)
    src_ip, src_port, dst_ip = flow_keys(flow_ids)
    # The smallest frame carries 6 bytes of padding, which the IP length leaves out.
    total_length = np.where(frame_bytes == MIN_FRAME_BYTES, 40, frame_bytes - 14).astype(np.uint64)
    seq = (identification * 1460) & 0xFFFFFFFF
    addresses = (src_ip >> 16) + (src_ip & 0xFFFF) + (dst_ip >> 16) + (dst_ip & 0xFFFF)

    records["sec"] = START_S + time_us // 1_000_000
    records["usec"] = time_us % 1_000_000
    records["caplen"] = records["wirelen"] = frame_bytes
    records["macs"] = MACS
    records["ethertype"] = 0x0800
    records["version_ihl_tos"] = 0x4500
    records["total_length"] = total_length
    records["identification"] = identification & 0xFFFF
    records["fragment"] = 0x4000
    records["ttl_protocol"] = 0x4006
    records["ip_checksum"] = checksum(addresses + total_length + (identification & 0xFFFF) + 0x4500 + 0x4000 + 0x4006)
    records["src_ip"], records["dst_ip"] = src_ip, dst_ip
    records["src_port"], records["dst_port"] = src_port, 443
    records["seq"], records["ack"] = seq, 1
    records["offset_flags"] = 0x5018  # PSH + ACK
    records["window"] = 0xFFFF
    words = addresses + (total_length - 20) + 6 + src_port + 443 + (seq >> 16) + (seq & 0xFFFF)
    records["tcp_checksum"] = checksum(words + 1 + 0x5018 + 0xFFFF)
    return records


def write_records(out, records, frame_bytes):
    """Append records to the open file, their payload (or padding) all zero bytes."""
    header_bytes = RECORD.itemsize
    header_octets = records.view(np.uint8).reshape(len(records), header_bytes)
    record_bytes = frame_bytes + 16
    if (record_bytes == record_bytes[0]).all():
        octets = np.zeros((len(records), int(record_bytes[0])), dtype=np.uint8)
        octets[:, :header_bytes] = header_octets
    else:
        ends = np.cumsum(record_bytes)
        octets = np.zeros(int(ends[-1]), dtype=np.uint8)
        starts = ends - record_bytes
        for column in range(header_bytes):
            octets[starts + column] = header_octets[:, column]
    octets.tofile(out)


def rounds_of_flows(n_packets, n_flows, n_concurrent, rng):
    """Yield arrays of flow numbers, in packet order; together they hold `n_packets` numbers.

    Every flow gets ``n_packets // n_flows`` packets, the first ``n_packets % n_flows`` flows one more.
    """
    base, n_longer = divmod(n_packets, n_flows)
    for first in range(0, n_flows, n_concurrent):
        flow_ids = np.arange(first, min(first + n_concurrent, n_flows), dtype=np.int64)
        rounds_at_once = max(1, CHUNK_PACKETS // len(flow_ids))
        for done in range(0, base, rounds_at_once):
            rounds = np.tile(flow_ids, (min(rounds_at_once, base - done), 1))
            yield rng.permuted(rounds, axis=1).ravel()
        yield rng.permutation(flow_ids[flow_ids < n_longer])


def write_capture(path, n_packets, n_flows, n_concurrent=None, size="min", rate=1_000_000, seed=1):
    """Write a capture.

    Parameters
    ----------
    path : path-like
        The capture to write, a classic pcap.
    n_packets, n_flows : int
        Packets and flows in the capture; at least one packet for each flow.
    n_concurrent : int, optional
        Flows that are open at once; all of them by default.
    size : {"min", "imix"}
        Frames of 60 bytes, or a mix of 60, 590 and 1514 bytes (7 : 4 : 1).
    rate : int
        Packets per second of capture time.
    seed : int
        Seed of the order of the packets, their times and their sizes.
    """
    if not 0 < n_flows <= n_packets:
        raise ValueError(f"n_flows={n_flows}: must be from 1 to the number of packets, {n_packets}")
    if size not in ("min", "imix"):
        raise ValueError(f"size={size!r}: must be 'min' or 'imix'")
    n_concurrent = n_concurrent or n_flows
    rng = np.random.default_rng(seed)
    mean_gap_ns = 1_000_000_000 // rate
    now_ns = n_written = 0
    with open(path, "wb") as out:
        FILE_HEADER.tofile(out)
        for round_ids in rounds_of_flows(n_packets, n_flows, n_concurrent, rng):
            for first in range(0, len(round_ids), CHUNK_PACKETS):
                flow_ids = round_ids[first : first + CHUNK_PACKETS]
                time_ns = now_ns + np.cumsum(rng.integers(0, 2 * mean_gap_ns + 1, len(flow_ids)))
                now_ns = int(time_ns[-1])
                if size == "min":
                    frame_bytes = np.full(len(flow_ids), MIN_FRAME_BYTES)
                else:
                    frame_bytes = rng.choice(IMIX_FRAME_BYTES, len(flow_ids))
                numbers = np.arange(n_written, n_written + len(flow_ids), dtype=np.uint64)
                write_records(out, fill_records(flow_ids, time_ns // 1000, frame_bytes, numbers), frame_bytes)
                n_written += len(flow_ids)


def main():
    """Run the command line."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("out", metavar="OUT.pcap")
    cli.add_argument("--packets", type=int, default=2_000_000)
    cli.add_argument("--flows", type=int, default=1_000_000)
    cli.add_argument("--concurrent", type=int, help="flows open at once (default: all)")
    cli.add_argument("--size", choices=("min", "imix"), default="min")
    cli.add_argument("--rate", type=int, default=1_000_000, help="packets per second of capture time")
    cli.add_argument("--seed", type=int, default=1)
    args = cli.parse_args()
    try:
        write_capture(args.out, args.packets, args.flows, args.concurrent, args.size, args.rate, args.seed)
    except ValueError as error:
        cli.error(str(error))
    print(
        f"{args.out}: {args.packets} packets, {args.flows} flows, "
        f"{args.concurrent or args.flows} open at once, {os.path.getsize(args.out)} bytes"
    )


if __name__ == "__main__":
    main()
