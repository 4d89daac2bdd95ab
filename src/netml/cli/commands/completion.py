"""`netml completion`: the script by which a shell completes netml's commands and options."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(netml completion bash)"
    zsh:   eval "$(netml completion zsh)"
    fish:  netml completion fish | source
    """
    from click.shell_completion import get_completion_class

    from netml.cli.runtime.errors import COMPLETION_VARIABLE

    completion_class = get_completion_class(shell)
    assert completion_class is not None
    click.echo(completion_class(ctx.find_root().command, {}, "netml", COMPLETION_VARIABLE).source())
