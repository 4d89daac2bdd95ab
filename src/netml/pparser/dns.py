"""DNS messages in packets, decoded by dpkt (RFC 1035; mDNS: RFC 6762; LLMNR: RFC 4795)."""

from __future__ import annotations

import socket
import struct
from typing import Any

import dpkt

_UDP_PORTS = frozenset({53, 5353, 5355})
_TCP_PORTS = frozenset({53})

_A, _NS, _CNAME, _PTR, _TXT, _AAAA = 1, 2, 5, 12, 16, 28
# SOA, MX, SRV, OPT, DS, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, TSIG, DLV: the original passes them over.
_PASSED_OVER = frozenset({6, 15, 33, 41, 43, 46, 47, 48, 50, 51, 250, 32769})


def parse_payload(payload: bytes, ports: tuple[int, int], *, is_tcp: bool) -> dict[str, Any] | None:
    """Decode the payload of a TCP or UDP packet as a DNS message; `ports` are both ports, which tell whether it is DNS.

    The dict has `is_dns`, `dns_query` and, if there is a record, `dns_resp`; None if there is no message with a
    question or a record. Over TCP the message's length stands in front.
    """
    if not (_TCP_PORTS if is_tcp else _UDP_PORTS).intersection(ports):
        return None
    try:
        message = _Message(payload[2:] if is_tcp else payload)
        record = next((rr for rr in message.records if rr.type not in _PASSED_OVER), None)
        if record is not None:
            value = _value(record)
            return {"is_dns": True, "dns_query": (_dotted(record.name),), "dns_resp": (value,)}
    except (dpkt.UnpackError, IndexError):
        return None
    if message.qd:
        return {"is_dns": True, "dns_query": (_dotted(message.qd[0].name),)}
    return None


def _dotted(name: str) -> str:
    return f"{name}."


def _value(record: Any) -> str | bytes | list[bytes]:
    rdata: bytes = record.rdata
    # An address of another length (none at all in a dynamic update that deletes) is no address.
    if record.type == _A and len(rdata) == 4:
        return socket.inet_ntop(socket.AF_INET, rdata)
    if record.type == _AAAA and len(rdata) == 16:
        return socket.inet_ntop(socket.AF_INET6, rdata)
    if record.type in (_NS, _CNAME, _PTR):
        return _dotted(record.target)
    if record.type == _TXT:
        return _strings(rdata)
    try:
        return rdata.decode()
    except UnicodeDecodeError:
        return rdata


def _strings(rdata: bytes) -> list[bytes]:
    strings = []
    while rdata:
        length = rdata[0]
        strings.append(rdata[1 : 1 + length])
        rdata = rdata[1 + length :]
    return strings


def _unpack_name(message: bytes, offset: int) -> tuple[str, int]:
    """Read a name as dpkt does, but show octets that are no UTF-8 in hexadecimal, where dpkt gives up."""
    try:
        name: tuple[str, int] = dpkt.dns.unpack_name(message, offset)
        return name
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "backslashreplace"), _end_of_name(message, offset)


def _end_of_name(message: bytes, offset: int) -> int:
    while message[offset]:
        if message[offset] & 0xC0:
            return offset + 2
        offset += 1 + message[offset]
    return offset + 1


class _Message(dpkt.dns.DNS):  # type: ignore[misc]
    """dpkt's message, with records of all types: dpkt refuses a message for one that it does not know."""

    @property
    def records(self) -> list[Any]:
        return [*self.an, *self.ns, *self.ar]

    def unpack_q(self, message: bytes, offset: int) -> tuple[Any, int]:
        question = self.Q()
        question.name, offset = _unpack_name(message, offset)
        question.type, question.cls = struct.unpack(">HH", message[offset : offset + 4])
        return question, offset + 4

    def unpack_rr(self, message: bytes, offset: int) -> tuple[Any, int]:
        record = self.RR()
        record.name, offset = _unpack_name(message, offset)
        record.type, record.cls, record.ttl, n_bytes = struct.unpack(">HHIH", message[offset : offset + 10])
        offset += 10
        record.rdata = message[offset : offset + n_bytes]
        if record.type in (_NS, _CNAME, _PTR):
            # Without a value (a dynamic update that deletes) what follows is the next record.
            record.target = _unpack_name(message, offset)[0] if n_bytes else ""
        return record, offset + n_bytes
