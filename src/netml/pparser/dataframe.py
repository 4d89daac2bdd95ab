"""One row a packet, with addresses, ports and DNS: the data frame of the original's `pcap2pandas`."""

from __future__ import annotations

import datetime
import decimal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dpkt

from netml.capture.reader import iter_frames
from netml.errors import MissingExtraError
from netml.pparser import dns

if TYPE_CHECKING:
    import pandas as pd

# In the original's order, which is that of the alphabet.
COLUMNS = (
    "datetime",
    "dns_query",
    "dns_resp",
    "ip_dst",
    "ip_dst_int",
    "ip_src",
    "ip_src_int",
    "is_dns",
    "length",
    "mac_dst",
    "mac_dst_int",
    "mac_src",
    "mac_src_int",
    "port_dst",
    "port_src",
    "protocol",
    "time",
    "time_normed",
)
_NUMBERS = ("ip_dst_int", "ip_src_int", "length", "mac_dst_int", "mac_src_int", "port_dst", "port_src")
_LARGEST_INT64 = 2**63 - 1
_END_OF_CALENDAR = 9_000_000_000  # s


def packet_frame(source: Any, *, link_type: int | None = None) -> pd.DataFrame:
    """Read a capture into a data frame, one row a packet.

    Parameters
    ----------
    source, link_type
        As in `netml.read_flows`.

    Returns
    -------
    pandas.DataFrame
        datetime : datetime64[ns]
            Time in the local zone, cut to whole seconds.
        time, time_normed : object
            `decimal.Decimal`: seconds since 1970, and since the first row's time.
        length : int64
            Captured length, bytes.
        mac_dst, mac_src, ip_dst, ip_src : object
            Addresses as text; None where the packet has none. `ip_*` of the outermost IPv4 or IPv6 header.
        mac_dst_int, mac_src_int, ip_dst_int, ip_src_int, port_dst, port_src
            As numbers. int64 if every packet has one, float64 with NaN if some have; object if none has, and
            where IPv6 addresses are too large.
        protocol : object
            "TCP", "UDP", "ICMP" (of IPv4), or None.
        is_dns : bool
            True if the packet holds a DNS, mDNS or LLMNR message with a question or a record.
        dns_query, dns_resp : object
            Tuples of one, or None: the name of the first record (without one: of the first question) with a
            dot at its end; the first record's value: text for addresses and names, a list of bytes for TXT.
            Records of SOA, MX, SRV, OPT and of DNSSEC do not count.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.
    NotACaptureError
        If the source is neither pcap nor pcapng.
    CaptureError
        If it is damaged.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("a pandas data frame", "pandas") from error

    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for frame in iter_frames(source, link_type=link_type):
        row = _describe(*frame)
        for name in COLUMNS:
            columns[name].append(row.get(name))
    first = columns["time"][0] if columns["time"] else None
    columns["time_normed"] = [moment - first for moment in columns["time"]]
    # pandas 3 makes text of its own kind of an object column, unless it is told.
    series = {name: pd.Series(*_typed(name, values)) for name, values in columns.items()}
    return pd.DataFrame(series)


def _describe(time_ns: int, frame: bytes, link_type: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "time": decimal.Decimal(time_ns).scaleb(-9).quantize(decimal.Decimal(_precision(time_ns))),
        "datetime": _local_time(time_ns // 10**9),
        "length": len(frame),
        "is_dns": False,
    }
    network = _decode_link(frame, link_type, row)
    if isinstance(network, dpkt.ip.IP | dpkt.ip6.IP6):
        family = socket.AF_INET if isinstance(network, dpkt.ip.IP) else socket.AF_INET6
        for field, address in (("ip_dst", network.dst), ("ip_src", network.src)):
            row[field] = socket.inet_ntop(family, address)
            row[f"{field}_int"] = int.from_bytes(address, "big")
        _describe_transport(network.data, row)
    return row


def _precision(time_ns: int) -> str:
    return "1e-6" if time_ns % 1000 == 0 else "1e-9"


def _describe_transport(transport: Any, row: dict[str, Any]) -> None:
    if isinstance(transport, dpkt.icmp.ICMP):
        row["protocol"] = "ICMP"
    elif isinstance(transport, dpkt.tcp.TCP | dpkt.udp.UDP):
        is_tcp = isinstance(transport, dpkt.tcp.TCP)
        row["protocol"] = "TCP" if is_tcp else "UDP"
        row["port_dst"], row["port_src"] = transport.dport, transport.sport
        message = dns.parse_payload(transport.data, (transport.dport, transport.sport), is_tcp=is_tcp)
        row.update(message or {})


def _decode_link(frame: bytes, link_type: int, row: dict[str, Any]) -> Any:
    """Return the packet in a frame, as far as dpkt decodes it, and write the link's addresses into the row."""
    decode = _LINKS.get(link_type)
    if decode is None:
        return None
    try:
        link = decode(frame)
    except (dpkt.UnpackError, IndexError):  # dpkt looks at the octet behind MPLS labels, be it there or not
        return None
    if isinstance(link, dpkt.ethernet.Ethernet):
        for field, address in (("mac_dst", link.dst), ("mac_src", link.src)):
            row[field] = address.hex(":")
            row[f"{field}_int"] = int.from_bytes(address, "big")
    packet = link if isinstance(link, dpkt.ip.IP | dpkt.ip6.IP6) else link.data
    while isinstance(packet, dpkt.pppoe.PPPoE | dpkt.ppp.PPP):
        packet = packet.data
    return packet


def _decode_ppp(frame: bytes) -> Any:
    # dpkt wants the address and the control field of HDLC framing, which most captures lack.
    return dpkt.ppp.PPP(frame if frame[:2] == b"\xff\x03" else b"\xff\x03" + frame)


def _decode_raw(frame: bytes) -> Any:
    return dpkt.ip6.IP6(frame) if frame[:1] >= b"\x60" else dpkt.ip.IP(frame)


# LINKTYPE_ values; of other links only time and length are known.
_LINKS: dict[int, Callable[[bytes], Any]] = {
    0: dpkt.loopback.Loopback,
    1: dpkt.ethernet.Ethernet,
    9: _decode_ppp,
    12: _decode_raw,
    14: _decode_raw,
    101: _decode_raw,
    108: dpkt.loopback.Loopback,
    113: dpkt.sll.SLL,
    228: _decode_raw,
    229: _decode_raw,
    276: dpkt.sll2.SLL2,
}


def _typed(name: str, values: list[Any]) -> tuple[list[Any], None, str]:
    """Return the arguments of a pandas.Series: values, index, type."""
    if name == "datetime":
        return values, None, "datetime64[ns]"
    if name == "is_dns":
        return values, None, "bool"
    known = [value for value in values if value is not None] if name in _NUMBERS else []
    if known and max(known) <= _LARGEST_INT64:
        return values, None, "int64" if len(known) == len(values) else "float64"
    return values, None, "object"


def _local_time(time_s: int) -> datetime.datetime | None:
    # Damaged captures bring times that no calendar and no datetime64[ns] has: the latter ends in 2262.
    return datetime.datetime.fromtimestamp(time_s) if 0 <= time_s < _END_OF_CALENDAR else None
