"""The lengths that can be a packet's size, and the packet column of each."""

from __future__ import annotations

from netml.validation import require_choice

SIZE_COLUMNS = {"captured": "caplen", "wire": "wirelen", "ip": "ip_bytes", "payload": "payload_bytes"}
SIZES = tuple(SIZE_COLUMNS)


def require_size(size: str) -> None:
    """Raise `OptionError` unless `size` is one of `SIZES`."""
    require_choice("size", size, SIZES)
