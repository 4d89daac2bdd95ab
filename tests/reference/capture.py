"""Captures in plain Python: pcap and pcapng bytes become records, up to the end or to the first damage.

Damage stops the walk, and what was read before it stays: a record that the end of the file cuts off, a length
that cannot be, a block that contradicts itself. Times saturate at +-(2**63 - 1)
nanoseconds (the year 2262).
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_CAPLEN = 1 << 24  # of a pcap record; no link layer comes near, whatever the snaplen says
MAX_BLOCK_BYTES = (1 << 24) + 1024
MAX_NS = 2**63 - 1
LINK_TYPE_MASK = 0x03FFFFFF  # above are the bits for the length of a frame check sequence

# Magic number -> nanoseconds a unit of the fraction, bytes of a record header.
PCAP_MAGICS = {0xA1B2C3D4: (1000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1000, 24)}
SECTION_HEADER, INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
OPTION_END, OPTION_TSRESOL, OPTION_TSOFFSET = 0, 9, 14


class Record(NamedTuple):
    """One packet of a capture."""

    time_ns: int
    caplen: int
    wirelen: int
    link_type: int
    frame: bytes


class Damage(Exception):
    """The framing is broken here."""

    def __init__(self, message, offset):
        super().__init__(message)
        self.offset = offset


@dataclass
class Capture:
    """What a capture's bytes hold."""

    records: list = field(default_factory=list)
    link_types: list = field(default_factory=list)  # of the file, or of each interface in order
    damage: Damage | None = None


@dataclass
class _Interface:
    link_type: int
    snaplen: int
    ticks_per_s: int = 1_000_000
    offset_s: int = 0


def read_capture(content):
    """Bytes of a pcap or pcapng file -> `Capture`. ValueError where they are neither."""
    capture = Capture()
    magic = content[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        walk = _walk_pcapng
    elif len(magic) == 4 and any(struct.unpack(order + "I", magic)[0] in PCAP_MAGICS for order in "<>"):
        walk = _walk_pcap
    else:
        raise ValueError("neither pcap nor pcapng")
    try:
        walk(content, capture)
    except Damage as damage:
        capture.damage = damage
    return capture


def _clamp(time_ns):
    return max(-MAX_NS, min(MAX_NS, time_ns))


def _walk_pcap(content, capture):
    order = "<" if struct.unpack_from("<I", content)[0] in PCAP_MAGICS else ">"
    ns_per_unit, n_header_bytes = PCAP_MAGICS[struct.unpack_from(order + "I", content)[0]]
    if len(content) < 24:
        raise Damage("file header cut off", 0)
    link_type = struct.unpack_from(order + "I", content, 20)[0] & LINK_TYPE_MASK
    capture.link_types.append(link_type)
    offset = 24
    while offset < len(content):
        if len(content) - offset < n_header_bytes:
            raise Damage("record header cut off", offset)
        seconds, fraction, caplen, wirelen = struct.unpack_from(order + "IIII", content, offset)
        if caplen > MAX_CAPLEN:
            raise Damage(f"a record of {caplen} bytes", offset)
        start = offset + n_header_bytes
        if len(content) - start < caplen:
            raise Damage("record cut off", offset)
        # A fraction of a second or more (seen in fuzzed files) is added like any other.
        time_ns = seconds * 10**9 + fraction * ns_per_unit
        capture.records.append(Record(time_ns, caplen, wirelen, link_type, content[start : start + caplen]))
        offset = start + caplen


def _walk_pcapng(content, capture):
    offset, order, interfaces, last_time_ns = 0, "<", [], 0
    while offset < len(content):
        if len(content) - offset < 12:
            raise Damage("block header cut off", offset)
        if content[offset : offset + 4] == b"\x0a\x0d\x0d\x0a":  # the same in both byte orders
            order, interfaces = _byte_order(content, offset), []
        kind, n_block_bytes = struct.unpack_from(order + "II", content, offset)
        # Lengths should be multiples of 4; where a writer forgot to pad, the two copies still agree.
        if n_block_bytes < (28 if kind == SECTION_HEADER else 12) or n_block_bytes > MAX_BLOCK_BYTES:
            raise Damage(f"a block of {n_block_bytes} bytes", offset)
        if len(content) - offset < n_block_bytes:
            raise Damage("block cut off", offset)
        if struct.unpack_from(order + "I", content, offset + n_block_bytes - 4)[0] != n_block_bytes:
            raise Damage("the block's two lengths differ", offset)
        body = content[offset + 8 : offset + n_block_bytes - 4]
        if kind == INTERFACE:
            interfaces.append(_read_interface(body, order, offset))
            capture.link_types.append(interfaces[-1].link_type)
        elif kind in _PACKET_READERS:
            record = _PACKET_READERS[kind](body, order, interfaces, last_time_ns, offset)
            capture.records.append(record)
            last_time_ns = record.time_ns
        offset += n_block_bytes


def _byte_order(content, offset):
    """Of the section whose header block stands at the offset."""
    if len(content) - offset < 16:
        raise Damage("block cut off", offset)
    for order in "<>":
        magic, major = struct.unpack_from(order + "IH", content, offset + 8)
        if magic == BYTE_ORDER_MAGIC:
            if major != 1:
                raise Damage(f"pcapng version {major}", offset)
            return order
    raise Damage("section header without a byte-order magic", offset)


def _read_interface(body, order, offset):
    if len(body) < 8:
        raise Damage("interface description block too short", offset)
    link_type, _, snaplen = struct.unpack_from(order + "HHI", body)
    interface = _Interface(link_type, snaplen)
    place = 8
    while len(body) - place >= 4:  # an option that runs out of the block ends the options, and is no damage
        code, n_bytes = struct.unpack_from(order + "HH", body, place)
        value = body[place + 4 : place + 4 + n_bytes]
        if code == OPTION_END or len(value) < n_bytes:
            break
        if code == OPTION_TSRESOL and n_bytes == 1:
            exponent = value[0] & 0x7F
            interface.ticks_per_s = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == OPTION_TSOFFSET and n_bytes == 8:
            interface.offset_s = struct.unpack_from(order + "q", value)[0]
        place += 4 + (n_bytes + 3) // 4 * 4
    return interface


def _time_ns(interface, high, low):
    """Ticks to nanoseconds, rounded down, plus the interface's offset."""
    ticks = high << 32 | low
    return _clamp(ticks * 10**9 // interface.ticks_per_s + interface.offset_s * 10**9)


def _find_interface(interfaces, number, offset):
    if number >= len(interfaces):
        raise Damage(f"a packet of interface {number}, which is not described", offset)
    return interfaces[number]


def _make_record(body, interface, ticks, caplen, wirelen, offset):
    if caplen > len(body) - 20:
        raise Damage(f"a packet of {caplen} bytes in a block of {len(body) + 12}", offset)
    return Record(_time_ns(interface, *ticks), caplen, wirelen, interface.link_type, body[20 : 20 + caplen])


def _read_enhanced(body, order, interfaces, last_time_ns, offset):
    if len(body) < 20:
        raise Damage("enhanced packet block too short", offset)
    number, *ticks, caplen, wirelen = struct.unpack_from(order + "IIIII", body)
    return _make_record(body, _find_interface(interfaces, number, offset), ticks, caplen, wirelen, offset)


def _read_obsolete(body, order, interfaces, last_time_ns, offset):
    if len(body) < 20:
        raise Damage("packet block too short", offset)
    number, _, *ticks, caplen, wirelen = struct.unpack_from(order + "HHIIII", body)
    return _make_record(body, _find_interface(interfaces, number, offset), ticks, caplen, wirelen, offset)


def _read_simple(body, order, interfaces, last_time_ns, offset):
    """Of interface 0, and without a time: it gets that of the packet before it, or 0.

    Before it means in the file, whatever the interface and the section.
    The captured length is what the snaplen (0: no limit) and the block leave of the length on the wire.
    """
    if len(body) < 4:
        raise Damage("simple packet block too short", offset)
    interface = _find_interface(interfaces, 0, offset)
    wirelen = struct.unpack_from(order + "I", body)[0]
    caplen = min(wirelen, len(body) - 4, interface.snaplen or MAX_BLOCK_BYTES)
    return Record(last_time_ns, caplen, wirelen, interface.link_type, body[4 : 4 + caplen])


_PACKET_READERS = {
    ENHANCED_PACKET: _read_enhanced,
    SIMPLE_PACKET: _read_simple,
    OBSOLETE_PACKET: _read_obsolete,
}
