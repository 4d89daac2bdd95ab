"""What is shipped: the sdist holds all sources, the wheel built from it installs and does the main job."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import traffic

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "venv", ".asv", "__pycache__", "build", "dist", "*.egg-info")
NOT_SHIPPED = {".gitignore"}
SHIPPED_FOLDERS = ("src", "tests", "examples", "benchmarks", "docs", ".ci")
GENERATED = (".c", ".so", ".pyc")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("build") is None, reason="needs the package `build` (pip install netml[test])"
)


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def wants_isolation():
    """Whether what builds netml is not installed here, so that pip has to fetch it."""
    from build import check_dependency

    with (ROOT / "pyproject.toml").open("rb") as file:
        requirements = tomllib.load(file)["build-system"]["requires"]
    return any(list(check_dependency(requirement)) for requirement in requirements)


def own_files():
    """Files that belong to the repository: those that git tracks; in an unpacked sdist, those that are there."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = run("git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z").split("\0")
    else:
        listed = [path.relative_to(ROOT).as_posix() for name in SHIPPED_FOLDERS for path in (ROOT / name).rglob("*")]
        ignored = ("__pycache__", ".egg-info", ".ci/venv", ".asv", "_cache/", ".hypothesis/")
        listed = [name for name in listed if not any(part in name for part in ignored)]
    return {name for name in listed if (ROOT / name).is_file() and not name.endswith(GENERATED)} - NOT_SHIPPED


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with the sdist, and the wheel built from it."""
    tree = tmp_path_factory.mktemp("tree") / "netml"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    dist = tmp_path_factory.mktemp("dist")
    switches = () if wants_isolation() else ("--no-isolation",)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NETML_")}
    run(sys.executable, "-m", "build", *switches, "--outdir", str(dist), str(tree), cwd=dist, env=environment)
    return dist


@pytest.fixture(scope="module")
def sdist_names(built):
    """Paths in the sdist, below its one folder."""
    (path,) = built.glob("netml-*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def wheel_names(built):
    """Paths in the wheel."""
    (path,) = built.glob("netml-*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Folder that the wheel is installed in, alone."""
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("netml-*.whl")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    return target


def run_installed(installed, folder, *arguments):
    """Python that finds the installed netml, in a folder with nothing of the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    return run(sys.executable, *arguments, cwd=folder, env=environment)


def test_sdist_holds_all_sources(sdist_names):
    missing = sorted(own_files() - sdist_names)
    assert not missing, f"graft or include in MANIFEST.in: {missing}"


def test_sdist_holds_nothing_generated(sdist_names):
    wrong = sorted(name for name in sdist_names if name.endswith(GENERATED) or re.search(r"/venv/|_cache/", name))
    assert not wrong, f"exclude in MANIFEST.in: {wrong}"


def test_wheel_holds_the_package(wheel_names):
    modules = {name.removeprefix("src/") for name in own_files() if name.startswith("src/") and name.endswith(".py")}
    missing = sorted({*modules, "netml/py.typed", "netml/_flowcore.pyi"} - wheel_names)
    assert not missing, f"the wheel lacks {missing}: see [tool.setuptools] in pyproject.toml"
    assert [name for name in wheel_names if name.startswith("netml/_flowcore.") and name.endswith(".so")]


def test_wheel_holds_nothing_else(wheel_names):
    kept = (".py", ".pyi", ".so", "py.typed")
    wrong = sorted(
        name
        for name in wheel_names
        if ".dist-info/" not in name and not (name.startswith("netml/") and name.endswith(kept))
    )
    assert not wrong, f"only Python, types and the compiled core go into a wheel: {wrong}"


def test_metadata_of_the_wheel(installed):
    (metadata,) = installed.glob("netml-*.dist-info")
    text = (metadata / "METADATA").read_text()
    assert "License-Expression: Apache-2.0" in text
    assert (metadata / "licenses" / "LICENSE.txt").exists()
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    for extra in project["optional-dependencies"]:
        assert f"Provides-Extra: {extra}\n" in text
    import netml

    assert netml.__version__ == project["version"], "the version stands in pyproject.toml and in netml/_version.py"


def test_installed_wheel_extracts(installed, tmp_path):
    capture = traffic.write_pcap(tmp_path / "small.pcap")
    code = (
        "import json, netml, netml._flowcore as core\n"
        f"matrix = netml.extract({str(capture)!r}, ['SIZE', 'STATS'], header=True)\n"
        "print(json.dumps([netml.__file__, core.__file__, matrix.X.shape[0], list(matrix.columns)]))"
    )
    package, core, n_flows, columns = json.loads(run_installed(installed, tmp_path, "-c", code))
    assert Path(package).is_relative_to(installed)
    assert Path(core).is_relative_to(installed)
    assert n_flows == 2
    assert columns[:1] == ["fin"]
    assert columns[-12:][0] == "duration_s"


def test_installed_wheel_has_the_command(installed, tmp_path):
    capture = traffic.write_pcap(tmp_path / "small.pcap")
    command = "import sys; from netml.cli import main; main(sys.argv[1:])"
    run_installed(installed, tmp_path, "-c", command, "extract", str(capture), "-f", "IAT", "-o", "out.npz")
    assert (tmp_path / "out.npz").exists()
    assert (installed / "bin" / "netml").exists()
