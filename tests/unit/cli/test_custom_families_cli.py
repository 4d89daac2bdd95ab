"""Families of one's own on the command line: --import, entry points of packages, and what is listed."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
import traffic
from _own import MODULE, write_package
from command import assert_one_line, run_netml
from house import PACKAGE, ROOT, relative

import netml
from netml.errors import FamilyError, UnknownNameError
from netml.families import custom, find_family, parse_families

GOOD = MODULE.format(name="LARGEST", column="largest_bytes")


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(custom, "REGISTERED", {})
    return custom.REGISTERED


@pytest.fixture
def path(tmp_path):
    return traffic.write_pcap(tmp_path / "capture.pcap")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages, on the path of this process and of those that it starts."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{PACKAGE.parent}")
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    importlib.invalidate_caches()


def largest_of(path):
    table = netml.read_flows(path)
    return [[max(flow.size)] for flow in table]


def test_a_package_offers_a_family(path, site, tmp_path):
    write_package(site, "some_package", {"largest": "some_package:largest"}, GOOD)
    np.testing.assert_array_equal(netml.extract(path, "largest").X, largest_of(path))
    run = run_netml("extract", path, "-f", "LARGEST", "-f", "IAT", "-o", tmp_path / "features.npz", "-q")
    assert (run.status, run.err) == (0, "")
    assert netml.FeatureMatrix.load(tmp_path / "features.npz").columns[0] == "largest_bytes"


def test_a_module_may_be_named_instead_of_a_function(path, site):
    write_package(site, "some_package", {"LARGEST": "some_package"}, GOOD)
    assert netml.extract(path, "LARGEST").columns == ("largest_bytes",)


def test_a_package_is_imported_when_its_family_is_asked_for(site):
    write_package(site, "some_package", {"LARGEST": "some_package"}, GOOD)
    with pytest.raises(UnknownNameError, match=r"unknown family 'OTHER'; known: IAT, .*, LARGEST$"):
        parse_families("OTHER")
    assert "some_package" not in sys.modules
    assert find_family("LARGEST").description == "The largest packet, bytes."
    assert "some_package" in sys.modules


@pytest.mark.parametrize(
    ("target", "source", "reason"),
    [
        ("bad_package:largest", "import no_such_module", r"ModuleNotFoundError: .*_module.*bad_package\.py, line 1"),
        ("bad_package:nothing", GOOD, r"cannot be loaded: AttributeError: .*nothing"),
        ("bad_package", "def (", r"SyntaxError: .*bad_package\.py"),
        ("bad_package", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("bad_package", "", "bad_package does not register it"),
        ("bad_package", MODULE.format(name="IAT", column="a"), r"must be none of netml's.*bad_package\.py, line 5"),
    ],
)
def test_a_package_that_does_not_work(path, site, tmp_path, target, source, reason):
    write_package(site, "bad_package", {"LARGEST": target}, source)
    write_package(site, "good_package", {"GOOD": "good_package"}, MODULE.format(name="GOOD", column="a"))
    with pytest.raises(FamilyError, match=f"^family LARGEST of the package bad_package 1.5: .*{reason}"):
        parse_families("LARGEST")
    run = run_netml("extract", path, "-f", "LARGEST", "-o", tmp_path / "features.npz")
    assert_one_line(run, 1, "family LARGEST of the package bad_package 1.5: ")
    assert not (tmp_path / "features.npz").exists()
    run = run_netml("families")
    assert (run.status, run.err) == (0, "")
    lines = {line.split(" ")[0]: line for line in run.out.splitlines()}
    assert lines["GOOD"].split(maxsplit=2) == ["GOOD", "1", "The largest packet, bytes."]
    assert lines["LARGEST"].startswith("LARGEST    broken     family LARGEST of the package bad_package 1.5: ")
    assert run_netml("extract", path, "-f", "IAT", "-f", "GOOD", "-o", tmp_path / "features.npz").status == 0


def test_two_packages_with_one_name(site):
    for package in ("one_package", "two_package"):
        write_package(site, package, {"LARGEST": package}, GOOD)
    with pytest.raises(FamilyError, match=r"several packages offer it: \w+_package 1\.5, \w+_package 1\.5"):
        parse_families("LARGEST")


def test_a_package_cannot_take_a_name_of_netml(site, path):
    write_package(site, "some_package", {"IAT": "some_package"}, "raise RuntimeError")
    assert netml.extract(path, "IAT", dim=3).columns == ("iat_0", "iat_1")
    run = run_netml("families")
    assert run.out.count("\nIAT ") == 1
    assert "broken" not in run.out


def test_a_file_is_imported(path, tmp_path):
    script = tmp_path / "csv.py"  # called as a module of Python that netml needs, and with one beside it
    script.write_text(f"from beside import VALUE\n{GOOD}\nassert VALUE == 3\n")
    (tmp_path / "beside.py").write_text("VALUE = 3\n")
    output, model = tmp_path / "features.csv", tmp_path / "model.netml"
    run = run_netml("extract", path, "-f", "largest", "--import", script, "-o", output, "-q")
    assert (run.status, run.err) == (0, "")
    np.testing.assert_array_equal(netml.FeatureMatrix.load(output).X, largest_of(path))
    run = run_netml("families", "--import", script)
    assert "\nLARGEST    1          The largest packet, bytes.\n" in run.out
    learn = ("learn", "-p", path, "--family", "LARGEST", "--detector", "ecod", "-o", model)
    assert run_netml(*learn, "--import", script).status == 0
    assert_one_line(run_netml("classify", "--model", model, path), 1, "LARGEST, which is not registered", "--import")
    assert run_netml("classify", "--model", model, path, "--import", script).status == 0
    stream = ("extract", path, "--stream", "--like", model, "-o", tmp_path / "stream.csv")
    assert_one_line(run_netml(*stream), 1, "unknown family 'LARGEST'")
    assert run_netml(*stream, "--import", script).status == 0


def test_a_module_is_imported(path, site, tmp_path):
    (site / "my_families.py").write_text(GOOD)
    run = run_netml("extract", path, "--import", "my_families", "-f", "LARGEST", "-o", tmp_path / "features.npz", "-q")
    assert (run.status, run.err) == (0, "")


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("none.py", None, "none.py: cannot be imported: no such file\n"),
        ("./none", None, "./none: cannot be imported: no such file\n"),
        ("no_such_module", None, "No module named 'no_such_module'; it takes a file that ends in .py, or the name of"),
        ("mine.md", "", "No module named 'mine'; it takes a file that ends in .py, or the name of a module\n"),
        ("mine.py", "import no_such_module", "mine.py, line 1)\n"),
        ("", None, "cannot be imported: ValueError"),
        ("mine.py", "x = 1\ny = 1 / 0\n", "mine.py, line 2)"),
        ("mine.py", "import sys\nsys.exit('no')\n", "SystemExit: no"),
        ("mine.py", f"{GOOD}\n{GOOD.replace('def largest', 'def other')}", "must be another one: "),
    ],
)
def test_what_cannot_be_imported(path, tmp_path, name, source, reason):
    if source is not None:
        (tmp_path / name).write_text(source)
    run = run_netml("extract", path, "--import", name, "-o", tmp_path / "features.npz", cwd=tmp_path)
    assert_one_line(run, 1, f"netml: {name}: cannot be imported: ", reason)


def test_a_function_that_fails_is_one_line(path, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(GOOD.replace("return ", "return None + "))
    run = run_netml("extract", path, "--import", script, "-f", "LARGEST", "-o", tmp_path / "features.npz")
    assert_one_line(run, 1, "family LARGEST: TypeError: ", "mine.py, line 8)")


def test_families_of_netml_do_not_load_what_looks_for_others(path, tmp_path):
    arguments = ["netml", "extract", str(path), "-f", "IAT", "-f", "FLOW", "-o", str(tmp_path / "features.npz")]
    code = (
        f"import sys; sys.argv = {arguments}; import netml; netml.extract({str(path)!r}, ['IAT', 'TCP'])\n"
        "from netml.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "netml.features.compute" in loaded
    assert not {"importlib.metadata", "netml.families.custom", "netml.features.custom_rows"} & set(loaded)


def test_the_example_on_the_command_line(tmp_path):
    demo, script = ROOT / "examples" / "data" / "demo.pcap", ROOT / "examples" / "custom_family.py"
    run = run_netml("extract", demo, "--import", script, "-f", "BURST", "-f", "FLOW", "-o", tmp_path / "features.npz")
    assert run.status == 0
    assert "matrix   519 x 73 (BURST, FLOW; dim 20)" in run.err


def test_families_are_found_by_find_family():
    # FAMILIES has netml's own only: who takes a family out of it by name knows no others.
    wrong = [
        relative(path)
        for path in PACKAGE.rglob("*.py")
        if "FAMILIES[" in path.read_text() and path.parent.name != "families"
    ]
    assert not wrong, f"use netml.families.find_family(name) in {wrong}"
