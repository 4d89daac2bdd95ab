"""The kernel's folders and arrows, as a table, held against the cimport lines of `_core`."""

import re

import house
import pytest

CORE = house.PACKAGE / "_core"
HEADERS = {"guard.h", "native.h"}

# Folder below `_core` -> folders that it may cimport besides its own and the base, which is `_core` itself. Bottom to
# top: a folder names only folders that stand above it in this table, so that there is no circle.
MAY_CIMPORT = {
    "": (),
    "capture": (),
    "link": (),
    "net": (),
    "tunnel": (),
    "features/base": (),
    "features/cic": ("features/base",),
    "features/flow": ("features/base",),
    "features/tcp": ("features/base",),
    "features": ("features/base", "features/cic", "features/flow", "features/tcp"),
    "flow": (),
    "subflow": ("flow",),
    "subflow/stream": ("flow", "subflow"),
    "biflow": ("flow",),
    "headers": ("flow", "biflow"),
    "compose": ("capture", "link", "net", "tunnel", "flow", "subflow", "biflow", "headers"),
}
ROOMS = [path for path in house.ROOMS if path.name != "__init__.pxd"]


def folder_of(path):
    """Folder of a room below `_core`, "" for the base."""
    folder = path.parent.relative_to(CORE).as_posix()
    return "" if folder == "." else folder


def room_of(target):
    """Path of the room that a dotted name of a cimport line names."""
    return CORE.joinpath(*target.split(".")[2:]).with_suffix(".pxd")


def cimports_of(path):
    """Lines and rooms that a room cimports, without libc."""
    found = [(one.line, one.target) for one in house.imports_of(path) if one.target.startswith("netml.")]
    return [(line, room_of(target)) for line, target in found]


def test_the_table_goes_up():
    for i, (folder, others) in enumerate(MAY_CIMPORT.items()):
        wrong = set(others) - set(list(MAY_CIMPORT)[:i])
        assert not wrong, f"{folder} stands below {sorted(wrong)} and may not cimport them"


def test_every_folder_has_its_line():
    folders = {folder_of(path) for path in ROOMS}
    assert folders == set(MAY_CIMPORT), "MAY_CIMPORT and the folders of _core differ"


@pytest.mark.parametrize("path", ROOMS, ids=house.relative)
def test_arrows_go_down(path):
    own = folder_of(path)
    for line, room in cimports_of(path):
        place = f"{house.relative(path)}, line {line}"
        assert room.exists(), f"{place}: there is no {house.relative(room)}"
        assert folder_of(room) in {"", own, *MAY_CIMPORT[own]}, (
            f"{place}: {own} may not cimport {folder_of(room)}; move the code, or bring both together in compose"
        )


def test_no_room_needs_itself():
    arrows = {path: {room for _, room in cimports_of(path)} for path in ROOMS}
    done = set()

    def visit(path, way):
        assert path not in way, f"a circle of cimports: {' -> '.join(map(house.relative, [*way, path]))}"
        if path not in done:
            for room in arrows[path]:
                visit(room, [*way, path])
            done.add(path)

    for path in ROOMS:
        visit(path, [])


@pytest.mark.parametrize("path", ROOMS, ids=house.relative)
def test_rooms_know_no_python(path):
    for found in house.imports_of(path):
        assert found.target.startswith(("libc.", "netml._core.")), (
            f"{house.relative(path)}, line {found.line}: a room knows only libc and other rooms, not {found.target}"
        )


def test_folders_are_header_only():
    for folder in (CORE, *(path for path in CORE.rglob("*") if path.is_dir())):
        mark = folder / "__init__.pxd"
        assert mark.exists(), f"{house.relative(mark)} is missing: without it Cython does not find the folder"
        assert mark.read_text() == "", f"{house.relative(mark)} must be empty"
    for path in CORE.rglob("*"):
        if path.is_file():
            is_allowed = path.suffix == ".pxd" or path.name in HEADERS
            assert is_allowed, f"{house.relative(path)}: rooms are .pxd files; a .h only for what Cython cannot say"


def imported_names(text):
    """Local names that the import and cimport lines of a Cython file bring in."""
    found = re.findall(r"^(?:from [\w.]+ )?c?import (\([^)]*\)|.*)", text, re.MULTILINE)
    return {part.split(" as ")[-1].strip() for names in found for part in names.strip("()\n").split(",")} - {""}


def used_names(text):
    """Identifiers of a Cython file outside of imports, docstrings, comments and plain strings; no names of methods."""
    imports, docstrings, comments = r"^(?:from [\w.]+ )?c?import (?:\([^)]*\)|.*)", r'"""(?:.|\n)*?"""', r"#.*"
    for noise in (imports, docstrings, comments, r'(?<![f"])"[^"\n]*"', r"\bdef \w+"):
        text = re.sub(noise, "", text, flags=re.MULTILINE)
    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", text))


BINDING_TEXTS = {path: path.read_text() for path in house.BINDINGS}


@pytest.mark.parametrize("path", BINDING_TEXTS, ids=house.relative)
def test_bindings_cimport_what_they_use(path):
    known = set().union(*map(imported_names, BINDING_TEXTS.values()))
    own, used = imported_names(BINDING_TEXTS[path]), used_names(BINDING_TEXTS[path])
    missing, idle = (used & known) - own, own - used
    assert not missing, f"{house.relative(path)} uses {sorted(missing)}, which only other bindings import"
    assert not idle, f"{house.relative(path)} imports {sorted(idle)} and does not use them"
