"""Link layers other than Ethernet; each takes an IP packet; the number in the docstring is the link type."""

import struct

from builders.frames import ETHERTYPE_IPV6, ethertype_of, llc_snap, ppp_protocol

NULL, ETHERNET, PPP, RAW_12, RAW_14, PPP_HDLC, RAW, C_HDLC = 0, 1, 9, 12, 14, 50, 101, 104
WLAN, LOOP, LINUX_SLL, RADIOTAP, PPI, RAW_IPV4, RAW_IPV6, LINUX_SLL2 = 105, 108, 113, 127, 192, 228, 229, 276
RADIOTAP_TSFT, RADIOTAP_FLAGS, RADIOTAP_MORE = 1, 2, 1 << 31
PADDED = 0x20  # radiotap flag: the 802.11 header is padded to 4 bytes


def linux_sll(payload, *, ethertype=None):
    """113: 16 bytes, the ethertype at the end."""
    ethertype = ethertype_of(payload) if ethertype is None else ethertype
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x01", ethertype) + payload


def linux_sll2(payload, *, ethertype=None):
    """276: 20 bytes, the ethertype in front."""
    ethertype = ethertype_of(payload) if ethertype is None else ethertype
    return struct.pack("!HHIHBB8s", ethertype, 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x01") + payload


def null(payload, *, order="<", family=None):
    """0 in either byte order; `order=">"` is LOOP (108) as well."""
    if family is None:
        family = 30 if ethertype_of(payload) == ETHERTYPE_IPV6 else 2
    return struct.pack(order + "I", family) + payload


def loop(payload, *, family=None):
    """108: as `null`, in network order."""
    return null(payload, order=">", family=family)


def ppp(payload, *, has_address=True, protocol=None, is_compressed=False):
    """9 and 50: with the address and control bytes FF 03 or without."""
    return b"\xff\x03" * has_address + ppp_protocol(payload, protocol=protocol, is_compressed=is_compressed)


def cisco_hdlc(payload, *, ethertype=None, address=0x0F):
    """104: address 0F (unicast) or 8F, control, ethertype."""
    ethertype = ethertype_of(payload) if ethertype is None else ethertype
    return struct.pack("!BBH", address, 0, ethertype) + payload


def ppi(frame, *, link_type=WLAN, fields=b"", length=None):
    """192: a header with `fields` (type, length, value as they are) before a frame of another link type."""
    length = 8 + len(fields) if length is None else length
    return struct.pack("<BBHI", 0, 0, length, link_type) + fields + frame


def wlan_data(
    payload,
    *,
    is_qos=False,
    to_ds=True,
    from_ds=False,
    has_ht_control=False,
    is_protected=False,
    is_padded=False,
    is_amsdu=False,
    has_no_payload=False,
    fragment_number=0,
):
    """105: an 802.11 data frame (QoS data with `is_qos`) around LLC/SNAP and an IP packet."""
    control = 0x08 | is_qos << 7 | has_no_payload << 6
    flags = to_ds | from_ds << 1 | is_protected << 6 | has_ht_control << 7
    header = struct.pack("<BBH", control, flags, 0) + b"\x02\0\0\0\0\x01" * 3 + struct.pack("<H", fragment_number)
    if to_ds and from_ds:
        header += b"\x02\0\0\0\0\x04"
    if is_qos:
        header += bytes([is_amsdu << 7, 0]) + b"\0\0\0\0" * has_ht_control
    if is_padded:
        header += b"\0" * (-len(header) % 4)
    return header + (b"" if has_no_payload else llc_snap(payload))


def wlan_management(subtype=8):
    """105: an 802.11 management frame (a beacon)."""
    return struct.pack("<BBH", subtype << 4, 0, 0) + b"\x02\0\0\0\0\x01" * 3 + b"\0" * 14


def radiotap(frame, *, flags=None, has_tsft=False, n_more_words=0, version=0, length=None):
    """127: a radiotap header with the fields asked for, before an 802.11 frame."""
    present = (RADIOTAP_TSFT if has_tsft else 0) | (0 if flags is None else RADIOTAP_FLAGS)
    words = [present] + [0] * n_more_words
    words = [word | RADIOTAP_MORE for word in words[:-1]] + words[-1:]
    header = struct.pack(f"<{len(words)}I", *words)
    if has_tsft:
        header += b"\0" * (-(4 + len(header)) % 8) + b"\x11" * 8
    if flags is not None:
        header += bytes([flags])
    length = 4 + len(header) if length is None else length
    return struct.pack("<BBH", version, 0, length) + header + frame
