"""Options of a representation: the families, and what single families support."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options.completion import complete_family
from netml.cli.options.groups import OptionGroup
from netml.cli.runtime.errors import spell_option

if TYPE_CHECKING:
    from netml.families import Family
    from netml.features.options import RepresentationOptions

SIZES = ("captured", "wire", "ip", "payload")
size = click.option(
    "--size", type=click.Choice(SIZES), default="captured", show_default=True,
    help="Size of a packet: bytes of the frame as captured or on the wire, of the IP packet, or of the payload.",
)  # fmt: skip


def _refuse_files(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a feature file as a family in the command that has an option for it."""
    if not ctx.resilient_parsing and any(other.name == "feature_path" for other in ctx.command.params):
        for name in names:
            if _is_feature_file(name):
                raise click.UsageError(f"-f/--family is a family: give the file {name} with --feature-file")
    return names


def _is_feature_file(name: str) -> bool:
    from netml.errors import NetmlError
    from netml.families import parse_families
    from netml.features.table_layout import SUFFIXES

    try:
        parse_families(name)
    except NetmlError:
        return os.path.splitext(name)[1].lower() in SUFFIXES or os.path.isfile(name)
    return False


def as_arguments(features: RepresentationOptions) -> dict[str, Any]:
    """Return the options as keyword arguments of `netml.extract`, `netml.extract_batches` and `FlowRepresentation`."""
    return {field.name: getattr(features, field.name) for field in fields(features)}


def makes_bits(families: str | Sequence[str]) -> bool:
    """True if rows of these families are bits, which not every format keeps."""
    from netml.families import find_family, parse_families

    return find_family(parse_families(families).names[0]).is_bits


def _make_representation_options(**values: Any) -> RepresentationOptions:
    """Make options of a representation; an option that none of the families supports is refused."""
    from netml.families import FamilyOptions
    from netml.families.header_columns import parse_headers
    from netml.features.options import RepresentationOptions

    names = [field.name for field in fields(FamilyOptions)]
    given = {name: values.pop(name) for name in names}
    given = {name: value for name, value in given.items() if value is not None and value is not False}
    _require_supported([*given, *(["rate"] if values["rate"] is not None else [])], values["families"])
    if "nprint_headers" in given:
        given["nprint_headers"] = ",".join(parse_headers(given["nprint_headers"]))
    return RepresentationOptions(**values, family_options=FamilyOptions(**given))


def _require_supported(given: Sequence[str], families: Sequence[str]) -> None:
    from netml.families import FAMILIES, find_family, parse_families

    chosen = [find_family(name) for name in parse_families(families).names]
    for name in given:
        if not any(_supports(family, name) for family in chosen):
            others = " and ".join(other for other, family in FAMILIES.items() if _supports(family, name))
            raise click.UsageError(f"{spell_option(name)} is an option of {others}, not of {', '.join(families)}")


def _supports(family: Family, option: str) -> bool:
    return family.needs_rate if option == "rate" else option in family.options


representation_options = OptionGroup(
    "features",
    _make_representation_options,
    click.option(
        "-f", "--family", "families", metavar="FAMILY", multiple=True, default=("IAT",), show_default=True,
        shell_complete=complete_family, callback=_refuse_files,
        help="Family of features; repeat it for several in one matrix. `netml families` lists them.",
    ),
    click.option("--fft", is_flag=True, help="Replace the values of a family by the real part of their Fourier "
                 "transform."),
    click.option("--header", is_flag=True, help="Put TCP flag counts and TTLs in front of the other columns."),
    click.option(
        "--dim", type=int, metavar="N",
        help="Number of packets that a row has columns for, in families whose number of columns depends on it: IAT, "
        "SIZE, ... [default: learned, see --q-interval; 5 (NPRINT)]",
    ),
    click.option(
        "--rate", type=float, metavar="S",
        help="Length of a window in seconds (SAMP_NUM, SAMP_SIZE). [default: learned from the flow durations]",
    ),
    size,
    click.option("--max-packets", type=int, metavar="N", help="Make rows from the first N packets of each flow."),
    click.option("--cic-extra", is_flag=True, help="Add ten columns to the 76 (CIC)."),
    click.option(
        "--bulk-gap", type=float, metavar="S",
        help="Longest pause between two packets of a bulk in seconds (CIC). [default: 1]",
    ),
    click.option("--bulk-packets", type=int, metavar="N", help="Least packets of a bulk (CIC). [default: 4]"),
    click.option(
        "--subflow-gap", type=float, metavar="S",
        help="Start a new subflow after a pause of more than S seconds (CIC). [default: 1]",
    ),
    click.option(
        "--activity-timeout", type=float, metavar="S",
        help="End an active period after a pause of more than S seconds (CIC). [default: 5]",
    ),
    click.option(
        "--nprint-headers", metavar="HEADERS",
        help="Headers whose bits are columns (NPRINT): 4, 6, t, u, i or ipv4, ipv6, tcp, udp, icmp, separated by "
        "commas. [default: all]",
    ),
    click.option(
        "--payload-bytes", type=int, metavar="N",
        help="Bytes of each packet's payload whose bits are columns (NPRINT). [default: 0]",
    ),
)  # fmt: skip
