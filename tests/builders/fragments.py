"""Fragments of one datagram, in order; cut where RFC 791 and RFC 8200 allow it: at multiples of 8 bytes."""

from builders import frames


def _pieces(payload, n_bytes):
    """(offset in units of 8 bytes, is there more, piece)."""
    for start in range(0, max(len(payload), 1), n_bytes):
        yield start // 8, start + n_bytes < len(payload), payload[start : start + n_bytes]


def ipv4_fragments(payload, *, n_bytes=16, identification=1, **header):
    """IPv4 packets; `header` as of `frames.ipv4`."""
    return [
        frames.ipv4(piece, identification=identification, fragment_offset=at, more_fragments=more, **header)
        for at, more, piece in _pieces(payload, n_bytes)
    ]


def ipv6_fragments(payload, *, n_bytes=16, identification=1, extensions=(), **header):
    """IPv6 packets; `extensions` stand in front of the fragment header."""
    return [
        frames.ipv6(piece, extensions=[*extensions, frames.fragment(at, more, identification)], **header)
        for at, more, piece in _pieces(payload, n_bytes)
    ]
