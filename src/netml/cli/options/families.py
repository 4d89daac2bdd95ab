"""Options of a representation that only some families notice, and of how early a flow is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netml.cli.runtime.errors import spell_option

if TYPE_CHECKING:
    from netml.families import Family, FamilyOptions

Function = TypeVar("Function", bound=Callable[..., Any])

# All are absent unless they are given.
FAMILY_NAMES = (
    "cic_extra",
    "bulk_gap",
    "bulk_packets",
    "subflow_gap",
    "activity_timeout",
    "nprint_headers",
    "payload_bytes",
)


def family_options(function: Function) -> Function:
    """Add --max-packets and the options of single families."""
    options = [
        click.option("--max-packets", type=int, metavar="N", help="Make rows of each flow's first N packets only."),
        click.option("--cic-extra", is_flag=True, help="CIC: ten more columns behind the 76."),
        click.option("--bulk-gap", type=float, metavar="S", help="CIC: longest pause in a bulk. [default: 1]"),
        click.option("--bulk-packets", type=int, metavar="N", help="CIC: packets that make a bulk. [default: 4]"),
        click.option("--subflow-gap", type=float, metavar="S", help="CIC: a longer one begins a subflow. [default: 1]"),
        click.option(
            "--activity-timeout", type=float, metavar="S",
            help="CIC: a longer pause ends an active period. [default: 5]",
        ),
        click.option(
            "--nprint-headers", metavar="HEADERS",
            help="NPRINT: of 4, 6, t, u, i (ipv4, ipv6, tcp, udp, icmp), with commas. [default: all]",
        ),
        click.option("--payload-bytes", type=int, metavar="N", help="NPRINT: of the payload, per packet. [default: 0]"),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def makes_bits(families: Sequence[str]) -> bool:
    """Whether rows of these families are bits, which not every format keeps."""
    from netml.families import find_family, parse_families

    return find_family(parse_families(families).names[0]).is_bits


def take_family_options(chosen: dict[str, Any]) -> dict[str, Any]:
    """Take the options of single families out of `chosen`; return `max_packets` and `family_options`."""
    made = {"max_packets": chosen["max_packets"], "family_options": make_family_options(chosen)}
    for name in ("max_packets", *FAMILY_NAMES):
        del chosen[name]
    return made


def make_family_options(chosen: Mapping[str, Any]) -> FamilyOptions:
    """Make `FamilyOptions` of what `family_options` gave."""
    from netml.families import FamilyOptions
    from netml.families.header_columns import parse_headers

    given = {name: chosen[name] for name in FAMILY_NAMES if chosen[name] is not None and chosen[name] is not False}
    _require_heeded([*given, *(["rate"] if chosen["rate"] is not None else [])], chosen["families"] or ("IAT",))
    if "nprint_headers" in given:
        given["nprint_headers"] = ",".join(parse_headers(given["nprint_headers"]))
    return FamilyOptions(**given)


def _require_heeded(given: list[str], families: Sequence[str]) -> None:
    """Refuse options of families that are not asked for."""
    from netml.families import FAMILIES, find_family, parse_families

    chosen = [find_family(name) for name in parse_families(families).names]
    for name in given:
        if not any(_heeds(family, name) for family in chosen):
            heeding = " and ".join(other for other, family in FAMILIES.items() if _heeds(family, name))
            raise click.UsageError(f"{spell_option(name)} is an option of {heeding}, not of {', '.join(families)}")


def _heeds(family: Family, option: str) -> bool:
    return family.needs_rate if option == "rate" else option in family.options
