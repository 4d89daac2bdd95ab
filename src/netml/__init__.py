"""netml: packet captures in, feature matrices and anomalies out.

The public names load when they are first used; importing the package itself loads nothing.
"""

from __future__ import annotations

from importlib import import_module

from netml._version import __version__ as __version__

TYPE_CHECKING = False  # that of `typing` takes as long to load as all of this, and a Ctrl-C meanwhile is nobody's
if TYPE_CHECKING:
    from typing import Any

    from netml.errors import (
        CaptureError,
        CaptureWarning,
        DamagedFileError,
        EvaluationError,
        FamilyError,
        LabelFileError,
        MissingColumnError,
        MissingExtraError,
        NetmlError,
        NotACaptureError,
        OptionError,
        OutputError,
        SpillError,
        TooManyRowsError,
        TrainingError,
        TruncatedCaptureError,
        UnknownNameError,
        UnmatchedLabelsError,
        UnsupportedLinkTypeError,
        UntrustedFileError,
    )
    from netml.families import FamilyOptions
    from netml.families.custom import register_family
    from netml.features.extraction import extract
    from netml.features.matrix import FeatureMatrix
    from netml.features.options import RepresentationOptions
    from netml.features.representation import FlowRepresentation
    from netml.flow.options import FlowOptions
    from netml.flow.reader import read_flows
    from netml.flow.table import FlowTable
    from netml.models.flow_model import FlowModel
    from netml.models.learn import learn, load_model
    from netml.models.verdicts import Verdicts
    from netml.packets.header_bits import HeaderBits
    from netml.packets.header_reader import iter_header_bits, read_header_bits
    from netml.schema.flow_index import FlowIndex
    from netml.streaming.feature_batches import extract_batches


_HOMES = {
    "CaptureError": "errors",
    "CaptureWarning": "errors",
    "DamagedFileError": "errors",
    "EvaluationError": "errors",
    "FamilyError": "errors",
    "FamilyOptions": "families",
    "FeatureMatrix": "features.matrix",
    "FlowIndex": "schema.flow_index",
    "FlowModel": "models.flow_model",
    "FlowOptions": "flow.options",
    "FlowRepresentation": "features.representation",
    "FlowTable": "flow.table",
    "HeaderBits": "packets.header_bits",
    "LabelFileError": "errors",
    "MissingColumnError": "errors",
    "MissingExtraError": "errors",
    "NetmlError": "errors",
    "NotACaptureError": "errors",
    "OptionError": "errors",
    "OutputError": "errors",
    "RepresentationOptions": "features.options",
    "SpillError": "errors",
    "TooManyRowsError": "errors",
    "TrainingError": "errors",
    "TruncatedCaptureError": "errors",
    "UnknownNameError": "errors",
    "UnmatchedLabelsError": "errors",
    "UnsupportedLinkTypeError": "errors",
    "UntrustedFileError": "errors",
    "Verdicts": "models.verdicts",
    "extract": "features.extraction",
    "extract_batches": "streaming.feature_batches",
    "iter_header_bits": "packets.header_reader",
    "learn": "models.learn",
    "load_model": "models.learn",
    "read_flows": "flow.reader",
    "read_header_bits": "packets.header_reader",
    "register_family": "families.custom",
}

__all__ = [
    "CaptureError",
    "CaptureWarning",
    "DamagedFileError",
    "EvaluationError",
    "FamilyError",
    "FamilyOptions",
    "FeatureMatrix",
    "FlowIndex",
    "FlowModel",
    "FlowOptions",
    "FlowRepresentation",
    "FlowTable",
    "HeaderBits",
    "LabelFileError",
    "MissingColumnError",
    "MissingExtraError",
    "NetmlError",
    "NotACaptureError",
    "OptionError",
    "OutputError",
    "RepresentationOptions",
    "SpillError",
    "TooManyRowsError",
    "TrainingError",
    "TruncatedCaptureError",
    "UnknownNameError",
    "UnmatchedLabelsError",
    "UnsupportedLinkTypeError",
    "UntrustedFileError",
    "Verdicts",
    "extract",
    "extract_batches",
    "iter_header_bits",
    "learn",
    "load_model",
    "read_flows",
    "read_header_bits",
    "register_family",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'netml' has no attribute {name!r}")
    found = getattr(import_module(f"netml.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
