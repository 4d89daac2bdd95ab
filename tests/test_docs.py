"""The code, the commands and the printed output of README.md, docs/ and examples/README.md, as they are written.

A page is run from top to bottom, in a folder of its own with a copy of examples/ in it. The language of a fence is the
kind of its block:

- `python`: run alone, as it is copied. An `output` block behind it is what it prints.
- `sh`: run by `bash -e`; what it prints does not matter.
- `console`: lines that begin with `$ ` are run one by one, the lines below each are its output. `...` stands for what
  varies. A command whose output has a line `netml: ...` or `Error: ...` must fail, the others must not.
- `toml`: parsed. `text`: drawings and layouts, no commands.

`tcpdump` is a stand-in that writes the demo capture. A block whose first line is `# needs the network` is not run:
`NOT_RUN` lists these.
"""

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

import netml
from netml.families import custom

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "examples/README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
LANGUAGES = {"python", "output", "sh", "console", "toml", "text"}
NEEDS_NETWORK = "# needs the network"
NOT_RUN = {
    "README.md": [
        "python3 -m venv .venv && .venv/bin/pip install . "
        "&& .venv/bin/netml extract examples/data/demo.pcap -f IAT -o features.npz",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest -n auto",
    ],
}
# What a block needs of the extras: module -> what such blocks have in them.
EXTRAS = {
    "matplotlib": re.compile(r"--plot|netml import visual"),
    "pandas": re.compile(r"to_pandas"),
    "pyarrow": re.compile(r"\.(parquet|arrow)\b|format arrow|to_arrow"),
    "torch": re.compile(r'backend="torch"|backend: torch'),
    "zstandard": re.compile(r"\.zst\b"),
}
STAND_INS = {
    "netml": 'exec "{python}" -m netml "$@"',
    "python": 'exec "{python}" "$@"',
    "tcpdump": "exec cat examples/data/demo.pcap",
}


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    line: int
    text: str


def blocks_of(page):
    """Fenced blocks of a page, in order; a block that is indented instead, or of no known language, is an error."""
    blocks, language, start, lines = [], None, 0, []
    for number, line in enumerate((ROOT / page).read_text().splitlines(), start=1):
        fence = re.fullmatch(r" {0,3}```(\S*)", line)
        if fence and language is None:
            language, start, lines = fence[1], number, []
            assert language in LANGUAGES, f"{page}, line {number}: a block of {language!r}: one of {LANGUAGES}"
        elif fence:
            blocks.append(Block(language, start, "".join(f"{text}\n" for text in lines)))
            language = None
        elif language is not None:
            lines.append(line)
        else:
            assert not line.startswith(("    ", "\t")), f"{page}, line {number}: an indented block is not run: fence it"
    assert language is None, f"{page}: the block of line {start} does not end"
    return blocks


def commands_of(text):
    """Commands of a `console` block, each with the output that is shown below it."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line.removeprefix("$ "), ""])
        elif found[-1][0].endswith("\\"):
            found[-1][0] += f"\n{line}"
        else:
            found[-1][1] += f"{line}\n"
    return found


def check_output(wanted, printed, place):
    """Compare what a page shows with what is printed; `...` stands for anything."""
    is_same = doctest.OutputChecker().check_output(wanted, printed, doctest.ELLIPSIS)
    assert is_same, f"{place} prints\n{printed}and the page shows\n{wanted}"


def run_bash(script, folder, environment):
    """Exit status and output, both streams together, of a script."""
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=folder, env=environment, timeout=120, check=False, **streams)
    return done.returncode, done.stdout


def run_python(block, place):
    """What a block prints."""
    printed = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("ignore")  # of scikit-learn and its own dependencies
        exec(compile(block.text, place, "exec"), {"__name__": "__main__"})
    return printed.getvalue()


@pytest.fixture
def environment(tmp_path_factory):
    """Environment in which `netml` and `python` are those that run the tests."""
    folder = tmp_path_factory.mktemp("bin")
    for name, script in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script.format(python=sys.executable)}\n")
        (folder / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NETML_", "PYTEST_"))}
    return {**kept, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80", "PYTHONWARNINGS": "ignore"}


@pytest.mark.parametrize("page", PAGES)
def test_blocks_run(page, tmp_path, monkeypatch, environment):
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(custom, "REGISTERED", {})
    printed, left_out = "", set()
    for block in blocks_of(page):
        place = f"{page}, line {block.line}:"
        missing = {name for name, needed in EXTRAS.items() if needed.search(block.text) and not find_spec(name)}
        if missing or block.text.startswith(NEEDS_NETWORK):
            left_out |= missing
        elif block.language == "python":
            printed = run_python(block, place)
        elif block.language == "output":
            check_output(block.text, printed, place)
        elif block.language == "sh":
            status, said = run_bash(block.text, tmp_path, environment)
            assert status == 0, f"{place} exit status {status}\n{said}"
        elif block.language == "console":
            for command, wanted in commands_of(block.text):
                status, said = run_bash(command, tmp_path, environment)
                check_output(wanted, said, f"{place} {command}")
                may_fail = re.search(r"^(netml|Error): ", wanted, re.MULTILINE) is not None
                assert (status != 0) == may_fail, f"{place} {command}: exit status {status}\n{said}"
        elif block.language == "toml":
            tomllib.loads(block.text)
    if left_out:
        pytest.skip(f"all other blocks run; some need {', '.join(sorted(left_out))}: pip install 'netml[test]'")


def test_only_these_blocks_are_not_run():
    found = {}
    for page in PAGES:
        for block in blocks_of(page):
            if block.text.startswith(NEEDS_NETWORK):
                found.setdefault(page, []).extend(block.text.splitlines()[1:])
    assert found == NOT_RUN


@pytest.mark.parametrize("page", PAGES)
def test_text_blocks_hide_no_commands(page):
    hidden = re.compile(r"^(\$ |>>> |(netml|python|pip|tcpdump) [a-z-])", re.MULTILINE)
    assert not [block for block in blocks_of(page) if block.language == "text" and hidden.search(block.text)]


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "benchmarks/README.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
        assert os.path.exists(ROOT / Path(page).parent / target), f"{page} links to {target}"
    for target in re.findall(r"`(docs/[\w-]+\.md)`", (ROOT / page).read_text()):
        assert (ROOT / target).exists(), f"{page} names {target}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what version 1.2 of the format requires
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")
    assert citation["version"] == netml.__version__
    for work in (citation, *citation["references"]):
        assert {"title", "authors", "type"} <= set(work)
        assert all("name" in author or {"family-names", "given-names"} <= set(author) for author in work["authors"])
