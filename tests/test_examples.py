"""The examples run as they are."""

import subprocess
import sys

import house
import pytest

SAID = {
    "features.py": "with that column: 666 x ",
    "detection.py": "trained on 203 normal flows",
    "own_family.py": "the loop gives the same: True",
}


@pytest.mark.parametrize("name", SAID)
def test_example(tmp_path, name):
    command = [sys.executable, "-W", "error", house.ROOT / "examples" / name]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert SAID[name] in run.stdout
    assert not list(tmp_path.iterdir())
