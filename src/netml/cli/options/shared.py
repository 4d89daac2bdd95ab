"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from netml.cli.options.completion import complete_detector
from netml.cli.options.groups import Decorator, Option, OptionGroup

if TYPE_CHECKING:
    from netml.labels.reader import Labels

# The command finds out by reading or writing if it can: click's own check is a usage error of four lines, and is made
# only for files that exist.
any_path = click.Path(readable=False, allow_dash=True)

captures = click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=any_path)
output = click.option(
    "-o", "--output", "output_path", metavar="OUT", required=True, type=any_path,
    help="File to write; its suffix is the format.",
)  # fmt: skip
model = click.option(
    "-m", "--model", "model_path", metavar="FILE", required=True, type=any_path,
    help="Model, as `netml learn` writes it.",
)  # fmt: skip
threshold = click.option(
    "--threshold", type=float, metavar="T", help="A flow is abnormal if its score is above T. [default: the model's]"
)
trust = click.option(
    "--trust", is_flag=True, help="Load a pickle even if it can run any code: give only files that you wrote."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def detector(name: str, **attributes: Any) -> Decorator:
    """Make the option of the detector, or of several."""
    return click.option(
        "-d", "--detector", name, metavar="NAME", cls=Option, hidden_names=["-a", "--algorithm"],
        shell_complete=complete_detector, **attributes,
    )  # fmt: skip


def labels(**attributes: Any) -> Decorator:
    """Make the option of a label file, or of several."""
    return click.option(
        "-l", "--labels", "labels", metavar="CSV", cls=Option, hidden_names=["--label"], type=any_path, **attributes
    )


label_columns = click.option(
    "--label-column", "label_columns", metavar="FIELD=NAME", multiple=True,
    help="Name of a column in the label file; FIELD is src_ip, dst_ip, src_port, dst_port, protocol, label, start, end "
    "or duration. May be repeated.",
)  # fmt: skip


def check_label_columns(named: Sequence[str], labels: object) -> None:
    """Refuse names of columns if there is no label file."""
    if named and not labels:
        raise click.UsageError("--label-column names a column of a label file: give one with -l/--labels")


def read_label_file(path: str, named: Sequence[str]) -> Labels:
    """Read a label file, with columns named as FIELD=NAME."""
    from netml.labels.csv_columns import FIELDS
    from netml.labels.reader import read_labels

    for each in named:
        if "=" not in each or each.partition("=")[0] not in FIELDS:
            reason = f"{each!r} is not FIELD=NAME, where FIELD is one of {', '.join(FIELDS)}"
            raise click.BadParameter(reason, param_hint="'--label-column'")
    return read_labels(path, columns=dict(each.split("=", 1) for each in named))


def original_option(
    name: str, kind: type, default: Any, *names: str, help: str, hidden_names: Sequence[str] = ()
) -> Decorator:
    """Make an option that may also stand before the command, as in the original: `netml -v 2 learn`."""

    def choose(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is not None:
            return value
        return (ctx.find_root().obj or {}).get(name, default)

    return click.option(
        *names, name, type=kind, metavar="N", cls=Option, hidden_names=hidden_names, callback=choose,
        help=help if default is None else f"{help} [default: {default}]",
    )  # fmt: skip


random_state = original_option("random_state", int, 42, "--random-state", help="Seed of the random numbers.")


class RunOptions(NamedTuple):
    """Options of reading captures, and of what a command prints meanwhile.

    Parameters
    ----------
    strict : bool
        Fail at a damaged capture, instead of keeping the packets before the damage.
    quiet : bool
        Show no progress, and no summary on stderr.
    is_detailed : bool, default False
        Say more, as `-v 2` asks.
    """

    strict: bool
    quiet: bool
    is_detailed: bool = False


def _make_verbose_options(*, strict: bool, quiet: bool, verbosity: int) -> RunOptions:
    return RunOptions(strict, quiet or verbosity <= 0, verbosity > 1)


_strict = click.option(
    "--strict", is_flag=True, help="Fail if a capture is damaged. [default: keep the packets before the damage]"
)
_quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress bar, and no summary on stderr.")
_verbosity = original_option(
    "verbosity", int, 1, "-v", "--verbosity", help="0: as --quiet; 1: show results; 2: show more of them."
)
read_options = OptionGroup("read", RunOptions, _strict, _quiet)
verbose_read_options = OptionGroup("read", _make_verbose_options, _strict, _verbosity, _quiet)
