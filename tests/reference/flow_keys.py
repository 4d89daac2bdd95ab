"""The two keys of a flow, as two types: what one sender's packets share, and what both directions share."""

from dataclasses import dataclass
from typing import NamedTuple


class Endpoint(NamedTuple):
    """One end of a flow; the port is 0 where the protocol has none."""

    address: str
    port: int


@dataclass(frozen=True)
class CanonicalKey:
    """What both directions share; the lower endpoint first, in an order that is any, as long as it is total."""

    low: Endpoint
    high: Endpoint
    protocol: int
    vlan_id: int


@dataclass(frozen=True)
class DirectionalKey:
    """What the packets of one direction share. It is no `CanonicalKey`, and equals none."""

    source: Endpoint
    destination: Endpoint
    protocol: int
    vlan_id: int  # 0 where VLANs are not part of the key

    def canonical(self):
        """Return the key of both directions."""
        low, high = sorted((self.source, self.destination))
        return CanonicalKey(low, high, self.protocol, self.vlan_id)

    def turned(self):
        """Return the key of the other direction."""
        return DirectionalKey(self.destination, self.source, self.protocol, self.vlan_id)


def key_of(packet, vlan_key=True):
    """`Headers` -> `DirectionalKey`."""
    source, destination, source_port, destination_port, protocol = packet.key
    ends = Endpoint(source, source_port), Endpoint(destination, destination_port)
    return DirectionalKey(*ends, protocol, packet.vlan_id if vlan_key else 0)
