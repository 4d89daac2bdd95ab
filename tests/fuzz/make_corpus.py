"""Seeds for the fuzzing targets: cut out of the shared captures where they are, and built by hand everywhere.

`python tests/fuzz/make_corpus.py FOLDER` writes FOLDER/TARGET/NAME; names are of the content, so that nothing is twice.
"""

import hashlib
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from builders import captures, fragments, frames, links, tunnels  # noqa: E402
from harness_build import LINK_TYPES, TARGETS  # noqa: E402

SHARED = ROOT.parent / "shared" / "captures"
MOST_FRAME_BYTES = 220
MOST_CAPTURE_BYTES = 900
FRAMES_A_CAPTURE = 24
MAGICS = {bytes.fromhex("d4c3b2a1"): "<", bytes.fromhex("a1b2c3d4"): ">"}
MAGICS |= {bytes.fromhex("4d3cb2a1"): "<", bytes.fromhex("a1b23c4d"): ">"}


def pcap_frames(content):
    """(link type, record header, frame) of a pcap."""
    order = MAGICS[content[:4]]
    link_type = struct.unpack_from(order + "I", content, 20)[0] & 0x03FFFFFF
    at = 24
    while at + 16 <= len(content):
        seconds, fraction, caplen, wirelen = struct.unpack_from(order + "IIII", content, at)
        frame = content[at + 16 : at + 16 + caplen]
        cut = frame[:MOST_FRAME_BYTES]
        yield link_type, struct.pack(order + "IIII", seconds, fraction, len(cut), wirelen) + cut, cut
        at += 16 + caplen


def pcapng_blocks(content):
    """Blocks, whole, with the frame of those that hold one in an enhanced packet block."""
    order, link_types, at = "<", [], 0
    while at + 12 <= len(content):
        if content[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if content[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            link_types = []
        kind, length = struct.unpack_from(order + "II", content, at)
        if length < 12:
            return
        whole = content[at : at + length]
        link_type = frame = None
        if kind == 1:
            link_types.append(struct.unpack_from(order + "H", whole, 8)[0])
        elif kind == 6 and len(whole) >= 32:
            number, _, _, caplen, _ = struct.unpack_from(order + "IIIII", whole, 8)
            if number < len(link_types):
                link_type, frame = link_types[number], whole[28 : 28 + min(caplen, MOST_FRAME_BYTES)]
        yield whole, link_type, frame
        at += length


def cut_pcap(content):
    """Small captures and frames out of a pcap."""
    found, pieces, piece = [], [], content[:24]
    for link_type, record, frame in pcap_frames(content):
        if len(found) < FRAMES_A_CAPTURE:
            found.append((link_type, frame))
        if len(piece) + len(record) > MOST_CAPTURE_BYTES:
            pieces.append(piece)
            piece = content[:24]
        piece += record
        if len(pieces) == 3:
            break
    return [*pieces, piece], found


def cut_pcapng(content):
    """A small capture and frames out of a pcapng."""
    piece, found = b"", []
    for whole, link_type, frame in pcapng_blocks(content):
        if frame is not None and len(found) < FRAMES_A_CAPTURE:
            found.append((link_type, frame))
        if len(whole) <= 400 and len(piece) < MOST_CAPTURE_BYTES:
            piece += whole
    return [piece], found


def shared_seeds():
    """(target, content) out of the shared captures; nothing where they are absent."""
    for path in sorted(SHARED.glob("*.*cap*")):
        content = path.read_bytes()
        if content[:4] in MAGICS:
            kind, (pieces, found) = "pcap", cut_pcap(content)
        elif content[:4] == b"\x0a\x0d\x0d\x0a":
            kind, (pieces, found) = "pcapng", cut_pcapng(content)
        else:
            continue
        for piece in pieces:
            yield kind, piece
            yield "pipeline", piece + OPTIONS[len(piece) % len(OPTIONS)] * (kind == "pcap")
            yield "biflows", piece + BIFLOW_OPTIONS[len(piece) % len(BIFLOW_OPTIONS)] * (kind == "pcap")
        yield from frame_seeds(found)


# For `pipeline`: tunnels, fragments, least packets, tails; timeouts; interval; rate; width.
OPTIONS = [bytes.fromhex(text) for text in ("113c3c3c3c0a0000", "020a0a0905030000", "1f1412110e1e0000")]
# For `biflows`: rules and two timeouts; settings of families; what a stream may hold; parts.
BIFLOW_OPTIONS = [
    bytes.fromhex(text)
    for text in (
        *("b7121610840f0f1100000000070000ff", "bf0e0f0e030e0d0c01000000020000ff"),
        *("80101111010c0e1103c30000030000ff", "d500002084131415010000a5050000ff", "af0d0e0f020e0f0f00ffa2a1060000ff"),
    )
]


def frame_seeds(found):
    """(target, content) of frames."""
    packets = []
    for link_type, frame in found:
        if link_type in LINK_TYPES:
            yield f"link_{link_type}", frame
        if link_type in (1, 101):
            yield "details", frame + bytes([1 | (link_type == 1) << 1])
        if link_type == 1:
            yield "outer_1", frame
            if frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                packets.append(frame[14:])
        elif link_type in (12, 14, 101):
            packets.append(frame)
    for packet in packets:
        yield "ipv6" if packet[:1] and packet[0] >> 4 == 6 else "ipv4", packet
    yield "fragments", fragment_input(packets[:6])
    yield "bits", bit_input(packets[:6], BIT_OPTIONS[len(packets) % len(BIT_OPTIONS)])


def fragment_input(packets, gap=20):
    """The input of the target `fragments`."""
    return b"".join(bytes([gap]) + struct.pack("<H", len(packet)) + packet for packet in packets)


# For `bits`: blocks; columns of payload and octets of it that are kept; packets of flows; link and decoding.
BIT_OPTIONS = [bytes.fromhex(text) for text in ("1f000402", "1f240e06", "051f8b04", "18120702", "00080200")]


def bit_input(found, options):
    """The input of the target `bits`: frames of one link type."""
    return options + b"".join(struct.pack("<H", len(frame)) + frame for frame in found)


def bit_seeds():
    """Packets of all kinds, each twice, whole and cut, with and without Ethernet."""
    packets = list(inner_packets())
    packets += [frames.ipv4(bytes(range(8 + 4 * i)), protocol=number) for i, number in enumerate((1, 132, 58))]
    pieces = fragments.ipv4_fragments(frames.udp(5000, 53, b"x" * 40), n_bytes=16)
    for i, options in enumerate(BIT_OPTIONS):
        for j in range(0, len(packets), 4):
            some = [*packets[j : j + 4], *[packet[: len(packet) - 1 - i] for packet in packets[j : j + 4]], *pieces]
            yield bit_input(some, options)
            yield bit_input(map(frames.ethernet, some), options[:3] + bytes([options[3] | 1]))


def inner_packets():
    """IP packets by hand, in and out of tunnels."""
    segment = frames.tcp(40000, 443, b"payload", options=b"\1" * 4)
    chain = [frames.extension(0, 1), frames.extension(43), frames.fragment(0), frames.authentication()]
    plain = [
        frames.ipv4(frames.udp(5000, 53, b"question")),
        frames.ipv4(segment, protocol=frames.TCP, options=b"\1" * 8),
        frames.ipv6(frames.udp(5000, 53, b"question")),
        frames.ipv6(segment, next_header=frames.TCP, extensions=chain),
    ]
    for packet in plain:
        yield packet
        ethernet, ppp = frames.ethernet(packet), links.ppp(packet)
        yield frames.ipv4(packet, protocol=tunnels.ip_protocol_of(packet))
        yield frames.ipv6(packet, next_header=tunnels.ip_protocol_of(packet))
        for head in (
            tunnels.gre(packet, key=True, sequence=True, checksum=True),
            tunnels.gre(ethernet, protocol=tunnels.BRIDGED),
            tunnels.pptp(ppp, acknowledge=True),
            tunnels.erspan_1(ethernet),
            tunnels.erspan_2(ethernet),
            tunnels.erspan_3(ethernet, has_platform_header=True),
        ):
            yield frames.ipv4(head, protocol=tunnels.GRE)
        for name, head in (
            ("vxlan", tunnels.vxlan(ethernet)),
            ("vxlan-gpe", tunnels.vxlan_gpe(packet)),
            ("geneve", tunnels.geneve(ethernet, n_option_words=2)),
            ("gtp-u", tunnels.gtp_u(packet, sequence=True)),
            ("teredo", tunnels.teredo(packet, has_origin=True)),
            ("l2tp", tunnels.l2tp(ppp, has_length=True, has_sequence=True)),
        ):
            yield frames.ipv4(frames.udp(tunnels.PORTS[name], tunnels.PORTS[name], head))
    deep = plain[0]
    for _ in range(9):
        deep = frames.ipv4(deep, protocol=4)
        yield deep


def wlan(packet):
    return links.wlan_data(packet, is_qos=True, to_ds=True, from_ds=True, has_ht_control=True)


MAKERS = {
    0: [links.null],
    1: [
        frames.ethernet,
        lambda packet: frames.ethernet(packet, tags=(0x88A8, 0x8100, 0x9100)),
        lambda packet: frames.ethernet(frames.mpls(packet, [16, 17]), ethertype=0x8847),
        lambda packet: frames.ethernet(frames.pppoe(packet), ethertype=0x8864),
        lambda packet: frames.ethernet_802_3(frames.llc_snap(packet)),
    ],
    9: [links.ppp],
    12: [bytes],
    14: [bytes],
    50: [lambda packet: links.ppp(packet, is_compressed=True), links.cisco_hdlc],
    101: [bytes],
    104: [links.cisco_hdlc],
    105: [wlan, links.wlan_data],
    108: [links.loop],
    113: [links.linux_sll],
    127: [lambda packet: links.radiotap(wlan(packet), flags=0, n_more_words=1, has_tsft=True)],
    192: [
        lambda packet: links.ppi(wlan(packet), fields=b"\0" * 12),
        lambda packet: links.ppi(packet, link_type=101),
        lambda packet: links.ppi(links.radiotap(wlan(packet)), link_type=127),
    ],
    228: [bytes],
    229: [bytes],
    276: [links.linux_sll2],
}


def built_captures():
    """Captures by hand, in every layout that the framing knows."""
    made = [frames.ethernet(packet) for packet in list(inner_packets())[:3]] * 2
    records = [(10**18 + i * 10**8, frame) for i, frame in enumerate(made)]
    for order in "<>":
        for magic in (captures.MAGIC_US, captures.MAGIC_NS, captures.MAGIC_MODIFIED):
            yield "pcap", captures.pcap(records, order=order, magic=magic)
        head = captures.section_header(order=order)
        for tsresol in (None, 0, 3, 9, 12, 30, 0x80, 0x8A, 0xA0, 0xDF, 0xFF):
            described = captures.interface(order=order, tsresol=tsresol, tsoffset=tsresol)
            late = captures.enhanced_packet(2**64 - 1, made[0], order=order)
            yield "pcapng", head + described + captures.enhanced_packet(10**15, made[0], order=order) + late
        for tsoffset in (-(2**63), 2**63 - 1, 2**33):
            described = captures.interface(order=order, tsoffset=tsoffset, snaplen=60)
            packets = captures.simple_packet(made[0], order=order) + captures.obsolete_packet(7, made[1], order=order)
            yield "pcapng", head + described + packets + captures.enhanced_packet(9, made[2], order=order)
        unknown = captures.block(5, b"statistics", order=order) + captures.block(0xBAD, b"", order=order)
        described = b"".join(captures.interface(order=order, link_type=number) for number in LINK_TYPES)
        yield "pcapng", head + described + unknown + captures.enhanced_packet(1, made[0], interface_no=1, order=order)
        other = captures.section_header(order="<>"[order == "<"])
        yield "pcapng", head + captures.interface(order=order) + other + captures.simple_packet(made[0])


def stream_inputs():
    """Plans of streams: (header of 8 octets, events of 4)."""
    for i in range(24):
        shift = 2 + i % 30 + 224 * (i % 6 == 0)
        head = bytes([10 + i % 20, 15 + i % 9, 14 + i % 7, i * 11 % 256, i * 5 % 64, i % 12, i % 16, shift])
        events = b""
        for j in range(30):
            kind = (7 if j % 9 == 8 else 5 if j % 13 == 12 else 0) | (j % 11 == 10) << 3 | (2 + (i + j) % 9) << 4
            events += bytes([kind, 130 if kind & 7 == 5 else j * 7 % (2 + i), 10 + 17 * j % 200, j * 3])
        yield head + events


def plan_inputs():
    """Plans of biflows: options of 16 octets, events of 6."""
    for i in range(24):
        head = bytes([i * 37 % 256, 16 + i % 4, 17 + i % 5, 15, 0x83 if i % 2 else 2, 14 + i % 4, 13, 16])
        head += bytes([i % 4, 0xC9 if i % 5 == 4 else 0, 0xA3 if i % 7 == 6 else 0, 0xA2 if i % 11 == 10 else 0])
        head += bytes([i % 4 | (i % 16) << 2, 0xF8 if i % 6 == 0 else 12, 0, 0])
        events = b""
        for j in range(40):
            kind = (7 if j % 9 == 8 else 6 if j % 13 == 12 else 0) | (16 + (i + j) % 12) << 3
            ends = 130 if kind & 7 == 6 else (j * 7 + i) % 16 | (j * i % 8) << 5
            events += bytes([kind, ends, 10 + 17 * j % 200, (2, 18, 16, 24, 17, 16, 4)[j * 3 % 7], j * 5, j * i % 256])
        yield head + events


def row_inputs():
    """Options of 16 octets, packets of 16: the time since the one before, its size, flags ... and at last its way."""
    for i in range(16):
        head = bytes([10 + i, 0x83 if i % 2 else 1, 15, 15, 16, i * 4 + 64 * (i % 2), 1 + i * 3, i * 11, *[i] * 8])
        packets = b"".join(
            bytes(
                [j * 31 % 256, i + j % 5, j * 3 % 256, j % 6, 0, 0, (2, 18, 16, 24, 17)[j % 5], 64, 20, 0, 1, j, 0, 0]
            )
            + bytes([3, j * i % 2])
            for j in range(8 + i * 5)
        )
        yield head + packets


def option_inputs():
    """TCP headers with options, whole and cut."""
    kinds = (b"\2\4\5\xb4", b"\3\3\7", b"\4\2", b"\x08\x0a" + b"t" * 8, b"\1", b"\0", b"\3\3\xff", b"\2\3\1", b"\5\0")
    for first in kinds:
        for second in kinds:
            octets = (first + second + first + b"\4\2").ljust(40, b"\1")
            header = struct.pack(">HHIIBBHHH", 1, 2, 3, 4, 0xF0, 2, 5, 6, 7) + octets
            yield header
            yield header[: 20 + len(first) + len(second)]


def built_seeds():
    """(target, content) that need nothing from outside."""
    packets = list(inner_packets())
    for link_type, makers in MAKERS.items():
        for make in makers:
            for packet in packets:
                yield f"link_{link_type}", make(packet)
    for packet in packets:
        yield "outer_1", frames.ethernet(packet)
        yield "ipv6" if packet[0] >> 4 == 6 else "ipv4", packet
    for n_bytes in (8, 16, 24):
        datagram = frames.udp(5000, 53, b"x" * 40)
        four = fragments.ipv4_fragments(datagram, n_bytes=n_bytes)
        six = fragments.ipv6_fragments(datagram, n_bytes=n_bytes)
        for gap in (20, 19, 21, 52):
            yield "fragments", fragment_input(four + six + four[::-1], gap)
            yield "fragments", fragment_input([frames.ipv4(piece, protocol=4) for piece in four] + six, gap)
    # Between these two octets: with all places for open datagrams taken.
    yield "fragments", b"\xfe" + fragment_input(fragments.ipv4_fragments(frames.udp(1, 2, b"x" * 30)))[1:] + b"\xfe"
    for kind, content in built_captures():
        yield kind, content
        for options in OPTIONS:
            yield "pipeline", content + options
        for options in BIFLOW_OPTIONS:
            yield "biflows", content + options
    for packet in packets:
        for way in range(2):
            yield "details", packet + bytes([way])
            yield "details", frames.ethernet(packet) + bytes([2 | way])
    for number, protocol in enumerate((1, 132, 50, 89, 58)):
        packet = frames.ipv4(bytes(range(8 + 4 * number)), protocol=protocol)
        yield "details", packet + b"\0"
        yield "biflows", captures.pcap([(number, frames.ethernet(packet))]) + BIFLOW_OPTIONS[0]
    for target, inputs in (
        *(("stream", stream_inputs()), ("biflow_stream", plan_inputs()), ("rows", row_inputs())),
        *(("tcp_options", option_inputs()), ("bits", bit_seeds())),
    ):
        for content in inputs:
            yield target, content


def make_corpus(folder):
    """Write all seeds; gives how many each target has."""
    counts = dict.fromkeys(TARGETS, 0)
    for name in TARGETS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for target, content in [*built_seeds(), *shared_seeds()]:
        path = folder / target / hashlib.sha1(content).hexdigest()[:16]
        if not path.exists():
            path.write_bytes(content)
            counts[target] += 1
    return counts


if __name__ == "__main__":
    print(make_corpus(Path(sys.argv[1])))
