"""Some thousand captures changed at random; `mutations.py` does a hundred thousand."""

import mutations


def test_mutations_hold_their_counts():
    n_captures, n_damaged, n_packets = mutations.run(3000, seed=7)
    assert n_captures > 1000, "most mutations are still captures"
    assert 0 < n_damaged < n_captures
    assert n_packets > n_captures


def test_mutations_as_biflows_hold_their_counts():
    n_captures, n_damaged = mutations.run_biflows(400, seed=7)
    assert n_captures > 100
    assert 0 < n_damaged < n_captures
