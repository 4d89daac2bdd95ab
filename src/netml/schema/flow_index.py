"""The flow index: keys, times and counts of flows, one row a flow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from netml import _flowcore
from netml.errors import OptionError

FLOW_KEY = _flowcore.FLOW_KEY
ATTRIBUTE_KINDS: dict[str, type[np.integer[Any]]] = {
    "vlan_id": np.uint16,
    "icmp_type": np.int16,
    "icmp_code": np.int16,
    "connection_start_ns": np.int64,
}
ADDRESS_COLUMNS = ("src_ip", "dst_ip")
FLOW_COLUMNS = ("src_ip", "src_port", "dst_ip", "dst_port", "protocol", "start_ns", "end_ns", "packets", "bytes")
# Stand behind FLOW_COLUMNS where they are known: of biflows, and the first where flows were taken as they ended.
OPTIONAL_COLUMNS: dict[str, type[np.integer[Any]]] = {
    "end_reason": np.uint8,
    "vlan_id": np.uint16,
    "icmp_type": np.int16,
    "icmp_code": np.int16,
}
_ADDRESSES_AT_A_TIME = 1 << 20

Rows = slice | np.ndarray | list[int] | list[bool]


def address_texts(addresses: np.ndarray, versions: np.ndarray) -> np.ndarray:
    """Write addresses as text (RFC 5952).

    Parameters
    ----------
    addresses : ndarray (n, 16) of uint8
        Network order; IPv4 in the first 4 octets.
    versions : ndarray (n,) of uint8
        4 or 6.

    Returns
    -------
    ndarray (n,) of str
        The addresses.
    """
    texts: list[str] = []
    for first in range(0, len(versions), _ADDRESSES_AT_A_TIME):
        part = slice(first, first + _ADDRESSES_AT_A_TIME)
        offsets, octets = _flowcore.format_addresses(np.ascontiguousarray(addresses[part]), versions[part].copy())
        text = octets.tobytes().decode("ascii")
        ends = offsets.tolist()
        texts += [text[start:end] for start, end in itertools.pairwise(ends)]
    return np.array(texts, dtype=np.str_)


class Addresses:
    """Addresses as octets: each file format writes them as text in its fastest way.

    Parameters
    ----------
    octets : ndarray (n, 16) of uint8
        Network order; IPv4 in the first 4 octets.
    versions : ndarray (n,) of uint8
        4 or 6.
    """

    __slots__ = ("octets", "versions")

    def __init__(self, octets: np.ndarray, versions: np.ndarray) -> None:
        self.octets = octets
        self.versions = versions

    def __len__(self) -> int:
        return len(self.versions)

    def __getitem__(self, rows: Rows) -> Addresses:
        """Choose rows by a slice, by positions or by a mask."""
        return Addresses(self.octets[rows], self.versions[rows])

    def texts(self) -> np.ndarray:
        """Return the addresses as text: ndarray (n,) of str."""
        return address_texts(self.octets, self.versions)


class FlowIndex:
    """Keys, times and counts of flows: one row a flow, in the matrix's order.

    Parameters
    ----------
    keys : ndarray (n_flows,) of FLOW_KEY
        Directional five-tuples: `src_ip`, `dst_ip` (16 octets in network order, IPv4 in the first 4), `src_port`,
        `dst_port`, `protocol` (6, 17 or, of biflows, any), `ip_version` (4 or 6).
    start_ns, end_ns : ndarray (n_flows,) of int64
        Times of the first and last packet since 1970, ns.
    packets, bytes : ndarray (n_flows,) of int64
        Packets, and the sum of their sizes.
    end_reason : ndarray (n_flows,) of uint8, optional
        Why each flow has ended, as IPFIX's flowEndReason: 1 idle, 2 active, 3 end of flow (TCP), 4 end of input,
        5 lack of resources. Only of biflows, or where flows are taken as they end; see `docs/streaming.md`.
    attributes : dict of str to ndarray (n_flows,), optional
        What else is known of biflows: `vlan_id` uint16 (0: none); `icmp_type`, `icmp_code` int16 of the first packet
        (-1: not ICMP); `connection_start_ns` int64, the start of the first of the flows that active timeouts have
        made of one connection.
    """

    __slots__ = ("attributes", "bytes", "end_ns", "end_reason", "keys", "packets", "start_ns")

    def __init__(
        self,
        keys: Any,
        start_ns: Any,
        end_ns: Any,
        packets: Any,
        bytes: Any,
        end_reason: Any = None,
        attributes: Any = None,
    ) -> None:
        self.keys = np.asarray(keys, FLOW_KEY)
        self.start_ns = np.asarray(start_ns, np.int64)
        self.end_ns = np.asarray(end_ns, np.int64)
        self.packets = np.asarray(packets, np.int64)
        self.bytes = np.asarray(bytes, np.int64)
        self.end_reason: np.ndarray | None = None if end_reason is None else np.asarray(end_reason, np.uint8)
        self.attributes: dict[str, np.ndarray] = {
            name: np.asarray(column, ATTRIBUTE_KINDS[name]) for name, column in (attributes or {}).items()
        }
        columns = (self.keys, self.start_ns, self.end_ns, self.packets, self.bytes, self.end_reason)
        lengths = [len(column) for column in (*columns, *self.attributes.values()) if column is not None]
        if len(set(lengths)) != 1:
            raise OptionError("flow index", lengths, "columns of one length")

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"<FlowIndex: {len(self)} flows>"

    def __getitem__(self, rows: Rows) -> FlowIndex:
        """Choose rows by a slice, by positions or by a mask."""
        end_reason = None if self.end_reason is None else self.end_reason[rows]
        attributes = {name: column[rows] for name, column in self.attributes.items()}
        return FlowIndex(
            self.keys[rows],
            self.start_ns[rows],
            self.end_ns[rows],
            self.packets[rows],
            self.bytes[rows],
            end_reason,
            attributes,
        )

    @classmethod
    def concat(cls, indices: Sequence[FlowIndex]) -> FlowIndex:
        """Put the flows of several indices below each other.

        Parameters
        ----------
        indices : sequence of FlowIndex
            None makes an index without flows.

        Returns
        -------
        FlowIndex (sum of n_flows)
            End reasons and attributes only if all have them.
        """
        counts = np.empty(0, np.int64)
        keys = np.concatenate([np.empty(0, FLOW_KEY), *(index.keys for index in indices)])
        names = ("start_ns", "end_ns", "packets", "bytes")
        columns = {name: np.concatenate([counts, *(getattr(index, name) for index in indices)]) for name in names}
        reasons = [index.end_reason for index in indices if index.end_reason is not None]
        has_reasons = len(reasons) == len(indices) > 0
        known = [name for name in ATTRIBUTE_KINDS if indices and all(name in index.attributes for index in indices)]
        attributes = {name: np.concatenate([index.attributes[name] for index in indices]) for name in known}
        return cls(keys, **columns, end_reason=np.concatenate(reasons) if has_reasons else None, attributes=attributes)

    @property
    def src_ip(self) -> np.ndarray:
        """Source addresses as text: ndarray (n_flows,) of str."""
        return address_texts(self.keys["src_ip"], self.keys["ip_version"])

    @property
    def dst_ip(self) -> np.ndarray:
        """Destination addresses as text: ndarray (n_flows,) of str."""
        return address_texts(self.keys["dst_ip"], self.keys["ip_version"])

    def five_tuples(self) -> list[tuple[str, str, int, int, int]]:
        """Return (source, destination, source port, destination port, protocol) of each flow.

        Returns
        -------
        list of (str, str, int, int, int)
            One for each flow.
        """
        keys = self.keys
        columns = (
            self.src_ip.tolist(),
            self.dst_ip.tolist(),
            keys["src_port"].tolist(),
            keys["dst_port"].tolist(),
            keys["protocol"].tolist(),
        )
        return list(zip(*columns, strict=True))

    def to_columns(self) -> dict[str, np.ndarray]:
        """Return the columns that every table of flows starts with, in order.

        Returns
        -------
        dict of str to ndarray (n_flows,)
            `src_ip`, `src_port`, `dst_ip`, `dst_port`, `protocol`, `start_ns`, `end_ns`, `packets`, `bytes` and, if it
            is known, `end_reason`, `vlan_id`, `icmp_type`, `icmp_code`; addresses as text.
        """
        columns = self.table_columns()
        return {name: column.texts() if isinstance(column, Addresses) else column for name, column in columns.items()}

    def table_columns(self) -> dict[str, np.ndarray | Addresses]:
        """Return the columns of `to_columns`, with the addresses as octets.

        Returns
        -------
        dict of str to ndarray (n_flows,) or Addresses
            In the order of `to_columns`.
        """
        keys, known = self.keys, {"end_reason": self.end_reason, **self.attributes}
        columns: dict[str, np.ndarray | Addresses] = {
            name: Addresses(keys[name], keys["ip_version"]) if name in ADDRESS_COLUMNS else keys[name]
            for name in FLOW_COLUMNS[:5]
        }
        columns |= {name: getattr(self, name) for name in FLOW_COLUMNS[5:]}
        return columns | {name: column for name in OPTIONAL_COLUMNS if (column := known.get(name)) is not None}


def index_from_columns(columns: dict[str, Any]) -> FlowIndex:
    """Build a flow index from a table's columns; the addresses are text.

    Raises
    ------
    ValueError
        If an address is none.
    """
    n_flows = len(columns["src_port"])
    keys = np.zeros(n_flows, FLOW_KEY)
    for name in ADDRESS_COLUMNS:
        keys[name], versions = _packed_addresses(columns[name])
        keys["ip_version"] = np.maximum(keys["ip_version"], versions)
    for name in ("src_port", "dst_port", "protocol"):
        keys[name] = columns[name]
    start_ns, end_ns, packets, n_bytes = (np.asarray(columns[name], np.int64) for name in FLOW_COLUMNS[-4:])
    attributes = {name: columns[name] for name in OPTIONAL_COLUMNS if name in columns and name != "end_reason"}
    return FlowIndex(keys, start_ns, end_ns, packets, n_bytes, columns.get("end_reason"), attributes)


def _packed_addresses(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    import ipaddress

    known: dict[str, tuple[bytes, int]] = {}
    rows, versions = bytearray(), bytearray()
    for text in texts:
        if text not in known:
            address = ipaddress.ip_address(text)
            known[text] = address.packed.ljust(16, b"\0"), address.version
        packed, version = known[text]
        rows += packed
        versions.append(version)
    return np.frombuffer(bytes(rows), np.uint8).reshape(-1, 16), np.frombuffer(bytes(versions), np.uint8)


def empty_index(n_flows: int) -> FlowIndex:
    """Make an index of flows for a format that keeps none: all keys, times and counts 0."""
    counts = [np.zeros(n_flows, np.int64) for _ in range(4)]
    return FlowIndex(np.zeros(n_flows, FLOW_KEY), *counts)
