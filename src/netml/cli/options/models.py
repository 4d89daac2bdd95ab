"""Models for commands: read, and made complete by options where they know no representation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from netml.cli.options.shared import BARE_NAMES
from netml.cli.runtime.errors import spell_option

if TYPE_CHECKING:
    from netml.features.representation import FlowRepresentation
    from netml.models.flow_model import FlowModel

_FLOW_NAMES = ("tcp_timeout", "udp_timeout", "min_packets")
_WAY_OUT = (
    "features made with --flow, --max-packets or whatever else cannot be said here have to be in a file that tells"
    " (.npz, .parquet, .arrow), or be learned from their captures"
)


def load_complete_model(chosen: Mapping[str, Any]) -> FlowModel:
    """Read a model that can judge captures.

    Parameters
    ----------
    chosen : mapping
        model_path, trust, and what `options.shared.bare_model_options` gave.

    Returns
    -------
    FlowModel
        With a representation.

    Raises
    ------
    click.UsageError
        If options are missing for a model that knows no representation, or given for one that does.
    """
    from netml.models.learn import load_model

    model = load_model(chosen["model_path"], trust=chosen["trust"])
    if not chosen["quiet"]:
        for note in model.summary.get("notes", []):
            click.echo(f"note     {chosen['model_path']}: {note}", err=True)
    given = [name for name in BARE_NAMES if chosen[name] not in (None, (), False)]
    if model.representation is None:
        model.representation = _representation(model, chosen)
    elif given:
        raise click.UsageError(
            f"{spell_option(given[0])} is for a model trained on a bare feature file; this one has a representation"
        )
    return model


def _representation(model: FlowModel, chosen: Mapping[str, Any]) -> FlowRepresentation:
    from netml.families import find_dim, measure_width
    from netml.features.options import RepresentationOptions
    from netml.features.representation import FlowRepresentation
    from netml.models.flow_model import describe_columns

    options = RepresentationOptions(chosen["families"], chosen["fft"], chosen["header"]) if chosen["families"] else None
    # Nobody says of what flows the features were made: they are taken for those that the families have of themselves.
    if options is None or (options.definition == "original" and chosen["interval"] is None):
        raise click.UsageError(
            f"{chosen['model_path']} was trained on a bare feature file and knows no representation: --family and"
            " --interval are needed (--family alone for families of biflows), and what else its features were made"
            f" with; {_WAY_OUT}"
        )
    request = options.request
    n_features = _count_features(model.detector)
    if n_features is None:
        raise click.UsageError(f"{chosen['model_path']} does not tell how many features it was trained on")
    dim = chosen["dim"] or find_dim(request, n_features, header=chosen["header"])
    if dim is None or measure_width(request, dim, header=chosen["header"]) != n_features:
        raise click.UsageError(
            f"{chosen['model_path']} was trained on {n_features} features:"
            f" {', '.join(request.names)}{' with header' if chosen['header'] else ''}"
            f"{f' and --dim {dim}' if dim is not None else ''} makes another number of them; {_WAY_OUT}"
        )
    flow = {name: chosen[name] for name in _FLOW_NAMES if chosen[name] is not None}
    representation = FlowRepresentation.from_dict(
        {
            "families": request.names,
            "fft": request.is_fft,
            "header": chosen["header"],
            "size": chosen["size"] or "captured",
            "flow": {**flow, "definition": options.definition, "interval": chosen["interval"]},
            "dim": dim,
            "interval_s": chosen["interval"] or 0.0,
            "rate_s": chosen["rate"],
        }
    )
    if model.columns is not None and tuple(representation.columns_) != model.columns:
        raise click.UsageError(
            f"{chosen['model_path']} was trained on the columns {describe_columns(model.columns)}:"
            f" {', '.join(request.names)} makes {describe_columns(representation.columns_)}"
        )
    return representation


def _count_features(detector: Any) -> int | None:
    """Features that a detector was trained on; in a model of the original only the estimator inside knows."""
    while detector is not None:
        found = getattr(detector, "n_features_in_", None)
        if found is not None:
            return int(found)
        detector = getattr(detector, "model_", None) or getattr(detector, "detector_", None)
    return None
