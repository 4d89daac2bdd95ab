"""Bad input, as a user meets it: one line that names the file and the place, the right status, no litter."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import traffic
from builders import captures
from command import assert_one_line, run_netml

from netml import _flowcore, errors

COMMANDS = ("extract", "packets", "info")
N_READ = 6
WHOLE = captures.pcap(traffic.records(N_READ))
NG_WHOLE = captures.pcapng(traffic.records(N_READ))
FRAME = traffic.udp_frame()
NG_START = captures.section_header() + captures.interface()

# Name -> (content, what is said). Nothing can be read of these.
NO_CAPTURES = {
    "empty": (b"", "byte 0: the file is empty"),
    "text": (
        b"time,source\n1,2\n" * 9,
        "byte 0: neither pcap nor pcapng: it begins with 'time,source\\n1,2\\n'",
    ),
    "binary": (b"\x89PNG" * 20, "byte 0: neither pcap nor pcapng: it begins with '89 50 4e 47'"),
    "cut-pcap-header": (WHOLE[:10], "byte 0: cut in the capture header: 10 bytes are there"),
    "cut-pcap-magic": (WHOLE[:2], "byte 0: cut in the capture header: 2 bytes are there"),
    "cut-pcapng-header": (NG_WHOLE[:10], "byte 0: cut in the capture header: 10 bytes are there"),
    "pcapng-of-no-byte-order": (
        NG_WHOLE[:8] + b"\1\2\3\4" + NG_WHOLE[12:],
        "byte 8: a pcapng section header",
    ),
    "link-type": (captures.pcap(traffic.records(), link_type=147), "link type 147 (USER0) is not decoded"),
    "gzip-of-text": (b"\x1f\x8b\x08\x00" + b"\0" * 40, "the gzip compression is damaged"),
}
CONTRADICTION = "a pcapng block that contradicts its own lengths"
NO_SECTION = "a pcapng section header of an unknown byte order or version"
RECORD = captures.pcap_record(0, FRAME)
BLOCK = captures.enhanced_packet(0, FRAME)
# Name -> (what follows after six good packets, what is said of it).
PCAP_DAMAGE = {
    "record-header-cut": (b"\0" * 7, "cut: 7 bytes of the record are there"),
    "record-cut": (RECORD[:-3], f"cut: {len(RECORD) - 3} of {len(RECORD)} bytes of the record are there"),
    "record-of-4-GiB": (captures.pcap_record(0, FRAME, caplen=2**32 - 1), "a length of 4294967311 bytes"),
    "record-of-32-MiB": (captures.pcap_record(0, FRAME, caplen=1 << 25), "a length of 33554448 bytes"),
}
PCAPNG_DAMAGE = {
    "block-header-cut": (BLOCK[:11], "cut: 11 bytes of the record are there"),
    "block-cut": (BLOCK[:-1], f"cut: {len(BLOCK) - 1} of {len(BLOCK)} bytes of the record are there"),
    "block-of-4-GiB": (struct.pack("<II", 6, 0xFFFFFFFC) + FRAME, "a length of 4294967292 bytes"),
    "block-of-no-length": (struct.pack("<III", 6, 8, 8), "a length of 8 bytes"),
    "caplen-of-4-GiB": (captures.enhanced_packet(0, FRAME, caplen=2**32 - 1), CONTRADICTION),
    "lengths-differ": (captures.block(6, b"\0" * 20, trailer=36), CONTRADICTION),
    "no-interface": (
        captures.enhanced_packet(0, FRAME, interface_no=1),
        "a packet of an interface that was not",
    ),
    "section-of-no-byte-order": (captures.block(0x0A0D0D0A, b"\0" * 16), NO_SECTION),
    "section-of-version-2": (captures.section_header(major=2), NO_SECTION),
}
DAMAGE = [*PCAP_DAMAGE, *PCAPNG_DAMAGE]


def damaged_capture(folder, name):
    """(path, the place and the fault in words) of a capture with six packets before the damage."""
    is_pcapng = name in PCAPNG_DAMAGE
    content, fault = (PCAPNG_DAMAGE if is_pcapng else PCAP_DAMAGE)[name]
    whole = NG_WHOLE if is_pcapng else WHOLE
    path = folder / f"{name}.pcap"
    path.write_bytes(whole + content)
    # A pcapng counts blocks: the section's and the interface's are two more.
    return path, f"{path}: record {N_READ + (3 if is_pcapng else 1)} at byte {len(whole)}: {fault}"


def with_output(command, path, folder):
    """Arguments of a command; all but `info` write a file."""
    return [command, path] if command == "info" else [command, path, "-o", folder / "out.npz"]


def names_in(folder):
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", NO_CAPTURES)
def test_what_is_no_capture(tmp_path, name, command):
    content, fault = NO_CAPTURES[name]
    path = tmp_path / name
    path.write_bytes(content)
    assert_one_line(run_netml(*with_output(command, path, tmp_path)), 1, f"netml: {path}: {fault}")
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_file(tmp_path, command):
    path = tmp_path / "none.pcap"
    assert_one_line(run_netml(*with_output(command, path, tmp_path)), 1, f"netml: {path}: no such file")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder(tmp_path, command):
    path = tmp_path / "captures"
    path.mkdir()
    assert_one_line(run_netml(*with_output(command, path, tmp_path)), 1, f"netml: {path}: is a folder")
    assert names_in(tmp_path) == ["captures"]


def test_a_broken_standard_input(tmp_path):
    run = run_netml("extract", "-", "-o", tmp_path / "out.npz", stdin=b"no capture")
    assert_one_line(run, 1, "netml: standard input: byte 0: neither pcap nor pcapng")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_keeps_what_was_read_before(tmp_path, name):
    path, fault = damaged_capture(tmp_path, name)
    output = tmp_path / "out.npz"
    run = run_netml("extract", path, "-f", "SIZE", "--quiet", "-o", output)
    assert_one_line(run, 1, f"netml: warning: {fault}")
    with np.load(output) as archive:
        assert archive["X"].shape == (2, 3)
    assert names_in(tmp_path) == sorted([path.name, "out.npz"])


@pytest.mark.parametrize("name", DAMAGE)
def test_strict_damage_writes_nothing(tmp_path, name):
    path, fault = damaged_capture(tmp_path, name)
    run = run_netml("extract", path, "--strict", "-o", tmp_path / "out.npz")
    assert_one_line(run, 1, f"netml: {fault}")
    assert names_in(tmp_path) == [path.name]


@pytest.mark.parametrize("command", ["packets", "info"])
def test_damage_in_the_other_commands(tmp_path, command):
    path, fault = damaged_capture(tmp_path, "record-cut")
    run = run_netml(*with_output(command, path, tmp_path))
    assert run.status == 1
    assert run.err.startswith(f"netml: warning: {fault}")
    assert run.err.count("netml: ") == 1
    strict = run_netml(*with_output(command, path, tmp_path), "--strict")
    assert_one_line(strict, 1, f"netml: {fault}")


@pytest.mark.parametrize("n_bytes", [12, 20, 27, 30, 47])
def test_a_pcapng_cut_in_its_first_blocks(tmp_path, n_bytes):
    path = tmp_path / "cut.pcapng"
    path.write_bytes(NG_START[:n_bytes])
    run = run_netml("extract", path, "--quiet", "-o", tmp_path / "out.npz")
    assert_one_line(run, 1, f"netml: warning: {path}: record {1 if n_bytes < 28 else 2} at byte", "cut: ")


def test_a_snaplen_of_0(tmp_path):
    path = traffic.write_pcap(tmp_path / "snaplen.pcap", snaplen=0)
    output = tmp_path / "out.npz"
    run = run_netml("extract", path, "--quiet", "-o", output)
    assert_one_line(run, 1, f"netml: warning: {path}: byte 16: a snaplen of 0, read as no limit")
    with np.load(output) as archive:
        assert archive["X"].shape == (2, 2)
    output.unlink()
    run = run_netml("extract", path, "--strict", "-o", output)
    assert_one_line(run, 1, f"netml: {path}: byte 16: a snaplen of 0")
    assert names_in(tmp_path) == ["snaplen.pcap"]


def test_damage_in_one_of_several(tmp_path):
    damaged, fault = damaged_capture(tmp_path, "record-cut")
    whole = traffic.write_pcap(tmp_path / "whole.pcap")
    run = run_netml("extract", damaged, whole, "-f", "SIZE", "--quiet", "-o", tmp_path / "out.npz")
    assert_one_line(run, 1, f"netml: warning: {fault}")
    with np.load(tmp_path / "out.npz") as archive:
        assert archive["X"].shape == (2, 6)


def test_every_kind_of_damage_has_words():
    words = {kind: errors.describe_damage(kind, n_wanted=7) for kind in _flowcore.DAMAGE_KINDS.values()}
    assert len(set(words.values())) == len(words) == 5


EMPTY = {
    "header-only.pcap": (captures.pcap([]), "read     0 packets"),
    "header-only.pcapng": (captures.pcapng([]), "read     0 packets"),
    "section-only.pcapng": (captures.section_header(), "read     0 packets"),
    "icmp.pcap": (
        captures.pcap([(traffic.START_NS, traffic.icmp_frame())] * 3),
        "read     3 packets: 0 of TCP or UDP, 3 skipped",
    ),
    "lone.pcap": (captures.pcap(traffic.records(1)), "read     1 packet: 1 of TCP or UDP, 0 skipped"),
}


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".parquet", ".arrow", ".dat"])
@pytest.mark.parametrize("name", EMPTY)
def test_no_flows_are_no_error(tmp_path, name, suffix):
    content, said = EMPTY[name]
    (tmp_path / name).write_bytes(content)
    output = tmp_path / f"out{suffix}"
    run = run_netml("extract", tmp_path / name, "-f", "IAT", "-f", "STATS", "--header", "--fft", "-o", output)
    assert run.status == 0, run.err
    assert said in run.err
    assert "flows    0 flows" in run.err
    assert "matrix   0 x " in run.err
    assert output.exists()


BAD_OPTIONS = {
    "interval": ("nan", "-1", "0", "-inf"),
    "q-interval": ("nan", "-0.1", "1.1", "inf"),
    "tcp-timeout": ("nan", "-1", "0"),
    "udp-timeout": ("nan", "-600", "-0.0"),
    "min-packets": ("-1", "0"),
    "dim": ("-1", "0"),
    "rate": ("nan", "-1"),
}
BAD_PAIRS = [(option, text) for option, texts in BAD_OPTIONS.items() for text in texts]


@pytest.mark.parametrize(("option", "text"), BAD_PAIRS, ids=[f"{option}={text}" for option, text in BAD_PAIRS])
def test_numbers_out_of_range(tmp_path, option, text):
    path = traffic.write_pcap(tmp_path / "whole.pcap")
    family = "SAMP_NUM" if option == "rate" else "IAT"
    run = run_netml("extract", path, "-f", family, f"--{option}={text}", "-o", tmp_path / "out.npz")
    assert_one_line(run, 2, f"netml: --{option} ", "must be")
    assert names_in(tmp_path) == ["whole.pcap"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["-f", "IATS"], ["unknown family 'IATS'", "IAT, SIZE, IAT_SIZE, STATS, SAMP_NUM, SAMP_SIZE"]),
        (["-f", "IAT", "-f", "IAT"], ["--family ", "each once"]),
        (["-f", "FFT-IAT", "-f", "SIZE"], ["--family ", "FFT-"]),
        (["-f", ""], ["unknown family ''"]),
    ],
)
def test_families_that_cannot_be(tmp_path, arguments, parts):
    path = traffic.write_pcap(tmp_path / "whole.pcap")
    run = run_netml("extract", path, *arguments, "-o", tmp_path / "out.npz")
    assert_one_line(run, 2, *parts)
    assert names_in(tmp_path) == ["whole.pcap"]


@pytest.mark.parametrize("name", ["out.txt", "out"])
@pytest.mark.parametrize("command", ["extract", "packets"])
def test_an_unknown_suffix(tmp_path, command, name):
    path = traffic.write_pcap(tmp_path / "whole.pcap")
    run = run_netml(command, path, "-o", tmp_path / name)
    assert_one_line(run, 2, "format", repr(Path(name).suffix or name), ".npz, ", ".csv, ", ".parquet, .arrow")
    assert names_in(tmp_path) == ["whole.pcap"]
