"""Packets that do not fit into the memory: the matrix is that of those that do, to the last bit."""

import errno
import io
import os
import pickle
import resource
import subprocess
import tempfile
import warnings
import weakref

import numpy as np
import pytest
import strategies
import traffic
from builders import captures
from command import PROGRAM
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

import netml  # only where there is a kernel to test
from netml import memory
from netml.capture import blocks
from netml.flow import spill
from netml.summary import summarise_table

METADATA = {"packets_read": 0, "packets_kept": 0, "dropped": {}, "skipped": {}, "interval_s": 1.0}
FAMILIES = ["IAT", "SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE"]


class SmallReads(io.RawIOBase):
    """A capture that comes a few octets at a time."""

    def __init__(self, content, n_bytes=100):
        super().__init__()
        self._stream = io.BytesIO(content)
        self._n_bytes = n_bytes

    def readable(self):
        return True

    def readinto(self, room):
        found = self._stream.read(min(len(room), self._n_bytes))
        room[: len(found)] = found
        return len(found)


def assert_same(found, expected):
    assert found.columns == expected.columns
    np.testing.assert_array_equal(found.X, expected.X)
    for name in ("keys", "start_ns", "end_ns", "packets", "bytes"):
        np.testing.assert_array_equal(getattr(found.flows, name), getattr(expected.flows, name), err_msg=name)
    about = dict(found.metadata)
    spilled = about.pop("spilled", None)
    about.pop("captures"), about.pop("damage")
    assert about == {name: value for name, value in expected.metadata.items() if name not in ("captures", "damage")}
    return spilled


def extract_both(content, max_memory, n_bytes=100, **options):
    expected = netml.extract(io.BytesIO(content), FAMILIES, max_memory=1 << 40, **options)
    assert "spilled" not in expected.metadata
    found = netml.extract(SmallReads(content, n_bytes), FAMILIES, max_memory=max_memory, **options)
    return assert_same(found, expected)


@given(
    strategies.scenarios(),
    st.sampled_from((1, 100, 300, 1000)),
    st.sampled_from((20, 100, 1000)),
    st.booleans(),
    st.booleans(),
    st.sampled_from((None, 1, 3)),
)
def test_random_captures(scenario, max_memory, n_bytes, header, fft, first):
    extract_both(
        scenario.content,
        max_memory,
        n_bytes,
        flow=netml.FlowOptions(**vars(scenario.options)),
        header=header,
        fft=fft,
        size=scenario.size,
        max_packets=first,
    )


@pytest.mark.parametrize("keep_tail", [False, True])
def test_many_runs_and_parts(keep_tail):
    """As many runs as there are blocks, flows in several of them, a part for nearly each flow."""
    content = captures.pcap(traffic.many_flows(600, 23))
    flow = netml.FlowOptions(keep_tail=keep_tail, tcp_timeout=2.0, udp_timeout=2.0)
    spilled = extract_both(content, 400, flow=flow, header=True)
    assert spilled["runs"] > 20
    assert spilled["packets"] == 600
    assert any(
        "600 packets by way of a temporary file" in line
        for line in summarise_table({**METADATA, "spilled": spilled}, 0)
    )


def test_a_flow_larger_than_the_memory():
    content = captures.pcap(traffic.many_flows(500, 1))
    spilled = extract_both(content, 300)
    assert spilled["runs"] > 10


def test_labels_are_joined(tmp_path):
    content = captures.pcap(traffic.many_flows(100, 5))
    row = netml.extract(io.BytesIO(content)).flows.five_tuples()[0]
    labels = tmp_path / "labels.csv"
    labels.write_text("src_ip,dst_ip,src_port,dst_port,protocol,label\n" + ",".join(map(str, row)) + ",odd\n")
    found = netml.extract(SmallReads(content), labels=labels, max_memory=300)
    assert "spilled" in found.metadata
    assert list(found.labels) == list(netml.extract(io.BytesIO(content), labels=labels).labels)
    assert "odd" in found.labels


def test_shared_captures(shared_captures):
    n_spilled = 0
    for path in sorted(shared_captures.glob("*.pcap*")):
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", netml.CaptureWarning)
            try:
                expected = netml.extract(io.BytesIO(content), FAMILIES, max_memory=1 << 40)
            except netml.CaptureError:
                continue
            found = netml.extract(SmallReads(content, 1 << 14), FAMILIES, max_memory=2000)
        n_spilled += assert_same(found, expected) is not None
    assert n_spilled > 60


def test_a_file_is_read_in_blocks_that_spill(tmp_path, monkeypatch):
    """A large file is mapped: there, too, a run is looked for after each window."""
    path = tmp_path / "mapped.pcap"
    path.write_bytes(captures.pcap(traffic.many_flows(4000, 50)))
    monkeypatch.setattr(blocks, "WINDOW_BYTES", 1 << 14)
    found = netml.extract(path, FAMILIES, max_memory=20_000)
    assert assert_same(found, netml.extract(path, FAMILIES))["runs"] > 2


def test_a_full_disk_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def fail(self, octets):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spill._RunFile, "_write", fail)
    with pytest.raises(netml.errors.SpillError, match="TMPDIR") as caught:
        netml.extract(SmallReads(captures.pcap(traffic.many_flows(100, 5))), max_memory=300)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_the_memory_must_be_some():
    with pytest.raises(netml.errors.OptionError, match="max_memory"):
        netml.extract(io.BytesIO(captures.pcap([])), max_memory=0)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    5000 kB\n"}, 5000 * 1024),
        (
            {
                "proc/meminfo": "MemAvailable:    5000 kB\n",
                "proc/self/cgroup": "0::/box/inner\n",
                "sys/fs/cgroup/box/memory.max": "1000000\n",
                "sys/fs/cgroup/box/memory.current": "700000\n",
                "sys/fs/cgroup/box/memory.stat": "anon 5\ninactive_file 100000\n",
                "sys/fs/cgroup/box/inner/memory.max": "max\n",
            },
            400_000,
        ),
        (
            {
                "proc/meminfo": "MemAvailable:    5000 kB\n",
                "proc/self/cgroup": "4:cpu,memory:/box\n",
                "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "900000\n",
                "sys/fs/cgroup/memory/box/memory.usage_in_bytes": "800000\n",
            },
            100_000,
        ),
    ],
)
def test_available_memory(tmp_path, files, expected):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert memory.available_bytes(tmp_path) == expected


def test_one_part_at_a_time(monkeypatch):
    """While the next flows are put together, the packets of those before are gone: a giant flow is there once."""
    known, n_alive = [], []
    put = spill.Spill._put

    def watch(self, run, place, first, ends, columns):
        alive = {id(column) for ref in known if (column := ref()) is not None}
        n_alive.append(len(alive - {id(column) for column in columns.values()}))
        known.extend(weakref.ref(column) for column in columns.values())
        put(self, run, place, first, ends, columns)

    monkeypatch.setattr(spill.Spill, "_put", watch)
    found = netml.extract(SmallReads(captures.pcap(traffic.many_flows(400, 8))), header=True, max_memory=300)
    assert "spilled" in found.metadata
    assert n_alive
    assert max(n_alive) == 0


def test_the_error_keeps_the_systems_number():
    error = netml.errors.SpillError("/somewhere", "no space left on the device", 5_000_000, errno.ENOSPC)
    again = pickle.loads(pickle.dumps(error))
    assert (error.errno, again.errno, str(again)) == (errno.ENOSPC, errno.ENOSPC, str(error))
    assert "/somewhere: no space left on the device after 5.0 MB" in str(error)


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs limits on the size of files")
def test_a_limit_on_the_size_of_files_is_one_clear_line(tmp_path):
    capture = traffic.write_pcap(tmp_path / "some.pcap", traffic.many_flows(2000, 50))
    folder = tmp_path / "spills"
    folder.mkdir()
    ended = subprocess.run(
        [*PROGRAM, "extract", str(capture), "--max-memory", "1k", "-o", str(tmp_path / "out.npz")],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"netml: temporary file in {folder}: ")
    assert len(ended.stderr.splitlines()) == 1
    assert not any(folder.iterdir())
    assert not (tmp_path / "out.npz").exists()
