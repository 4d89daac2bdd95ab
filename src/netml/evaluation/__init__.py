"""Evaluation of models: their scores against the truth about flows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import EvaluationError
from netml.evaluation.metrics import Evaluation, evaluate_scores, require_both_classes
from netml.labels.truth import label_tables, pair_captures

if TYPE_CHECKING:
    from netml.features.representation import FlowRepresentation
    from netml.flow.table import FlowTable
    from netml.models.flow_model import FlowModel

__all__ = ["Evaluation", "EvaluationError", "evaluate", "evaluate_scores", "evaluate_tables"]


def evaluate(
    model: FlowModel,
    *,
    pcap_normal: Any = (),
    pcap_abnormal: Any = (),
    pcap: Any = (),
    labels: Any = (),
    representation: FlowRepresentation | None = None,
    threshold: float | None = None,
    random_state: int = 42,
    **reading: Any,
) -> Evaluation:
    """Evaluate a model on captures with labels, or on captures that are all normal or all abnormal.

    Parameters
    ----------
    model : FlowModel
        Trained.
    pcap_normal, pcap_abnormal : source, or an iterable of them
        Captures whose flows are all normal, or all abnormal.
    pcap : source, or an iterable of them
        Captures with labels. Flows without a label are left out, and counted.
    labels : path or Labels, or a list of them
        One for each of `pcap`. A label belongs to a connection: to its flows in both directions.
    representation : FlowRepresentation, optional
        Fitted; for a model without one.
    threshold : float, optional
        Another threshold than the model's.
    random_state : int, default 42
        Seed of the AUC's interval.
    **reading
        strict, link_type, progress: as in `netml.read_flows`.

    Returns
    -------
    Evaluation
        The figures, and the labels and scores that its curves are made of.

    Raises
    ------
    CaptureError, LabelFileError
        If a file cannot be read.
    UnmatchedLabelsError
        If labels belong to no flow.
    EvaluationError
        If a class is missing, or no representation is known.
    OptionError
        If there is not a label file for each capture.

    Examples
    --------
    >>> from netml import evaluation, load_model
    >>> evaluation.evaluate(
    ...     load_model("m.netml"), pcap="examples/data/demo.pcap", labels="examples/data/demo.csv"
    ... ).auc  # doctest: +SKIP
    0.91
    """
    captures, truth = pair_captures(pcap_normal=pcap_normal, pcap_abnormal=pcap_abnormal, pcap=pcap, labels=labels)
    representation = known_representation(model, representation)
    tables = representation.read_tables(captures, **reading)
    y = label_tables(tables, truth)
    return evaluate_tables(
        model, tables, y, representation=representation, threshold=threshold, random_state=random_state
    )


def known_representation(model: FlowModel, representation: FlowRepresentation | None = None) -> FlowRepresentation:
    """Return the representation with which a model's captures are read, or raise `EvaluationError`."""
    known = representation if representation is not None else model.representation
    if known is None:
        raise EvaluationError(
            "the model was trained on a bare matrix of features and knows no representation: "
            "say how flows become rows, as in its training (representation= or --family, --interval, --dim)"
        )
    return known


def evaluate_tables(
    model: FlowModel,
    tables: Sequence[FlowTable],
    y: np.ndarray,
    *,
    representation: FlowRepresentation | None = None,
    threshold: float | None = None,
    random_state: int = 42,
) -> Evaluation:
    """Evaluate a model on flows.

    Parameters
    ----------
    model, representation, threshold, random_state
        As of `evaluate`; so are the errors.
    tables : sequence of FlowTable
        Cut to the interval of the representation.
    y : ndarray (n_flows,) of int
        1 abnormal, 0 normal, -1 without a label; table after table.

    Returns
    -------
    Evaluation
        The figures.
    """
    representation = known_representation(model, representation)
    require_both_classes(*(int((y == label).sum()) for label in (0, 1, -1)))
    # Table by table, so that the features of one table are in memory at a time. The array alone: a model that was
    # trained on a bare matrix has other names for the columns.
    scores = [model.decision_function(representation.compute([table]).X) for table in tables]
    chosen = model.threshold if threshold is None else threshold
    evaluation = evaluate_scores(y, np.concatenate(scores), chosen, random_state=random_state)
    return replace(evaluation, remarks=_remarks(model, tables))


def _remarks(model: FlowModel, tables: Sequence[FlowTable]) -> tuple[str, ...]:
    """Return a warning for each capture with the name of one that the model was trained on."""
    trained = {os.path.basename(str(name)) for name in model.summary.get("captures") or ()}
    names = [os.path.basename(str(name)) for table in tables for name in table.metadata.get("captures", ())]
    return tuple(
        f"warning: {name} was there in training: figures on flows that are known already flatter"
        for name in dict.fromkeys(names)
        if name in trained
    )
