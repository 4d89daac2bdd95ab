"""Link layers: where in a frame the IP header starts, and which version the link layer says it has.

Rules for all of them: a header that the captured bytes cut off, or a length field that cannot be or that
points outside of the frame, is `truncated_link_header`; a payload that is not IP is `not_ip`. Trailing bytes
(padding, check sequences) are never looked at: the IP header's own length bounds what counts.
"""

import struct

IPV4, IPV6 = 4, 6

ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
VLAN_ETHERTYPES = (0x8100, 0x88A8, 0x9100)
MPLS_ETHERTYPES = (0x8847, 0x8848)
ETHERTYPE_PPPOE_SESSION = 0x8864
MAX_802_3_LENGTH = 1500  # up to here the field of Ethernet II's type is a length, and LLC follows

PPP_IPV4, PPP_IPV6, PPP_MPLS = 0x0021, 0x0057, (0x0281, 0x0283)
AF_INET = 2
AF_INET6 = (10, 23, 24, 28, 30)  # Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS


class Skip(Exception):
    """The frame is no packet of a flow, for this reason."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def find_network_header(link_type, frame):
    """Return (IPV4 or IPV6, offset of the IP header) or raise `Skip`; behind VLAN tags also the last one's number."""
    decoder = LINK_DECODERS.get(link_type)
    if decoder is None:
        raise Skip("unsupported_link_type")
    return decoder(frame, 0)


def _require(frame, offset, n_bytes):
    if len(frame) - offset < n_bytes:
        raise Skip("truncated_link_header")


def _u16(frame, offset):
    return struct.unpack_from("!H", frame, offset)[0]


def find_in_ethernet(frame, offset):
    """Two addresses and a type."""
    _require(frame, offset, 14)
    return find_behind_ethertype(frame, offset + 14, _u16(frame, offset + 12))


def find_behind_ethertype(frame, offset, ethertype):
    """What follows an ethertype: any stack of VLAN tags and LLC/SNAP, then IP, MPLS or PPPoE."""
    vlan_id = ()  # or one number: only where there is a tag does the answer have a third part
    while True:
        if ethertype in VLAN_ETHERTYPES:
            _require(frame, offset, 4)
            vlan_id = (_u16(frame, offset) & 0x0FFF,)
            ethertype = _u16(frame, offset + 2)
            offset += 4
        elif ethertype <= MAX_802_3_LENGTH:
            # SLL says 0x0004 for LLC, which falls here as well. The length itself is not used.
            offset, ethertype = _llc(frame, offset)
        elif ethertype == ETHERTYPE_IPV4:
            return IPV4, offset, *vlan_id
        elif ethertype == ETHERTYPE_IPV6:
            return IPV6, offset, *vlan_id
        elif ethertype in MPLS_ETHERTYPES:
            return *_mpls(frame, offset), *vlan_id
        elif ethertype == ETHERTYPE_PPPOE_SESSION:
            return *_pppoe(frame, offset), *vlan_id
        else:
            raise Skip("not_ip")


def _llc(frame, offset):
    """LLC carries IP only by SNAP with the OUI 00-00-00 (RFC 1042): AA AA 03, the OUI, an ethertype."""
    _require(frame, offset, 3)
    if frame[offset : offset + 3] != b"\xaa\xaa\x03":
        raise Skip("not_ip")
    _require(frame, offset, 8)
    if frame[offset + 3 : offset + 6] != b"\0\0\0":
        raise Skip("not_ip")
    return offset + 8, _u16(frame, offset + 6)


def _mpls(frame, offset):
    """Labels to the bottom of the stack. Nothing names the payload: its first nibble decides.

    Neither 4 nor 6 is a pseudowire's control word, or Ethernet over MPLS: `not_ip`.
    """
    bottom = False
    while not bottom:
        _require(frame, offset, 4)
        bottom = bool(frame[offset + 2] & 1)
        offset += 4
    if offset < len(frame) and frame[offset] >> 4 not in (4, 6):
        raise Skip("not_ip")
    return find_ip_of_any_version(frame, offset)


def find_ip_of_any_version(frame, offset):
    """The version nibble decides; neither 4 nor 6 goes to IPv4, which finds it bad (or too short)."""
    if len(frame) == offset:
        raise Skip("truncated_ip_header")
    return (IPV6 if frame[offset] >> 4 == 6 else IPV4), offset


def _pppoe(frame, offset):
    """RFC 2516: version and type are not checked; only code 0 carries session traffic."""
    _require(frame, offset, 6)
    if frame[offset + 1] != 0:
        raise Skip("not_ip")
    return _ppp_protocol(frame, offset + 6)


def _ppp_protocol(frame, offset):
    """The PPP protocol field: two bytes, or one (odd) where the peers compress it (RFC 1661, section 6.5)."""
    _require(frame, offset, 1)
    if frame[offset] & 1:
        protocol, offset = frame[offset], offset + 1
    else:
        _require(frame, offset, 2)
        protocol, offset = _u16(frame, offset), offset + 2
    if protocol == PPP_IPV4:
        return IPV4, offset
    if protocol == PPP_IPV6:
        return IPV6, offset
    if protocol in PPP_MPLS:
        return _mpls(frame, offset)
    raise Skip("not_ip")


def _ppp(frame, offset):
    """Link types 9 and 50 alike: with FF 03 in front or without; 0F or 8F in front is Cisco's framing."""
    _require(frame, offset, 1)
    if frame[offset] in (0x0F, 0x8F):
        return _cisco_hdlc(frame, offset)
    return find_in_ppp(frame, offset)


def find_in_ppp(frame, offset):
    """With FF 03 in front or without."""
    if frame[offset : offset + 2] == b"\xff\x03":
        offset += 2
    return _ppp_protocol(frame, offset)


def _cisco_hdlc(frame, offset):
    """Address and control, whose values are not checked, and an ethertype."""
    _require(frame, offset, 4)
    return find_behind_ethertype(frame, offset + 4, _u16(frame, offset + 2))


def _null(frame, offset):
    """BSD loopback: an address family in the byte order of the machine that captured (LOOP: the network's).

    No family is above 0xFFFF, so a larger number is one in the other byte order.
    """
    _require(frame, offset, 4)
    family = struct.unpack_from(">I", frame, offset)[0]
    if family > 0xFFFF:
        family = struct.unpack_from("<I", frame, offset)[0]
    if family == AF_INET:
        return IPV4, offset + 4
    if family in AF_INET6:
        return IPV6, offset + 4
    raise Skip("not_ip")


def _linux_sll(frame, offset):
    """Packet type, ARPHRD, address length, address in 8 bytes, protocol. ARPHRD is not looked at."""
    _require(frame, offset, 16)
    return find_behind_ethertype(frame, offset + 16, _u16(frame, offset + 14))


def _linux_sll2(frame, offset):
    """Version 2 begins with the protocol and is 20 bytes long."""
    _require(frame, offset, 20)
    return find_behind_ethertype(frame, offset + 20, _u16(frame, offset))


def _ppi(frame, offset):
    """Version, flags, length of the whole PPI header and the link type of what follows, little-endian.

    PPI inside PPI is `unsupported_link_type`: nothing writes it, and it would be a recursion on hostile
    input.
    """
    _require(frame, offset, 8)
    n_header_bytes, link_type = struct.unpack_from("<HI", frame, offset + 2)
    if n_header_bytes < 8:
        raise Skip("truncated_link_header")
    _require(frame, offset, n_header_bytes)
    if link_type not in LINK_DECODERS or link_type == LINKTYPE_PPI:
        raise Skip("unsupported_link_type")
    return LINK_DECODERS[link_type](frame, offset + n_header_bytes)


def _radiotap(frame, offset):
    """Version (not checked), padding, length (little-endian), bitmaps of the fields present, the fields."""
    _require(frame, offset, 8)
    n_header_bytes = struct.unpack_from("<H", frame, offset + 2)[0]
    if n_header_bytes < 8:
        raise Skip("truncated_link_header")
    _require(frame, offset, n_header_bytes)
    header = frame[offset : offset + n_header_bytes]
    is_padded = bool(_radiotap_flags(header) & 0x20)
    return _ieee802_11(frame, offset + n_header_bytes, is_padded)


def _radiotap_flags(header):
    """The Flags field (bit 1), or 0; only TSFT (bit 0, 8 bytes, aligned to 8) may precede it."""
    present = struct.unpack_from("<I", header, 4)[0]
    place, more = 8, present
    while more & 0x80000000:  # further bitmaps follow
        if len(header) - place < 4:
            return 0
        more = struct.unpack_from("<I", header, place)[0]
        place += 4
    if present & 1:
        place = (place + 7) // 8 * 8 + 8
    return header[place] if present & 2 and place < len(header) else 0


def _ieee802_11(frame, offset, is_padded=False):
    """802.11 data frames in the clear; `is_padded`: the header is padded to a multiple of 4 bytes.

    `not_ip`: management and control frames, data frames without data, encrypted ones, and A-MSDUs (several
    packets in one frame, while a record makes one packet at most). A later 802.11 fragment has no LLC header:
    `fragment`.
    """
    _require(frame, offset, 2)
    control, flags = frame[offset], frame[offset + 1]
    is_qos = bool(control & 0x80)
    if control & 0x03 or control & 0x0C != 0x08 or control & 0x40 or flags & 0x40:
        raise Skip("not_ip")
    n_header_bytes = 24
    if flags & 0x03 == 0x03:  # to and from the distribution system: a fourth address
        n_header_bytes += 6
    place_of_qos = offset + n_header_bytes
    if is_qos:
        n_header_bytes += 2
        if flags & 0x80:  # the order bit of a QoS frame: HT control
            n_header_bytes += 4
    if is_padded:
        n_header_bytes = (n_header_bytes + 3) // 4 * 4
    _require(frame, offset, n_header_bytes)
    if is_qos and frame[place_of_qos] & 0x80:
        raise Skip("not_ip")
    if frame[offset + 22] & 0x0F:
        raise Skip("fragment")
    offset, ethertype = _llc(frame, offset + n_header_bytes)
    return find_behind_ethertype(frame, offset, ethertype)


def _raw_ipv4(frame, offset):
    return IPV4, offset


def _raw_ipv6(frame, offset):
    return IPV6, offset


LINKTYPE_PPI = 192

# 12 and 14 are DLT_RAW of different systems. 105, 802.11 without radiotap, is what PPI has inside.
LINK_DECODERS = {
    0: _null,
    1: find_in_ethernet,
    9: _ppp,
    12: find_ip_of_any_version,
    14: find_ip_of_any_version,
    50: _ppp,
    101: find_ip_of_any_version,
    104: _cisco_hdlc,
    105: _ieee802_11,
    108: _null,
    113: _linux_sll,
    127: _radiotap,
    LINKTYPE_PPI: _ppi,
    228: _raw_ipv4,
    229: _raw_ipv6,
    276: _linux_sll2,
}
