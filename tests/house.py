"""The package's source files as the tests of architecture and style read them: import lines and functions."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "netml"
PYTHON_FILES = sorted(PACKAGE.rglob("*.py"))
BINDINGS = sorted(PACKAGE.rglob("*.pxi"))  # included by _flowcore.pyx, and parts of that module
CYTHON_FILES = sorted([*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxd"), *BINDINGS])
ROOMS = [path for path in CYTHON_FILES if path.suffix == ".pxd"]

_CIMPORT = re.compile(r"^\s*(?:from\s+(?P<package>[\w.]+)\s+)?(?P<verb>cimport|import)\s+(?P<names>\([^)]*\)|.*)", re.M)
_CYTHON_FUNCTION = re.compile(r"^(?P<indent> *)(?:def|cpdef|cdef(?! class))\b[^=\n]*?(?P<name>\w+)\((?!\))", re.M)


class Import(NamedTuple):
    """One imported module, and how."""

    target: str  # dotted; of `from netml import x` the module netml.x if there is one
    line: int
    is_at_start: bool  # run when the module is imported, not later and not only for type checkers


class Function(NamedTuple):
    """One function, and the lines that it has without its docstring."""

    name: str
    line: int
    n_lines: int


def relative(path):
    """A path as messages show it."""
    return path.relative_to(ROOT).as_posix()


def module_name(path):
    """Dotted name of a source file of the package; an included file is part of the module that includes it."""
    if path in BINDINGS:
        return "netml._flowcore"
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name):
    """Whether a dotted name is a module of the package, or could only be one."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or any(path.with_suffix(suffix).exists() for suffix in (".py", ".pyx", ".pxd"))


def _resolve(package, name):
    """`from package import name`: the module that is needed for it."""
    inner = f"{package}.{name}"
    return inner if package.split(".")[0] == "netml" and is_module(inner) else package


def _for_type_checkers(tree):
    """Nodes below `if TYPE_CHECKING:`."""
    blocks = (node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def _inside_functions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return {inner for node in ast.walk(tree) if isinstance(node, kinds) for inner in ast.walk(node)}


def _imported_by_call(call):
    """The literal that `import_module` is given, up to what is formatted into it; "" if there is none."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in ("import_module", "__import__") or not call.args:
        return ""
    given = call.args[0]
    first = given.values[0] if isinstance(given, ast.JoinedStr) and given.values else given
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return text.rstrip(".")


def imports_of(path):
    """Everything that a Python or Cython file imports or cimports, wherever in the file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return _cython_imports(text)
    tree = ast.parse(text)
    later = _for_type_checkers(tree) | _inside_functions(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = node.module if node.level == 0 else "." * node.level + (node.module or "")
            targets = [_resolve(package, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and (literal := _imported_by_call(node)):
            targets = [literal]
        else:
            continue
        found += (Import(target, node.lineno, node not in later) for target in dict.fromkeys(targets))
    return found


def _cython_imports(text):
    found = []
    for match in _CIMPORT.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        names = re.findall(r"[\w.]+", match["names"].split("#")[0])
        if match["package"]:
            found += (Import(target, line, True) for target in {_resolve(match["package"], name) for name in names})
        else:
            found.append(Import(names[0], line, True))
    return found


def functions_of(path):
    """Every function of a Python or Cython file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return list(_cython_functions(text))
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    return [Function(node.name, node.lineno, _own_lines(node)) for node in nodes]


def _own_lines(node):
    n_lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is None:
        return n_lines
    return n_lines - (node.body[0].end_lineno - node.body[0].lineno + 1)


def _cython_functions(text):
    """A function reaches as far as lines are indented deeper than it, or close its parenthesis."""
    lines = text.split("\n")
    for match in _CYTHON_FUNCTION.finditer(text):
        start = text.count("\n", 0, match.start())
        indent = len(match["indent"])
        end = start + 1
        while end < len(lines) and (
            not lines[end].strip() or lines[end].startswith(" " * (indent + 1)) or lines[end].lstrip().startswith(")")
        ):
            end += 1
        body = re.sub(r'"""(.*?)"""', "", "\n".join(lines[start:end]).rstrip(), count=1, flags=re.DOTALL)
        yield Function(match["name"], start + 1, body.count("\n") + 1)


def is_free_of_gil(path, function):
    """Whether a room's function is inline and never takes the GIL, not even to look for an exception."""
    lines = path.read_text(encoding="utf-8").split("\n")[function.line - 1 :]
    head = "\n".join(lines).split(":\n")[0]
    return head.startswith("cdef inline ") and head.endswith("noexcept nogil")
