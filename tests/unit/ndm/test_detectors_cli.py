"""`netml detectors`."""

import subprocess
import sys

from command import assert_one_line, run_netml

from netml import ndm


def test_list():
    run = run_netml("detectors")
    assert run.status == 0
    lines = run.out.splitlines()[1:]
    for (name, entry), line in zip(ndm.DETECTORS.items(), lines, strict=False):
        assert line.split()[0] == name
        assert entry.cost in line
        assert entry.description in line
        assert (f"[needs netml[{entry.extra}]]" in line) == bool(entry.extra)
    assert "iforest is if" in run.out
    assert max(map(len, run.out.splitlines())) <= 100


def test_the_list_loads_nothing_heavy():
    code = (
        "import sys; from netml.cli import main\n"
        "try: main(['detectors'])\n"
        "except SystemExit: print(*{'sklearn', 'pyod', 'numpy'} & set(sys.modules), 'end')"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1].split() == ["end"]


def test_parameters_of_one():
    run = run_netml("detectors", "ocsvm")
    assert run.status == 0
    assert run.out.startswith("ocsvm: one-class SVM, exact (quadratic)\n")
    lines = dict(line.split() for line in run.out.splitlines()[2:])
    assert lines == {name: repr(default) for name, default in ndm.parameters_of("ocsvm").items()}
    assert run_netml("detectors", "iforest").out.startswith("if: ")


def test_parameters_of_one_of_pyods():
    run = run_netml("detectors", "lof")
    assert "\n  n_neighbors   20\n" in run.out
    assert "\n  random_state  42\n" in run.out


def test_unknown_detector():
    assert_one_line(run_netml("detectors", "svm"), 2, "unknown detector 'svm'", "ocsvm, kde")
