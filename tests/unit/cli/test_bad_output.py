"""Outputs that cannot be written, and inputs that may not be read: one line, the right status, no litter."""

import ctypes
import os
import resource
import subprocess

import pytest
import traffic
from command import assert_one_line, run_netml

COMMANDS = ("extract", "packets")
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
SMALL_BYTES = 1 << 14


@pytest.fixture
def capture(tmp_path):
    return traffic.write_pcap(tmp_path / "whole.pcap")


@pytest.fixture
def large_capture(tmp_path):
    """A capture whose packet table and whose matrix take more than `SMALL_BYTES`."""
    return traffic.write_pcap(tmp_path / "large.pcap", traffic.many_flows(4000, 250))


def obey_permissions():
    """In the child: take from root what lets it read and write everything, from `exec` on."""
    prctl = ctypes.CDLL(None).prctl
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def run_with_permissions(folder, *arguments):
    """Run netml as somebody whom permissions stop."""
    if os.geteuid() != 0:
        return run_netml(*arguments)
    closed = folder / "closed"
    closed.touch(mode=0)
    probe = subprocess.run(["cat", closed], capture_output=True, preexec_fn=obey_permissions, check=False)
    closed.unlink()
    if probe.returncode == 0:
        pytest.skip("permissions do not stop this root, and its capabilities cannot be taken from it")
    return run_netml(*arguments, preexec_fn=obey_permissions)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_folder(tmp_path, capture, command):
    output = tmp_path / "none" / "out.npz"
    run = run_netml(command, capture, "-o", output)
    assert_one_line(run, 1, f"netml: {output}: no such folder: {output.parent}")
    assert os.listdir(tmp_path) == ["whole.pcap"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_in_the_way(tmp_path, capture, command):
    output = tmp_path / "out.npz"
    output.mkdir()
    assert_one_line(run_netml(command, capture, "-o", output), 1, f"netml: {output}: is a folder")
    assert os.listdir(output) == []


def test_the_output_is_looked_at_before_the_work(tmp_path):
    output = tmp_path / "none" / "out.npz"
    run = run_netml("extract", tmp_path / "none.pcap", "-o", output)
    assert_one_line(run, 1, f"netml: {output}: no such folder")


def test_an_input_that_may_not_be_read(tmp_path, capture):
    capture.chmod(0)
    run = run_with_permissions(tmp_path, "extract", capture, "-o", tmp_path / "out.npz")
    assert_one_line(run, 1, f"netml: {capture}: permission denied")
    assert os.listdir(tmp_path) == ["whole.pcap"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_may_not_be_written(tmp_path, capture, command):
    folder = tmp_path / "closed-folder"
    folder.mkdir(mode=0o555)
    output = folder / "out.npz"
    run = run_with_permissions(tmp_path, command, capture, "-o", output)
    assert_one_line(run, 1, f"netml: {output}: permission denied")
    assert os.listdir(folder) == []


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".parquet", ".arrow", ".dat"])
def test_a_full_device(tmp_path, large_capture, suffix):
    output = tmp_path / f"out{suffix}"
    output.symlink_to("/dev/full")
    run = run_netml("extract", large_capture, "-f", "SIZE", "-f", "IAT", "--quiet", "-o", output)
    assert_one_line(run, 1, f"netml: {output}: no space left on the device")
    assert output.is_symlink()
    assert output.is_char_device()


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet", ".arrow"])
def test_a_full_device_for_the_packet_table(tmp_path, large_capture, suffix):
    output = tmp_path / f"out{suffix}"
    output.symlink_to("/dev/full")
    run = run_netml("packets", large_capture, "--quiet", "-o", output)
    assert_one_line(run, 1, f"netml: {output}: no space left on the device")
    assert output.is_symlink()
    assert output.is_char_device()


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for 16 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "none", str(folder)]
    try:
        done = subprocess.run(["mount", *options], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` to make a small disk with")
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".parquet", ".arrow", ".dat"])
def test_a_full_disk(small_disk, large_capture, suffix):
    output = small_disk / f"out{suffix}"
    run = run_netml("extract", large_capture, "-f", "SIZE", "-f", "IAT", "--quiet", "-o", output)
    assert_one_line(run, 1, f"netml: {output}: no space left on the device")
    assert os.listdir(small_disk) == []


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet", ".arrow"])
def test_a_full_disk_for_the_packet_table(small_disk, large_capture, suffix):
    output = small_disk / f"out{suffix}"
    run = run_netml("packets", large_capture, "--quiet", "-o", output)
    assert_one_line(run, 1, f"netml: {output}: no space left on the device")
    assert os.listdir(small_disk) == []


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".parquet", ".arrow", ".dat"])
def test_a_file_size_limit(tmp_path, large_capture, suffix):
    output = tmp_path / f"out{suffix}"
    output.write_bytes(b"an older file")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_BYTES, SMALL_BYTES))  # noqa: E731
    run = run_netml("extract", large_capture, "-f", "SIZE", "-f", "IAT", "--quiet", "-o", output, preexec_fn=limit)
    assert_one_line(run, 1, f"netml: {output}: ")
    assert output.read_bytes() == b"an older file"
    assert sorted(os.listdir(tmp_path)) == ["large.pcap", output.name]
