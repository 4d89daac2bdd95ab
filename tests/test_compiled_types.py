"""The stub beside the compiled core says what the core has: names, parameters, defaults."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from netml import _flowcore

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "netml"
STUB = ast.parse((PACKAGE / "_flowcore.pyi").read_text())
KERNEL = "".join(path.read_text() for path in sorted((PACKAGE / "_bindings").glob("*.pxi")))
HINT = "bring src/netml/_flowcore.pyi and src/netml/_bindings together"

FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")}
CONSTANTS = {node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign)}
METHODS = [
    (name, method.name, method)
    for name, node in CLASSES.items()
    for method in node.body
    if isinstance(method, ast.FunctionDef)
]


def is_property(method):
    return any(isinstance(mark, ast.Name) and mark.id == "property" for mark in method.decorator_list)


def plain_signature(signature):
    return [(one.name, one.kind.name, one.default) for one in signature.parameters.values()]


def evaluate_signature(parameters):
    scope = {}
    exec(f"def f({parameters}): pass", scope)
    return plain_signature(inspect.signature(scope["f"]))


def stub_signature(function):
    for argument in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
        argument.annotation = None
    if function.args.kwarg is not None:
        function.args.kwarg.annotation = None
    return evaluate_signature(ast.unparse(function.args))


def cinit_signature(owner):
    """Nothing tells the parameters of `__cinit__` at run time: out of the source, without their C types."""
    found = re.search(rf"cdef class {owner}(?:\(\w+\))?:.*?def __cinit__\((.*?)\):\n", KERNEL, re.DOTALL)
    assert found, f"no __cinit__ of {owner} in _bindings: {HINT}"
    parts = re.split(r",\s+(?![^()]*\))", found[1].strip())
    return evaluate_signature(", ".join(re.sub(r"^[\w ]+? (?=\w+(=|$))", "", part) for part in parts))


def is_own(name):
    """Neither private nor something that the module has imported."""
    found = getattr(_flowcore, name)
    if name.startswith("_") or inspect.ismodule(found):
        return False
    return not inspect.isclass(found) or found.__module__ == "netml._flowcore"


def test_same_names():
    runtime = {name for name in dir(_flowcore) if is_own(name)}
    assert runtime == {*FUNCTIONS, *CLASSES, *CONSTANTS}, HINT


@pytest.mark.parametrize("name", CLASSES)
def test_same_members(name):
    stubbed = {method.name for owner, _, method in METHODS if owner == name and method.name != "__init__"}
    runtime = {member for member in vars(getattr(_flowcore, name)) if not member.startswith("_")}
    assert runtime == stubbed, HINT


@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_parameters_of_functions(name):
    runtime = plain_signature(inspect.signature(getattr(_flowcore, name)))
    assert runtime == stub_signature(FUNCTIONS[name]), HINT


@pytest.mark.parametrize(("owner", "name", "method"), METHODS, ids=[f"{o}.{name}" for o, name, _ in METHODS])
def test_same_parameters_of_methods(owner, name, method):
    member = inspect.getattr_static(getattr(_flowcore, owner), name)
    if name == "__init__":
        assert cinit_signature(owner) == stub_signature(method), HINT
    elif is_property(method):
        assert inspect.isgetsetdescriptor(member), HINT
    else:
        assert plain_signature(inspect.signature(member)) == stub_signature(method), HINT


def test_constants_have_the_types_that_the_stub_says():
    assert all(isinstance(reason, str) for reason in _flowcore.SKIP_REASONS)
    assert all(isinstance(name, str) and isinstance(code, int) for name, code in _flowcore.DROP_REASONS.items())
    assert all(isinstance(bit, int) and kind(0).dtype.kind == "u" for bit, kind in _flowcore.COLUMNS.values())


def test_counters_have_the_keys_that_the_stub_says():
    keys = {
        node.name: [field.target.id for field in node.body]
        for node in STUB.body
        if isinstance(node, ast.ClassDef) and node.name.startswith("_")
    }
    assembler = _flowcore.FlowAssembler()
    assert sorted(assembler.counters) == sorted(keys["_Counters"]), HINT
    assert all(sorted(drop) == sorted(keys["_Drop"]) for drop in assembler.dropped.values()), HINT
