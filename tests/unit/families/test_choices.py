"""Closed sets of option values: the types have what the tables have, and a type checker refuses what neither has."""

import subprocess
import sys
from typing import get_args

import pytest

from netml.families import FAMILIES
from netml.flow import options
from netml.models.training import TrainOptions
from netml.ndm import ALIASES, DETECTORS
from netml.ndm.scaling import SCALERS
from netml.schema import choices
from netml.schema.sizes import SIZES

FFT_NAMES = [f"FFT-{name}" for name, family in FAMILIES.items() if not family.is_bits]
TABLES = {
    "Definition": options.DEFINITIONS,
    "Tunnels": options.TUNNELS,
    "Fragments": options.FRAGMENTS,
    "TcpEnd": options.TCP_ENDS,
    "Direction": options.DIRECTIONS,
    "Protocols": options.PROTOCOLS,
    "Size": SIZES,
    "Scale": SCALERS,
    "FamilyName": [*FAMILIES, *FFT_NAMES],
    "DetectorName": [*DETECTORS, *ALIASES],
}
PROGRAM = """
import netml
from netml.schema.choices import CustomFamilyName
netml.extract("a.pcap", {families}, size={size}, flow=netml.FlowOptions(definition={definition}))
netml.learn("a.pcap", families={families}, detector={detector}, scale={scale})
"""
RIGHT = {
    "families": '["IAT", "FFT-SIZE", CustomFamilyName("MINE")]',
    "size": '"wire"',
    "definition": '"bi"',
    "detector": '"ecod"',
    "scale": '"log"',
}


@pytest.mark.parametrize("name", TABLES)
def test_types_have_what_the_tables_have(name):
    assert list(get_args(getattr(choices, name))) == list(TABLES[name])


def test_train_on_is_what_training_takes():
    assert {TrainOptions(train_on=name).train_on for name in get_args(choices.TrainOn)} == {"all", "normal"}


def check_types(tmp_path, **given):
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM.format(**{**RIGHT, **given}))
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--ignore-missing-imports", "program.py"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    return [line for line in run.stdout.splitlines() if "program.py" in line]


def test_a_type_checker_knows_the_names(tmp_path):
    assert check_types(tmp_path) == []
    wrong = {"families": '"STAT"', "size": '"wires"', "definition": '"seed"', "detector": '"ocsvn"', "scale": '"logs"'}
    found = "\n".join(check_types(tmp_path, **wrong))
    for value in wrong.values():
        assert f"Literal[{value.replace(chr(34), chr(39))}]" in found, found
