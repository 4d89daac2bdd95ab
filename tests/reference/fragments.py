"""Later fragments find the flow of their datagram's first one.

A datagram is known by source, destination, identification, protocol and version (RFC 791; RFC 8200, section 4.5:
there without the protocol). What is remembered is the flow key of the packet that its first fragment was given, and
when; the newest first fragment wins, as identifications are used again.
"""

from typing import NamedTuple

N_OPEN = 16_384  # datagrams that may be open: the one that was begun longest ago gives way
MAX_AGE_NS = 30 * 10**9  # either way: captures are not in order of time


class Datagram(NamedTuple):
    """What the fragments of one datagram have in common."""

    source: bytes
    destination: bytes
    identification: int
    protocol: int  # 0 for IPv6
    version: int


class Fragments:
    """Open datagrams of one capture, in order of their first fragments."""

    def __init__(self):
        self._keys = {}

    def remember(self, datagram, key, time_ns):
        """Take the flow key of a datagram's first fragment."""
        self._keys.pop(datagram, None)
        self._keys[datagram] = key, time_ns
        if len(self._keys) > N_OPEN:
            del self._keys[next(iter(self._keys))]

    def find(self, datagram, time_ns):
        """Return the flow key that a later fragment belongs to, or None."""
        key, first_ns = self._keys.get(datagram, (None, 0))
        return key if key is not None and abs(time_ns - first_ns) <= MAX_AGE_NS else None
