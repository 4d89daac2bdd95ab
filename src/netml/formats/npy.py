"""`.npy`: the features alone, as one numpy array."""

from __future__ import annotations

from typing import IO

import numpy as np


def write(stream: IO[bytes], array: np.ndarray) -> None:
    """Write an array in C order."""
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
    # numpy writes through the C library where the stream is a file, and fails on a pipe; a view serves both.
    stream.write(array.reshape(-1).view(np.uint8).data if array.size else b"")


def read(stream: IO[bytes]) -> np.ndarray:
    """Read an array that `write` or `numpy.save` wrote."""
    array: np.ndarray = np.load(stream, allow_pickle=False)
    return array
