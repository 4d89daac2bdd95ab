"""The archive under `.npz`: pieces, short writes, sizes beyond 32 bits."""

import io
import os
import threading
import zipfile

import numpy as np
import pytest

from netml.formats import _zip_store


@pytest.mark.parametrize("n_bytes", [0, 1, 4095, 4096, 4097, 3 * 4096, 100_000])
@pytest.mark.parametrize("n_processors", [1, 3])
def test_archives_of_many_pieces(tmp_path, monkeypatch, n_bytes, n_processors):
    monkeypatch.setattr(_zip_store, "_BLOCK_BYTES", 4096)
    monkeypatch.setattr(_zip_store, "_LEAST_BLOCKS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(n_processors), raising=False)
    content = np.random.default_rng(n_bytes).bytes(n_bytes)
    members = [
        _zip_store.Member("a", (b"head", memoryview(content))),
        _zip_store.Member("b", (content, b"tail")),
    ]
    with open(tmp_path / "x.zip", "wb") as stream:
        _zip_store.write_archive(stream, members)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.read("a") == b"head" + content
        assert archive.read("b") == content + b"tail"


@pytest.mark.parametrize("is_pipe", [False, True])
def test_writes_that_come_short_are_continued(tmp_path, monkeypatch, is_pipe):
    write, pwrite = os.write, os.pwrite
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:7]))
    monkeypatch.setattr(os, "pwrite", lambda descriptor, content, at: pwrite(descriptor, content[:7], at))
    target, received = tmp_path / "x", []
    if is_pipe:
        os.mkfifo(target)
    reader = threading.Thread(target=lambda: received.append(target.read_bytes()))
    if is_pipe:
        reader.start()
    with open(target, "wb") as stream:
        _zip_store.write_archive(stream, [_zip_store.Member("a", (b"0123456789" * 5,))])
    if not is_pipe:
        reader.start()
    reader.join()
    with zipfile.ZipFile(io.BytesIO(received[0])) as archive:
        assert archive.read("a") == b"0123456789" * 5


def test_large_archives_are_zip64():
    small, large = (_zip_store._Entry(b"x", 1, n_bytes, 0) for n_bytes in (10, 2**32))
    assert len(_zip_store._local_header(large)) == len(_zip_store._local_header(small)) + 20
    assert b"PK\x06\x06" not in _zip_store._directory([small], 2**32 - 2)
    assert b"PK\x06\x06" in _zip_store._directory([small], 2**32)
