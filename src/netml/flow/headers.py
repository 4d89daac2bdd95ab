"""Headers of flows' first packets, as a table of flows holds them, and their rows of bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from netml.families.header_columns import count_bits

if TYPE_CHECKING:
    from netml import _flowcore


class FlowHeaders:
    """Headers of the first packets of some flows.

    Parameters
    ----------
    stored : StoredFlowHeaders
        Those of all flows that an assembler has had.
    numbers : ndarray (n_flows,) of uint32
        The flows' numbers there.
    n_first : int, optional
        Packets of each flow that count; all that are stored, if not given.
    """

    __slots__ = ("_n_first", "_numbers", "_stored")

    def __init__(self, stored: _flowcore.StoredFlowHeaders, numbers: np.ndarray, n_first: int | None = None) -> None:
        self._stored = stored
        self._numbers = numbers
        self._n_first = n_first

    def take(self, rows: np.ndarray, n_first: int | None = None) -> FlowHeaders:
        """Choose flows by their positions, and at most their first `n_first` packets."""
        chosen = [n for n in (self._n_first, n_first) if n is not None]
        return FlowHeaders(self._stored, self._numbers[rows], min(chosen) if chosen else None)

    def write_bits(self, dim: int, headers: Sequence[str], payload_bytes: int) -> np.ndarray:
        """Write the bits of the packets: int8 (n_flows, dim * width of a packet), 1, 0, or -1 where there is no bit.

        `headers` are some of `netml.families.header_columns.FIELDS`, `payload_bytes` the bytes of the payload behind
        them.
        """
        width = count_bits(headers, payload_bytes)
        n_packets = dim if self._n_first is None else min(dim, self._n_first)
        numbers, places = np.unique(self._numbers, return_inverse=True)
        rows = np.full(int(numbers[-1]) + 1 if len(numbers) else 0, 0xFFFFFFFF, np.uint32)
        is_unique = len(numbers) == len(self._numbers)
        rows[self._numbers if is_unique else numbers] = np.arange(len(numbers))
        bits = np.full((len(numbers), n_packets * width), -1, np.int8)
        self._stored.fill_rows(bits, headers, payload_bytes, n_packets, rows)
        if not is_unique:
            bits = bits[places]
        if n_packets == dim:
            return bits
        absent = np.full((len(bits), (dim - n_packets) * width), -1, np.int8)
        return np.concatenate([bits, absent], axis=1)
