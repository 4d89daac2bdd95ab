"""What a SYN offers, worked out by hand: the oracle and the kernel."""

import pytest
from builders import frames
from hypothesis import given
from hypothesis import strategies as st
from reference import tcp_options
from reference.capture import Record
from reference.headers import decode_headers

from netml import _flowcore

HAS_MSS, HAS_SCALE, HAS_SACK = 1 << 24, 1 << 25, 1 << 26
LINUX = b"\2\4\5\xb4\4\2\x08\x0a\0\0\0\1\0\0\0\0\1\3\3\7"  # MSS 1460, SACK, time stamps, padding, scale 7
CASES = {
    "none": (b"", 0),
    "as Linux": (LINUX, 1460 | 7 << 16 | HAS_MSS | HAS_SCALE | HAS_SACK),
    "MSS alone": (b"\2\4\5\xb4", 1460 | HAS_MSS),
    "MSS 0 is one": (b"\2\4\0\0", HAS_MSS),
    "scale 0 is one": (b"\3\3\0\1", HAS_SCALE),
    "scale above 14": (b"\3\3\xff\1", 14 << 16 | HAS_SCALE),
    "end of options": (b"\0\2\4\5\xb4\0\0\0", 0),
    "padding": (b"\1\1\4\2", HAS_SACK),
    "length 0": (b"\x08\0\4\2\2\4\5\xb4", 0),
    "length 1": (b"\4\2\x08\1\2\4\5\xb4", HAS_SACK),
    "length past the end": (b"\4\2\2\5\5\xb4\0\0"[:4], HAS_SACK),
    "length at the end": (b"\1\4\2\2", HAS_SACK),
    "MSS of a wrong length": (b"\2\3\5\4\2\0\0\0", HAS_SACK),
    "scale of a wrong length": (b"\3\4\5\5\4\2\0\0", HAS_SACK),
    "SACK of a wrong length": (b"\4\3\5\1\2\4\0\1", 1 | HAS_MSS),
    "the first counts": (b"\2\4\0\1\2\4\0\2\3\3\1\3\3\2\0\0", 1 | 1 << 16 | HAS_MSS | HAS_SCALE),
}


@pytest.fixture(params=[tcp_options.read_tcp_options, _flowcore.read_tcp_options], ids=["reference", "kernel"])
def read(request):
    return request.param


@pytest.mark.parametrize("name", CASES)
def test_options(read, name):
    options, expected = CASES[name]
    assert len(options) % 4 == 0
    assert read(frames.tcp(1, 2, options=options)) == expected


def test_only_what_was_captured_of_the_header(read):
    segment = frames.tcp(1, 2, options=LINUX)
    full = 1460 | 7 << 16 | HAS_MSS | HAS_SCALE | HAS_SACK
    found = [read(segment[:n]) for n in range(len(segment) + 1)]
    assert found == [*[0] * 24, *[1460 | HAS_MSS] * 2, *[1460 | HAS_MSS | HAS_SACK] * 14, full]
    assert read(segment + b"\2\4\0\1") == full
    assert read(frames.tcp(1, 2, b"\2\4\5\xb4")) == 0, "payload is no option"
    assert read(frames.tcp(1, 2, b"\2\4\5\xb4", data_offset=4)) == 0, "a header that cannot be"


@given(st.integers(0, 15), st.lists(st.integers(0, 9), max_size=44).map(bytes), st.integers(0, 70))
def test_kernel_reads_as_the_reference(data_offset, options, n_octets):
    header = frames.tcp(1, 2, options=b"", data_offset=data_offset) + options
    assert _flowcore.read_tcp_options(header[:n_octets]) == tcp_options.read_tcp_options(header[:n_octets])


def test_headers_have_them_of_a_syn_only():
    for flags, expected in ((frames.SYN, 1460 | HAS_MSS), (frames.SYN | frames.ACK, 1460 | HAS_MSS), (frames.ACK, 0)):
        segment = frames.tcp(1, 2, b"data", flags=flags, options=b"\2\4\5\xb4")
        frame = frames.ethernet(frames.ipv4(segment, protocol=6))
        assert decode_headers([Record(5, len(frame), len(frame), 1, frame)])[0][0].tcp_options == expected
