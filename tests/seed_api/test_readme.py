"""The original netml's README works as it stands: its commands, and its code."""

import re
import shlex
import textwrap
from pathlib import Path

import numpy as np
import pytest
import seed_readme as readme
from command import run_netml

from netml.utils.tool import load_data

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT.parent / "shared/reference/000_557a6bc4703f503c.txt"


def commands_of(text):
    """The `netml` commands of a README's indented blocks, as lists of words."""
    joined = text.replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in re.findall(r"^ {4}netml .*$", joined, re.MULTILINE)]


def run_code(code):
    names = {}
    exec(compile(code, "README", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder in which `data/` is the shipped demo."""
    (tmp_path / "data").symlink_to(ROOT / "examples/data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_this_is_the_original_readme():
    if not SEED.exists():
        pytest.skip("needs ../shared/reference beside the checkout")
    text = SEED.read_text()
    blocks = re.findall(r"```python3\n(.*?)```", text, re.DOTALL)
    assert blocks == [readme.FEATURES, readme.DETECTION]
    assert commands_of(text) == [["--help"], *commands_of(readme.COMMANDS)]


def test_commands():
    bare, extract, train = commands_of(readme.COMMANDS)
    run = run_netml(*bare)
    assert run.status == 0, run.err
    assert re.search(r"^tested   on .* AUC 0\.\d+$", run.out, re.MULTILINE)
    first = Path("out/OCSVM-results.dat").read_bytes()
    model, history = load_data("out/OCSVM-results.dat")
    assert 0 <= history["score"] <= 1
    assert model.representation is not None

    run = run_netml(*extract)
    assert (run.status, run.out) == (0, ""), run.err
    features = Path("out/IAT-features.dat").read_bytes()
    X, y = load_data("out/IAT-features.dat")
    assert len(X) == len(y)
    assert set(y) == {0, 1}

    run = run_netml(*train)
    assert run.status == 0, run.err
    assert "--family and --interval" in run.err, "a pickle of features does not tell how they were made"
    assert Path("out/IAT-features.dat").read_bytes() == features, "the original destroys its input here"
    retrained, again = load_data("out/OCSVM-results.dat")
    assert again == history, "in two steps as in one"
    np.testing.assert_array_equal(retrained.decision_function(X), model.decision_function(X))
    assert Path("out/OCSVM-results.dat").read_bytes() != first


def test_classify():
    run_netml(*commands_of(readme.COMMANDS)[0])
    run = run_netml("classify", "--model=out/OCSVM-results.dat", stdin=Path("data/demo.pcap").read_bytes())
    assert run.status == 0, run.err
    lines = run.out.splitlines()
    assert len(lines) > 10
    for line in lines:
        assert re.fullmatch(r"\[[\d-]+\] \[.* – .*\] \S+:\d+ → \S+:\d+ \[(TCP|UDP)\] score \S+ ANOMALY", line), line
    named = run_netml("classify", "--model=out/OCSVM-results.dat", "--pcap=data/demo.pcap")
    assert named.out == run.out


def test_code(capsys):
    pcap = run_code(readme.FEATURES)["pp"]
    X, y = load_data("out/data/demo_IAT.dat")
    np.testing.assert_array_equal(X, pcap.features)
    np.testing.assert_array_equal(y, pcap.labels)
    assert len(X) == len(y) == len(pcap.flows) == len(pcap.fids)
    assert set(y) == {0, 1}
    shown = capsys.readouterr()
    assert shown.out.startswith(f"({len(X)}, {X.shape[1]}) ")
    assert "read     " in shown.err, "verbose says what became of the packets"

    names = run_code(readme.DETECTION)
    ndm = names["ndm"]
    assert capsys.readouterr().out == f"{ndm.train.tot_time} {ndm.test.tot_time} {ndm.score}\n"
    assert 0 < ndm.train.tot_time < 1
    assert ndm.history == {"score": ndm.score}
    model, history = load_data("out/data/OCSVM-results.dat")
    assert history == ndm.history
    assert model.name == ndm.model_name == "OCSVM"
    np.testing.assert_array_equal(model.decision_function(X), ndm.model.decision_function(X))


def test_imports():
    code = textwrap.dedent(
        """
        from netml.ndm.ae import AE
        from netml.ndm.gmm import GMM
        from netml.ndm.iforest import IF
        from netml.ndm.kde import KDE
        from netml.ndm.model import MODEL
        from netml.ndm.ocsvm import OCSVM
        from netml.ndm.pca import PCA
        from netml.pparser.parser import PCAP
        from netml.utils.tool import dump_data, load_data
        """
    )
    assert set(run_code(code)) >= {"AE", "GMM", "IF", "KDE", "MODEL", "OCSVM", "PCA", "PCAP", "dump_data", "load_data"}


@pytest.mark.parametrize(("pairs", "n_rows"), [(1, 88), (2, 176)])
def test_labelled_rows_of_the_original_demo(shared_captures, pairs, n_rows):
    demo = [f"--pcap={shared_captures}/netml-demo.pcap", f"--label={shared_captures}/netml-demo.csv"]
    run = run_netml("learn", "extract", *demo * pairs, "--feature=features.dat")
    assert run.status == 0, run.err
    X, y = load_data("features.dat")
    assert len(X) == len(y) == n_rows
    assert f"{n_rows} of" in run.err
