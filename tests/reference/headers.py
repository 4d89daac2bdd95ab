"""All that biflows and their features ask of a packet: every IP protocol, lengths, VLAN, TCP's fields, ICMP's.

`HeaderDecoder` walks as `decode.Decoder` does and stops at the same packet, but says more of it. Lengths are those
that the IP header states, not what was captured: neither a snaplen nor Ethernet padding changes them.
"""

import struct
from typing import NamedTuple

from reference.decode import FINAL_REASONS, MOST_PADDING, TCP, UDP, Decoder, format_address
from reference.links import Skip
from reference.tcp_options import read_tcp_options

ICMP, ICMPV6, SCTP = 1, 58, 132
PROTOCOLS_WITH_PORTS = {TCP: 20, UDP: 8, SCTP: 12}  # -> bytes of the header that have to be there
SYN = 2
NONE = -1  # of a field that this packet does not have
SIZES = ("captured", "wire", "ip", "payload")


class Headers(NamedTuple):
    """What the headers of one packet say."""

    time_ns: int
    caplen: int
    wirelen: int
    key: tuple[str, str, int, int, int]  # source, destination, source port, destination port, protocol; ports or 0
    vlan_id: int = 0  # of the innermost tag; 0 without one
    flags: int = 0  # as `Decoded.flags`
    ttl: int = 0
    ip_bytes: int = 0  # the IP packet whose ports these are
    ip_header_bytes: int = 0  # with options and extension headers
    transport_header_bytes: int = 0  # TCP with options, UDP 8, of the others 0
    payload_bytes: int = 0  # what is left; never below 0
    sequence: int = NONE  # TCP's, as the next two
    acknowledgement: int = NONE
    window: int = NONE  # not scaled
    icmp_type: int = NONE
    icmp_code: int = NONE
    tcp_options: int = 0  # of a SYN, as `tcp_options.py` has it

    def size(self, size):
        """Bytes of this packet by the meaning of `--size`."""
        lengths = (self.caplen, self.wirelen, self.ip_bytes, self.payload_bytes)
        return dict(zip(SIZES, lengths, strict=True))[size]


class HeaderDecoder(Decoder):
    """Decodes the records of one capture; `protocols` is "tcp-udp" or "all", the rest as of `Decoder`.

    With "all" nothing is `other_protocol`. A packet of a protocol that may be a tunnel is what is inside, if there is
    an IP packet inside, by the rule of the tunnels over UDP: otherwise it is itself.
    """

    def __init__(self, protocols="tcp-udp", **options):
        super().__init__(**options)
        self._takes_all = {"tcp-udp": False, "all": True}[protocols]
        self._record = None

    def decode_record(self, record):
        """Return the `Headers` of a record, or one of `SKIP_REASONS`."""
        self._record = record
        return self.decode(record.link_type, record.frame, record.time_ns)

    def _decode_payload(self, header, packet):
        if not self._takes_all or header.protocol in (TCP, UDP):
            return super()._decode_payload(header, packet)
        itself = self._read_transport(header, packet)  # before the tunnel's VLAN tags are met
        try:
            return super()._decode_payload(header, packet)
        except Skip as skip:
            if skip.reason in FINAL_REASONS:
                raise
        return itself, []

    def _find_flow(self, later):
        """Return a later fragment: it has the key of the first one, and nothing but payload."""
        key = super()._find_flow(later).key
        header = later.header
        return self._make(header, key, payload_bytes=self._length_of(header) - (header.payload - header.start))

    def _read_transport(self, header, packet):
        place, protocol = header.payload, header.protocol
        if len(packet) - place < PROTOCOLS_WITH_PORTS.get(protocol, 0):
            raise Skip("truncated_transport_header")
        ports = struct.unpack_from("!HH", packet, place) if protocol in PROTOCOLS_WITH_PORTS else (0, 0)
        key = (format_address(header.source), format_address(header.destination), *ports, protocol)
        n_header_bytes, fields = 0, {}
        if protocol == TCP:
            # A data offset that cannot be counts as the smallest that can.
            n_header_bytes = max(20, packet[place + 12] // 16 * 4)
            sequence, acknowledgement = struct.unpack_from("!II", packet, place + 4)
            flags, window = struct.unpack_from("!BH", packet, place + 13)
            fields = {
                "flags": flags,
                "sequence": sequence,
                "acknowledgement": acknowledgement,
                "window": window,
                "tcp_options": read_tcp_options(packet[place:]) if flags & SYN else 0,
            }
        elif protocol == UDP:
            n_header_bytes = 8
        elif protocol in (ICMP, ICMPV6) and len(packet) - place >= 2:
            fields = {"icmp_type": packet[place], "icmp_code": packet[place + 1]}
        n_payload_bytes = self._length_of(header) - (place - header.start) - n_header_bytes
        return self._make(header, key, transport_header_bytes=n_header_bytes, payload_bytes=n_payload_bytes, **fields)

    def _length_of(self, header):
        """Bytes of an IP packet: where its own field is 0 (offload, jumbogram), up to the end of the frame.

        After an IPv6 header alone, padding is none of them.
        """
        rest = max(0, self._record.wirelen - header.start)
        is_alone = len(header.source) == 16 and rest <= 40 + MOST_PADDING
        return header.length or (40 if is_alone else rest)

    def _make(self, header, key, *, payload_bytes, **fields):
        record = self._record
        return Headers(
            *(record.time_ns, record.caplen, record.wirelen, key, self._vlan_id),
            ttl=header.ttl,
            ip_bytes=self._length_of(header),
            ip_header_bytes=header.payload - header.start,
            payload_bytes=max(0, payload_bytes),
            **fields,
        )


def decode_headers(records, **options):
    """Records -> (`Headers` of the packets kept, reason -> packets skipped); options of `HeaderDecoder`."""
    decoder, kept, skipped = HeaderDecoder(**options), [], {}
    for record in records:
        found = decoder.decode_record(record)
        if isinstance(found, str):
            skipped[found] = skipped.get(found, 0) + 1
        else:
            kept.append(found)
    return kept, skipped
