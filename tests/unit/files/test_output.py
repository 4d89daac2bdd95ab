"""Files that appear whole or not at all; pickles that cannot run code."""

import errno
import io
import os
import pickle
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

from netml.errors import DamagedFileError, NetmlError, OutputError, UntrustedFileError
from netml.files.output import atomic_output, check_output
from netml.utils import tool
from netml.utils.tool import dump_data, load_data


def _write(path, content=b"new"):
    with open(path, "wb") as stream:
        stream.write(content)


def test_output_appears_at_the_end(tmp_path):
    target = tmp_path / "x.npz"
    with atomic_output(target) as partial:
        _write(partial)
        assert os.path.dirname(partial) == str(tmp_path)
        assert os.path.basename(partial).startswith(".")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x.npz"]


def _write_and_raise(target, error):
    with atomic_output(target) as partial:
        _write(partial)
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "x.npz"
    target.write_bytes(b"old")
    with pytest.raises(error):
        _write_and_raise(target, error)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.npz"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_permissions_are_those_of_open(tmp_path, umask):
    before = os.umask(umask)
    try:
        with atomic_output(tmp_path / "x") as partial:
            _write(partial)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~umask


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    target = tmp_path / "x"
    target.write_bytes(b"old")
    target.chmod(0o640)
    with atomic_output(target) as partial:
        _write(partial)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "x")
    with atomic_output(tmp_path / "link") as partial:
        _write(partial)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "x").read_bytes() == b"new"


def test_missing_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(OutputError, match=r"^out/x\.npz: no such folder: out$") as caught,
        atomic_output("out/x.npz"),
    ):
        pass
    assert caught.value.errno == errno.ENOENT
    assert isinstance(caught.value, NetmlError)
    assert isinstance(caught.value, OSError)


def test_folder_as_target(tmp_path):
    with pytest.raises(OutputError, match=r": is a folder$"):
        check_output(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=r": permission denied$"):
        check_output(tmp_path / "x")


def test_no_permission_as_the_system_says(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda place, needed: place != str(tmp_path))
    with pytest.raises(OutputError, match=r": permission denied$"):
        check_output(tmp_path / "x")


def test_a_full_device_is_written_to_and_stays():
    before = os.stat("/dev/full").st_mode
    with (
        pytest.raises(OutputError, match=r"^/dev/full: no space left on the device$"),
        atomic_output("/dev/full") as partial,
    ):
        _write(partial)
    assert os.stat("/dev/full").st_mode == before


def test_a_fifo_is_written_directly(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    received = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()))
    reader.start()
    with atomic_output(fifo) as partial:
        _write(partial)
    reader.join()
    assert received == [b"new"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_standard_output_is_never_replaced(tmp_path):
    program = (
        "from netml.files.output import atomic_output\n"
        "with atomic_output('/dev/stdout') as p, open(p, 'ab') as f: f.write(b'new')\n"
    )
    target = tmp_path / "x"
    target.write_bytes(b"old ")
    with target.open("ab") as stream:
        inode = os.fstat(stream.fileno()).st_ino
        subprocess.run([sys.executable, "-c", program], stdout=stream, check=True, env=_environment())
    assert target.read_bytes() == b"old new"
    assert target.stat().st_ino == inode


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_output_error_survives_pickling():
    error = pickle.loads(pickle.dumps(OutputError("out/x", "is a folder", errno.EISDIR)))
    assert (str(error), error.errno) == ("out/x: is a folder", errno.EISDIR)


def test_dump_creates_the_folder_and_load_gives_it_back(tmp_path):
    path = f"{tmp_path}/out/data/demo_IAT.dat"
    features, labels = np.arange(6.0).reshape(2, 3), np.array([0, 1])
    tool.dump_data((features, labels), out_file=path)
    loaded_features, loaded_labels = tool.load_data(path)
    np.testing.assert_array_equal(loaded_features, features)
    np.testing.assert_array_equal(loaded_labels, labels)


def test_dump_and_load_take_open_files():
    stream = io.BytesIO()
    dump_data({"a": [1.5, None, {2, 3}]}, stream)
    stream.seek(0)
    assert load_data(stream) == {"a": [1.5, None, {2, 3}]}


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_protocol_load(tmp_path, protocol):
    path = tmp_path / "x.dat"
    content = (np.arange(3.0), np.float64(2.5), np.array(["a", "b"]), np.array([1, 2], dtype=object))
    path.write_bytes(pickle.dumps(content, protocol))
    for loaded, kept in zip(load_data(path), content, strict=True):
        np.testing.assert_array_equal(loaded, kept)


def test_arrays_of_numpy_1_load(tmp_path):
    path = tmp_path / "x.dat"
    path.write_bytes(pickle.dumps(np.arange(3.0), 2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    np.testing.assert_array_equal(load_data(path), np.arange(3.0))


class _Command:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_that_runs_a_command_does_not_run_it(tmp_path):
    path, marker = tmp_path / "x.dat", tmp_path / "marker"
    path.write_bytes(pickle.dumps((np.arange(3.0), _Command(marker))))
    with pytest.raises(UntrustedFileError) as caught:
        load_data(path)
    assert str(caught.value) == (
        f"{path}: holds posix.system, which may run code; pass trust=True (--trust) if you trust it"
    )
    assert not marker.exists()
    load_data(path, trust=True)
    assert marker.exists()
    marker.unlink()
    with path.open("rb") as stream, pytest.raises(UntrustedFileError):
        load_data(stream)
    with path.open("rb") as stream:
        load_data(stream, trust=True)
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"cbuiltins\neval\n(V1+1\ntR.", "builtins.eval"),
        (b"cbuiltins\ngetattr\n.", "builtins.getattr"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"c_codecs\nlookup\n.", "_codecs.lookup"),
    ],
)
def test_what_else_is_refused(tmp_path, content, name):
    path = tmp_path / "x.dat"
    path.write_bytes(content)
    with pytest.raises(UntrustedFileError, match=f"holds {name}, which may run code"):
        load_data(path)


def test_a_data_frame_is_refused(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "x.dat"
    path.write_bytes(pickle.dumps(pandas.DataFrame({"a": [1]})))
    with pytest.raises(UntrustedFileError, match=r"holds pandas\."):
        load_data(path)


@pytest.mark.parametrize("n_bytes", [0, 1, 30, 100])
def test_a_cut_pickle_is_named(tmp_path, n_bytes):
    path = tmp_path / "x.dat"
    path.write_bytes(pickle.dumps(np.arange(30.0))[:n_bytes])
    with pytest.raises(DamagedFileError, match=r"x\.dat: not a pickle, or a damaged one"):
        load_data(path)


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_data(tmp_path / "none.dat")
