"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netml.cli.options.completion import complete_family

if TYPE_CHECKING:
    from netml.flow.options import FlowOptions
    from netml.labels.reader import Labels

Function = TypeVar("Function", bound=Callable[..., Any])

# Whether a file can be read or written is found out by reading and writing it: click's own check is a usage error
# of four lines, and only for files that are there.
any_path = click.Path(readable=False, allow_dash=True)

captures = click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=any_path)
output = click.option(
    "-o",
    "--output",
    "output_path",
    metavar="OUT",
    required=True,
    type=any_path,
    help="File to write; its suffix is the format.",
)
strict = click.option("--strict", is_flag=True, help="Fail at a damaged capture.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress bar, and no summary on stderr.")
SIZES = ("captured", "wire", "ip", "payload")
size = click.option(
    "--size",
    type=click.Choice(SIZES),
    default="captured",
    show_default=True,
    help="Length of a packet: of its frame as captured or on the wire, of its IP packet, or of its payload.",
)

pcaps = click.option(
    "-p", "--pcap", "pcaps", metavar="FILE", multiple=True, type=any_path, help="Capture; - is standard input."
)
labels = click.option(
    "-l",
    "--label",
    "labels",
    metavar="CSV",
    multiple=True,
    type=any_path,
    help="Labels of a --pcap's flows: one file for each.",
)
normal = click.option(
    "--pcap-normal",
    "normal",
    metavar="FILE",
    multiple=True,
    type=any_path,
    help="Capture whose flows are all normal.",
)
abnormal = click.option(
    "--pcap-abnormal",
    "abnormal",
    metavar="FILE",
    multiple=True,
    type=any_path,
    help="Capture whose flows are all abnormal.",
)
label_columns = click.option(
    "--label-column",
    "label_columns",
    metavar="FIELD=NAME",
    multiple=True,
    help="Column of the labels: src_ip, dst_ip, src_port, dst_port, protocol, label, start, end or duration.",
)
model = click.option(
    "-m", "--model", "model_path", metavar="FILE", required=True, type=any_path, help="What `netml learn` wrote."
)
trust = click.option("--trust", is_flag=True, help="Load pickles that can run any code: only files that you wrote.")

DECODING_NAMES = ("tunnels", "fragments", "tunnel_ports", "protocols")
ORIGINAL_NAMES = ("interval", "q_interval", "tcp_timeout", "udp_timeout", "min_packets", "keep_tail")
BIFLOW_NAMES = ("definition", "idle_timeout", "active_timeout", "tcp_end", "direction", "vlan_key")
FLOW_NAMES = (*ORIGINAL_NAMES, *BIFLOW_NAMES, *DECODING_NAMES)


def _with_options(function: Function, *options: Callable[[Function], Function]) -> Function:
    """Add options to a command, in the order in which its help is to show them."""
    for option in reversed(options):
        function = option(function)
    return function


def make_flow_options(chosen: Mapping[str, Any], names: Sequence[str] = FLOW_NAMES) -> FlowOptions:
    """Make `FlowOptions` of what `flow_options`, or `decoding_options`, gave."""
    from netml.flow.options import FlowOptions

    if chosen["tunnel_ports"] and chosen["tunnels"] == "outer":
        raise click.UsageError("--tunnel-port says which ports lead into tunnels: not with --tunnels outer")
    return FlowOptions(**{name: chosen[name] for name in names})


def _collect_ports(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> dict[str, list[int]] | None:
    """KIND=PORT, several of a kind; KIND= for none at all."""
    ports: dict[str, list[int]] = {}
    for each in given:
        kind, _, port = each.partition("=")
        if "=" not in each or not (port == "" or port.isdecimal()):
            raise click.BadParameter(f"{each!r} is not KIND=PORT")
        ports.setdefault(kind.strip().lower(), []).extend([int(port)] if port else [])
    return ports or None


def decoding_options(function: Function) -> Function:
    """Add the options of tunnels and fragments."""
    return _with_options(
        function,
        click.option(
            "--tunnels",
            type=click.Choice(["inner", "outer"]),
            default="inner",
            show_default=True,
            help="Take the innermost TCP or UDP packet, or the outermost.",
        ),
        click.option(
            "--tunnel-port",
            "tunnel_ports",
            metavar="KIND=PORT",
            multiple=True,
            callback=_collect_ports,
            help="UDP port of a tunnel (vxlan, vxlan-gpe, geneve, gtp-u, teredo, l2tp) instead of the registered "
            "one; repeat it for several.",
        ),
        click.option(
            "--fragments",
            type=click.Choice(["first", "track"]),
            default="first",
            show_default=True,
            help="Skip IP fragments after the first, or count them to its flow.",
        ),
        click.option(
            "--protocols",
            type=click.Choice(["tcp-udp", "all"]),
            default="tcp-udp",
            show_default=True,
            help="Keep TCP and UDP, or every protocol over IP.",
        ),
    )


def label_table(path: str, named: Sequence[str]) -> Labels:
    """Read a label file, with columns named as FIELD=NAME."""
    from netml.labels.csv_columns import FIELDS
    from netml.labels.reader import read_labels

    for each in named:
        if "=" not in each or each.partition("=")[0] not in FIELDS:
            about = f"{each!r} is not FIELD=NAME, where FIELD is one of {', '.join(FIELDS)}"
            raise click.BadParameter(about, param_hint="'--label-column'")
    return read_labels(path, columns=dict(each.split("=", 1) for each in named))


def original_option(name: str, kind: type, default: Any, *names: str, help: str) -> Callable[[Function], Function]:
    """Make an option that may stand before the command, too, as in the original: `netml -v 2 learn`."""

    def choose(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is not None:
            return value
        return (ctx.find_root().obj or {}).get(name, default)

    about = help if default is None else f"{help} [default: {default}]"
    return click.option(*names, name, type=kind, metavar="N", callback=choose, help=about)


verbosity = original_option("verbosity", int, 1, "-v", "--verbosity", help="0: nothing, 1: results, 2: more.")
random_state = original_option("random_state", int, 42, "--random-state", help="Seed of all that is random.")
min_packets = original_option(
    "min_packets",
    int,
    None,
    *("--flow-pkts-threshold", "--min-packets"),
    help="Packets that a flow needs. [default: 2, and at least that; 1 in uni and bi]",
)
q_interval = original_option(
    "q_interval", float, 0.9, "--q-interval", help="Quantile of durations (interval) and of packets a flow (dim)."
)


def biflow_options(function: Function) -> Function:
    """Add the options of the flow definitions `uni` and `bi`, and of the choice between them and `original`."""
    return _with_options(
        function,
        click.option(
            "--flow",
            "definition",
            type=click.Choice(["original", "uni", "bi"]),
            help="What a flow is: that of the original, packets of one direction, or of both. "
            "[default: what the families ask for]",
        ),
        click.option(
            "--idle-timeout", type=float, metavar="S", default=120.0, show_default=True,
            help="End a flow after S seconds without a packet (uni, bi).",
        ),
        click.option(
            "--active-timeout", type=float, metavar="S", default=1800.0, show_default=True,
            help="End a flow S seconds after its first packet (uni, bi).",
        ),
        click.option(
            "--tcp-end",
            type=click.Choice(["none", "rst", "fin", "reopen"]),
            default="fin",
            show_default=True,
            help="uni, bi: end flows by RST; by FIN of both sides, too; and only the next SYN begins another one.",
        ),
        click.option(
            "--direction",
            type=click.Choice(["first", "syn"]),
            default="first",
            show_default=True,
            help="bi: forward is the first packet's direction; a SYN-ACK seen first turns the flow round.",
        ),
        click.option(
            "--no-vlan-key", "vlan_key", is_flag=True, flag_value=False, default=True,
            help="uni, bi: VLAN ids do not part flows.",
        ),
    )  # fmt: skip


def flow_options(function: Function) -> Function:
    """Add the options of flow assembly."""
    function = biflow_options(decoding_options(function))
    return _with_options(
        function,
        click.option(
            "--interval", type=float, metavar="S", help="original: cut flows to this length. [default: learned]"
        ),
        q_interval,
        click.option(
            "--tcp-timeout",
            type=float,
            metavar="S",
            default=600.0,
            show_default=True,
            help="original: TCP idle timeout.",
        ),
        click.option(
            "--udp-timeout",
            type=float,
            metavar="S",
            default=600.0,
            show_default=True,
            help="original: UDP idle timeout.",
        ),
        min_packets,
        click.option("--keep-tail", is_flag=True, help="Keep the last part of a flow that was cut (original)."),
    )  # fmt: skip


def representation_options(function: Function) -> Function:
    """Add the options of a representation; `extract` has its own, with short names."""
    return _with_options(
        function,
        click.option(
            "--family",
            "families",
            metavar="FAMILY",
            multiple=True,
            shell_complete=complete_family,
            help="Family of features; repeat it for several. See `netml families`. [default: IAT]",
        ),
        click.option("--fft", is_flag=True, help="Real part of the rows' Fourier transform."),
        click.option("--header", is_flag=True, help="TCP flag counts and TTLs in front."),
        click.option("--dim", type=int, metavar="N", help="Packets that a row has room for. [default: learned]"),
        click.option("--rate", type=float, metavar="S", help="Length of a SAMP window. [default: learned]"),
        size,
    )


_BARE_FLOW_NAMES = ("interval", "tcp_timeout", "udp_timeout", "min_packets")
BARE_NAMES = ("families", "fft", "header", "dim", "rate", "size", *_BARE_FLOW_NAMES)


def bare_model_options(function: Function) -> Function:
    """Add the options of models that know no representation: all absent unless given."""
    options: list[tuple[str, dict[str, Any]]] = [
        (
            "--family",
            {"metavar": "FAMILY", "multiple": True, "shell_complete": complete_family, "help": "As in training."},
        ),
        ("--fft", {"is_flag": True, "help": "As in training."}),
        ("--header", {"is_flag": True, "help": "As in training."}),
        ("--dim", {"type": int, "metavar": "N", "help": "As in training. [default: as the features are wide]"}),
        ("--rate", {"type": float, "metavar": "S", "help": "As in training."}),
        ("--size", {"type": click.Choice(SIZES), "help": "As in training."}),
        ("--interval", {"type": float, "metavar": "S", "help": "As in training; none for biflows."}),
        ("--tcp-timeout", {"type": float, "metavar": "S", "help": "As in training."}),
        ("--udp-timeout", {"type": float, "metavar": "S", "help": "As in training."}),
        ("--min-packets", {"type": int, "metavar": "N", "help": "As in training."}),
    ]
    for name, about in reversed(options):
        about["help"] = f"For a model trained on a bare feature file: {about['help'][0].lower()}{about['help'][1:]}"
        names = [name, "families"] if name == "--family" else [name]
        function = click.option(*names, **about)(function)
    return function


def is_given(name: str) -> bool:
    """Whether a parameter of the command that runs stands on its command line."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
