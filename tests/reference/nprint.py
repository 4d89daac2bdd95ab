"""The bits of a packet's headers as nPrint 1.2.1 names and orders them: 1, 0, and -1 where there is none.

What is taken of a frame is what `headers.HeaderDecoder` finds in it: the innermost IP packet (or the outermost), behind
any VLAN tags. `nprint.md` says what the definitions leave open, and where nPrint itself is not followed.
"""

from typing import NamedTuple

from reference.decode import TCP, UDP
from reference.headers import ICMP, ICMPV6, HeaderDecoder

ABSENT = -1
BLOCKS = ("ipv4", "ipv6", "tcp", "udp", "icmp")  # in nPrint's order, whatever the order in which they are asked for
FIELDS = {
    "ipv4": {
        "ver": 4, "hl": 4, "tos": 8, "tl": 16, "id": 16, "rbit": 1, "dfbit": 1, "mfbit": 1, "foff": 13,
        "ttl": 8, "proto": 8, "cksum": 16, "src": 32, "dst": 32, "opt": 320,
    },
    "ipv6": {"ver": 4, "tc": 8, "fl": 20, "len": 16, "nh": 8, "hl": 8, "src": 128, "dst": 128},
    "tcp": {
        "sprt": 16, "dprt": 16, "seq": 32, "ackn": 32, "doff": 4, "res": 3, "ns": 1, "cwr": 1, "ece": 1, "urg": 1,
        "ackf": 1, "psh": 1, "rst": 1, "syn": 1, "fin": 1, "wsize": 16, "cksum": 16, "urp": 16, "opt": 320,
    },
    "udp": {"sport": 16, "dport": 16, "len": 16, "cksum": 16},
    "icmp": {"type": 8, "code": 8, "cksum": 16, "roh": 32},
}  # fmt: skip
BLOCK_OF_PROTOCOL = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmp"}


class Pieces(NamedTuple):
    """The octets of one packet, as far as they were captured."""

    key: tuple[str, str, int, int, int]
    ip: bytes  # IPv4 with its options; of IPv6 the fixed header
    transport: bytes  # TCP with its options, 8 of UDP, ICMP and ICMPv6; of others, and of later fragments, none
    payload: bytes  # what comes then, up to the end of the IP packet


class PieceDecoder(HeaderDecoder):
    """Decodes the records of one capture to `Pieces`; the options are those of `HeaderDecoder`."""

    def _decode_ip(self, version, packet, offset, level):
        self._around = packet  # what holds the header: a later fragment ends with it at the latest
        return super()._decode_ip(version, packet, offset, level)

    def _find_flow(self, later):
        key = super()._find_flow(later).key
        header = later.header
        packet = self._around[: header.start + header.length] if header.length else self._around
        return Pieces(key, _ip_header(packet, header.start), b"", packet[header.payload :])

    def _read_transport(self, header, packet):
        found = super()._read_transport(header, packet)
        n_bytes = {TCP: found.transport_header_bytes, UDP: 8, ICMP: 8, ICMPV6: 8}.get(header.protocol, 0)
        rest = packet[header.payload :]
        return Pieces(found.key, _ip_header(packet, header.start), rest[:n_bytes], rest[n_bytes:])


def _ip_header(packet, start):
    n_bytes = (packet[start] & 0x0F) * 4 if packet[start] >> 4 == 4 else 40
    return packet[start : start + n_bytes]


def name_columns(blocks, payload_bytes=0):
    """Names of the columns of these blocks, in order."""
    names = [
        f"{block}_{field}_{bit}"
        for block in BLOCKS
        if block in blocks
        for field, n_bits in FIELDS[block].items()
        for bit in range(n_bits)
    ]
    return names + [f"payload_bit_{bit}" for bit in range(8 * payload_bytes)]


def describe(pieces, blocks, payload_bytes=0):
    """Column -> 1, 0 or -1."""
    is_v4 = pieces.ip[0] >> 4 == 4
    octets = {"ipv4" if is_v4 else "ipv6": pieces.ip}
    if pieces.key[4] in BLOCK_OF_PROTOCOL:
        octets[BLOCK_OF_PROTOCOL[pieces.key[4]]] = pieces.transport
    row = {}
    for block in BLOCKS:
        if block in blocks:
            bits = iter(_bits(octets.get(block, b"")))
            for name in name_columns([block]):
                row[name] = next(bits, ABSENT)
    bits = iter(_bits(pieces.payload))
    for bit in range(8 * payload_bytes):
        row[f"payload_bit_{bit}"] = next(bits, ABSENT)
    return row


def _bits(octets):
    """Each octet from its most significant bit on."""
    for octet in octets:
        yield from (octet >> place & 1 for place in range(7, -1, -1))


def read_rows(records, blocks=BLOCKS, payload_bytes=0, **options):
    """Records -> ((time in ns, flow key, values in order) of each packet kept, reason -> packets skipped)."""
    decoder, rows, skipped = PieceDecoder(**options), [], {}
    for record in records:
        found = decoder.decode_record(record)
        if isinstance(found, str):
            skipped[found] = skipped.get(found, 0) + 1
        else:
            row = describe(found, blocks, payload_bytes)
            rows.append((record.time_ns, found.key, list(row.values())))
    return rows, skipped
