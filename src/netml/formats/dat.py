"""`.dat`: the original netml's feature file, a pickle of `(features, labels)`."""

from __future__ import annotations

import pickle
from typing import IO, Any, BinaryIO, cast

import numpy as np

from netml.files.safe_pickle import unpickle


def write(stream: IO[bytes], pair: tuple[np.ndarray, np.ndarray | None]) -> None:
    """Write `(features, labels)` as the original does."""
    # Protocol 4 is what the original writes, and every Python 3 that could run it reads.
    pickle.dump(pair, stream, protocol=4)


def read(stream: IO[bytes], name: str, trust: bool = False) -> tuple[Any, Any]:
    """Read the original's feature file; `name` is its path for errors.

    Only with `trust` anything is unpickled, which can run any code; otherwise an `UntrustedFileError` refuses it.
    """
    features, labels = unpickle(cast(BinaryIO, stream), name, trust)
    return features, labels
