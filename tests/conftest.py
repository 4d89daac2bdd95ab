"""Shared fixtures, and `tests` and `tests/unit` on the path: `from builders import frames`."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parent.parent / "shared"
sys.path[:0] = [str(TESTS), str(TESTS / "unit")]
# Several detectors of PyOD are compiled when they are first used, for 2 to 10 seconds each; before numba is loaded.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

# A shell's background job ignores Ctrl-C, and so would all that the tests start, in order to interrupt it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# For a change of the kernel: pytest --hypothesis-profile=thorough tests/property
settings.register_profile("thorough", max_examples=2000, deadline=None)
# For .ci/run: under the sanitizers everything takes six times as long.
settings.register_profile("few", max_examples=25, deadline=None)
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def _shared_folder(name):
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs ../shared/{name} beside the checkout")
    return folder


@pytest.fixture(scope="session")
def shared_captures():
    """Folder of real captures, which is not part of the repository."""
    return _shared_folder("captures")


@pytest.fixture(scope="session")
def shared_golden():
    """Folder of what other programs compute on these captures."""
    return _shared_folder("golden")


@pytest.fixture(scope="session")
def shared_tools():
    """Folder of the scripts that compare and merge."""
    return _shared_folder("tools")
