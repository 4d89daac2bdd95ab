"""netml: packet captures in, feature matrices out.

The public names load when they are first used; importing the package itself loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netml.errors import (
        CaptureError,
        CaptureWarning,
        MissingExtraError,
        NetmlError,
        NotACaptureError,
        OptionError,
        TruncatedCaptureError,
        UnknownNameError,
        UnsupportedLinkTypeError,
        UntrustedFileError,
    )
    from netml.extraction import extract, read_flows
    from netml.flows import FlowIndex, FlowTable
    from netml.matrix import FeatureMatrix
    from netml.options import FlowOptions, RepresentationOptions

__version__ = "1.0.0.dev0"

_HOMES = {
    "CaptureError": "errors",
    "CaptureWarning": "errors",
    "FeatureMatrix": "matrix",
    "FlowIndex": "flows",
    "FlowOptions": "options",
    "FlowTable": "flows",
    "MissingExtraError": "errors",
    "NetmlError": "errors",
    "NotACaptureError": "errors",
    "OptionError": "errors",
    "RepresentationOptions": "options",
    "TruncatedCaptureError": "errors",
    "UnknownNameError": "errors",
    "UnsupportedLinkTypeError": "errors",
    "UntrustedFileError": "errors",
    "extract": "extraction",
    "read_flows": "extraction",
}

__all__ = [
    "CaptureError",
    "CaptureWarning",
    "FeatureMatrix",
    "FlowIndex",
    "FlowOptions",
    "FlowTable",
    "MissingExtraError",
    "NetmlError",
    "NotACaptureError",
    "OptionError",
    "RepresentationOptions",
    "TruncatedCaptureError",
    "UnknownNameError",
    "UnsupportedLinkTypeError",
    "UntrustedFileError",
    "extract",
    "read_flows",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'netml' has no attribute {name!r}")
    found = getattr(import_module(f"netml.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
