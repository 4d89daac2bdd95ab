"""`--import`: Python of the user that registers families, run before anything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from netml.errors import FamilyError

Function = TypeVar("Function", bound=Callable[..., Any])


def import_option(function: Function) -> Function:
    """Add --import, which no command sees: it is done when the options are read."""
    option = click.option(
        "--import", "imports", metavar="FILE.py|MODULE", multiple=True, is_eager=True, expose_value=False,
        callback=_import_all,
        help="Run this Python first: it registers families (docs/custom-families.md). May be repeated.",
    )  # fmt: skip
    return option(function)


def _import_all(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> None:
    for name in () if ctx.resilient_parsing else names:
        import_named(name)


def import_named(name: str) -> None:
    """Import a module, or run a file as one.

    Parameters
    ----------
    name : str
        A module's name, or a path that ends in .py or has a separator. Files beside it can be imported from it.

    Raises
    ------
    FamilyError
        If it cannot be found, or raises.
    """
    from importlib import import_module, util

    from netml.families.custom import describe_error

    is_file = name.endswith(".py") or os.sep in name
    if is_file and not os.path.exists(name):
        raise FamilyError(name, "cannot be imported: no such file")
    try:
        if not is_file:
            import_module(name)
            return
        # A name of its own: a file `csv.py` must not stand for the module of that name.
        stem = os.path.splitext(os.path.basename(name))[0]
        spec = util.spec_from_file_location(f"_imported_by_netml_{stem}", name)
        if spec is None or spec.loader is None:
            raise ImportError("not a file of Python")
        sys.path.append(os.path.dirname(os.path.abspath(name)))
        module = util.module_from_spec(spec)
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        # The module itself is not there, or a file's name was taken for a module's; and not one that it imports.
        is_missing = isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}.")
        hint = "; it takes a file that ends in .py, or the name of a module" if is_missing else ""
        raise FamilyError(name, f"cannot be imported: {describe_error(error)}{hint}") from error
