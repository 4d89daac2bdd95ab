"""`netml families`: the list of the families of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from netml.cli.options.plugins import import_option

if TYPE_CHECKING:
    from netml.families import Family


@click.command("families")
@import_option
def command() -> None:
    """List the families of features.

    netml's own come first, then those of packages and of --import.
    """
    from netml.errors import FamilyError
    from netml.families import FAMILIES, find_family
    from netml.families.custom import known_custom

    click.echo(f"{'family':<10} {'columns':<10} what a row holds")
    for name in dict.fromkeys([*FAMILIES, *known_custom()]):
        try:
            family = find_family(name)
            width = _describe_width(family)
        except FamilyError as error:
            click.echo(f"{name:<10} {'broken':<10} {' '.join(str(error).split())}")
        else:
            click.echo(f"{name:<10} {width:<10} {family.description}".rstrip())
    click.echo("\ndim: packets that a row has room for (--dim, or learned). --header puts 8 + width columns in front,")
    click.echo("--fft (or the name FFT-IAT) transforms each block.")


def _describe_width(family: Family) -> str:
    """Return the formula of a family's width: three widths show if it is linear in dim, or constant."""
    from netml.families import FamilyOptions

    base, longer, longest = (family.width(dim, FamilyOptions()) for dim in (100, 101, 102))
    slope = longer - base
    if longest - longer != slope:
        return "by dim"
    rest = base - 100 * slope
    times = f"{f'{slope} ' if slope > 1 else ''}dim" if slope else ""
    constant = f"{rest:+d}".replace("+", " + ").replace("-", " - ") if rest and slope else str(rest or "")
    return times + constant
