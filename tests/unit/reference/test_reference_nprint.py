"""The oracle of header bits against nPrint's published names and widths, and against bits set by hand."""

import pytest
from builders import frames, tunnels
from reference import nprint
from reference.capture import Record

# docs of nPrint: block -> width; `-4 -t -u -i` is 1088 columns.
WIDTHS = {"ipv4": 480, "ipv6": 320, "tcp": 480, "udp": 64, "icmp": 64}


def row_of(frame, blocks=nprint.BLOCKS, payload_bytes=4, protocols="all", **options):
    """The one row of a frame as a dict."""
    record = Record(5, len(frame), len(frame), 1, frame)
    rows, _ = nprint.read_rows([record], blocks, payload_bytes, protocols=protocols, **options)
    return dict(zip(nprint.name_columns(blocks, payload_bytes), rows[0][2], strict=True))


def field(row, name):
    """Bits of a field as text, "." where there is none."""
    bits = [(column, value) for column, value in row.items() if column.rpartition("_")[0] == name]
    assert [column for column, _ in bits] == [f"{name}_{i}" for i in range(len(bits))]
    return "".join({1: "1", 0: "0", -1: "."}[value] for _, value in bits)


@pytest.mark.parametrize("block", nprint.BLOCKS)
def test_widths(block):
    assert len(nprint.name_columns([block])) == WIDTHS[block]


def test_names_and_order():
    names = nprint.name_columns(["icmp", "tcp", "ipv4", "udp"], 2)
    assert len(names) == 1088 + 16
    assert len(set(names)) == len(names)
    assert names[:9] == [*(f"ipv4_ver_{i}" for i in range(4)), *(f"ipv4_hl_{i}" for i in range(4)), "ipv4_tos_0"]
    assert names[48:52] == ["ipv4_rbit_0", "ipv4_dfbit_0", "ipv4_mfbit_0", "ipv4_foff_0"]
    assert names[479:482] == ["ipv4_opt_319", "tcp_sprt_0", "tcp_sprt_1"]
    assert names[480 + 96 : 480 + 112] == [
        *(f"tcp_doff_{i}" for i in range(4)),
        *(f"tcp_res_{i}" for i in range(3)),
        *(f"tcp_{flag}_0" for flag in ("ns", "cwr", "ece", "urg", "ackf", "psh", "rst", "syn", "fin")),
    ]
    assert names[960] == "udp_sport_0"
    assert names[1024] == "icmp_type_0"
    assert names[1087:] == ["icmp_roh_31", *(f"payload_bit_{i}" for i in range(16))]


def test_tcp():
    segment = frames.tcp(0x8001, 443, b"\xa5", flags=frames.SYN | frames.CWR, options=b"\2\4\5\xb4", sequence=1)
    row = row_of(frames.ethernet(frames.ipv4(segment, protocol=6, ttl=63)))
    assert field(row, "ipv4_ver") + field(row, "ipv4_hl") == "01000101"
    assert field(row, "ipv4_tl") == f"{20 + 24 + 1:016b}"
    assert field(row, "ipv4_ttl") == "00111111"
    assert field(row, "ipv4_src") == "00001010" + "0" * 16 + "00000001"
    assert field(row, "ipv4_opt") == "." * 320
    assert field(row, "tcp_sprt") == "1000000000000001"
    assert field(row, "tcp_seq") == "0" * 31 + "1"
    assert field(row, "tcp_doff") == "0110"
    assert [row[f"tcp_{flag}_0"] for flag in ("ns", "cwr", "ece", "urg", "ackf", "psh", "rst", "syn", "fin")] == [
        0, 1, 0, 0, 0, 0, 0, 1, 0,
    ]  # fmt: skip
    assert field(row, "tcp_opt") == f"{0x020405B4:032b}" + "." * 288
    assert field(row, "payload_bit") == "10100101" + "." * 24
    for absent in ("ipv6_src", "udp_len", "icmp_roh"):
        assert set(field(row, absent)) == {"."}


def test_udp_in_ipv6_behind_extension_headers():
    chain = [frames.extension(frames.HOP_BY_HOP), frames.extension(frames.DESTINATION, 1)]
    row = row_of(frames.ethernet(frames.ipv6(frames.udp(1, 2, b"\xff\0"), extensions=chain)))
    assert field(row, "ipv6_ver") == "0110"
    assert field(row, "ipv6_nh") == "0" * 8
    assert field(row, "ipv6_dst")[-2:] == "10"
    assert field(row, "udp_sport") + field(row, "udp_dport") == f"{1:016b}{2:016b}"
    assert field(row, "payload_bit") == "1" * 8 + "0" * 8 + "." * 16
    assert set(field(row, "ipv4_ver")) == {"."}


@pytest.mark.parametrize("version", [4, 6])
def test_icmp_and_icmpv6(version):
    source, destination = ("10.0.0.1", "10.0.0.2") if version == 4 else ("::1", "::2")
    protocol = 1 if version == 4 else 58
    packet = frames.ip(frames.icmp(128, 3, b"\x0f"), source=source, destination=destination, protocol=protocol)
    row = row_of(frames.ethernet(packet))
    assert field(row, "icmp_type") + field(row, "icmp_code") == "1000000000000011"
    assert field(row, "payload_bit") == "00001111" + "." * 24


def test_bits_beyond_the_capture_are_absent():
    frame = frames.ethernet(frames.ipv4(frames.tcp(1, 2, b"abcd", options=b"\1" * 8), protocol=6))
    row = row_of(frame[: 14 + 20 + 23])
    assert field(row, "tcp_urp") == "0" * 16
    assert field(row, "tcp_opt") == "00000001" * 3 + "." * 296
    assert field(row, "payload_bit") == "." * 32


def test_padding_is_no_payload_but_offload_reaches_to_the_end():
    assert (
        field(row_of(frames.ethernet(frames.ipv4(frames.udp(1, 2, b"\1")), pad_to=60)), "payload_bit")[8:] == "." * 24
    )
    offloaded = frames.ethernet(frames.ipv4(frames.udp(1, 2, b"\1\2\3"), total_length=0))
    assert field(row_of(offloaded), "payload_bit") == f"{0x010203:024b}" + "." * 8


@pytest.mark.parametrize(("data_offset", "n_option_bits"), [(0, 0), (4, 0), (6, 32), (15, 48)])
def test_tcp_data_offset(data_offset, n_option_bits):
    row = row_of(frames.ethernet(frames.ipv4(frames.tcp(1, 2, b"abcdef", data_offset=data_offset), protocol=6)))
    assert field(row, "tcp_wsize") == f"{8192:016b}"
    assert field(row, "tcp_opt") == f"{int.from_bytes(b'abcdef', 'big'):048b}"[:n_option_bits].ljust(320, ".")


def test_ipv4_options_and_vlan_tags():
    packet = frames.ipv4(frames.udp(7, 9), options=b"\x94\4\0\0")
    row = row_of(frames.ethernet(packet, tags=[(0x88A8, 1), (0x8100, 2)]))
    assert field(row, "ipv4_hl") == "0110"
    assert field(row, "ipv4_opt") == f"{0x94040000:032b}" + "." * 288
    assert field(row, "udp_dport") == f"{9:016b}"


@pytest.mark.parametrize(("which", "port"), [("inner", 9), ("outer", 4789)])
def test_tunnels(which, port):
    inner = frames.ethernet(frames.ipv4(frames.udp(7, 9)))
    outer = frames.ethernet(frames.ipv4(frames.udp(5, 4789, tunnels.vxlan(inner))))
    assert field(row_of(outer, tunnels=which), "udp_dport") == f"{port:016b}"


def test_other_protocols_and_later_fragments_have_no_transport():
    row = row_of(frames.ethernet(frames.ipv4(b"\xaa" * 6, protocol=frames.ESP)))
    assert field(row, "payload_bit") == "10101010" * 4
    first = frames.ethernet(frames.ipv4(frames.udp(1, 2, b"x" * 8), more_fragments=True, identification=3))
    later = frames.ethernet(frames.ipv4(b"\xf0\x0f", fragment_offset=2, identification=3))
    records = [Record(i, len(frame), len(frame), 1, frame) for i, frame in enumerate([first, later])]
    rows, skipped = nprint.read_rows(records, payload_bytes=2, fragments="track")
    row = dict(zip(nprint.name_columns(nprint.BLOCKS, 2), rows[1][2], strict=True))
    assert (len(rows), skipped) == (2, {})
    assert field(row, "ipv4_foff") == f"{2:013b}"
    assert set(field(row, "udp_len")) == {"."}
    assert field(row, "payload_bit") == "1111000000001111"
    assert nprint.read_rows(records)[1] == {"fragment": 1}
