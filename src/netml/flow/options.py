"""Options of flow assembly: frozen, validated once, with the public names and units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netml.errors import OptionError, UnknownNameError
from netml.validation import (
    ceil_nanoseconds,
    require_choice,
    require_number,
    require_whole,
    whole_nanoseconds,
)

if TYPE_CHECKING:
    from netml.schema.choices import Definition, Direction, Fragments, Protocols, TcpEnd, Tunnels

MAX_TUNNEL_PORTS = 32
TUNNELS = ("inner", "outer")
TUNNEL_KINDS = ("vxlan", "vxlan-gpe", "geneve", "gtp-u", "teredo", "l2tp")  # those over UDP; a test holds the kernel's
FRAGMENTS = ("first", "track")
DEFINITIONS = ("original", "uni", "bi")
TCP_ENDS = ("none", "rst", "fin", "reopen")
DIRECTIONS = ("first", "syn")
PROTOCOLS = ("tcp-udp", "all")
CHOICES: dict[str, tuple[object, ...]] = {
    "tunnels": TUNNELS, "fragments": FRAGMENTS, "tcp_end": TCP_ENDS, "direction": DIRECTIONS,
    "protocols": PROTOCOLS, "keep_tail": (False, True), "vlan_key": (False, True),
}  # fmt: skip
# Options that only some definitions support.
NOT_OF_ALL = {
    **dict.fromkeys(("interval", "keep_tail", "tcp_timeout", "udp_timeout"), ("original",)),
    **dict.fromkeys(("idle_timeout", "active_timeout", "tcp_end", "vlan_key"), ("uni", "bi")),
    "direction": ("bi",),
}


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """Options of how packets become flows (see `docs/flows.md`).

    Parameters
    ----------
    min_packets : int, optional
        A flow needs this many packets. By default 2, and never fewer, in the definition `original`; 1 in the others.
    tcp_timeout, udp_timeout : float, default 600
        Idle timeouts of the definition `original`, s: a flow is cut where a gap is greater.
    interval : float, optional
        Length to which flows are cut, s; by default learned from the capture. Only in the definition `original`.
    q_interval : float, default 0.9
        Quantile of the flow durations that is the interval, and of the packets per flow that is `dim`.
    keep_tail : bool, default False
        Keep the last subflow of a flow that was cut; the original netml drops it. Only in the definition `original`.
    tunnels : {"inner", "outer"}
        Take the innermost or the outermost TCP or UDP packet of a packet in a tunnel (see `docs/tunnels.md`).
    fragments : {"first", "track"}
        Whether IP fragments after the first one are skipped, or counted to the flow of the first one.
    tunnel_ports : mapping of str to sequence of int, optional
        UDP ports in place of the registered ones, for some of `vxlan`, `vxlan-gpe`, `geneve`, `gtp-u`, `teredo`,
        `l2tp`; none turns that tunnel off.
    definition : {"original", "uni", "bi"}, optional
        What a flow is: that of the original netml; packets of one direction; or of both (RFC 5103). By default what
        the families ask for, `original` where nothing does.
    idle_timeout, active_timeout : float, default 120, 1800
        Idle and active timeout of `uni` and `bi` flows, s. A packet that comes exactly this much later starts a new
        flow.
    tcp_end : {"fin", "rst", "reopen", "none"}
        Of `uni` and `bi`: whether an RST, or a FIN of each side too, ends a flow. Last ACKs still belong to it; with
        "reopen" all but the next SYN does.
    direction : {"first", "syn"}
        Of `bi`: whether the first packet's sender is the initiator, or, if that is a SYN-ACK, its receiver.
    protocols : {"tcp-udp", "all"}
        Whether packets of other protocols over IP are skipped, or kept: SCTP with its ports, the rest with ports 0.
    vlan_key : bool, default True
        Of `uni` and `bi`: whether the innermost VLAN id is part of the key.

    Raises
    ------
    OptionError
        If a value is out of range, NaN or none of the choices, or of an option that the definition does not support.
    UnknownNameError
        If there is no such tunnel.
    """

    min_packets: int | None = None
    tcp_timeout: float = 600.0
    udp_timeout: float = 600.0
    interval: float | None = None
    q_interval: float = 0.9
    keep_tail: bool = False
    tunnels: Tunnels = "inner"
    fragments: Fragments = "first"
    tunnel_ports: Mapping[str, Sequence[int]] | None = field(default=None, hash=False)
    definition: Definition | None = None
    idle_timeout: float = 120.0
    active_timeout: float = 1800.0
    tcp_end: TcpEnd = "fin"
    direction: Direction = "first"
    protocols: Protocols = "tcp-udp"
    vlan_key: bool = True

    def __post_init__(self) -> None:
        if self.min_packets is not None:
            require_whole("min_packets", self.min_packets, 1)
        for name in ("tcp_timeout", "udp_timeout", "idle_timeout", "active_timeout"):
            require_number(name, getattr(self, name), lowest=0.0, excludes_lowest=True)
        require_number("q_interval", self.q_interval, lowest=0.0, highest=1.0)
        if self.interval is not None:
            require_number("interval", self.interval, lowest=0.0, excludes_lowest=True)
        _require_ports(self.tunnel_ports or {})
        for name, choices in CHOICES.items():
            require_choice(name, getattr(self, name), choices)
        if self.definition is not None:
            require_choice("definition", self.definition, DEFINITIONS)
            self._require_supported(self.definition)

    def _require_supported(self, definition: str) -> None:
        """Raise OptionError for an option that the definition does not support: the caller means another definition."""
        for option in fields(self):
            name = option.name
            supporting = NOT_OF_ALL.get(name, DEFINITIONS)
            if definition not in supporting and getattr(self, name) != option.default:
                others = f"it is for {' and '.join(supporting)} flows, and these are {definition}"
                raise OptionError(name, getattr(self, name), f"left out: {others}")

    def resolve(self, definition: Definition = "original") -> FlowOptions:
        """Fill in what depends on the definition: `definition`, if none is chosen, and `min_packets`.

        Parameters
        ----------
        definition : {"original", "uni", "bi"}
            The definition that a family asks for.

        Returns
        -------
        FlowOptions
            Options with neither of them None.

        Raises
        ------
        OptionError
            If an option is given that the definition does not support.
        """
        definition = self.definition or definition
        min_packets = self.min_packets if self.min_packets is not None else 2 if definition == "original" else 1
        return replace(self, definition=definition, min_packets=min_packets)

    @property
    def biflow_timeouts_ns(self) -> dict[str, int]:
        """Timeouts of `uni` and `bi` as the kernel's rules name them; a gap that is equal exceeds them."""
        return {"idle_ns": ceil_nanoseconds(self.idle_timeout), "active_ns": ceil_nanoseconds(self.active_timeout)}

    @property
    def timeouts_ns(self) -> dict[str, int]:
        """Idle timeouts of `original` as the kernel's rules name them."""
        return {
            "tcp_timeout_ns": whole_nanoseconds(self.tcp_timeout),
            "udp_timeout_ns": whole_nanoseconds(self.udp_timeout),
        }

    @property
    def decoding(self) -> dict[str, Any]:
        """Arguments of every assembler: tunnels, fragments and protocols."""
        return {
            "enters_tunnels": self.tunnels == "inner",
            "tunnel_ports": self.tunnel_ports,
            "tracks_fragments": self.fragments == "track",
            "takes_all": self.protocols == "all",
        }


class TablePlan(NamedTuple):
    """Plan of a table of flows: everything that reading needs besides the captures.

    Parameters
    ----------
    flow : FlowOptions
        How packets become flows; resolved.
    size : {"captured", "wire", "ip", "payload"}
        Which length is a packet's size.
    columns : sequence of str
        The packet columns to keep besides the time.
    first_headers : mapping, optional
        The first packets of a flow whose headers are kept (`n_first`), with so many `payload_octets`.
    """

    flow: FlowOptions
    size: str
    columns: Sequence[str]
    first_headers: Mapping[str, int] | None = None


def choose_flow(flow: FlowOptions | None, interval: float | None = None) -> FlowOptions:
    """Return the options that are chosen, or the defaults, with the interval given beside them.

    Raises
    ------
    OptionError
        If `flow` is something else, such as a dict, or has another interval.
    """
    if flow is not None and not isinstance(flow, FlowOptions):
        raise OptionError("flow", flow, "a netml.FlowOptions")
    chosen = flow if flow is not None else FlowOptions()
    if interval is None:
        return chosen
    if chosen.interval not in (None, interval):
        raise OptionError("interval", interval, f"left out, or that of flow=FlowOptions(interval={chosen.interval:g})")
    return replace(chosen, interval=interval)


def _require_ports(tunnel_ports: Mapping[str, Sequence[int]]) -> None:
    for name, ports in tunnel_ports.items():
        if name not in TUNNEL_KINDS:
            raise UnknownNameError("tunnel", name, TUNNEL_KINDS)
        if isinstance(ports, str) or not isinstance(ports, Sequence):
            raise OptionError("tunnel_ports", dict(tunnel_ports), f"a sequence of ports for {name}")
        for port in ports:
            require_whole("tunnel_ports", port, 0, 65535)
    listed = [port for ports in tunnel_ports.values() for port in dict.fromkeys(ports)]
    if len(set(listed)) < len(listed):
        raise OptionError("tunnel_ports", dict(tunnel_ports), "different ports: no two tunnels can share one")
    if sum(map(len, tunnel_ports.values())) > MAX_TUNNEL_PORTS:
        raise OptionError("tunnel_ports", dict(tunnel_ports), f"at most {MAX_TUNNEL_PORTS} ports")
