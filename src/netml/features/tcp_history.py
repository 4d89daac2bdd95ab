"""TCP connections in words: how each ended, and its history, as text columns of tables."""

from __future__ import annotations

import numpy as np

from netml import _flowcore
from netml.families.tcp import CONN_STATES
from netml.flow.table import FlowTable

_FLOWS_AT_A_TIME = 1 << 18


def trace_connections(table: FlowTable) -> dict[str, np.ndarray]:
    """Return the text columns `conn_state` (of `CONN_STATES`) and `history` of a table, as docs/tcp.md defines them.

    The table has the packet columns of the family TCP.
    """
    states, histories = [np.empty(0, np.uint8)], [np.empty(0, np.str_)]
    columns: dict[str, np.ndarray | None] = {**table.columns, "size": table.size}
    protocols = table.attributes["protocol"]
    for first in range(0, len(table), _FLOWS_AT_A_TIME):
        offsets = table.offsets[first : first + _FLOWS_AT_A_TIME + 1]
        attributes = {"protocol": protocols[first : first + _FLOWS_AT_A_TIME]}
        their_states, ends, text = _flowcore.trace_connections(offsets, columns, attributes)
        states.append(their_states)
        histories.append(cut_texts(ends, text))
    return {"conn_state": np.array(CONN_STATES)[np.concatenate(states)], "history": np.concatenate(histories)}


def cut_texts(ends: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Make (n,) strings of ASCII texts that stand one after the other: text i is ``text[ends[i]:ends[i + 1]]``.

    Examples
    --------
    >>> cut_texts(np.array([0, 2, 2, 3]), np.frombuffer(b"abc", np.uint8)).tolist()
    ['ab', '', 'c']
    """
    lengths = np.diff(ends)
    width = int(lengths.max(initial=1)) or 1
    characters = np.zeros((len(lengths), width), np.uint32)
    # Row by row, the places of a row that its text has: in this order the text stands already.
    characters[np.arange(width) < lengths[:, None]] = text[ends[0] : ends[-1]]
    return characters.reshape(-1).view(f"=U{width}")
