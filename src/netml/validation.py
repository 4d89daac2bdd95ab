"""Checks of option values, and conversion of seconds to the kernel's nanoseconds."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

from netml.errors import OptionError

_MAX_TIMEOUT_NS = 2**63 - 1


def nanoseconds(seconds: float) -> float:
    """Convert seconds to ns.

    A product within a few units in the last place of a whole number means that number: 0.3 s is 300,000,000 ns.
    Anything else stays as it is, so that an interval learned as a fraction of a nanosecond keeps it.

    Examples
    --------
    >>> nanoseconds(0.3)
    300000000.0
    """
    product = float(seconds) * 1e9
    if not math.isfinite(product):
        return product
    whole = round(product)
    return float(whole) if abs(product - whole) <= 4 * math.ulp(product) else product


def whole_nanoseconds(seconds: float) -> int:
    """Round a timeout down to whole ns: gaps are whole, so exactly the same gaps exceed it.

    Examples
    --------
    >>> whole_nanoseconds(2.5e-9)
    2
    """
    whole = nanoseconds(seconds)
    return int(whole) if whole < _MAX_TIMEOUT_NS else _MAX_TIMEOUT_NS


def ceil_nanoseconds(seconds: float) -> int:
    """Round a timeout up to whole ns: gaps are whole, so exactly the same gaps reach it."""
    product = nanoseconds(seconds)
    return math.ceil(product) if product < _MAX_TIMEOUT_NS else _MAX_TIMEOUT_NS


def require_choice(option: str, chosen: object, choices: Sequence[object]) -> None:
    """Raise `OptionError` unless `chosen` is one of `choices`."""
    if chosen not in choices:
        raise OptionError(option, chosen, f"one of {', '.join(map(str, choices))}")


def require_whole(option: str, number: object, lowest: int, highest: int = 2**31 - 1) -> None:
    """Raise `OptionError` unless `number` is a whole number from `lowest` to `highest`."""
    if isinstance(number, bool) or not isinstance(number, numbers.Integral) or not lowest <= int(number) <= highest:
        raise OptionError(option, number, f"a whole number from {lowest} to {highest:,}")


def require_number(
    option: str, number: object, *, lowest: float, highest: float = math.inf, excludes_lowest: bool = False
) -> None:
    """Raise `OptionError` unless `number` is a number from `lowest` to `highest`; NaN never is."""
    if highest < math.inf:
        allowed = f"a number from {lowest:g} to {highest:g}"
    else:
        allowed = f"a number {'greater than' if excludes_lowest else 'of at least'} {lowest:g}"
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        raise OptionError(option, number, allowed)
    try:
        as_float = float(number)
    except OverflowError:
        raise OptionError(option, f"about 10**{len(str(number)) - 1}", "a number that a float can hold") from None
    if not lowest <= as_float <= highest or (excludes_lowest and number == lowest):
        raise OptionError(option, number, allowed)
