"""Custom families: functions of the flow table, registered by a script or by another package."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from netml.errors import FamilyError, OptionError
from netml.families.builtin import FAMILIES
from netml.families.spec import NO_CODE, Family, FamilyDefinition

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GROUP = "netml.families"  # of entry points
# Packet columns of `FlowTable` that a family can ask for; a test compares them with the kernel's.
PACKET_COLUMNS = (
    *("caplen", "wirelen", "flags", "ttl", "is_forward", "ip_bytes", "payload_bytes", "header_bytes", "window"),
    *("sequence", "acknowledgement", "tcp_options"),
)
DEFINITIONS: tuple[str, ...] = get_args(FamilyDefinition)
REGISTERED: dict[str, CustomFamily] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFamily(Family):
    """A family whose rows a function makes."""

    name: str  # in capitals
    function: Callable[..., Any]  # returns the rows of a `FlowTable`
    takes_dim: bool  # the function takes `dim`, too


def register_family(
    name: str,
    *,
    columns: Sequence[str] | Callable[[int], Iterable[str]],
    packet_columns: Sequence[str] = (),
    definition: FamilyDefinition = "original",
    description: str = "",
) -> Callable[[Function], Function]:
    """Register a function of the flow table as a family; see `docs/custom-families.md`.

    Parameters
    ----------
    name : str
        Letters, digits, _ and -, a letter first; small letters count as capitals.
    columns : sequence of str, or callable
        Names of the columns; or a function that returns them for `dim`, the packets that a row has room for.
    packet_columns : sequence of str, optional
        Packet columns of the `FlowTable` that the function needs, besides the time and the size; of the definition `bi`
        `is_forward` is there, too.
    definition : {"original", "bi"}
        The flow definition that the family has unless another one is asked for; biflows if any family has them.
    description : str, optional
        For `netml families`; by default the first line of the function's docstring.

    Returns
    -------
    callable
        A decorator that returns the function unchanged. The function takes a `FlowTable` of at least one flow and, if
        `columns` is a function, `dim`. It returns an ndarray (n_flows, n_columns) of finite numbers, or (n_flows,) for
        one column. A flow's row may depend on this flow alone: flows may come in several tables.

    Raises
    ------
    OptionError
        If the name is one of netml's families, or that of another function; or if a value is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> @register_family("LARGEST", columns=["largest_bytes"])
    ... def largest(table):
    ...     return np.maximum.reduceat(table.size, table.offsets[:-1])
    >>> import netml
    >>> netml.extract("examples/data/demo.pcap", "LARGEST").shape  # doctest: +SKIP
    (666, 1)
    >>> del REGISTERED["LARGEST"]
    """
    plain = _check_name(name)
    names = columns if callable(columns) else check_names(columns)
    if names is None:
        raise OptionError("columns", columns, "names, each once, in a list, or a function that gives them")
    for column in packet_columns:
        if isinstance(packet_columns, str) or column not in PACKET_COLUMNS:
            raise OptionError("packet_columns", packet_columns, f"a list, of {', '.join(PACKET_COLUMNS)}")
    if definition not in DEFINITIONS:
        raise OptionError("definition", definition, f"one of {', '.join(DEFINITIONS)}")

    def register(function: Function) -> Function:
        if not callable(function):
            raise OptionError("function", function, "a function of the flow table")
        known = REGISTERED.get(plain)
        # The same function again comes from a notebook's cell that is run again, or a module that is loaded again.
        if known is not None and (
            home_of(known.function) != home_of(function) or getattr(function, "__name__", "") == "<lambda>"
        ):
            raise OptionError("name", name, f"another one: {'.'.join(home_of(known.function))} has it")
        first_line = (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
        REGISTERED[plain] = CustomFamily(
            NO_CODE,
            " ".join((description or first_line).split()),
            width=lambda dim, options: len(_names_for(plain, names, dim)),
            columns=lambda dim, options: _names_for(plain, names, dim),
            packet_columns=tuple(packet_columns),
            definition=definition,
            name=plain,
            function=function,
            takes_dim=callable(names),
        )
        return function

    return register


def _check_name(name: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise OptionError("name", name, "letters, digits, _ and -, a letter first")
    plain = name.upper()
    if plain.startswith(("FFT-", "FFT_")):
        raise OptionError("name", name, "one without FFT in front, which asks for the transform")
    if plain in FAMILIES:
        raise OptionError("name", name, f"none of netml's own: {', '.join(FAMILIES)}")
    return plain


def check_names(names: Any, *, may_be_empty: bool = False) -> tuple[str, ...] | None:
    """Return names of columns as a tuple; None if they are no names."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        return None
    given = tuple(names)
    is_good = all(isinstance(name, str) and name.strip() and name.isprintable() for name in given)
    return given if is_good and len(set(given)) == len(given) and (given or may_be_empty) else None


def _names_for(family: str, names: tuple[str, ...] | Callable[[int], Iterable[str]], dim: int) -> tuple[str, ...]:
    if isinstance(names, tuple):
        return names
    try:
        given = check_names(names(dim), may_be_empty=True)
    except Exception as error:
        raise FamilyError(f"family {family}", f"columns({dim}) fails: {describe_error(error, names)}") from error
    if given is None:
        raise FamilyError(f"family {family}", f"columns({dim}) must give names, each once")
    return given


def home_of(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the module and the name of a function."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return named.__module__ or "", named.__qualname__


def describe_error(error: BaseException, function: Callable[..., Any] | None = None) -> str:
    """Describe an error of other people's code in a line, with its place: in the file of `function`, if it is there."""
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    frame, place, is_at_home = error.__traceback__, "", False
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        is_foreign = not file.startswith(("<frozen importlib", import_module.__code__.co_filename, _PACKAGE + os.sep))
        if is_foreign and (file == home or not is_at_home):
            place, is_at_home = f" ({file}, line {frame.tb_lineno})", file == home
        frame = frame.tb_next
    text = " ".join(str(error).split())
    kind = type(error).__name__
    return f"{kind}: {text}{place}" if text else f"{kind}{place}"


def find_custom(name: str) -> CustomFamily | None:
    """Return a family that is registered or offered by a package, which is imported then; None if there is none.

    The name is in capitals. `FamilyError` is raised if the package does not work.
    """
    if name not in REGISTERED:
        points = find_offers().get(name)
        if points is None:
            return None
        load_offer(name, points)
    return REGISTERED[name]


def known_custom() -> list[str]:
    """Return the names of the families that are registered or offered."""
    return [*REGISTERED, *find_offers()]


def find_offers() -> dict[str, list[EntryPoint]]:
    """Return the entry points of installed packages by the families' names; nothing is imported."""
    from importlib.metadata import entry_points  # takes longer to load than all of this

    offers: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        offers.setdefault(point.name.upper(), []).append(point)
    return offers


def load_offer(name: str, points: Sequence[EntryPoint]) -> None:
    """Import the package that offers a family.

    Raises
    ------
    FamilyError
        If it cannot be imported, does not register the family, or if several packages offer it.
    """
    packages = [f"{point.dist.name} {point.dist.version}" if point.dist else point.value for point in points]
    if len(points) > 1:
        raise FamilyError(f"family {name}", f"several packages offer it: {', '.join(packages)}")
    about = f"family {name} of the package {packages[0]}"
    try:
        points[0].load()
    except (Exception, SystemExit) as error:
        raise FamilyError(about, f"cannot be loaded: {describe_error(error)}") from error
    if name not in REGISTERED:
        raise FamilyError(about, f"{points[0].value} does not register it")
