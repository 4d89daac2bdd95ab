"""`netml families`: what features there are."""

from __future__ import annotations

import click


@click.command("families")
def command() -> None:
    """List the families of features."""
    from netml.families import FAMILIES, FamilyOptions

    click.echo(f"{'family':<10} {'columns':<10} what a row holds")
    for name, family in FAMILIES.items():
        # Widths are linear in dim, or constant: two of them tell the formula.
        base, longer = (family.width(dim, FamilyOptions()) for dim in (100, 101))
        slope = longer - base
        rest = base - 100 * slope
        times = f"{f'{slope} ' if slope > 1 else ''}dim" if slope else ""
        constant = f"{rest:+d}".replace("+", " + ").replace("-", " - ") if rest and slope else str(rest or "")
        click.echo(f"{name:<10} {times + constant:<10} {family.description}")
    click.echo("\ndim: packets that a row has room for (--dim, or learned). --header puts 8 + width columns in front,")
    click.echo("--fft (or the name FFT-IAT) transforms each block.")
