"""The columns that a packet may have, and their types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netml import _flowcore
from netml.errors import OptionError

PACKET_KINDS: dict[str, Any] = {"time_ns": np.int64, **_flowcore.COLUMN_KINDS}
PACKET_COLUMNS = tuple(PACKET_KINDS)


def require_columns(columns: Sequence[str]) -> None:
    """Raise `OptionError` unless all are names of packet columns."""
    for name in columns:
        if name not in _flowcore.COLUMNS:
            raise OptionError("columns", name, f"of {', '.join(_flowcore.COLUMNS)}")
