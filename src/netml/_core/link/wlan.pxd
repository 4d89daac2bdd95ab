"""802.11 data frames: bare (LINKTYPE 105) or behind radiotap (127). IEEE 802.11-2020, section 9.2.4; radiotap.org.

Management and control frames, frames without data, encrypted frames and A-MSDUs hold no IP header in the clear.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from netml._core.link.ethernet cimport LLC_SNAP_BYTES, decode_llc, skip_ether_tags
from netml._core.octets cimport read_u16, read_u32
from netml._core.packet cimport LinkHeader
from netml._core.status cimport KEPT, SKIP_FRAGMENT, SKIP_NOT_IP, SKIP_TRUNCATED_LINK, Reason


cdef enum:
    RADIOTAP_TSFT = 1 << 0
    RADIOTAP_FLAGS = 1 << 1
    RADIOTAP_MORE = 1 << 31      # another `present` word follows
    RADIOTAP_PADDED = 0x20       # in the flags field: the 802.11 header is padded to 4 octets
    WLAN_DATA = 2                # frame type
    WLAN_NO_DATA = 0x40          # subtype bits in the first octet of frame control
    WLAN_QOS = 0x80
    WLAN_TO_FROM_DS = 0x03       # bits of the second octet: four addresses
    WLAN_PROTECTED = 0x40
    WLAN_ORDER = 0x80            # with QoS: an HT control field
    QOS_AMSDU = 0x80
    WLAN_FRAGMENT_NUMBER = 0x0F  # of sequence control: a later fragment has no LLC header


cdef inline Reason decode_radiotap(const uint8_t *frame, uint32_t caplen, LinkHeader *header) noexcept nogil:
    """Step over a radiotap header by its length, then decode the 802.11 frame."""
    cdef uint32_t length, present, at = 4
    cdef bint is_padded = False
    if caplen < 8:
        return SKIP_TRUNCATED_LINK
    length = read_u16(frame + 2)
    if length < 8 or length > caplen:
        return SKIP_TRUNCATED_LINK
    present = read_u32(frame + 4)
    while at + 4 <= length and read_u32(frame + at) & <uint32_t> RADIOTAP_MORE:
        at += 4
    at += 4
    if present & RADIOTAP_TSFT:
        at = ((at + 7) & ~<uint32_t> 7) + 8
    if present & RADIOTAP_FLAGS and at < length:
        is_padded = frame[at] & RADIOTAP_PADDED != 0
    return decode_wlan(frame, caplen, length, is_padded, header)


cdef inline Reason decode_wlan(
    const uint8_t *frame, uint32_t caplen, uint32_t at, bint is_padded, LinkHeader *header,
) noexcept nogil:
    """Decode an 802.11 frame at `at`; only data in the clear leads to an LLC header."""
    cdef uint8_t kind, control
    cdef uint16_t ether_type = 0
    cdef uint32_t qos_at, size = 24
    cdef Reason reason
    if caplen - at < 2:
        return SKIP_TRUNCATED_LINK
    kind = frame[at]
    control = frame[at + 1]
    if kind & 0x03 != 0 or (kind >> 2) & 0x03 != WLAN_DATA or kind & WLAN_NO_DATA or control & WLAN_PROTECTED:
        return SKIP_NOT_IP
    if control & WLAN_TO_FROM_DS == WLAN_TO_FROM_DS:
        size += 6
    qos_at = at + size
    if kind & WLAN_QOS:
        size += 2
        if control & WLAN_ORDER:
            size += 4
    if is_padded:
        size = (size + 3) & ~<uint32_t> 3
    if caplen - at < size:
        return SKIP_TRUNCATED_LINK
    if kind & WLAN_QOS and frame[qos_at] & QOS_AMSDU:
        return SKIP_NOT_IP
    if frame[at + 22] & WLAN_FRAGMENT_NUMBER:
        return SKIP_FRAGMENT
    reason = decode_llc(frame, caplen, at + size, &ether_type)
    if reason != KEPT:
        return reason
    return skip_ether_tags(frame, caplen, at + size + LLC_SNAP_BYTES, ether_type, header)
