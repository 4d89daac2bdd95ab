"""A skops dump written without skops: of detectors that are plain numbers and arrays, and of no scaler.

skops and scikit-learn take longer to load than a small capture to learn from. What is written is what skops writes: it
reads it, and its plan is the same.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from importlib import metadata
from itertools import count
from typing import Any

import numpy as np

from netml.trusted import name_of

PROTOCOL = 2  # of skops 0.13 and later, which read older ones, too
# Type -> the type that the dump names, which is an estimator of scikit-learn besides.
PLAIN_TYPES = {
    "netml.ndm._plain_tails.PlainECOD": "netml.ndm.tails.ECOD",
    "netml.ndm._plain_tails.PlainCOPOD": "netml.ndm.tails.COPOD",
}


def is_plain(detector: object) -> bool:
    """Tell whether `dump_plain` writes a detector."""
    return name_of(type(detector)) in PLAIN_TYPES


def dump_plain(detector: object) -> bytes:
    """Write a detector and no scaler as `skops.io.dumps({"detector": detector, "scaler": None})` does.

    Parameters
    ----------
    detector : object
        Of one of `PLAIN_TYPES`; its attributes are numbers, texts and arrays of numbers.

    Returns
    -------
    bytes
        The dump.

    Raises
    ------
    TypeError, ValueError
        If an attribute is neither.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        plan = _Plan(archive)
        module, _, name = PLAIN_TYPES[name_of(type(detector))].rpartition(".")
        state = plan.mapping({key: plan.value(value) for key, value in vars(detector).items()})
        made = plan.part(module, name, "ObjectNode", content=state)
        whole = plan.mapping({"detector": made, "scaler": plan.value(None)})
        about = {"protocol": PROTOCOL, "_skops_version": metadata.version("skops")}
        archive.writestr("schema.json", json.dumps({**whole, **about}, indent=2))
    return packed.getvalue()


class _Plan:
    """The parts of a dump's plan, each with an identity of its own, and the files that they name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._numbers = count(1)

    def part(self, module: str, name: str, loader: str, **more: Any) -> dict[str, Any]:
        kind = {"__class__": name, "__module__": module, "__loader__": loader}
        return {**kind, **more, "__id__": next(self._numbers)}

    def mapping(self, content: Mapping[str, Any]) -> dict[str, Any]:
        types = [self.part("builtins", "str", "TypeNode") for _ in content]
        key_types = self.part("builtins", "list", "ListNode", content=types)
        return self.part("builtins", "dict", "DictNode", content=content, key_types=key_types)

    def value(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, np.ndarray):
            return self.part("builtins", "str", "JsonNode", content=json.dumps(value), is_json=True)
        array = self.part("numpy", "ndarray", "NdArrayNode", type="numpy")
        array["file"] = f"{array['__id__']}.npy"
        content = io.BytesIO()
        np.save(content, value, allow_pickle=False)
        self._archive.writestr(array["file"], content.getbuffer())
        return array
