"""What tshark dissects of every shared capture, frame by frame: run this where tshark is installed.

    python tests/golden/make_tshark_golden.py

Per frame two five-tuples: `inner`, of the last TCP or UDP header, with the addresses of the last IP header before it,
and `outer`, of what the first IP header carries. Frames are dissected one by one: nothing is reassembled. A second run
reassembles, and says which frames are fragments of one datagram.
"""

import ipaddress
import re
import subprocess
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
CAPTURES = HERE.parents[2] / "shared" / "captures"
GOLDEN = HERE / "tshark.npz"
PREFERENCES = ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE")
LAYER_FIELDS = {
    "ip": ("ip.src", "ip.dst"),
    "ipv6": ("ipv6.src", "ipv6.dst"),
    "tcp": ("tcp.srcport", "tcp.dstport"),
    "udp": ("udp.srcport", "udp.dstport"),
}
PROTOCOLS = {"tcp": 6, "udp": 17}
QUOTING = ("icmp", "icmpv6")  # what follows is the beginning of another packet, quoted in an error message
NOTHING = ""


def command_of(path):
    """The command that prints a line per frame: its layers, then all addresses and ports, outermost first."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
    for preference in PREFERENCES:
        command += ["-o", preference]
    for field in ("frame.protocols", *(field for pair in LAYER_FIELDS.values() for field in pair)):
        command += ["-e", field]
    return command


def format_address(text):
    """Text of an address as netml writes it: tshark writes ::ffff:0:0/96 without the dots."""
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped is not None else str(address)


def five_tuples_of(line):
    """(inner, outer) of one line: the layers are walked, and each takes the next occurrence of its two fields."""
    layers, *columns = line.split("\t")
    fields = [iter(column.split(",")) if column else iter(()) for column in columns]
    pairs = {layer: zip(fields[2 * i], fields[2 * i + 1], strict=True) for i, layer in enumerate(LAYER_FIELDS)}
    inner = outer = addresses = None
    n_ip_headers = 0
    for layer in layers.split(":"):
        if layer in QUOTING:
            break
        if layer not in pairs:
            continue
        pair = next(pairs[layer], None)  # none where the header is cut off before them
        if layer in ("ip", "ipv6"):
            n_ip_headers += 1
            addresses = pair and [format_address(text) for text in pair]
        elif pair and addresses:
            inner = " ".join((*addresses, *pair, str(PROTOCOLS[layer])))
            outer = outer or (inner if n_ip_headers == 1 else None)
    return inner or NOTHING, outer or NOTHING


def datagrams_of(path):
    """Frame numbers of each datagram that tshark puts together again, comma-separated, by offset."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
    command += ["-o", "ip.defragment:TRUE", "-o", "ipv6.defragment:TRUE", "-Y", "ip.fragment or ipv6.fragment"]
    return [line.strip("\t") for line in run([*command, "-e", "ip.fragment", "-e", "ipv6.fragment"])]


def run(command):
    """Lines that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def main():
    """Run tshark on every capture and write what it says."""
    names, n_frames, pairs, datagrams = [], [], [], []
    for path in sorted(CAPTURES.iterdir()):
        if path.suffix == ".csv":
            continue
        lines = run(command_of(path))
        names.append(path.name)
        n_frames.append(len(lines))
        pairs += map(five_tuples_of, lines)
        datagrams += [f"{path.name} {numbers}" for numbers in datagrams_of(path)]
    numbers = {NOTHING: 0}
    inner = [numbers.setdefault(pair[0], len(numbers)) for pair in pairs]
    outer = [numbers.setdefault(pair[1], len(numbers)) for pair in pairs]
    np.savez_compressed(
        GOLDEN,
        version=re.sub(r"^TShark \(Wireshark\) (\S+) .*", r"\1", run(["tshark", "--version"])[0]),
        command=" ".join(command_of("CAPTURE")),
        captures=np.array(names),
        n_frames=np.array(n_frames),
        datagrams=np.array(datagrams),
        five_tuples=np.frombuffer("\n".join(numbers).encode(), dtype=np.uint8),  # text: compresses better than U100
        inner=np.array(inner, dtype=np.uint16),
        outer=np.array(outer, dtype=np.uint16),
    )
    print(f"{len(pairs)} frames, {len(numbers) - 1} five-tuples, {GOLDEN.stat().st_size} bytes")


if __name__ == "__main__":
    main()
