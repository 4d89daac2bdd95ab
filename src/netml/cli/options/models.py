"""Models for commands: read, and completed by options if they do not know how their features were made."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from netml.cli.options.completion import complete_family
from netml.cli.options.features import SIZES
from netml.cli.options.groups import OptionGroup
from netml.cli.runtime.errors import spell_option

if TYPE_CHECKING:
    from netml.features.options import RepresentationOptions
    from netml.features.representation import FlowRepresentation
    from netml.flow.options import FlowOptions
    from netml.models.flow_model import FlowModel

_FLOW_NAMES = ("interval", "tcp_timeout", "udp_timeout", "min_packets")
_WAY_OUT = (
    "for features made with other options, such as --flow or --max-packets, train on their captures, or on a .npz,"
    " .parquet or .arrow file"
)


class BareModelOptions(NamedTuple):
    """Options that complete a model without a representation.

    Parameters
    ----------
    features : RepresentationOptions or None
        None if no family is named.
    flow : FlowOptions
        Without a definition: the families decide it.
    given : str or None
        The first parameter that stands on the command line.
    """

    features: RepresentationOptions | None
    flow: FlowOptions
    given: str | None


def _make_bare_options(**values: Any) -> BareModelOptions:
    from netml.features.options import RepresentationOptions
    from netml.flow.options import FlowOptions

    given = {name: value for name, value in values.items() if value not in (None, (), False)}
    flow = FlowOptions(**{name: given[name] for name in _FLOW_NAMES if name in given})
    features = {name: value for name, value in given.items() if name not in _FLOW_NAMES}
    return BareModelOptions(
        RepresentationOptions(**features) if "families" in given else None, flow, next(iter(given), None)
    )


bare_model_options = OptionGroup(
    "bare",
    _make_bare_options,
    click.option(
        "-f", "--family", "families", metavar="FAMILY", multiple=True, shell_complete=complete_family,
        help="Family of features (bare model); repeat it for several.",
    ),
    click.option("--fft", is_flag=True, help="The features are Fourier transforms (bare model)."),
    click.option("--header", is_flag=True, help="The features begin with TCP flag counts and TTLs (bare model)."),
    click.option(
        "--dim", type=int, metavar="N",
        help="Number of packets that a row has columns for (bare model). [default: by the number of features]",
    ),
    click.option("--rate", type=float, metavar="S", help="Length of a SAMP window in seconds (bare model)."),
    click.option("--size", type=click.Choice(SIZES), help="Size of a packet (bare model). [default: captured]"),
    click.option(
        "--interval", type=float, metavar="S",
        help="Length in seconds to which flows were cut (bare model); leave it out for families of biflows.",
    ),
    click.option(
        "--tcp-timeout", type=float, metavar="S",
        help="Idle timeout of TCP flows in seconds (bare model). [default: 600]",
    ),
    click.option(
        "--udp-timeout", type=float, metavar="S",
        help="Idle timeout of UDP flows in seconds (bare model). [default: 600]",
    ),
    click.option("--min-packets", type=int, metavar="N", help="Least packets of a flow (bare model)."),
)  # fmt: skip


def load_complete_model(path: str, bare: BareModelOptions, *, trust: bool, quiet: bool) -> FlowModel:
    """Read a model that can classify captures.

    Parameters
    ----------
    path : str
        Of the model.
    bare : BareModelOptions
        How its features were made, if it does not know.
    trust : bool
        Load pickles that can run any code.
    quiet : bool
        Leave out notes, such as on versions.

    Returns
    -------
    FlowModel
        With a representation.

    Raises
    ------
    click.UsageError
        If options are missing for a model without a representation, or given for a model that has one.
    """
    from netml.models.learn import load_model

    model = load_model(path, trust=trust)
    if not quiet:
        for note in model.summary.get("notes", []):
            click.echo(f"note     {path}: {note}", err=True)
    if model.representation is None:
        model.representation = _make_representation(model, path, bare)
    elif bare.given is not None:
        raise click.UsageError(
            f"{spell_option(bare.given)} is for a model trained on a bare feature file; this one has a representation"
        )
    return model


def _make_representation(model: FlowModel, path: str, bare: BareModelOptions) -> FlowRepresentation:
    from netml.families import find_dim, measure_width
    from netml.features.representation import FlowRepresentation
    from netml.models.flow_model import describe_columns

    features, flow = bare.features, bare.flow
    if features is None or (features.definition == "original" and flow.interval is None):
        raise click.UsageError(
            f"{path} was trained on a bare feature file and knows no representation: --family and --interval are needed"
            " (--family alone for families of biflows), and the other options by which its features were made;"
            f" {_WAY_OUT}"
        )
    request = features.request
    n_features = _count_features(model.detector)
    if n_features is None:
        raise click.UsageError(f"{path} does not tell how many features it was trained on")
    dim = features.dim or find_dim(request, n_features, header=features.header)
    if dim is None or measure_width(request, dim, header=features.header) != n_features:
        raise click.UsageError(
            f"{path} was trained on {n_features} features: {', '.join(request.names)}"
            f"{' with header' if features.header else ''}{f' and --dim {dim}' if dim is not None else ''} makes another"
            f" number of them; {_WAY_OUT}"
        )
    representation = FlowRepresentation.from_dict(
        {
            "families": request.names,
            "fft": request.is_fft,
            "header": features.header,
            "size": features.size,
            "flow": asdict(replace(flow, definition=features.definition)),
            "dim": dim,
            "interval_s": flow.interval or 0.0,
            "rate_s": features.rate,
        }
    )
    if model.columns is not None and tuple(representation.columns_) != model.columns:
        raise click.UsageError(
            f"{path} was trained on the columns {describe_columns(model.columns)}:"
            f" {', '.join(request.names)} makes {describe_columns(representation.columns_)}"
        )
    return representation


def _count_features(detector: Any) -> int | None:
    """Return the number of features of the training; in a model of the original only the inner estimator knows it."""
    while detector is not None:
        found = getattr(detector, "n_features_in_", None)
        if found is not None:
            return int(found)
        detector = getattr(detector, "model_", None) or getattr(detector, "detector_", None)
    return None
