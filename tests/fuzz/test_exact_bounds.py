"""Every frame cut at every byte, in memory that ends where the frame does.

In a block of megabytes a read beyond the frame finds its successor; here AddressSanitizer sees it (`.ci/run`), and the
reason for which the kernel skips a cut frame must be the reference's.
"""

import numpy as np
import pytest
from builders import captures, frames, links
from reference.decode import decode_frame

from netml import _flowcore

SEGMENT = frames.tcp(40000, 443, b"payload", flags=frames.ACK, options=b"\1" * 4)
PACKETS = {
    "udp": frames.ipv4(frames.udp(5000, 53, b"question"), protocol=frames.UDP),
    "tcp with options": frames.ipv4(SEGMENT, protocol=frames.TCP, options=b"\1" * 8),
    "udp over ipv6": frames.ipv6(frames.udp(5000, 53, b"question"), next_header=frames.UDP),
    "tcp behind extensions": frames.ipv6(
        SEGMENT,
        next_header=frames.TCP,
        extensions=[frames.extension(0, 1), frames.extension(43, 0), frames.fragment(0), frames.authentication()],
    ),
}


def wlan(packet):
    return links.wlan_data(packet, is_qos=True, to_ds=True, from_ds=True, has_ht_control=True)


# Name -> (LINKTYPE_ value, what makes a frame of a packet).
LINKS = {
    "ethernet": (1, frames.ethernet),
    "vlan": (1, lambda packet: frames.ethernet(packet, tags=(0x88A8, 0x8100, 0x9100))),
    "mpls": (1, lambda packet: frames.ethernet(frames.mpls(packet, [16, 17]), ethertype=0x8847)),
    "pppoe": (1, lambda packet: frames.ethernet(frames.pppoe(packet), ethertype=0x8864)),
    "llc": (1, lambda packet: frames.ethernet_802_3(frames.llc_snap(packet))),
    "null": (0, links.null),
    "loop": (108, links.loop),
    "ppp": (9, links.ppp),
    "ppp hdlc": (50, lambda packet: links.ppp(packet, is_compressed=True)),
    "raw": (101, bytes),
    "raw ipv4": (228, bytes),
    "raw ipv6": (229, bytes),
    "cisco hdlc": (104, links.cisco_hdlc),
    "sll": (113, links.linux_sll),
    "sll2": (276, links.linux_sll2),
    "802.11": (105, wlan),
    "radiotap": (127, lambda packet: links.radiotap(wlan(packet), n_more_words=1, has_tsft=True)),
    "ppi": (192, lambda packet: links.ppi(wlan(packet), fields=b"\0" * 12)),
}
CASES = [(link, name) for link in LINKS for name in PACKETS]


def exactly(content):
    """A block of its own memory, with nothing behind it."""
    return np.frombuffer(content, np.uint8).copy()


def skip_reason(framer, content):
    """Why the kernel skips the one record in `content`; None if it keeps it."""
    assembler = _flowcore.FlowAssembler(("caplen", "wirelen", "flags", "ttl"))
    block = exactly(content)
    n_left, _, fault = assembler.assemble(framer, block, 0, len(block))
    assert (n_left, fault) == (0, "")
    counters = assembler.counters
    assert counters["packets_read"] == 1
    reasons = [reason for reason, n_packets in counters["skipped"].items() if n_packets]
    assert len(reasons) + counters["packets_kept"] == 1
    return reasons[0] if reasons else None


@pytest.mark.parametrize(("link", "name"), CASES, ids=[f"{link}-{name}" for link, name in CASES])
def test_frames_cut_at_every_byte(link, name):
    link_type, make = LINKS[link]
    frame = make(PACKETS[name])
    framer = _flowcore.Framer("pcap", link_type=link_type)
    for n_bytes in range(len(frame) + 1):
        expected = decode_frame(link_type, frame[:n_bytes])
        found = skip_reason(framer, captures.pcap_record(0, frame[:n_bytes], wirelen=len(frame)))
        assert found == (expected if isinstance(expected, str) else None), f"{n_bytes} of {len(frame)} bytes"


@pytest.mark.parametrize("capture_format", ["pcap", "pcapng"])
def test_captures_cut_at_every_byte(capture_format):
    frame = frames.ethernet(PACKETS["udp"])
    if capture_format == "pcap":
        content = captures.pcap_record(1, frame) + captures.pcap_record(2, frame)
    else:
        content = captures.section_header() + captures.interface(tsresol=9, tsoffset=1)
        content += captures.enhanced_packet(1, frame) + captures.obsolete_packet(2, frame)
        content += captures.simple_packet(frame)
    for n_bytes in range(1, len(content) + 1):
        assembler = _flowcore.FlowAssembler()
        framer = _flowcore.Framer(capture_format)
        n_left, n_wanted, fault = assembler.assemble(framer, exactly(content[:n_bytes]), 0, n_bytes)
        assert fault == ""
        assert n_left < max(n_wanted, 24), f"{n_bytes} of {len(content)} bytes: a whole record is left"
    assert n_left == 0
    assert assembler.n_packets_read == content.count(frame)
