"""Options of flow assembly and of decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options.groups import OptionGroup
from netml.cli.options.shared import original_option

if TYPE_CHECKING:
    from netml.flow.options import FlowOptions


def _make_flow_options(**values: Any) -> FlowOptions:
    from netml.flow.options import FlowOptions

    if values["tunnel_ports"] and values["tunnels"] == "outer":
        raise click.UsageError("--tunnel-port names ports that lead into tunnels: leave it out with --tunnels outer")
    return FlowOptions(**values)


def _collect_ports(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> dict[str, list[int]] | None:
    """Return the ports by kind: KIND=PORT may be repeated, KIND= means no port."""
    ports: dict[str, list[int]] = {}
    for each in given:
        kind, _, port = each.partition("=")
        if "=" not in each or not (port == "" or port.isdecimal()):
            raise click.BadParameter(f"{each!r} is not KIND=PORT")
        ports.setdefault(kind.strip().lower(), []).extend([int(port)] if port else [])
    return ports or None


_ORIGINAL = (
    click.option(
        "--interval", type=float, metavar="S",
        help="Cut flows into subflows of at most S seconds (original). [default: learned, see --q-interval]",
    ),
    original_option(
        "q_interval", float, 0.9, "--q-interval",
        help="Quantile by which the interval is learned from the flow durations, and dim from the packets per flow.",
    ),
    click.option(
        "--tcp-timeout", type=float, metavar="S", default=600.0, show_default=True,
        help="End a TCP flow after more than S seconds without a packet (original).",
    ),
    click.option(
        "--udp-timeout", type=float, metavar="S", default=600.0, show_default=True,
        help="End a UDP flow after more than S seconds without a packet (original).",
    ),
    original_option(
        "min_packets", int, None, "--min-packets", hidden_names=["--flow-pkts-threshold"],
        help="Leave out flows of fewer than N packets. [default: 2 and never less (original); 1 (uni, bi)]",
    ),
    click.option(
        "--keep-tail", is_flag=True,
        help="Keep the last subflow of a flow that was cut, as well as the others (original).",
    ),
)  # fmt: skip

_BIFLOWS = (
    click.option(
        "--flow", "definition", type=click.Choice(["original", "uni", "bi"]),
        help="Definition of a flow: as in the original netml, packets of one direction (uni), or of both (bi). "
        "[default: bi if a family needs both directions, else original]",
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
        "--tcp-end", type=click.Choice(["none", "rst", "fin", "reopen"]), default="fin", show_default=True,
        help="Flags that end a TCP flow (uni, bi): none; RST; RST, or FIN of both sides (fin); as fin, but only a SYN "
        "starts the next flow (reopen).",
    ),
    click.option(
        "--direction", type=click.Choice(["first", "syn"]), default="first", show_default=True,
        help="Forward direction (bi): that of the first packet; with syn the opposite one if the first packet is a "
        "SYN-ACK.",
    ),
    click.option(
        "--no-vlan-key", "vlan_key", is_flag=True, flag_value=False, default=True,
        help="Put packets of different VLANs into the same flow (uni, bi).",
    ),
)  # fmt: skip

_DECODING = (
    click.option(
        "--tunnels", type=click.Choice(["inner", "outer"]), default="inner", show_default=True,
        help="Take the innermost TCP or UDP packet of a tunnel, or the outermost.",
    ),
    click.option(
        "--tunnel-port", "tunnel_ports", metavar="KIND=PORT", multiple=True, callback=_collect_ports,
        help="UDP port of a tunnel (vxlan, vxlan-gpe, geneve, gtp-u, teredo, l2tp) instead of the registered one. May "
        "be repeated.",
    ),
    click.option(
        "--fragments", type=click.Choice(["first", "track"]), default="first", show_default=True,
        help="Skip IP fragments after the first, or count them to the flow of the first (track).",
    ),
    click.option(
        "--protocols", type=click.Choice(["tcp-udp", "all"]), default="tcp-udp", show_default=True,
        help="Keep packets of TCP and UDP, or of every protocol over IP.",
    ),
)  # fmt: skip

decoding_options = OptionGroup("flow", _make_flow_options, *_DECODING)
flow_options = OptionGroup("flow", _make_flow_options, *_ORIGINAL, *_BIFLOWS, *_DECODING)
