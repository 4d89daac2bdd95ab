"""The options of a TCP header (RFC 9293, section 3.1), as far as features ask for them, in one number of 32 bits.

Bits 0-15 MSS, 16-23 window scale (RFC 7323: more than 14 counts as 14), 24 there is an MSS, 25 there is a window scale,
26 SACK is permitted (RFC 2018).
"""

END_OF_OPTIONS, NO_OPERATION, MSS, WINDOW_SCALE, SACK_PERMITTED = 0, 1, 2, 3, 4
LENGTHS = {MSS: 4, WINDOW_SCALE: 3, SACK_PERMITTED: 2}
HAS_MSS, HAS_WINDOW_SCALE, HAS_SACK_PERMITTED = 1 << 24, 1 << 25, 1 << 26
LARGEST_SCALE = 14


def walk_options(octets):
    """(kind, value) of each option that lies wholly in `octets`; a length that cannot be ends the walk."""
    place = 0
    while place < len(octets) and octets[place] != END_OF_OPTIONS:
        if octets[place] == NO_OPERATION:
            place += 1
            continue
        length = octets[place + 1] if place + 1 < len(octets) else 0
        if length < 2 or place + length > len(octets):
            return
        yield octets[place], octets[place + 2 : place + length]
        place += length


def read_tcp_options(header):
    """Captured octets of a TCP header, or more -> the number; of an option that is there twice the first counts."""
    if len(header) < 20:
        return 0
    found = {}
    for kind, value in walk_options(header[20 : header[12] // 16 * 4]):
        if LENGTHS.get(kind) == 2 + len(value):
            found.setdefault(kind, int.from_bytes(value, "big"))
    number = found.get(MSS, 0) | min(found.get(WINDOW_SCALE, 0), LARGEST_SCALE) << 16
    bits = {MSS: HAS_MSS, WINDOW_SCALE: HAS_WINDOW_SCALE, SACK_PERMITTED: HAS_SACK_PERMITTED}
    return number | sum(bits[kind] for kind in found)
