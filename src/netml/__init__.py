"""netml: packet captures in, feature matrices and anomalies out.

The public names stand in `__init__.pyi`, once: a name loads when it is first used, and importing the package loads
nothing.
"""

from __future__ import annotations

from importlib import import_module

from netml._version import __version__ as __version__

TYPE_CHECKING = False  # `typing` takes as long to load as all of this, and a Ctrl-C meanwhile would show a traceback
if TYPE_CHECKING:
    from typing import Any


def _read_homes() -> dict[str, str]:
    """Return the module of each public name, as the lines of the stub have them."""
    homes = {}
    with open(f"{__file__}i", encoding="utf-8") as lines:
        for line in lines:
            words = line.split()  # from MODULE import NAME as NAME
            if words[:1] == ["from"] and not words[3].startswith("_"):
                homes[words[3]] = words[1]
    return homes


def __getattr__(name: str) -> Any:
    if name.startswith("_") and name != "__all__":
        raise AttributeError(f"module 'netml' has no attribute {name!r}")
    homes = _read_homes()
    if name == "__all__":
        found: Any = sorted(homes)
    elif name in homes:
        found = getattr(import_module(homes[name]), name)
    else:
        raise AttributeError(f"module 'netml' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_read_homes()])
