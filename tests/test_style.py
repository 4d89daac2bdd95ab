"""What the linters do not see: sizes, the rooms' docstrings, words, what public names say about themselves."""

import ast
import importlib
import inspect
import re

import house
import pytest
from test_kernel_style import NO_VERBS, OLD_WORDS

import netml
from netml import errors

MAX_ROOM_LINES = 220
MAX_KERNEL_LINES = 450  # of _flowcore.pyx, and of each of its bindings
MAX_PYTHON_LINES = 500
MAX_FUNCTION_LINES = 60  # without its docstring
MAX_ROOM_DOCSTRING_LINES = 8

FILES = [*house.PYTHON_FILES, *house.CYTHON_FILES]
WRITTEN_ROOMS = [path for path in house.ROOMS if path.name != "__init__.pxd"]
# Words of the kernel's table that are words of Python, of random numbers or of pipes.
PYTHON_WORDS = ("waits?", "rounds?", "seed", "attributes?", "remembered|recall")
OLD_PYTHON_WORDS = {old: new for old, new in OLD_WORDS.items() if not old.startswith(PYTHON_WORDS)} | {
    r"marks": "truth",
    r"(?:on|of) one's own": "custom",
    r"judge[sd]?": "predict, classify",
    r"recogni[sz]\w*": "probe",
    r"remembered|recall(?:s|ed|ing)|forgetting|forgotten": "idle keys, reactivate, expire",  # `recall` is a metric
}
NO_NOUNS = {"What", "Whether", "How", "Who", "Why", "Where", "Which", "When", "Give", "Say", "Tell", "Is", "Does"}
WRITTEN_PYTHON = house.PYTHON_FILES
PUBLIC = {name: getattr(netml, name) for name in netml.__all__}


def public_callables():
    """(name, callable, is it a method) of the public functions, classes and their methods."""
    for name, found in PUBLIC.items():
        if not inspect.isclass(found):
            yield name, found, False
            continue
        yield name, found, False
        for member, value in vars(found).items():
            plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if not member.startswith("_") and inspect.isfunction(plain):
                yield f"{name}.{member}", plain, True


CALLABLES = list(public_callables())


def parameters_of(found, is_method):
    """Names of the parameters that a caller gives."""
    if inspect.isclass(found) and issubclass(found, Exception) and "__init__" not in vars(found):
        return []
    names = list(inspect.signature(found).parameters)
    return names[1:] if is_method else names


def section(docstring, title):
    """Text of a numpydoc section, "" if there is none."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", docstring, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.parametrize("path", FILES, ids=house.relative)
def test_files_are_short(path):
    limit = {".pxd": MAX_ROOM_LINES, ".pyx": MAX_KERNEL_LINES, ".pxi": MAX_KERNEL_LINES, ".py": MAX_PYTHON_LINES}[
        path.suffix
    ]
    n_lines = len(path.read_text().splitlines())
    assert n_lines <= limit, f"{house.relative(path)} has {n_lines} lines, at most {limit}: split it by noun"


@pytest.mark.parametrize("path", FILES, ids=house.relative)
def test_functions_are_short(path):
    long = [f"{one.name} (line {one.line}): {one.n_lines}" for one in house.functions_of(path)]
    long = [text for text in long if int(text.rsplit(" ", 1)[1]) > MAX_FUNCTION_LINES]
    assert not long, f"functions of more than {MAX_FUNCTION_LINES} lines in {house.relative(path)}, split them: {long}"


@pytest.mark.parametrize("path", WRITTEN_ROOMS, ids=house.relative)
def test_rooms_say_what_they_are(path):
    found = re.match(r'"""(\S.*?)"""\n', path.read_text(), re.DOTALL)
    assert found, f"{house.relative(path)} must open with a docstring: its duty, layout or RFC, invariant"
    n_lines = found[1].rstrip().count("\n") + 1
    assert n_lines <= MAX_ROOM_DOCSTRING_LINES, (
        f"the docstring of {house.relative(path)} has {n_lines} lines, at most {MAX_ROOM_DOCSTRING_LINES}"
    )


@pytest.mark.parametrize("path", house.CYTHON_FILES, ids=house.relative)
def test_rooms_are_cimported_not_included(path):
    included = re.findall(r"^\s*include\s+[\"'](.*)[\"']", path.read_text(), re.MULTILINE)
    if path.suffix == ".pyx":
        assert sorted(included) == [binding.relative_to(path.parent).as_posix() for binding in house.BINDINGS]
    else:
        assert not included, f"{house.relative(path)} includes {included}: make it a .pxd and cimport it"


@pytest.mark.parametrize("path", [path for path in house.ROOMS if path.parent.name != "netml"], ids=house.relative)
def test_rooms_hold_only_what_needs_no_gil(path):
    wrong = [
        f"line {text.line}: {text.name}" for text in house.functions_of(path) if not house.is_free_of_gil(path, text)
    ]
    assert not wrong, f"{house.relative(path)}: write `cdef inline ... noexcept nogil`: {wrong}"


@pytest.mark.parametrize("path", FILES, ids=house.relative)
def test_nothing_is_left_to_do(path):
    mark = re.search(r"(?:#|//|/\*).*\b(TODO|FIXME|XXX)\b.*", path.read_text())
    assert not mark, f"{house.relative(path)}: {mark and mark[0]!r}: do it, or open an issue"


@pytest.mark.parametrize("path", WRITTEN_PYTHON, ids=house.relative)
def test_old_words_are_gone(path):
    for number, line in enumerate(path.read_text().split("\n"), 1):
        for old, new in OLD_PYTHON_WORDS.items():
            found = re.search(rf"\b(?:{old})\b", line, re.IGNORECASE)
            assert not found, f"{house.relative(path)}, line {number}: {found and found[0]!r} is {new} today"


@pytest.mark.parametrize("path", WRITTEN_PYTHON, ids=house.relative)
def test_docstrings_begin_with_a_verb(path):
    """Functions with a verb; modules, classes and properties with a noun."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        first = (ast.get_docstring(node) or "Undocumented").split()[0].rstrip(".,:;")
        decorators = [ast.unparse(one) for one in getattr(node, "decorator_list", [])]
        is_function = isinstance(node, ast.FunctionDef) and not any("property" in one for one in decorators)
        assert first not in (NO_VERBS if is_function else NO_NOUNS), (
            f"{house.relative(path)}: the docstring of {getattr(node, 'name', 'the module')} begins with {first!r}"
        )


def test_public_names_are_those_of_the_stub():
    homes = netml._read_homes()
    assert sorted(netml.__all__) == sorted(homes)
    assert set(homes) <= set(dir(netml))
    for name, home in homes.items():
        assert PUBLIC[name] is getattr(importlib.import_module(home), name)
    lines = (house.PACKAGE / "__init__.pyi").read_text().splitlines()
    imports = [line for line in lines if line.startswith("from ") and "__version__" not in line]
    assert len(imports) == len(homes)
    assert all(re.fullmatch(r"from netml\.[\w.]+ import (\w+) as \1", line) for line in imports), "one name a line"
    exceptions = [name for name, found in vars(errors).items() if getattr(found, "__module__", "") == errors.__name__]
    assert {name for name in exceptions if inspect.isclass(vars(errors)[name])} <= set(homes), "a public exception"


@pytest.mark.parametrize(("name", "found", "is_method"), CALLABLES, ids=[name for name, *_ in CALLABLES])
def test_public_names_are_documented(name, found, is_method):
    docstring = inspect.cleandoc(found.__doc__ or "")
    assert docstring, f"{name} has no docstring"
    described = re.findall(r"^[\w*].*", section(docstring, "Parameters"), re.MULTILINE)
    missing = set(parameters_of(found, is_method)) - set(re.findall(r"\w+", " ".join(described)))
    assert not missing, f"the docstring of {name} needs a numpydoc section Parameters that describes {sorted(missing)}"
    if not inspect.isclass(found) and inspect.signature(found).return_annotation not in (None, "None"):
        has_result = section(docstring, "Returns") or section(docstring, "Yields")
        assert has_result, f"the docstring of {name} needs a numpydoc section Returns with type, shape and unit"


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (owner, name)
        for owner, found in PUBLIC.items()
        if inspect.isclass(found)
        for name, member in vars(found).items()
        if isinstance(member, property)
    ],
)
def test_public_properties_are_documented(owner, name):
    assert getattr(PUBLIC[owner], name).__doc__, f"{owner}.{name} has no docstring: what it is, its shape and dtype"
