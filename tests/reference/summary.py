"""Minimum, maximum, mean and sample deviation of integers, exact until the last step."""

import math
from fractions import Fraction
from typing import NamedTuple


class Summary(NamedTuple):
    """Of nothing, all are 0; of one value, `variance` and `std` are 0."""

    total: int
    minimum: int
    maximum: int
    mean: Fraction
    variance: Fraction  # of the sample: divided by n - 1
    std: float


def summarise(values):
    """Integers -> `Summary`."""
    values = list(values)
    if not values:
        return Summary(0, 0, 0, Fraction(0), Fraction(0), 0.0)
    mean = Fraction(sum(values), len(values))
    variance = Fraction(0)
    if len(values) > 1:
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return Summary(sum(values), min(values), max(values), mean, variance, math.sqrt(variance))


def ratio(numerator, denominator):
    """Exact quotient; 0 where there is nothing to divide by."""
    return Fraction(numerator) / denominator if denominator else Fraction(0)
