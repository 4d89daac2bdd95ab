"""One line of a leaderboard, as tables and plots show it."""

from __future__ import annotations

import math
from typing import NamedTuple


class Standing(NamedTuple):
    """One line of a leaderboard."""

    name: str
    validation_auc: float | None  # None: it failed
    reason: str = ""  # why
    test_auc: float = math.nan
    test_low: float = math.nan
    test_high: float = math.nan
