"""The Python code of the README and of the documentation runs as it is written."""

import os
import re
import shutil
import warnings
from pathlib import Path

import pytest

import netml

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def blocks_of(page):
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)])
def test_code_runs(page, tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "examples" / "data", tmp_path / "examples" / "data")
    monkeypatch.chdir(tmp_path)
    netml.extract("examples/data/demo.pcap").save("features.npz")  # the README's first command
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn and its own dependencies
        for number, block in enumerate(blocks_of(page), start=1):
            exec(compile(block, f"{page}, block {number}", "exec"), {})  # each alone, as it is copied


@pytest.mark.parametrize("page", PAGES[1:])
def test_a_page_leaves_the_model_of_the_readme_alone(page):
    assert not [block for block in blocks_of(page) if 'save("model.netml")' in block]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text()):
        assert os.path.exists(ROOT / Path(page).parent / target), f"{page} links to {target}"
