"""Captures: classic pcap in both byte orders and precisions, and pcapng block by block.

A record is (time_ns, frame) or (time_ns, frame, wirelen).
"""

import struct

MAGIC_US, MAGIC_NS, MAGIC_MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
ETHERNET = 1


def _split_record(record, snaplen=None):
    time_ns, frame, *rest = record
    wirelen = rest[0] if rest else len(frame)
    return time_ns, frame if snaplen is None else frame[:snaplen], wirelen


def pcap_header(*, link_type=ETHERNET, order="<", magic=MAGIC_US, snaplen=65535):
    """The 24 bytes in front of a pcap file."""
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)


def pcap_record(time_ns, frame, *, wirelen=None, caplen=None, order="<", magic=MAGIC_US):
    """A record header (24 bytes in the modified format, else 16) and the frame."""
    caplen = len(frame) if caplen is None else caplen
    wirelen = len(frame) if wirelen is None else wirelen
    seconds, rest_ns = divmod(time_ns, 10**9)
    fraction = rest_ns if magic == MAGIC_NS else rest_ns // 1000
    header = struct.pack(order + "IIII", seconds, fraction, caplen, wirelen)
    if magic == MAGIC_MODIFIED:
        header += struct.pack(order + "IHBB", 0, 0, 0, 0)
    return header + frame


def pcap(records, *, link_type=ETHERNET, order="<", magic=MAGIC_US, snaplen=65535, cut=False):
    """A whole pcap file; `cut` cuts the frames to the snaplen, and leaves their length on the wire."""
    content = [pcap_header(link_type=link_type, order=order, magic=magic, snaplen=snaplen)]
    for record in records:
        time_ns, frame, wirelen = _split_record(record, snaplen if cut else None)
        content.append(pcap_record(time_ns, frame, wirelen=wirelen, order=order, magic=magic))
    return b"".join(content)


def block(kind, body, *, order="<", length=None, trailer=None):
    """A pcapng block: its body padded to a multiple of 4, between two copies of its length."""
    body += b"\0" * (-len(body) % 4)
    length = 12 + len(body) if length is None else length
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", trailer or length)


def option(code, value, *, order="<"):
    """An option of a block."""
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section_header(*, order="<", options=b"", major=1):
    """Begins a section: its byte order, and no interfaces."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1) + options, order=order)


def interface(*, link_type=ETHERNET, order="<", snaplen=0, tsresol=None, tsoffset=None, options=b""):
    """Describes an interface.

    `tsresol` is the byte as it stands in the file: n for units of 10**-n s, 0x80 | n for units of 2**-n s;
    `tsoffset` is in seconds; `options` are further ones, in front.
    """
    if tsresol is not None:
        options += option(9, bytes([tsresol]), order=order)
    if tsoffset is not None:
        options += option(14, struct.pack(order + "q", tsoffset), order=order)
    options += option(0, b"", order=order) if options else b""
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options, order=order)


def ticks_of(time_ns, tsresol=6, tsoffset=0):
    """Ticks of an interface's clock at a time, rounded down."""
    units_per_s = 2 ** (tsresol & 0x7F) if tsresol & 0x80 else 10**tsresol
    return (time_ns - tsoffset * 10**9) * units_per_s // 10**9


def enhanced_packet(ticks, frame, *, interface_no=0, wirelen=None, caplen=None, order="<", options=b""):
    """A packet with its interface and time."""
    caplen = len(frame) if caplen is None else caplen
    wirelen = len(frame) if wirelen is None else wirelen
    fixed = struct.pack(order + "IIIII", interface_no, ticks >> 32, ticks & 0xFFFFFFFF, caplen, wirelen)
    return block(6, fixed + frame + b"\0" * (-len(frame) % 4) + options, order=order)


def obsolete_packet(ticks, frame, *, interface_no=0, wirelen=None, order="<"):
    """A packet in the block that the enhanced one replaced."""
    wirelen = len(frame) if wirelen is None else wirelen
    lengths = (len(frame), wirelen)
    fixed = struct.pack(order + "HHIIII", interface_no, 0, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
    return block(2, fixed + frame, order=order)


def simple_packet(frame, *, wirelen=None, order="<"):
    """A packet of interface 0, without a time."""
    wirelen = len(frame) if wirelen is None else wirelen
    return block(3, struct.pack(order + "I", wirelen) + frame, order=order)


def pcapng(records, *, link_type=ETHERNET, order="<", tsresol=None, tsoffset=None, snaplen=0):
    """A whole pcapng file of one section and one interface, in enhanced packet blocks."""
    content = [section_header(order=order)]
    content.append(interface(link_type=link_type, order=order, snaplen=snaplen, tsresol=tsresol, tsoffset=tsoffset))
    for record in records:
        time_ns, frame, wirelen = _split_record(record)
        ticks = ticks_of(time_ns, 6 if tsresol is None else tsresol, tsoffset or 0)
        content.append(enhanced_packet(ticks, frame, wirelen=wirelen, order=order))
    return b"".join(content)
