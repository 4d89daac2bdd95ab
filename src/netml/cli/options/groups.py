"""Options that a command takes as one object, and option names that are accepted but hidden."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Any], Any]


class Option(click.Option):
    """An option with hidden names: parsed like the others, and shown by neither help nor completion.

    Parameters
    ----------
    param_decls : sequence of str
        As in `click.Option`.
    hidden_names : sequence of str
        The names that are accepted besides.
    """

    def __init__(self, param_decls: Sequence[str], *, hidden_names: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(param_decls, **attributes)
        self.hidden_names = hidden_names

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Register all names."""
        shown = self.opts
        self.opts = [*shown, *self.hidden_names]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown


class OptionGroup:
    """A decorator that adds options to a command, which gets one object made of their values.

    Parameters
    ----------
    argument : str
        The command's parameter that gets the object.
    make : callable
        Called with the options' values by name; returns the object.
    *options : decorator
        In the order of the help.
    """

    def __init__(self, argument: str, make: Callable[..., Any], *options: Decorator) -> None:
        self._argument, self._make, self._options = argument, make, options

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters of the options; found out only for the command that runs."""
        return tuple(str(option.name) for option in click.command()(self._add_options(lambda: None)).params)

    def __call__(self, function: Function) -> Function:
        """Add the options to a command's function."""

        @functools.wraps(function)
        def call(**values: Any) -> Any:
            values[self._argument] = self._make(**{name: values.pop(name) for name in self.names})
            return function(**values)

        return self._add_options(call)  # type: ignore[no-any-return]

    def _add_options(self, function: Any) -> Any:
        for option in reversed(self._options):
            function = option(function)
        return function

    def find_given(self, *ignored: str) -> str | None:
        """Return the first parameter that stands on the command line and is not ignored, None if there is none."""
        return next((name for name in self.names if name not in ignored and is_given(name)), None)


def is_given(name: str) -> bool:
    """True if a parameter of the running command stands on its command line."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
