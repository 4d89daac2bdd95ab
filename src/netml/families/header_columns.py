"""Columns of header bits, in nPrint's order (github.com/nprint/nprint, 1.2.1)."""

from __future__ import annotations

from collections.abc import Iterable

from netml.errors import OptionError, UnknownNameError

FIELDS = {  # header -> field -> bits, in nPrint's order
    "ipv4": {
        "ver": 4, "hl": 4, "tos": 8, "tl": 16, "id": 16, "rbit": 1, "dfbit": 1, "mfbit": 1, "foff": 13, "ttl": 8,
        "proto": 8, "cksum": 16, "src": 32, "dst": 32, "opt": 320,
    },
    "ipv6": {"ver": 4, "tc": 8, "fl": 20, "len": 16, "nh": 8, "hl": 8, "src": 128, "dst": 128},
    "tcp": {
        "sprt": 16, "dprt": 16, "seq": 32, "ackn": 32, "doff": 4, "res": 3, "ns": 1, "cwr": 1, "ece": 1, "urg": 1,
        "ackf": 1, "psh": 1, "rst": 1, "syn": 1, "fin": 1, "wsize": 16, "cksum": 16, "urp": 16, "opt": 320,
    },
    "udp": {"sport": 16, "dport": 16, "len": 16, "cksum": 16},
    "icmp": {"type": 8, "code": 8, "cksum": 16, "roh": 32},
}  # fmt: skip
LETTERS = {"4": "ipv4", "6": "ipv6", "t": "tcp", "u": "udp", "i": "icmp"}  # nPrint's options


def parse_headers(headers: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of headers in the order of nPrint's columns.

    `headers` are names with commas or an iterable of them: ipv4, ipv6, tcp, udp and icmp, or nPrint's letters 4, 6, t,
    u and i. An unknown one raises `UnknownNameError`, none at all `OptionError`.

    Examples
    --------
    >>> parse_headers("t,4")
    ('ipv4', 'tcp')
    """
    given = [headers] if isinstance(headers, str) else list(headers)
    texts = [name.strip().lower() for text in given for name in str(text).split(",")]
    names = [LETTERS.get(text, text) for text in texts]
    for text, name in zip(texts, names, strict=True):
        if name not in FIELDS:
            raise UnknownNameError("header", text, (*FIELDS, *LETTERS))
    if not names:
        raise OptionError("headers", given, f"one or more of {', '.join(FIELDS)}")
    return tuple(name for name in FIELDS if name in names)


def name_bits(headers: str | Iterable[str], payload_bytes: int = 0) -> list[str]:
    """Return the names of the columns of one packet.

    Examples
    --------
    >>> name_bits(["udp"], 1)[-9:]
    ['udp_cksum_15', 'payload_bit_0', 'payload_bit_1', 'payload_bit_2', 'payload_bit_3', 'payload_bit_4', \
'payload_bit_5', 'payload_bit_6', 'payload_bit_7']
    """
    names = [
        f"{header}_{field}_{bit}"
        for header in parse_headers(headers)
        for field, n_bits in FIELDS[header].items()
        for bit in range(n_bits)
    ]
    return names + [f"payload_bit_{bit}" for bit in range(8 * payload_bytes)]


def count_bits(headers: str | Iterable[str], payload_bytes: int = 0) -> int:
    """Count the columns of one packet.

    Examples
    --------
    >>> count_bits(["ipv4", "tcp", "udp", "icmp"])
    1088
    """
    return sum(sum(FIELDS[header].values()) for header in parse_headers(headers)) + 8 * payload_bytes
