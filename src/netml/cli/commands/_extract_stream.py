"""`netml extract --stream` and `--like`: rows as flows end, and representations that are given."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options import families, shared
from netml.cli.options.labelled import check_label_columns
from netml.cli.runtime.errors import EXIT_FAILURE, EXIT_OK, spell_option, stopping_with

if TYPE_CHECKING:
    from netml.streaming.feature_batches import FeatureBatches

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LONGEST_SHOWN = 40
# What a representation decides: with --like it is taken from there.
_DECIDED = (
    *("families", "fft", "header", "dim", "rate", "size", "interval", "q_interval", "max_packets"),
    *families.FAMILY_NAMES,
    *("tcp_timeout", "udp_timeout", "min_packets", *shared.BIFLOW_NAMES, *shared.DECODING_NAMES),
)


# ParamType takes a type argument only since click 8.4: before, `ParamType[int]` is an error when this file is loaded.
class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes: 500M, 2G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give the bytes."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", str(value).strip(), re.IGNORECASE)
        n_bytes = float(found[1]) * _UNITS[found[2].upper()] if found else 0.0
        if not 1 <= n_bytes <= 2**62:
            given = value if len(str(value)) <= _LONGEST_SHOWN else f"{str(value)[:_LONGEST_SHOWN]}..."
            self.fail(f"{given!r} is no number of bytes, such as 500M or 2G", param, ctx)
        return int(n_bytes)


def check_combination(chosen: Mapping[str, Any], output_path: str) -> None:
    """Refuse options that have no meaning together."""
    if not chosen["stream"]:
        if output_path == "-":
            raise click.UsageError("-o - is standard output: it needs --stream, and --format csv, jsonl or arrow")
        for name in ("max_flows", "output_format"):
            if chosen[name] is not None:
                raise click.UsageError(f"{spell_option(name)} is an option of --stream")
    check_label_columns(chosen["label_columns"], chosen["labels"])
    if chosen["stream"] and shared.is_given("q_interval"):
        raise click.UsageError("--q-interval is a quantile of all flows, which a stream does not know")
    if chosen["stream"] and chosen["labels"] is not None:
        raise click.UsageError("--labels are joined to all flows at once: not with --stream")
    if chosen["like"] is not None:
        for name in _DECIDED:
            if shared.is_given(name):
                raise click.UsageError(f"{spell_option(name)} is decided by --like")


def extract_stream(captures: Sequence[str], output_path: str, chosen: Mapping[str, Any]) -> int:
    """Write rows as flows end; give the exit status."""
    from netml.cli.runtime.allocator import RECURRING_BYTES, give_memory_back
    from netml.cli.runtime.progress import progress_bar
    from netml.features.table_layout import find_batch_format, open_row_file
    from netml.files.output import check_not_input
    from netml.formats import check_output

    give_memory_back(RECURRING_BYTES)
    named = chosen["output_format"]
    if output_path == "-" and named is None:
        raise click.UsageError("-o - needs --format csv, jsonl or arrow")
    found = find_batch_format(output_path, named)
    check_output(output_path, found)
    check_not_input(output_path, [*captures, chosen["like"]])
    start_s = time.perf_counter()
    n_rows = 0
    with (
        progress_bar(captures, quiet=chosen["quiet"]) as progress,
        _open_batches(list(captures), chosen, progress) as batches,
        open_row_file(output_path, batches.no_rows(), found.suffix) as write,
    ):
        for matrix in batches:
            write(matrix)
            n_rows += len(matrix)
    if not chosen["quiet"]:
        _summarise(batches, n_rows, output_path, time.perf_counter() - start_s)
    return EXIT_FAILURE if batches.metadata["damage"] else EXIT_OK


@contextmanager
def _open_batches(captures: list[str], chosen: Mapping[str, Any], progress: Any) -> Iterator[FeatureBatches]:
    """Batches of rows; Ctrl-C and SIGTERM end the reading, and what is open is written, too."""
    from netml.streaming.feature_batches import extract_batches

    names = ("families", "fft", "header", "dim", "rate", "size", "interval", "like", "strict", "max_flows")
    given = {name: chosen[name] for name in names} | families.take_family_options(dict(chosen))
    if chosen["max_memory"] is not None:
        given["max_memory"] = chosen["max_memory"]
    flow = None if chosen["like"] is not None else shared.make_flow_options(chosen)
    source = captures if len(captures) > 1 else captures[0]
    with (
        extract_batches(source, flow=flow, progress=progress, **given) as batches,
        stopping_with(batches.stream.interrupt),
    ):
        if chosen["like"] is not None and chosen["keep_tail"]:
            _require_tails(batches.metadata["flow"]["definition"], chosen["like"])
        yield batches


def _summarise(batches: FeatureBatches, n_rows: int, output_path: str, duration_s: float) -> None:
    from netml.summary import summarise_table

    metadata, columns = batches.metadata, batches.no_rows().columns
    for line in summarise_table(metadata, n_rows):
        click.echo(line, err=True)
    if batches.stream.was_interrupted:
        click.echo("stopped  before the end of the input: what was open is written, too", err=True)
    click.echo(f"matrix   {n_rows:,} x {len(columns):,} in {output_path}", err=True)
    rate = metadata["packets_read"] / max(duration_s, 1e-9)
    click.echo(f"time     {duration_s:.2f} s, {rate:,.0f} packets/s", err=True)


def _require_tails(definition: str, like: str) -> None:
    """Refuse --keep-tail of flows that are not cut."""
    if definition != "original":
        raise click.UsageError(f"--keep-tail is for original flows, and those of {like} are {definition}")


def options_like(like: str, *, keep_tail: bool) -> dict[str, Any]:
    """Give the arguments of `netml.extract` for the representation of a file."""
    from dataclasses import replace

    from netml.features.spec import read_spec

    spec = read_spec(like)
    options, flow = spec.options, spec.flow
    if keep_tail:
        _require_tails(str(flow.definition), like)
    if flow.definition == "original":
        flow = replace(flow, interval=spec.interval_s, keep_tail=keep_tail or flow.keep_tail)
    return {
        "families": options.families,
        "fft": options.fft,
        "header": options.header,
        "dim": options.dim,
        "rate": options.rate,
        "size": options.size,
        "max_packets": options.max_packets,
        "family_options": options.family_options,
        "flow": flow,
    }
