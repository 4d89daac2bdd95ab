"""`netml detectors`: the list of the detectors, and their parameters."""

from __future__ import annotations

import click

from netml.cli.options.completion import complete_detector


@click.command("detectors")
@click.argument("name", required=False, shell_complete=complete_detector)
def command(name: str | None) -> None:
    """List the detectors, or the parameters of one.

    With a NAME, that detector's parameters and their defaults are listed.
    """
    from netml.ndm import ALIASES, DETECTORS, parameters_of, registry_name

    if name is None:
        width = max(map(len, DETECTORS)) + 1
        click.echo(f"{'detector':<{width}} {'cost':<10} what is abnormal")
        for known, entry in DETECTORS.items():
            needs = f" [needs netml[{entry.extra}]]" if entry.extra else ""
            click.echo(f"{known:<{width}} {entry.cost:<10} {entry.description}{needs}")
        aliases = ", ".join(f"{alias} is {known}" for alias, known in ALIASES.items())
        click.echo(f"\ncost: how training grows with the rows. {aliases}.")
        click.echo("netml detectors NAME shows the parameters of one.")
        return
    name = registry_name(name)
    entry = DETECTORS[name]
    parameters = parameters_of(name)
    click.echo(f"{name}: {entry.description} ({entry.cost})\n")
    width = max(map(len, parameters))
    for parameter, default in parameters.items():
        click.echo(f"  {parameter:<{width}} {default!r}")
