"""The architecture, as tables, held against the import lines. Who adds a module adds its line here."""

import re
import subprocess
import sys

import house
import pytest

from netml import _flowcore, cli, families, formats, summary
from netml.capture import source

# A layer is a folder, or one of the few modules that stand alone. A module imports rooms of lower floors only, wherever
# the import stands: at module level, in a function, for type checkers, or by `import_module` with a literal.
FLOORS = (
    ("errors", "memory", "timing", "_version", "_core"),
    ("_flowcore", "validation"),
    ("summary",),
    ("files", "capture", "ndm"),
    ("families", "schema"),
    ("formats",),
    ("flow",),
    ("labels", "packets"),
    ("features",),
    ("streaming", "pparser"),
    ("models",),
    ("evaluation", "utils"),
    ("comparison",),
    ("visual",),
    ("cli",),
    ("__main__", "__init__"),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Beyond the layers: (who, what it never imports, why).
NEVER = (
    ("errors", "netml", "everything raises: errors.py stands below everything"),
    ("ndm", "netml.features.extraction", "a detector takes any matrix"),
    ("ndm", "netml.capture.reader", "a detector takes any matrix"),
    ("ndm", "netml.capture.source", "a detector takes any matrix"),
    ("families", "netml._flowcore", "`netml families` and options load no compiled code"),
    ("flow.options", "netml._flowcore", "`netml families` and options load no compiled code"),
    ("_flowcore", "netml.flow.options", "the compiled core knows nothing of options"),
    ("_flowcore", "netml.families", "the compiled core knows no families' names"),
    ("formats", "netml.features.extraction", "a format writes any matrix"),
)

# Slow to load, or not there at all: imported where they are used, inside functions.
HEAVY = {"matplotlib", "pandas", "pyarrow", "pyod", "scipy", "skops", "sklearn", "torch", "yaml", "zstandard"}
# Except for these, which are loaded when they are used themselves: each is a thin layer over such a package.
THIN = ("netml.ndm.", "netml.features.representation")
# `import netml` and `netml --help` load these modules and, through them, none of those packages.
LIGHT_MODULES = ("netml", "netml.cli", "netml.cli.runtime.errors", "netml.cli.options.shared", "netml.errors")
NOT_AT_START = {"numpy", "dpkt", *HEAVY}

# Reason of status.pxd -> its name in the summary. The order is the enum's.
REASON_NAMES = {
    "SKIP_LINK_TYPE": "unsupported_link_type",
    "SKIP_TRUNCATED_LINK": "truncated_link_header",
    "SKIP_NOT_IP": "not_ip",
    "SKIP_TRUNCATED_IP": "truncated_ip_header",
    "SKIP_BAD_IP": "bad_ip_header",
    "SKIP_FRAGMENT": "fragment",
    "SKIP_OTHER_PROTOCOL": "other_protocol",
    "SKIP_TRUNCATED_TRANSPORT": "truncated_transport_header",
    "SKIP_TRUNCATED_TUNNEL": "truncated_tunnel_header",
    "SKIP_DEEP_TUNNEL": "tunnel_depth",
}

LAYERED = [*house.PYTHON_FILES, *house.CYTHON_FILES]


def room_of(module):
    """Folder or lone module below `netml`, as FLOORS names it; `netml` itself is its `__init__`."""
    return [*module.split("."), "__init__"][1]


def is_below(module, package):
    return module == package or module.startswith(f"{package}.")


def enum_members(room, first):
    """Members of the enum of a room that has `first`, in order."""
    text = (house.PACKAGE / "_core" / room).read_text()
    bodies = re.findall(r"^cdef enum[^\n]*:\n((?:    [^\n]*\n)+)", text, re.MULTILINE)
    for body in bodies:
        members = re.findall(r"^    (\w+)(?: = (\w+))?", body, re.MULTILINE)
        if any(name == first for name, _ in members):
            return members
    raise AssertionError(f"no enum with {first} in _core/{room}")


def test_the_table_for_people_names_every_room():
    table = (house.ROOT / "CONTRIBUTING.md").read_text()
    rooms = set(FLOOR_OF) - {"__init__"}
    assert not {room for room in rooms if f"`{room}`" not in table and f"`{room}/`" not in table}


def test_every_room_has_a_floor():
    rooms = {room_of(house.module_name(path)) for path in LAYERED}
    assert rooms == set(FLOOR_OF), f"new or gone in src/netml: {sorted(rooms ^ set(FLOOR_OF))}; see FLOORS"


@pytest.mark.parametrize("path", LAYERED, ids=house.relative)
def test_arrows_go_down(path):
    own = room_of(house.module_name(path))
    wrong = [
        f"line {found.line}: {found.target}"
        for found in house.imports_of(path)
        if is_below(found.target, "netml")
        and room_of(found.target) != own
        and FLOOR_OF.get(room_of(found.target), len(FLOORS)) >= FLOOR_OF[own]
    ]
    assert not wrong, f"{house.relative(path)} may only import rooms below {own}; move the code, or hand it in: {wrong}"


IMPORTS_UP = {
    "module level": "from netml.cli import main\n",
    "function": "def f():\n    from netml.models.learn import learn\n    return learn\n",
    "type checkers": "import typing\nif typing.TYPE_CHECKING:\n    from netml.models.verdicts import Verdicts\n",
    "import_module": "from importlib import import_module\nm = import_module('netml.cli')\n",
    "import_module, formatted": "from importlib import import_module\nm = import_module(f'netml.cli.{1}')\n",
    "the package itself": "from netml import learn\n",
}


@pytest.mark.parametrize("code", IMPORTS_UP.values(), ids=IMPORTS_UP)
def test_every_import_up_is_found(code, tmp_path):
    (tmp_path / "module.py").write_text(code)
    targets = [found.target for found in house.imports_of(tmp_path / "module.py")]
    assert any(FLOOR_OF[room_of(target)] > FLOOR_OF["errors"] for target in targets if is_below(target, "netml"))


@pytest.mark.parametrize("path", LAYERED, ids=house.relative)
def test_imports_are_absolute(path):
    wrong = [f"line {found.line}: {found.target}" for found in house.imports_of(path) if found.target.startswith(".")]
    assert not wrong, f"write `from netml.x import y` in {house.relative(path)}: {wrong}"


@pytest.mark.parametrize(("who", "what", "why"), NEVER, ids=[f"{who}-{what}" for who, what, _ in NEVER])
def test_what_is_never_imported(who, what, why):
    for path in LAYERED:
        if not is_below(house.module_name(path), f"netml.{who}"):
            continue
        for found in house.imports_of(path):
            assert not is_below(found.target, what), (
                f"{house.relative(path)}, line {found.line}: {who} never imports {what}: {why}"
            )


def test_no_cycles_at_import():
    arrows = {
        house.module_name(path): {
            found.target for found in house.imports_of(path) if found.is_at_start and is_below(found.target, "netml")
        }
        for path in house.PYTHON_FILES
    }
    done = set()

    def visit(module, way):
        assert module not in way, f"a cycle of imports: {' -> '.join([*way, module])}; import inside a function"
        if module not in done:
            for target in arrows.get(module, ()):
                visit(target, [*way, module])
            done.add(module)

    for module in arrows:
        visit(module, [])


@pytest.mark.parametrize("path", house.PYTHON_FILES, ids=house.relative)
def test_heavy_modules_load_when_used(path):
    if house.module_name(path).startswith(THIN):
        return
    for found in house.imports_of(path):
        package = found.target.split(".")[0]
        assert not (found.is_at_start and package in HEAVY), (
            f"{house.relative(path)}, line {found.line}: import {package} inside the function that needs it, "
            "or below `if TYPE_CHECKING:`"
        )


def test_start_up_is_light():
    code = f"import sys, {', '.join(LIGHT_MODULES)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    wrong = sorted(NOT_AT_START & {module.split(".")[0] for module in loaded})
    assert not wrong, f"{', '.join(LIGHT_MODULES)} must not load {wrong}: see who imports them (python -X importtime)"


@pytest.mark.parametrize("folder", ["builders", "reference"])
def test_oracles_use_nothing_of_netml(folder):
    for path in (house.ROOT / "tests" / folder).rglob("*.py"):
        wrong = [found.target for found in house.imports_of(path) if is_below(found.target, "netml")]
        assert not wrong, f"{house.relative(path)} is what netml is held against: it may not import {wrong}"


def test_families_registry():
    codes, code = {}, -1
    for name, number in enum_members("features/registry.pxd", "FAMILY_HEADER"):
        code = int(number) if number else code + 1
        codes[name] = code
    assert list(codes)[-1] == "N_FAMILIES"
    assert codes.pop("N_FAMILIES") == max(codes.values()) + 1
    assert codes.pop("FAMILY_HEADER") == families.HEADER_CODE
    # Bits of headers are no sums over packet columns: `fill_row` knows nothing of them.
    filled = {name: family for name, family in families.FAMILIES.items() if not family.is_bits}
    known = {f"FAMILY_{name.replace('-', '_')}": family.code for name, family in filled.items()}
    assert known == codes, (
        "FAMILIES in families.py and FamilyCode in _core/features/registry.pxd must have the same numbers"
    )
    assert list(known.values()) == sorted(known.values()), "FAMILIES must be in the order of FamilyCode"
    text = (house.PACKAGE / "_core/features/registry.pxd").read_text()
    for name in ("FAMILY_HEADER", *codes):
        assert f"family == {name}:" in text, f"fill_row in _core/features/registry.pxd does nothing for {name}"


def test_link_types_registry():
    members = enum_members("link/registry.pxd", "LINKTYPE_ETHERNET")
    assert {int(value) for _, value in members} == set(source.LINK_TYPE_NAMES), (
        "LINK_TYPE_NAMES in source.py and the LINKTYPE_ values in _core/link/registry.pxd must be the same"
    )
    supported = {link_type for link_type in range(1000) if _flowcore.is_supported(link_type)}
    assert supported == set(source.LINK_TYPE_NAMES), "is_supported_link_type disagrees with LINK_TYPE_NAMES"


def test_reasons_registry():
    members = [name for name, _ in enum_members("status.pxd", "SKIP_NOT_IP")]
    assert members == ["KEPT", *REASON_NAMES, "N_REASONS"], "Reason in _core/status.pxd has changed: REASON_NAMES too?"
    assert tuple(REASON_NAMES.values()) == _flowcore.SKIP_REASONS, "SKIP_REASONS must follow Reason in _core/status.pxd"
    room = int(re.search(r"n_skipped\[(\d+)\]", (house.PACKAGE / "_core/status.pxd").read_text())[1])
    assert len(members) - 1 <= room, "Counters.n_skipped in _core/status.pxd is too small for N_REASONS"
    assert list(summary.DROP_TEXTS) == list(_flowcore.DROP_REASONS), "summary.DROP_TEXTS must name all DROP_REASONS"


def test_commands_registry():
    for module in cli.COMMANDS:
        assert (house.PACKAGE / "cli" / "commands" / f"{module}.py").exists(), (
            f"COMMANDS in cli/__init__.py names {module}: no such file"
        )
    commands = {
        path.stem
        for path in (house.PACKAGE / "cli" / "commands").glob("*.py")
        if re.search(r"^def command\(", path.read_text(), re.M)
    }
    assert commands == set(cli.COMMANDS), "a command is one file in cli/commands/ and one line of COMMANDS"


def test_formats_registry():
    modules = {line.module for line in formats.FORMATS.values()}
    for module in modules:
        path = house.PACKAGE / "formats" / f"{module}.py"
        assert path.exists(), f"FORMATS in formats/__init__.py names {module}: no such file"
        assert re.search(r"^def (write|open_writer)\(", path.read_text(), re.M), (
            f"{house.relative(path)} must have write(stream, content) or open_writer(stream, empty)"
        )
