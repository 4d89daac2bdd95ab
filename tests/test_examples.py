"""The examples run as they are."""

import subprocess
import sys

import house
import pytest

SAID = {
    "features.py": "with that column: 666 x ",
    "detection.py": "trained on 203 normal flows",
    "custom_family.py": "the loop gives the same: True",
}


@pytest.mark.parametrize("name", SAID)
def test_example(tmp_path, name):
    command = [sys.executable, "-W", "error", house.ROOT / "examples" / name]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert SAID[name] in run.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize(
    ("arguments", "said"), [(["nofile", "nofile"], "nofile"), (["one", "two", "three"], "usage: python ")]
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, name, arguments, said):
    given = arguments[1:] if name != "detection.py" else arguments
    command = [sys.executable, house.ROOT / "examples" / name, *given]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1), run.stderr
    assert said in run.stderr
