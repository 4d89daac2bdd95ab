"""`linear_quantile` against numpy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netml.flow.subflows import linear_quantile


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=60), st.floats(0, 1))
def test_it_is_numpys(values, q):
    values = np.array(values, np.int64)
    # numpy subtracts int64 from int64, and wraps where the result has no room.
    if int(values.max()) - int(values.min()) < 2**63:
        assert linear_quantile(values, q) == np.quantile(values, q)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=200))
def test_it_is_numpys_at_the_seeds_quantiles(values):
    values = np.array(values, np.int64)
    for q in (0.0, 0.3, 0.5, 0.9, 1.0):
        assert linear_quantile(values, q) == np.quantile(values, q)


def test_of_nothing_it_is_zero():
    assert linear_quantile(np.empty(0, np.int64), 0.9) == 0.0
